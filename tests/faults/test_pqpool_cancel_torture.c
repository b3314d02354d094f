/* A statement that outlasts its deadline is cancelled on the server, and no other statement ever
 * is.
 *
 * PQPOOL_CANCELS in the environment: how many timeouts the torture is to see. */
#include <stdio.h>

#include "base/sync.h"
#include "faults/fault_rig.h"

enum { CANCELS = 2000, TORTURERS = 8, TORTURE_S = 150, RECORD_S = 6000, SHORT_US_MAX = 4000 };

/* ---- one ---- */

static const char sleeping[] = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND "
                               "query LIKE 'SELECT pg_sleep%'";

Test(pqpool_cancel, a_statement_that_timed_out_ends_on_the_server, .timeout = TEST_S)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    rig.load.n_threads = 0;
    rig.options.health_check_interval_ns = rig.options.health_check_timeout_ns = generous_ns;
    rig_start(&rig);
    struct pqpool_lease *lease = lease_from(rig.pool);
    const struct pqpool_query query = { .sql = "SELECT pg_sleep(600)" };
    PGresult *result = NULL;
    struct err err = { 0 };
    int64_t began_ns = clock_now_ns();
    cr_expect_eq(pqpool_exec(lease, &query, began_ns + begun_ns, &result, &err), PQPOOL_TIMEOUT);
    cr_expect_lt(clock_now_ns() - began_ns, generous_ns);
    cr_expect_eq(err.flags, ERR_RETRYABLE | ERR_UNCERTAIN);
    pqpool_release(&lease, PQPOOL_REUSE);
    int64_t released_ns = clock_now_ns();
    AWAIT(cluster_query_int(rig.cluster, sleeping) == 0);
    AWAIT(stats_of(rig.pool).connections.idle == RIG_MIN);
    cr_expect_eq(stats_of(rig.pool).counters.created, RIG_MIN,
                 "its connection is as good as before");
    printf("cancel: the statement is gone %.3f s after its release\n",
           (double)(clock_now_ns() - released_ns) / 1e9);
    rig_expect_no_more(&rig);
    rig_end(&rig);
}

/* ---- very many ---- */

struct torture {
    struct pqpool *pool;
    int64_t wanted, until_ns;
    atomic_llong good, timed_out, unsent, misdirected, other;
    atomic_llong seed;
};

static void judge(struct torture *torture, enum pqpool_rc rc, const struct err *err)
{
    if (rc == PQPOOL_OK)
        atomic_fetch_add(&torture->good, 1);
    else if (rc == PQPOOL_TIMEOUT && (err->flags & ERR_UNCERTAIN) != 0)
        atomic_fetch_add(&torture->timed_out, 1);
    else if (rc == PQPOOL_TIMEOUT)
        atomic_fetch_add(&torture->unsent, 1);
    else if (rc == PQPOOL_SQL_ERROR && strcmp(err->code, "57014") == 0)
        atomic_fetch_add(&torture->misdirected, 1);
    else if (atomic_fetch_add(&torture->other, 1) == 0)
        printf("    first other: %d, %s\n", (int)rc, err->text);
}

/* Sleeps for 2 ms, and has that long or a little less or more: half of them end in time. */
static void run_once(struct torture *torture, int64_t time_ns)
{
    const struct pqpool_query query = { .sql = "SELECT pg_sleep(0.002)" };
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    PGresult *result = NULL;
    enum pqpool_rc rc = pqpool_acquire(torture->pool, after_seconds(SOON_S), &lease, &err);
    if (rc != PQPOOL_OK) {
        atomic_fetch_add(&torture->other, 1);
        return;
    }
    rc = pqpool_exec(lease, &query, clock_now_ns() + time_ns, &result, &err);
    judge(torture, rc, &err);
    PQclear(result);
    pqpool_release(&lease, PQPOOL_REUSE);
}

