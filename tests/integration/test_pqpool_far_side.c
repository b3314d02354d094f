/* An error of class 08 that the server returns while the session goes on is about the server's
 * connection to another server, as a Citus coordinator reports a dead node. Our own connection is
 * sound, so the pool keeps it. */
#include "pqpool_cluster.h"

#define FAIL(code) "DO $$ BEGIN RAISE 'no' USING ERRCODE = '" code "'; END $$"

/* Runs the statement, releases the connection, and returns the pool's count of connections that it
 * has made since it was opened. */
static uint64_t made_after(struct pqpool *pool, const char *before, const char *sql,
                           const char *code)
{
    struct pqpool_lease *lease = lease_from(pool);
    struct pqpool_query query = { .sql = sql };
    PGresult *result = NULL;
    struct err err = { 0 };
    cr_assert_eq(run(lease, before, NULL), PQPOOL_OK);
    cr_expect_eq(pqpool_exec(lease, &query, PQPOOL_DEFAULT_DEADLINE, &result, &err),
                 PQPOOL_SQL_ERROR);
    cr_expect_str_eq(err.code, code);
    cr_expect_eq(err.flags & ERR_UNCERTAIN, 0);
    pqpool_release(&lease, PQPOOL_REUSE);
    lease = lease_from(pool);
    cr_expect_eq(run(lease, "SELECT 1", NULL), PQPOOL_OK);
    pqpool_release(&lease, PQPOOL_REUSE);
    return stats_of(pool).counters.created;
}

Test(pqpool_far_side, an_error_of_another_servers_connection_keeps_ours, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 1, 1);
    cr_expect_eq(made_after(pool, "SELECT 1", FAIL("08006"), "08006"), 1);
    cr_expect_eq(made_after(pool, "SELECT 1", FAIL("08001"), "08001"), 1);
    cr_expect_eq(made_after(pool, "SELECT 1", FAIL("08007"), "08007"), 1);
    cr_expect_eq(made_after(pool, "BEGIN", FAIL("08006"), "08006"), 1, "after a ROLLBACK");
    cr_expect_eq(stats_of(pool).counters.resets, 1);
    cr_expect_eq(stats_of(pool).connections.generation, 0);
    close_all(&pool, &cluster);
}

Test(pqpool_far_side, an_error_of_our_own_protocol_does_not, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 1, 1);
    cr_expect_eq(made_after(pool, "SELECT 1", FAIL("08P01"), "08P01"), 2);
    cr_expect_eq(made_after(pool, "SELECT 1", FAIL("57P03"), "57P03"), 3);
    close_all(&pool, &cluster);
}

/* ---- the health check ---- */

static const char *fail_by_far_side(UNUSED void *ctx)
{
    return FAIL("08006");
}

static bool passed(UNUSED void *ctx, UNUSED const struct pg_result *last, UNUSED unsigned before,
                   struct err *err)
{
    err_set(err, 0, "a node is away");
    return false;
}

Test(pqpool_far_side, the_control_connection_is_kept_too, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool_options options = options_for(cluster_conninfo(cluster), 1, 1);
    options.health_check_interval_ns = options.health_check_timeout_ns = 100 * NS_PER_MS;
    options.health_query = fail_by_far_side;
    options.health_passed = passed;
    struct pqpool *pool = open_pool(&options);
    AWAIT(stats_of(pool).connections.idle == 1 && stats_of(pool).counters.health_checks_failed > 3);
    for (size_t i = 0; i < PQPOOL_CLOSE_REASONS; i++)
        cr_expect_eq(stats_of(pool).counters.closed[i], 0, "reason %zu", i);
    cr_expect_str_eq(stats_of(pool).health.error, "a node is away");
    close_all(&pool, &cluster);
}
