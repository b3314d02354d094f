/* Migrations and fresh sessions: any number of starters, databases that are too new, in the way or
 * in another encoding. */
#include <pthread.h>

#include <libpq-fe.h>

#include "store_fixture.h"

static struct fixture connect_only(void)
{
    struct fixture f = { .cluster = cluster_open(NULL) };
    fixture_connect(&f, pooler_conninfo_for(f.cluster), !pooler_forbids_prepare());
    return f;
}

static int64_t count_migrations(struct fixture *f)
{
    return cluster_query_int(f->cluster, "SELECT count(*) FROM ordersd_migrations");
}

Test(migrate, twice_is_once, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    fixture_migrate(&f);
    fixture_migrate(&f);
    cr_expect_eq(count_migrations(&f), store_schema_version());
    fixture_close(&f);
}

static enum migrate_rc partition(struct fixture *f, unsigned n, struct err *err)
{
    *err = (struct err){ 0 };
    return store_migrate_partitioned(f->pool, n, in_seconds(60), err);
}

static int64_t count_partitions(struct fixture *f)
{
    return cluster_query_int(f->cluster, "SELECT count(*) FROM pg_inherits WHERE inhparent = "
                                         "to_regclass('orders')");
}

static void expect_refused(struct fixture *f, unsigned n, const char *why)
{
    struct err err;
    const int64_t before = count_partitions(f), migrations = count_migrations(f);
    cr_expect_eq(partition(f, n, &err), MIGRATE_FAILED, "%s", why);
    cr_expect_not_null(strstr(err.text, why), "%s, not: %s", err.text, why);
    cr_expect_not_null(strstr(err.text, "docs/SCALING.md"), "%s", err.text);
    cr_expect_eq(count_partitions(f), before);
    cr_expect_eq(count_migrations(f), migrations);
}

Test(partitions, of_a_new_table_are_made_once, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    struct err err;
    cr_expect_eq(partition(&f, 4, &err), MIGRATE_OK, "%s", err.text);
    cr_expect_eq(partition(&f, 4, &err), MIGRATE_OK, "%s", err.text);
    cr_expect_eq(store_migrate(f.pool, in_seconds(20), NULL), MIGRATE_OK);
    cr_expect_eq(count_partitions(&f), 4);
    cr_expect_eq(count_migrations(&f), store_schema_version());
    expect_refused(&f, 8, "with 4 partitions, and not with 8");
    cluster_exec(f.cluster, "DROP TABLE orders_p3");
    expect_refused(&f, 4, "with 3 partitions, and not with 4");
    fixture_close(&f);
}

/* All orders of an account are in one partition, and each partition has both indexes. */
Test(partitions, have_the_orders_of_their_accounts, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    struct err err;
    cr_assert_eq(partition(&f, 4, &err), MIGRATE_OK, "%s", err.text);
    for (int i = 0; i < 40; i++) {
        char account[16], id[16];
        (void)snprintf(account, sizeof account, "ACC-%d", i % 20);
        (void)snprintf(id, sizeof id, "c-%d", i / 20);
        struct order o = make_order(account, id), again = make_order(account, id);
        cr_assert_eq(put_one(&f, &o, NULL), PUT_CREATED);
        cr_assert_eq(put_one(&f, &again, NULL), PUT_REPLAYED);
    }
    cr_expect_eq(
        cluster_query_int(f.cluster, "SELECT count(DISTINCT (account_id, tableoid)) FROM orders"),
        20);
    cr_expect_gt(cluster_query_int(f.cluster, "SELECT count(DISTINCT tableoid) FROM orders"), 1);
    cr_expect_eq(
        cluster_query_int(f.cluster,
                          "SELECT count(*) FROM pg_index WHERE indrelid IN (SELECT inhrelid FROM "
                          "pg_inherits WHERE inhparent = 'orders'::regclass)"),
        8);
    fixture_close(&f);
}

Test(partitions, a_table_that_exists_is_left_as_it_is, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    fixture_migrate(&f);
    expect_refused(&f, 4, "exists and has no partitions");
    struct order o = make_order("A", "1");
    cr_expect_eq(put_one(&f, &o, NULL), PUT_CREATED);
    expect_refused(&f, 1, "exists and has no partitions");
    cr_expect_eq(count_orders(&f), 1);
    fixture_close(&f);
}

Test(partitions, of_another_kind_are_left_as_they_are, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    fixture_migrate(&f);
    cluster_exec(f.cluster,
                 "ALTER TABLE orders RENAME TO whole;"
                 "CREATE TABLE orders (LIKE whole INCLUDING ALL) PARTITION BY LIST (account_id);"
                 "CREATE TABLE orders_a PARTITION OF orders FOR VALUES IN ('A')");
    expect_refused(&f, 1, "not with 1 by the hash of account_id");
    fixture_close(&f);
}