/* One with little time, then one with plenty: that one comes upon what the last timeout left. */
static void *torturer(void *arg)
{
    struct torture *torture = arg;
    unsigned seed = (unsigned)atomic_fetch_add(&torture->seed, 1);
    while (atomic_load(&torture->timed_out) < torture->wanted &&
           clock_now_ns() < torture->until_ns) {
        run_once(torture, (rand_r(&seed) % SHORT_US_MAX) * NS_PER_US);
        run_once(torture, generous_ns);
    }
    return NULL;
}

static int64_t cancels_wanted(void)
{
    const char *text = getenv("PQPOOL_CANCELS");
    return text != NULL ? strtoll(text, NULL, 10) : CANCELS;
}

Test(pqpool_cancel, none_hits_a_statement_that_is_in_time, .timeout = 7200)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    rig.load.n_threads = 0;
    rig.options.health_check_interval_ns = rig.options.health_check_timeout_ns = generous_ns;
    rig_start(&rig);
    struct torture torture = { .pool = rig.pool, .wanted = cancels_wanted(), .seed = 1 };
    torture.until_ns = after_seconds(torture.wanted > CANCELS ? RECORD_S : TORTURE_S);
    pthread_t threads[TORTURERS];
    int64_t began_ns = clock_now_ns();
    for (int i = 0; i < TORTURERS; i++)
        cr_assert_eq(thread_start(&threads[i], "torturer", torturer, &torture), 0);
    for (int i = 0; i < TORTURERS; i++)
        thread_join(threads[i]);
    const struct pqpool_stats stats = stats_of(rig.pool);
    printf("cancel: %lld timed out, %lld ended in time, %lld were not sent; %llu cancels, %llu "
           "failed; %lld misdirected, %lld other; %.1f s, %llu connections made\n",
           torture.timed_out, torture.good, torture.unsent,
           (unsigned long long)stats.counters.cancels,
           (unsigned long long)stats.counters.cancels_failed, torture.misdirected, torture.other,
           (double)(clock_now_ns() - began_ns) / 1e9, (unsigned long long)stats.counters.created);
    cr_expect_eq(atomic_load(&torture.misdirected), 0);
    cr_expect_eq(atomic_load(&torture.other), 0);
    cr_expect_gt(atomic_load(&torture.timed_out), 0);
    cr_expect_gt(stats.counters.cancels, 0);
    rig_expect_no_more(&rig);
    rig_end(&rig);
}

/* ---- when nobody can be asked to cancel ---- */

/* Statements take as long as a table says. First they time out while the server can be asked to
 * cancel them, then one does while the control connection and all others are silent. Its lease is
 * taken before: in the silence there may be none to get. */
Test(pqpool_cancel, a_silent_server_costs_nothing_but_time, .timeout = TEST_S)
{
    struct rig rig = rig_of(RIG_GATE, NULL);
    cluster_exec(rig.cluster, "CREATE TABLE slow (s float8); INSERT INTO slow VALUES (0)");
    rig.load.sql = "SELECT pg_sleep(s) FROM slow";
    rig.load.exec_ns = NS_PER_S / 2;
    rig_start(&rig);
    struct pqpool_lease *lease = lease_from(rig.pool);
    cluster_exec(rig.cluster, "UPDATE slow SET s = 20");
    AWAIT(load_ended(&rig.load, PQPOOL_TIMEOUT) >= 2 * RIG_THREADS &&
          stats_of(rig.pool).counters.cancels > 0);
    gate_set(rig.gate, GATE_SILENT);
    const struct pqpool_query query = { .sql = rig.load.sql };
    PGresult *result = NULL;
    cr_expect_eq(pqpool_exec(lease, &query, clock_now_ns() + rig.load.exec_ns, &result, NULL),
                 PQPOOL_TIMEOUT);
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(pqpool_is_down(rig.pool, NULL) && !stats_of(rig.pool).health.healthy);
    cr_expect_leq(stats_of(rig.pool).connections.total, RIG_MAX);
    cluster_exec(rig.cluster, "UPDATE slow SET s = 0");
    gate_set(rig.gate, GATE_PASS);
    (void)rig_expect_whole(&rig, "silence while statements time out");
    rig_end(&rig);
}
