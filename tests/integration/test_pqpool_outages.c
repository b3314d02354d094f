/* The pool against a real PostgreSQL that goes away, and networks that lose it. */
#include "pqpool_cluster.h"

/* ---- servers that go away ---- */

Test(pqpool_outages, terminated_backends_are_replaced_without_a_query, .timeout = 240)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 3, 5);
    cluster_exec(cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                          "WHERE application_name = 'pool'");
    AWAIT(stats_of(pool).closed[0] == 3 && stats_of(pool).idle == 3);
    cr_expect_str_eq(pqpool_close_reason_name(0), "lost");
    cr_expect_eq(stats_of(pool).validations_passed + stats_of(pool).validations_failed, 0);
    AWAIT(stats_of(pool).control_connected && stats_of(pool).healthy);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(run(lease, "SELECT 1", NULL), PQPOOL_OK);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_all(&pool, &cluster);
}

Test(pqpool_outages, a_backend_terminated_in_use_tells_its_holder, .timeout = 240)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 2, 2);
    struct pqpool_lease *lease = lease_from(pool);
    struct err err = { 0 };
    cr_expect_eq(run(lease, "SELECT pg_terminate_backend(pg_backend_pid())", &err), PQPOOL_LOST);
    cr_expect_str_eq(err.code, "57P01");
    cr_expect_eq(err.flags, ERR_RETRYABLE | ERR_UNCERTAIN);
    pqpool_release(&lease, PQPOOL_REUSE);
    cr_expect_eq(stats_of(pool).generation, 1);
    AWAIT(stats_of(pool).idle == 2 && stats_of(pool).created == 4);
    close_all(&pool, &cluster);
}

Test(pqpool_outages, a_server_that_takes_no_writes_is_left, .timeout = 240)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 2, 2);
    struct pqpool_lease *lease = lease_from(pool);
    struct err err = { 0 };
    cr_expect_eq(run(lease, "SET default_transaction_read_only = on", NULL), PQPOOL_OK);
    cr_expect_eq(run(lease, "CREATE TABLE t ()", &err), PQPOOL_REFUSED);
    cr_expect_str_eq(err.code, "25006");
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(stats_of(pool).idle == 2 && stats_of(pool).created == 4);

    cluster_exec(cluster, "ALTER SYSTEM SET default_transaction_read_only = on");
    cluster_exec(cluster, "SELECT pg_reload_conf()");
    lease = lease_from(pool);
    AWAIT(run(lease, "CREATE TABLE t ()", &err) == PQPOOL_REFUSED ||
          run(lease, "DROP TABLE t", NULL) != PQPOOL_OK);
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(pqpool_is_down(pool, NULL) && !stats_of(pool).healthy);
    cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, &err), PQPOOL_DOWN);
    cr_expect_not_null(strstr(err.text, "read-only"), "%s", err.text);
    cluster_exec(cluster, "ALTER SYSTEM RESET default_transaction_read_only");
    cluster_exec(cluster, "SELECT pg_reload_conf()");
    AWAIT(stats_of(pool).idle == 2 && stats_of(pool).control_connected);
    close_all(&pool, &cluster);
}

Test(pqpool_outages, is_whole_again_after_every_end_of_the_server, .timeout = 240)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 3, 5);
    cluster_restart(cluster);
    AWAIT(stats_of(pool).idle == 3 && stats_of(pool).control_connected);

    cluster_kill9(cluster);
    AWAIT(pqpool_is_down(pool, NULL));
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, &err), PQPOOL_DOWN);
    cr_expect_neq(err.text[0], '\0');
    cluster_start(cluster);
    AWAIT(stats_of(pool).idle == 3 && stats_of(pool).control_connected);

    lease = lease_from(pool);
    cluster_stop(cluster, CLUSTER_IMMEDIATE);
    cr_expect_eq(run(lease, "SELECT 1", &err), PQPOOL_LOST);
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(pqpool_is_down(pool, NULL));
    cluster_start(cluster);
    AWAIT(stats_of(pool).idle == 3 && stats_of(pool).healthy);
    cr_expect_eq(cluster_query_int(cluster, ours), 4);
    close_all(&pool, &cluster);
}

Test(pqpool_outages, a_stopped_backend_holds_nobody_longer_than_the_deadline, .timeout = 240)
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
    cr_expect_eq(pqpool_exec(lease, &query, began_ns + short_ns, &result, &err), PQPOOL_TIMEOUT);
    cr_expect_lt(clock_now_ns() - began_ns, generous_ns);
    cr_expect_eq(err.flags, ERR_RETRYABLE | ERR_UNCERTAIN);
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(stats_of(pool).idle == 1 && stats_of(pool).created == 2);
    cr_expect_eq(kill(backend, SIGCONT), 0);
    free(big);
    close_all(&pool, &cluster);
}

/* ---- networks ---- */

Test(pqpool_outages, acquire_keeps_its_deadline_on_every_bad_network, .timeout = 240)
{
    static const enum gate_mode modes[] = { GATE_REFUSE, GATE_BLACK_HOLE, GATE_SILENT, GATE_DRIP };
    struct cluster *cluster = cluster_open(NULL);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct gate *gate = gate_open(cluster_port(cluster));
        gate_set(gate, modes[i]);
        char *conninfo = support_text("host=127.0.0.1 port=%d user=postgres dbname=postgres "
                                      "sslmode=disable",
                                      gate_port(gate));
        struct pqpool_options options = options_for(conninfo, 2, 4);
        options.connect_timeout_ns = NS_PER_S / 2;
        struct pqpool *pool = open_pool(&options);
        struct pqpool_lease *lease = NULL;
        int64_t began_ns = clock_now_ns();
        enum pqpool_rc rc = pqpool_acquire(pool, began_ns + short_ns, &lease, NULL);
        cr_expect(rc == PQPOOL_TIMEOUT || rc == PQPOOL_DOWN, "mode %zu: %d", i, (int)rc);
        cr_expect_lt(clock_now_ns() - began_ns, short_ns + 2 * NS_PER_S, "mode %zu", i);
        gate_set(gate, GATE_PASS);
        AWAIT(stats_of(pool).idle == 2 && stats_of(pool).control_connected);
        began_ns = clock_now_ns();
        pqpool_close(&pool, began_ns);
        cr_expect_lt(clock_now_ns() - began_ns, generous_ns);
        gate_close(&gate);
        free(conninfo);
    }
    cluster_close(&cluster);
}

Test(pqpool_outages, passes_over_a_host_that_is_silent, .timeout = 240)
{
    struct cluster *cluster = cluster_open(NULL);
    struct gate *silent = gate_open(cluster_port(cluster));
    gate_set(silent, GATE_SILENT);
    char *conninfo = support_text("host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres "
                                  "dbname=postgres sslmode=disable",
                                  gate_port(silent), cluster_port(cluster));
    struct pqpool_options options = options_for(conninfo, 2, 4);
    options.connect_timeout_ns = 2 * NS_PER_S;
    struct pqpool *pool = open_warm_pool(&options);
    struct gate_counts counts;
    gate_counts(silent, &counts);
    int64_t tried = counts.accepted;
    cr_expect_gt(tried, 0);
    struct pqpool_lease *lease = lease_from(pool);
    pqpool_release(&lease, PQPOOL_DISCARD);
    AWAIT(stats_of(pool).idle == 2);
    gate_counts(silent, &counts);
    cr_expect_eq(counts.accepted, tried, "the good one is tried first now");
    gate_close(&silent);
    free(conninfo);
    close_all(&pool, &cluster);
}