/* Nothing is left of a migration that fails at a partition. */
Test(partitions, a_name_in_the_way_fails_and_leaves_nothing, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    struct err err;
    cluster_exec(f.cluster, "CREATE TABLE orders_p2 ()");
    cr_expect_eq(partition(&f, 4, &err), MIGRATE_FAILED);
    cr_expect_str_eq(err.code, "42P07", "%s", err.text);
    cr_expect_eq(cluster_query_int(f.cluster, "SELECT count(to_regclass('orders'))"), 0);
    fixture_close(&f);
}

static void *migrate_in_thread(void *arg)
{
    struct fixture *f = arg;
    fixture_migrate(f);
    return NULL;
}

Test(migrate, starters_at_once_all_succeed, .timeout = TEST_S)
{
    enum { STARTERS = 4 }; /* as many as the pool has connections */
    struct fixture f = connect_only();
    pthread_t threads[STARTERS];
    for (int i = 0; i < STARTERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, migrate_in_thread, &f), 0);
    for (int i = 0; i < STARTERS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(count_migrations(&f), store_schema_version());
    fixture_close(&f);
}

Test(migrate, a_newer_schema_is_left_alone, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    struct err err = { 0 };
    fixture_migrate(&f);
    cluster_exec(f.cluster,
                 "INSERT INTO ordersd_migrations (version, name) VALUES (1000, 'later')");
    cr_expect_eq(store_migrate(f.pool, in_seconds(20), &err), MIGRATE_TOO_NEW);
    cr_expect(strstr(err.text, "1000") != NULL, "%s", err.text);
    fixture_close(&f);
}

Test(migrate, a_table_in_the_way_fails_and_leaves_nothing, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    struct err err = { 0 };
    cluster_exec(f.cluster, "CREATE TABLE orders ()");
    cr_expect_eq(store_migrate(f.pool, in_seconds(20), &err), MIGRATE_FAILED);
    cr_expect_str_eq(err.code, "42P07", "%s", err.text);
    cr_expect_eq(cluster_query_int(f.cluster, "SELECT count(to_regclass('ordersd_migrations'))"),
                 0);
    cluster_exec(f.cluster, "DROP TABLE orders");
    fixture_migrate(&f);
    fixture_close(&f);
}

Test(migrate, one_that_is_slow_is_waited_for_within_the_deadline, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    PGconn *other = PQconnectdb(cluster_conninfo(f.cluster));
    PQclear(PQexec(other, "SELECT pg_advisory_lock(x'6f726465727364'::bigint)"));
    cr_expect_eq(store_migrate(f.pool, in_seconds(0.5), NULL), MIGRATE_RETRY);
    PQfinish(other);
    fixture_migrate(&f);
    fixture_close(&f);
}

Test(migrate, no_server_is_worth_a_retry, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    cluster_stop(f.cluster, CLUSTER_IMMEDIATE);
    cr_expect_eq(store_migrate(f.pool, in_seconds(0.5), NULL), MIGRATE_RETRY);
    fixture_close(&f);
}

/* A role that may only read and write serves once an owner has migrated. */
Test(migrate, an_up_to_date_schema_needs_no_owner, .timeout = TEST_S)
{
    struct fixture owner = connect_only();
    cluster_exec(owner.cluster, "CREATE ROLE clerk LOGIN");
    char conninfo[512];
    (void)snprintf(conninfo, sizeof conninfo, "%s user=clerk", pooler_conninfo_for(owner.cluster));
    struct fixture clerk = { .cluster = owner.cluster };
    fixture_connect(&clerk, conninfo, !pooler_forbids_prepare());
    cr_expect_eq(store_migrate(clerk.pool, in_seconds(20), NULL), MIGRATE_FAILED);

    fixture_migrate(&owner);
    cluster_exec(owner.cluster, "GRANT SELECT ON ordersd_migrations TO clerk;"
                                "GRANT SELECT, INSERT ON orders TO clerk");
    fixture_migrate(&clerk);
    struct order o = make_order("ACC-1", "c-1"), again = make_order("ACC-1", "c-1");
    cr_expect_eq(put_one(&clerk, &o, NULL), PUT_CREATED);
    cr_expect_eq(put_one(&clerk, &again, NULL), PUT_REPLAYED);
    fixture_disconnect(&clerk);
    fixture_close(&owner);
}

/* The INSERT of the version before, as a replica that still runs sends it. */
#define INSERT_OF_VERSION_1                                                                        \
    "INSERT INTO orders (account_id, client_order_id, order_id, symbol, side, type, quantity, "    \
    "limit_price, stop_price, time_in_force, metadata, received_at) VALUES "

static void go_back_to_version_1(struct fixture *f)
{
    cluster_exec(f->cluster, "ALTER TABLE orders DROP COLUMN submitted_by;"
                             "DELETE FROM ordersd_migrations WHERE version = 2");
    cr_assert_eq(store_check_schema(f->pool, in_seconds(20), NULL), MIGRATE_RETRY);
}

