/* The pool against a real PostgreSQL that goes away. */
#include "faults/fault_rig.h"

/* ---- one connection ---- */

Test(pqpool_outages, terminated_backends_are_replaced_without_a_query, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 3, 5);
    cluster_exec(cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                          "WHERE application_name = 'pool'");
    AWAIT(stats_of(pool).counters.closed[0] == 3 && stats_of(pool).connections.idle == 3);
    cr_expect_str_eq(pqpool_close_reason_name(0), "lost");
    cr_expect_eq(
        stats_of(pool).counters.validations_passed + stats_of(pool).counters.validations_failed, 0);
    AWAIT(stats_of(pool).health.connected && stats_of(pool).health.healthy);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(run(lease, "SELECT 1", NULL), PQPOOL_OK);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_all(&pool, &cluster);
}

Test(pqpool_outages, a_backend_terminated_in_use_tells_its_holder, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 2, 2);
    struct pqpool_lease *lease = lease_from(pool);
    struct err err = { 0 };
    cr_expect_eq(run(lease, "SELECT pg_terminate_backend(pg_backend_pid())", &err), PQPOOL_LOST);
    cr_expect_str_eq(err.code, "57P01");
    cr_expect_eq(err.flags, ERR_RETRYABLE | ERR_UNCERTAIN, "the server's own words are public");
    pqpool_release(&lease, PQPOOL_REUSE);
    cr_expect_eq(stats_of(pool).connections.generation, 1);
    AWAIT(stats_of(pool).connections.idle == 2 && stats_of(pool).counters.created == 4);
    close_all(&pool, &cluster);
}

Test(pqpool_outages, a_stopped_backend_holds_nobody_longer_than_the_deadline, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 1, 2);
    struct pqpool_lease *lease = lease_from(pool);
    char *big = malloc(BIG_BYTES + 1);
    cr_assert_not_null(big);
    memset(big, 'x', BIG_BYTES);
    big[BIG_BYTES] = '\0';
    const struct pqpool_query query = { .sql = "SELECT length($1::text)",
                                        .n_params = 1,
                                        .values = (const char *const[]){ big } };
    pid_t backend = PQbackendPID(pqpool_lease_pg(lease));
    cr_assert_eq(kill(backend, SIGSTOP), 0);
    PGresult *result = NULL;
    struct err err = { 0 };
    int64_t began_ns = clock_now_ns();
    cr_expect_eq(pqpool_exec(lease, &query, began_ns + begun_ns, &result, &err), PQPOOL_TIMEOUT);
    cr_expect_lt(clock_now_ns() - began_ns, generous_ns);
    cr_expect_eq(err.flags, ERR_RETRYABLE | ERR_UNCERTAIN);
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(stats_of(pool).connections.idle == 1 && stats_of(pool).counters.created == 2);
    cr_expect_eq(kill(backend, SIGCONT), 0);
    free(big);
    close_all(&pool, &cluster);
}

/* ---- under load ---- */

static void stop_kindly(struct cluster *cluster)
{
    cluster_stop(cluster, CLUSTER_FAST);
}

static void stop_at_once(struct cluster *cluster)
{
    cluster_stop(cluster, CLUSTER_IMMEDIATE);
}

/* The same pool before and after: nothing of ours is restarted. */
static void expect_back_after(void (*stop)(struct cluster *), const char *fault)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    rig_start(&rig);
    stop(rig.cluster);
    AWAIT(pqpool_is_down(rig.pool, NULL) && !stats_of(rig.pool).health.healthy);
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    cr_expect_eq(pqpool_acquire(rig.pool, CLOCK_NEVER, &lease, &err), PQPOOL_DOWN);
    cr_expect_neq(err.text[0], '\0');
    cluster_start(rig.cluster);
    (void)rig_expect_whole(&rig, fault);
    rig_end(&rig);
}

Test(pqpool_outages, the_server_is_stopped_and_started, .timeout = TEST_S)
{
    expect_back_after(stop_kindly, "server stopped (fast) and started");
}

Test(pqpool_outages, the_server_is_stopped_at_once_and_started, .timeout = TEST_S)
{
    expect_back_after(stop_at_once, "server stopped (immediate) and started");
}

Test(pqpool_outages, the_server_is_killed_and_started, .timeout = TEST_S)
{
    expect_back_after(cluster_kill9, "server killed (-9) and started");
}

/* Too short to be down for. */
Test(pqpool_outages, the_server_restarts, .timeout = TEST_S)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    rig.load.sql = "SELECT pg_sleep(0.01)"; /* somebody is always in the middle of it */
    rig_start(&rig);
    cluster_restart(rig.cluster);
    (void)rig_expect_whole(&rig, "server restarted (fast)");
    cr_expect_gt(load_failures(&rig.load), 0);
    rig_end(&rig);
}

Test(pqpool_outages, one_backend_is_stopped, .timeout = TEST_S)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    rig.load.acquire_ns = rig.options.validation_bypass_ns = generous_ns;
    rig.load.exec_ns = 3 * NS_PER_S;
    rig_start(&rig);
    struct pqpool_lease *lease = lease_from(rig.pool);
    pid_t backend = PQbackendPID(pqpool_lease_pg(lease));
    cr_assert_eq(kill(backend, SIGSTOP), 0);
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(load_ended(&rig.load, PQPOOL_TIMEOUT) >= 1);
    int64_t good = load_ended(&rig.load, PQPOOL_OK);
    AWAIT(load_ended(&rig.load, PQPOOL_OK) > good + RIG_GOOD);
    cr_expect_eq(kill(backend, SIGCONT), 0);
    (void)rig_expect_whole(&rig, "one backend stopped, then continued");
    cr_expect_eq(load_failures(&rig.load), 1, "who had the stopped one");
    rig_end(&rig);
}
