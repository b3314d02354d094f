/* pqpool_cluster.h - a pool in front of a real PostgreSQL, and helpers for its tests. */
#ifndef INTEGRATION_PQPOOL_CLUSTER_H
#define INTEGRATION_PQPOOL_CLUSTER_H

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "integration/patience.h"
#include "pqpool/pqpool.h"
#include "support/cluster.h"
#include "support/gate.h"
#include "support/process.h"
#include "support/wait.h"

enum { BIG_BYTES = 8 * 1024 * 1024 };
static const int64_t short_ns = 300 * NS_PER_MS, generous_ns = 15 * NS_PER_S;
/* Enough for a statement to be sent and begin, even on a slow machine, before it times out. */
static const int64_t begun_ns = 2 * NS_PER_S;
static const char ours[] = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'";

#define AWAIT(cond) cr_assert(WAIT_UNTIL(cond, SOON_S), "waited in vain for " #cond)

UNUSED static struct pqpool_options options_for(const char *conninfo, uint32_t min, uint32_t max)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.conninfo = conninfo;
    options.application_name = "pool";
    options.min_pool_size = min;
    options.max_pool_size = max;
    options.initial_retry_delay_ns = 10 * NS_PER_MS;
    options.max_retry_delay_ns = 200 * NS_PER_MS;
    return options;
}

UNUSED static struct pqpool *open_pool(const struct pqpool_options *options)
{
    struct pqpool *pool = NULL;
    struct err err = { 0 };
    cr_assert_eq(pqpool_open(options, &pool, &err), PQPOOL_OK, "%s", err.text);
    return pool;
}

UNUSED static struct pqpool_stats stats_of(struct pqpool *pool)
{
    struct pqpool_stats stats;
    pqpool_stats(pool, &stats);
    return stats;
}

UNUSED static struct pqpool *open_warm_pool(const struct pqpool_options *options)
{
    struct pqpool *pool = open_pool(options);
    AWAIT(stats_of(pool).connections.idle == options->min_pool_size &&
          stats_of(pool).health.healthy);
    return pool;
}

UNUSED static struct pqpool *open_simple(const struct cluster *cluster, uint32_t min, uint32_t max)
{
    const struct pqpool_options options = options_for(cluster_conninfo(cluster), min, max);
    return open_warm_pool(&options);
}

UNUSED static int64_t after_seconds(int seconds)
{
    return clock_now_ns() + seconds * NS_PER_S;
}

UNUSED static struct pqpool_lease *lease_from(struct pqpool *pool)
{
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    cr_assert_eq(pqpool_acquire(pool, after_seconds(SOON_S), &lease, &err), PQPOOL_OK, "%s",
                 err.text);
    return lease;
}

UNUSED static enum pqpool_rc run(struct pqpool_lease *lease, const char *sql, struct err *err)
{
    const struct pqpool_query query = { .sql = sql };
    PGresult *result = NULL;
    enum pqpool_rc rc = pqpool_exec(lease, &query, PQPOOL_DEFAULT_DEADLINE, &result, err);
    cr_expect_eq(rc == PQPOOL_OK, result != NULL, "%s", sql);
    PQclear(result);
    return rc;
}

UNUSED static void close_all(struct pqpool **pool, struct cluster **cluster)
{
    pqpool_close(pool, after_seconds(SOON_S));
    AWAIT(cluster_query_int(*cluster, ours) == 0);
    cluster_close(cluster);
}

#endif
