/* A health check of the user's own, against a real PostgreSQL: its SQL, the arguments of its
 * verdict, and the control connection afterwards. Only requested checks are made. */
#include <stdatomic.h>
#include <stdio.h>

#include "pqpool_cluster.h"

enum { NO_VERDICT = -1 };

/* What the next check asks, and what its verdict was given. */
struct own {
    _Atomic(const char *) sql;
    atomic_int before; /* NO_VERDICT: none was asked for since it was set so */
    atomic_bool error, division;
    atomic_bool passes;
};

static const char *ask(void *ctx)
{
    struct own *own = ctx;
    return own->sql;
}

static bool judge(void *ctx, const PGresult *last, unsigned before, struct err *err)
{
    struct own *own = ctx;
    const char *code = PQresultErrorField(last, PG_DIAG_SQLSTATE);
    own->error = PQresultStatus(last) != PGRES_TUPLES_OK;
    own->division = code != NULL && strcmp(code, "22012") == 0;
    own->before = (int)before;
    if (!own->passes)
        err_set(err, 0, "the user says no");
    return own->passes;
}

static struct pqpool *open_with(struct cluster *cluster, struct own *own)
{
    struct pqpool_options options = options_for(cluster_conninfo(cluster), 1, 1);
    options.health_check_interval_ns = PQPOOL_SECONDS(3600);
    options.health_query = ask;
    options.health_passed = judge;
    options.ctx = own;
    return open_warm_pool(&options);
}

static void check(struct pqpool *pool, struct own *own, const char *sql, bool passes)
{
    uint64_t checks =
        stats_of(pool).counters.health_checks_passed + stats_of(pool).counters.health_checks_failed;
    own->sql = sql;
    own->passes = passes;
    own->before = NO_VERDICT;
    AWAIT(stats_of(pool).health.connected);
    pqpool_check_health(pool);
    AWAIT(stats_of(pool).counters.health_checks_passed +
              stats_of(pool).counters.health_checks_failed >
          checks);
}

Test(health, is_the_users_to_judge, .timeout = TEST_S)
{
    struct own own = { .sql = "SELECT 1", .passes = true };
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_with(cluster, &own);
    uint64_t dials = stats_of(pool).counters.connect_attempts;

    check(pool, &own, "SELECT 1; SELECT 2", true);
    cr_expect_eq(own.before, 1);
    cr_expect_not(own.error);
    cr_expect(stats_of(pool).health.healthy);
    cr_expect_str_eq(stats_of(pool).health.error, "");

    check(pool, &own, "SELECT 1", false);
    cr_expect_eq(own.before, 0);
    cr_expect_not(stats_of(pool).health.healthy);
    cr_expect_str_eq(stats_of(pool).health.error, "the user says no");

    check(pool, &own, "SELECT 1; SELECT 1 / 0; SELECT 3", true);
    cr_expect_eq(own.before, 1, "the statement behind the error is not run");
    cr_expect(own.error && own.division);
    cr_expect(stats_of(pool).health.healthy, "an error may be what the user expects");
    cr_expect_eq(stats_of(pool).counters.connect_attempts, dials,
                 "the connection is kept for the next check");

    check(pool, &own, NULL, false);
    cr_expect_eq(own.before, NO_VERDICT, "the pool's own question and judgement");
    cr_expect(stats_of(pool).health.healthy);
    close_all(&pool, &cluster);
}

Test(health, leaves_no_session_in_a_transaction, .timeout = TEST_S)
{
    struct own own = { .sql = "SELECT 1", .passes = true };
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_with(cluster, &own);
    uint64_t dials = stats_of(pool).counters.connect_attempts;
    check(pool, &own, "BEGIN; SELECT 1 / 0", true);
    own.sql = "SELECT 1";
    AWAIT(stats_of(pool).counters.connect_attempts > dials && stats_of(pool).health.connected);
    check(pool, &own, "SELECT 1", true);
    /* A fresh connection is checked at once. If that check still had the old statement, the
     * connection is replaced once more. */
    AWAIT(stats_of(pool).health.healthy);
    AWAIT(cluster_query_int(cluster, "SELECT count(*) FROM pg_stat_activity WHERE "
                                     "application_name = 'pool' AND state <> 'idle'") == 0);
    close_all(&pool, &cluster);
}

/* Without one of the user's own too a check says why it failed. */
Test(health, says_why_it_failed, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool_options options = options_for(cluster_conninfo(cluster), 1, 1);
    options.health_check_interval_ns = PQPOOL_SECONDS(3600);
    options.validation_query = "SELECT * FROM none";
    struct pqpool *pool = open_pool(&options);
    AWAIT(stats_of(pool).counters.health_checks_failed > 0);
    cr_expect_str_eq(stats_of(pool).health.error, "relation \"none\" does not exist (42P01)");
    close_all(&pool, &cluster);
}

Test(health, has_failed_while_nobody_can_be_asked, .timeout = TEST_S)
{
    struct own own = { .sql = "SELECT 1", .passes = true };
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_with(cluster, &own);
    cluster_stop(cluster, CLUSTER_FAST);
    AWAIT(!stats_of(pool).health.healthy);
    cr_expect_str_eq(stats_of(pool).health.error, "the server closed the control connection");
    uint64_t failed = stats_of(pool).counters.health_checks_failed;
    pqpool_check_health(pool);
    cluster_start(cluster);
    AWAIT(stats_of(pool).health.healthy);
    cr_expect_str_eq(stats_of(pool).health.error, "");
    cr_expect_eq(stats_of(pool).counters.health_checks_failed, failed,
                 "it is not asked for in vain");
    close_all(&pool, &cluster);
}