/* Orders that were stored before the column, and those that an old replica stores after it. */
Test(migrate, orders_of_version_1_are_kept_and_have_no_submitted_by, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    fixture_migrate(&f);
    go_back_to_version_1(&f);
    cluster_exec(f.cluster, INSERT_OF_VERSION_1
                 "('A', 'before', gen_random_uuid(), 'EURUSD', 'buy', 'limit', 1, 2.5, NULL, "
                 "'day', NULL, now())");
    fixture_migrate(&f);
    cluster_exec(f.cluster, INSERT_OF_VERSION_1
                 "('A', 'beside', gen_random_uuid(), 'EURUSD', 'buy', 'limit', 1, 2.5, NULL, "
                 "'day', NULL, now())");

    static const char *const ids[] = { "before", "beside" };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct order again = make_order("A", ids[i]);
        struct order_put replay = { .order = &again };
        struct store_failure failure;
        order_set_submitted_by(&again, "bob");
        cr_assert(put(&f, &replay, 1, &failure), "%s", failure.err.text);
        cr_expect_eq(replay.verdict, PUT_REPLAYED, "%s: %d", ids[i], (int)replay.verdict);
        cr_expect_str_eq(replay.stored.submitted_by, "", "%s", ids[i]);
    }
    cr_expect_eq(cluster_query_int(f.cluster, "SELECT count(submitted_by) FROM orders"), 0);
    fixture_close(&f);
}

/* A report reads the table. The migration gives up soon, so that orders need not wait for the
 * report, and leaves nothing. */
Test(migrate, does_not_wait_long_for_a_transaction_that_uses_the_table, .timeout = TEST_S)
{
    struct fixture f = connect_only();
    struct err err = { 0 };
    fixture_migrate(&f);
    go_back_to_version_1(&f);
    PGconn *report = PQconnectdb(cluster_conninfo(f.cluster));
    PQclear(PQexec(report, "BEGIN; SELECT count(*) FROM orders"));
    cr_expect_eq(store_migrate(f.pool, in_seconds(TEST_S), &err), MIGRATE_RETRY, "%s", err.text);
    cr_expect_str_eq(err.code, "55P03", "%s", err.text);
    cluster_exec(f.cluster, INSERT_OF_VERSION_1 "('A', '1', gen_random_uuid(), 'EURUSD', 'buy', "
                                                "'market', 1, NULL, NULL, 'day', NULL, now())");
    cr_expect_eq(count_migrations(&f), 1);
    PQfinish(report);
    fixture_migrate(&f);
    cr_expect_eq(count_migrations(&f), store_schema_version());
    fixture_close(&f);
}

Test(connect, settings_of_a_session, .timeout = TEST_S)
{
    if (pooler_forbids_prepare())
        cr_skip("behind a pooler: a session has no settings of ours in transaction mode");
    struct fixture f = { .cluster = cluster_open(NULL) };
    cluster_exec(f.cluster, "ALTER ROLE postgres SET synchronous_commit = off");
    cluster_exec(f.cluster, "ALTER ROLE postgres SET client_encoding = 'LATIN1'");
    fixture_connect(&f, pooler_conninfo_for(f.cluster), !pooler_forbids_prepare());
    struct pqpool_lease *lease = NULL;
    struct pg_result *row = NULL;
    cr_assert_eq(pqpool_acquire(f.pool, in_seconds(10), &lease, NULL), PQPOOL_OK);
    const struct pqpool_query query = {
        .sql = "SELECT current_setting('synchronous_commit') || ' ' || "
               "current_setting('lock_timeout') || ' ' || current_setting('client_encoding')",
    };
    cr_assert_eq(pqpool_exec(lease, &query, in_seconds(10), &row, NULL), PQPOOL_OK);
    cr_expect_str_eq(PQgetvalue(row, 0, 0), "on 1s UTF8");
    PQclear(row);
    pqpool_release(&lease, PQPOOL_REUSE);
    cr_expect(store_fsync_off(f.store), "the cluster runs without");
    fixture_close(&f);
}

Test(connect, another_encoding_is_refused, .timeout = TEST_S)
{
    struct fixture f = { .cluster = cluster_open(NULL) };
    cluster_exec(f.cluster,
                 "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    char conninfo[512];
    (void)snprintf(conninfo, sizeof conninfo, "%s dbname=latin", pooler_conninfo_for(f.cluster));
    fixture_connect(&f, conninfo, !pooler_forbids_prepare());
    struct pqpool_lease *lease = NULL;
    cr_expect_neq(pqpool_acquire(f.pool, in_seconds(1), &lease, NULL), PQPOOL_OK);
    struct pqpool_stats stats;
    cr_expect(
        WAIT_UNTIL((pqpool_stats(f.pool, &stats), strstr(stats.server.error, "LATIN1") != NULL),
                   SOON_S),
        "%s", stats.server.error);
    fixture_close(&f);
}
