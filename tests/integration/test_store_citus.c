/* The store on a real Citus cluster: the table is distributed and takes orders, a dead worker fails
 * only the orders that it has, and nothing that failed was stored. */
#include <string.h>

#include "citus_cluster.h"
#include "support/cluster_standby.h"

enum { ACCOUNTS = 12 };

static void distribute(struct citus *c, struct store_distribution d)
{
    struct err err = { 0 };
    fixture_migrate(&c->f);
    cr_assert_eq(store_distribute(c->f.pool, &d, in_seconds(30), &err), MIGRATE_OK, "%s", err.text);
    cr_assert(d.possible && d.made);
    cr_expect_eq(d.nodes, CITUS_WORKERS);
}

static void expect_refused(struct fixture *f, const char *why)
{
    struct store_distribution d = { 0 };
    struct err err = { 0 };
    cr_expect_eq(store_distribute(f->pool, &d, in_seconds(30), &err), MIGRATE_FAILED, "%s", why);
    cr_expect_not_null(strstr(err_public_text(&err), why), "%s", err_public_text(&err));
    cr_expect_not(d.made);
}

static int64_t count_distributed(struct citus *c)
{
    return cluster_query_int(c->f.cluster, "SELECT count(*) FROM pg_dist_partition");
}

Test(citus, takes_orders_on_all_nodes, .timeout = TEST_S)
{
    SKIP_WITHOUT_CITUS();
    struct citus c = citus_open();
    struct order orders[ACCOUNTS];
    struct order_put puts[ACCOUNTS];
    struct store_failure failure;
    char account[16];
    distribute(&c, (struct store_distribution){ 0 });
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        (void)snprintf(account, sizeof account, "ACC-%02u", i);
        orders[i] = make_order(account, "c-1");
        puts[i] = (struct order_put){ .order = &orders[i] };
    }
    cr_assert(put(&c.f, puts, ACCOUNTS, &failure), "%s", failure.err.text);
    for (unsigned i = 0; i < ACCOUNTS; i++)
        cr_expect_eq(puts[i].verdict, PUT_CREATED);
    struct order again = make_order("ACC-05", "c-1"), other = make_order("ACC-05", "c-1");
    other.side = ORDER_SELL;
    cr_expect_eq(put_one(&c.f, &again, NULL), PUT_REPLAYED);
    cr_expect_eq(put_one(&c.f, &other, NULL), PUT_REUSED);
    cr_expect_eq(count_orders(&c.f), ACCOUNTS);
    cr_expect_eq(cluster_query_int(c.f.cluster, "SELECT count(*) FROM pg_dist_shard WHERE "
                                                "logicalrelid = 'orders'::regclass"),
                 8);
    citus_close(&c);
}

/* Any node will do for orders: the version of the schema can be read there too. */
Test(citus, a_worker_serves_and_is_not_migrated, .timeout = TEST_S)
{
    SKIP_WITHOUT_CITUS();
    struct citus c = citus_open();
    struct fixture worker = { .cluster = c.workers[0] };
    struct err err = { 0 };
    fixture_connect(&worker, cluster_conninfo(c.workers[0]), true);
    cr_expect_eq(store_distribute_check(worker.pool, in_seconds(30), &err), MIGRATE_FAILED);
    cr_expect_not_null(strstr(err.text, "connect to the coordinator"), "%s", err.text);
    distribute(&c, (struct store_distribution){ .shards = 4 });
    expect_refused(&worker, "connect to the coordinator");
    cr_expect_eq(store_check_schema(worker.pool, in_seconds(30), &err), MIGRATE_OK, "%s", err.text);
    struct order order = make_order("ACC-1", "c-1");
    cr_expect_eq(put_one(&worker, &order, NULL), PUT_CREATED);
    cr_expect_eq(put_one(&c.f, &order, NULL), PUT_CREATED, "found under its order_id");
    cr_expect_eq(count_orders(&c.f), 1);
    fixture_disconnect(&worker);
    citus_close(&c);
}

Test(citus, refuses_rows_unless_told_and_other_distributions, .timeout = TEST_S)
{
    SKIP_WITHOUT_CITUS();
    struct citus c = citus_open();
    struct order order = make_order("ACC-1", "c-1"), again = make_order("ACC-1", "c-1");
    fixture_migrate(&c.f);
    cr_assert_eq(put_one(&c.f, &order, NULL), PUT_CREATED);
    expect_refused(&c.f, "it has rows");
    cr_expect_eq(count_distributed(&c), 0);
    distribute(&c, (struct store_distribution){ .shards = 4, .with_rows = true });
    cr_expect_eq(put_one(&c.f, &again, NULL), PUT_REPLAYED, "the row was copied");
    cluster_exec(c.f.cluster, "SELECT undistribute_table('orders'); DELETE FROM orders;"
                              "ALTER TABLE orders DROP CONSTRAINT orders_pkey;"
                              "SELECT create_distributed_table('orders', 'client_order_id')");
    expect_refused(&c.f, "not by the hash of account_id");
    citus_close(&c);
}

