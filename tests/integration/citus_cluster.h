/* citus_cluster.h - a Citus cluster for one test: a coordinator without shards, and two workers.
 * Debian has no package of Citus, so these tests are skipped, and say so, where it is not
 * installed. ORDERSD_TEST_PG_BIN names the programs of a PostgreSQL that has it. */
#ifndef CITUS_CLUSTER_H
#define CITUS_CLUSTER_H

#include "store_fixture.h"
#include "support/cluster_folder.h"

enum { CITUS_WORKERS = 2 };

/* The text is on standard error too, so that ctest calls the test skipped and not passed. */
#define SKIP_WITHOUT_CITUS()                                                                       \
    do {                                                                                           \
        if (!cluster_folder_has_extension("citus")) {                                              \
            (void)fprintf(stderr, "Citus is not installed: nothing was tested\n");                 \
            cr_skip("Citus is not installed");                                                     \
        }                                                                                          \
        SKIP_BEHIND_POOLER("the nodes have one pool each");                                        \
    } while (0)

/* The settings of docker/compose.citus.yaml that matter here. */
#define CITUS_CONF                                                                                 \
    "shared_preload_libraries = 'citus'\nwal_level = logical\nmax_prepared_transactions = 100\n"   \
    "citus.node_conninfo = 'sslmode=prefer'\ncitus.recover_2pc_interval = '1s'\n"                  \
    "citus.node_connection_timeout = '2s'\ncitus.max_cached_conns_per_worker = 4\n"

struct citus {
    struct fixture f; /* its cluster is the coordinator */
    struct cluster *workers[CITUS_WORKERS];
};

static inline struct cluster *citus_open_node(void)
{
    struct cluster *node = cluster_open(&(struct cluster_options){ .conf = CITUS_CONF });
    cluster_exec(node, "CREATE EXTENSION citus");
    return node;
}

static inline struct citus citus_open(void)
{
    struct citus c = { .f.cluster = citus_open_node() };
    char sql[160];
    (void)snprintf(sql, sizeof sql, "SELECT citus_set_coordinator_host('127.0.0.1', %d)",
                   cluster_port(c.f.cluster));
    cluster_exec(c.f.cluster, sql);
    for (size_t i = 0; i < CITUS_WORKERS; i++) {
        c.workers[i] = citus_open_node();
        (void)snprintf(sql, sizeof sql, "SELECT citus_add_node('127.0.0.1', %d)",
                       cluster_port(c.workers[i]));
        cluster_exec(c.f.cluster, sql);
    }
    fixture_connect(&c.f, cluster_conninfo(c.f.cluster), true);
    return c;
}

static inline void citus_close(struct citus *c)
{
    fixture_disconnect(&c->f);
    for (size_t i = 0; i < CITUS_WORKERS; i++)
        cluster_close(&c->workers[i]);
    cluster_close(&c->f.cluster);
}

/* Returns true if the orders of the account are on the worker. */
static inline bool citus_is_on(struct citus *c, const char *account_id, size_t worker)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql,
                   "SELECT nodeport FROM citus_shards WHERE shardid = "
                   "get_shard_id_for_distribution_column('orders', '%s')",
                   account_id);
    return cluster_query_int(c->f.cluster, sql) == cluster_port(c->workers[worker]);
}

/* Writes the n-th account, from 0, whose orders are on the worker. */
static inline void citus_account_on(struct citus *c, size_t worker, unsigned n, char account_id[16])
{
    for (unsigned i = 0, found = 0; found <= n; i++) {
        (void)snprintf(account_id, 16, "ACC-%u", i);
        found += citus_is_on(c, account_id, worker);
    }
}

#endif