Test(citus, refuses_a_role_without_rights_and_a_foreign_key, .timeout = TEST_S)
{
    SKIP_WITHOUT_CITUS();
    struct citus c = citus_open();
    struct fixture clerk = { .cluster = c.f.cluster };
    char conninfo[512];
    fixture_migrate(&c.f);
    cluster_exec(c.f.cluster, "CREATE ROLE clerk LOGIN; GRANT SELECT, INSERT ON orders TO clerk;"
                              "GRANT SELECT ON ordersd_migrations TO clerk");
    (void)snprintf(conninfo, sizeof conninfo, "%s user=clerk", cluster_conninfo(c.f.cluster));
    fixture_connect(&clerk, conninfo, true);
    expect_refused(&clerk, "must own the tables");
    cluster_exec(c.f.cluster, "CREATE TABLE symbols (symbol text PRIMARY KEY);"
                              "ALTER TABLE orders ADD FOREIGN KEY (symbol) REFERENCES symbols");
    expect_refused(&c.f, "\"symbols\" must be a distributed table");
    cr_expect_eq(count_distributed(&c), 0);
    fixture_disconnect(&clerk);
    citus_close(&c);
}

/* ---- a table that has grown ---- */

/* Newer servers load only output plugins that this setting names. */
static void allow_plugin(struct cluster *node)
{
    if (cluster_query_int(node, "SELECT count(*) FROM pg_settings WHERE name = "
                                "'output_plugin_libraries'") == 0)
        return;
    cluster_set(node, "output_plugin_libraries", "citus");
}

Test(citus, distributes_a_grown_table_while_orders_go_on, .timeout = TEST_S)
{
    SKIP_WITHOUT_CITUS();
    struct citus c = citus_open();
    struct store_distribution d = { 0 };
    struct err err = { 0 };
    struct order before = make_order("ACC-1", "c-1"), again = make_order("ACC-1", "c-1");
    fixture_migrate(&c.f);
    cr_assert_eq(put_one(&c.f, &before, NULL), PUT_CREATED);
    allow_plugin(c.f.cluster);
    for (size_t i = 0; i < CITUS_WORKERS; i++)
        allow_plugin(c.workers[i]);
    cluster_exec(c.f.cluster,
                 "SELECT create_distributed_table_concurrently('orders', 'account_id', "
                 "shard_count := 8)");
    cr_assert_eq(store_distribute(c.f.pool, &d, in_seconds(30), &err), MIGRATE_OK, "%s", err.text);
    cr_expect_not(d.made, "it is there, and only the version is shared");
    cr_expect_eq(d.shards, 8);
    cluster_exec(c.f.cluster, "SELECT truncate_local_data_after_distributing_table('orders')");
    cr_expect_eq(put_one(&c.f, &again, NULL), PUT_REPLAYED);
    cr_expect_eq(count_orders(&c.f), 1);
    citus_close(&c);
}

/* ---- a worker dies ---- */

static bool put_live(struct citus *c, const char *account, const char *id)
{
    struct order order = make_order(account, id);
    struct order_put one = { .order = &order };
    struct store_failure failure;
    return put(&c->f, &one, 1, &failure) && one.verdict == PUT_CREATED;
}

Test(citus, a_dead_worker_fails_its_own_orders_only, .timeout = TEST_S)
{
    SKIP_WITHOUT_CITUS();
    struct citus c = citus_open();
    char live[16], dead[16];
    struct pqpool_stats stats;
    struct store_failure failure;
    distribute(&c, (struct store_distribution){ .shards = 4 });
    citus_account_on(&c, 0, 0, live);
    citus_account_on(&c, 1, 0, dead);
    cr_assert(put_live(&c, live, "c-1") && put_live(&c, dead, "c-1"));
    cluster_kill9(c.workers[1]);
    struct order order = make_order(dead, "c-2");
    struct order_put one = { .order = &order };
    /* the first statement on a connection that the coordinator had kept may fail otherwise */
    cr_assert(WAIT_UNTIL(!put(&c.f, &one, 1, &failure) && strcmp(failure.err.code, "08006") == 0,
                         SOON_S));
    cr_expect_eq(failure.action, STORE_RETRY_THEN_SPLIT);
    cr_expect_eq(failure.fault, FAULT_SERVER);
    cr_expect(failure.in_doubt);
    cr_expect(put_live(&c, live, "c-2"));
    pqpool_stats(c.f.pool, &stats);
    cr_expect_eq(stats.counters.created, 1, "the coordinator's connection was kept");
    cluster_start(c.workers[1]);
    cr_expect(put_within(&c.f, &one, 1, true, 20, &failure), "%s", failure.err.text);
    cr_expect_eq(one.verdict, PUT_CREATED);
    cr_expect_eq(count_orders(&c.f), 4);
    citus_close(&c);
}

/* ---- which nodes answer ---- */

static bool silent_are(struct citus *c, uint32_t n, size_t worker)
{
    struct store_nodes nodes;
    struct err err = { 0 };
    char name[32];
    cr_assert(store_ask_nodes(c->f.store, in_seconds(20), &nodes, &err), "%s", err.text);
    (void)snprintf(name, sizeof name, "127.0.0.1:%d", cluster_port(c->workers[worker]));
    return nodes.total == CITUS_WORKERS && nodes.silent == n &&
           (strstr(nodes.names, name) != NULL) == (n > 0);
}

/* The session has connections to both workers when one of them hangs. */
Test(citus, tells_nodes_that_are_dead_or_hang, .timeout = TEST_S)
{
    SKIP_WITHOUT_CITUS();
    struct citus c = citus_open();
    distribute(&c, (struct store_distribution){ .shards = 4 });
    cr_expect_eq(count_orders(&c.f), 0);
    cr_expect(silent_are(&c, 0, 0));
    cluster_freeze(c.workers[1]);
    cr_expect(silent_are(&c, 1, 1));
    cluster_thaw(c.workers[1]);
    cr_expect(WAIT_UNTIL(silent_are(&c, 0, 1), SOON_S));
    cluster_kill9(c.workers[0]);
    cr_expect(silent_are(&c, 1, 0));
    citus_close(&c);
}
