/* Removing old orders: exactly those before a moment, range by range, by the index on order_id. */
#include <libpq-fe.h>

#include "store/prune.h"
#include "store_fixture.h"

/* The orders of these tests were received at BASE_MS, BASE_MS + 1 and so on, one a millisecond. */
#define BASE_MS INT64_C(1000000000000)

/* As the server's own SQL would write it: the milliseconds, the version, and what is unique. */
#define INSERT_ORDERS                                                                              \
    "INSERT INTO orders (account_id, client_order_id, order_id, symbol, side, type, quantity, "    \
    "time_in_force, received_at) SELECT 'ACC', 'c-' || n, (lpad(to_hex(1000000000000 + n), 12, "   \
    "'0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid, 'X', 'buy', 'market', 1, 'day', "         \
    "to_timestamp((1000000000000 + n) / 1000.0) FROM generate_series(0, %d) AS n"

static struct fixture open_with(int orders, bool prepare)
{
    struct fixture f = fixture_open(prepare);
    char sql[640];
    (void)snprintf(sql, sizeof sql, INSERT_ORDERS, orders - 1);
    cluster_exec(f.cluster, sql);
    return f;
}

static struct store_prune prune_before(int64_t before_ms, uint32_t batch)
{
    return (struct store_prune){ .before_ms = before_ms, .batch = batch };
}

static void prune_range(struct fixture *f, struct store_prune *prune)
{
    struct err err = { 0 };
    cr_assert_eq(store_prune_range(f->store, prune, in_seconds(20), &err), PRUNE_OK, "%s %s",
                 err.code, err.text);
}

/* Returns how many ranges it took. */
static int prune_all(struct fixture *f, struct store_prune *prune)
{
    int ranges = 0;
    for (; !prune->done; ranges++)
        prune_range(f, prune);
    return ranges;
}

static void expect_exact(bool prepare)
{
    struct fixture f = open_with(100, prepare);
    /* The last id of the millisecond before the moment, and the first one of that moment. */
    cluster_exec(f.cluster, "UPDATE orders SET order_id = "
                            "(left(order_id::text, 13) || '-7fff-bfff-ffffffffffff')::uuid "
                            "WHERE client_order_id = 'c-49'");
    cluster_exec(f.cluster, "UPDATE orders SET order_id = "
                            "(left(order_id::text, 13) || '-0000-0000-000000000000')::uuid "
                            "WHERE client_order_id = 'c-50'");
    struct store_prune prune = prune_before(BASE_MS + 50, 20);
    cr_expect_eq(prune_all(&f, &prune), 3);
    cr_expect_eq(prune.orders, 50);
    cr_expect_eq(prune.uncertain, 0);
    cr_expect_eq(count_orders(&f), 50);
    cr_expect_eq(cluster_query_int(f.cluster, "SELECT min(substr(client_order_id, 3)::int) "
                                              "FROM orders"),
                 50);
    fixture_close(&f);
}

Test(prune, is_exact_to_the_millisecond, .timeout = TEST_S)
{
    expect_exact(true);
    expect_exact(false);
}

Test(prune, says_which_order_is_the_oldest_left, .timeout = TEST_S)
{
    struct fixture f = open_with(100, true);
    struct store_prune prune = prune_before(BASE_MS + 50, 20);
    prune_range(&f, &prune);
    cr_expect_eq(prune.orders, 20);
    cr_expect_eq(prune.oldest_ms, BASE_MS + 20);
    cr_expect_not(prune.done);
    cr_expect_eq(count_orders(&f), 80);
    fixture_close(&f);
}

/* The number of old orders is a multiple of the batch: the last range is full. */
Test(prune, ends_with_a_full_range, .timeout = TEST_S)
{
    struct fixture f = open_with(60, true);
    struct store_prune prune = prune_before(BASE_MS + 60, 20);
    cr_expect_eq(prune_all(&f, &prune), 3);
    cr_expect_eq(prune.orders, 60);
    cr_expect_eq(count_orders(&f), 0);
    fixture_close(&f);
}

Test(prune, of_nothing_is_done_at_once, .timeout = TEST_S)
{
    struct fixture f = open_with(10, true);
    struct store_prune early = prune_before(BASE_MS, 20), never = prune_before(0, 20);
    cr_expect_eq(prune_all(&f, &early), 1);
    cr_expect_eq(prune_all(&f, &never), 1);
    cr_expect_eq(early.orders + never.orders, 0);
    cr_expect_eq(count_orders(&f), 10);
    fixture_close(&f);
}

Test(prune, dry_run_counts_the_same_and_removes_nothing, .timeout = TEST_S)
{
    struct fixture f = open_with(100, true);
    struct store_prune prune = prune_before(BASE_MS + 50, 20);
    prune.dry_run = true;
    cr_expect_eq(prune_all(&f, &prune), 3);
    cr_expect_eq(prune.orders, 50);
    cr_expect_eq(count_orders(&f), 100);
    fixture_close(&f);
}

/* A run that begins anew after some ranges finds what the first has left. */
Test(prune, goes_on_where_an_earlier_run_has_ended, .timeout = TEST_S)
{
    struct fixture f = open_with(100, true);
    struct store_prune first = prune_before(BASE_MS + 50, 20), second = first;
    prune_range(&f, &first);
    cr_expect_eq(prune_all(&f, &second), 2);
    cr_expect_eq(second.orders, 30);
    cr_expect_eq(count_orders(&f), 50);
    fixture_close(&f);
}

Test(prune, makes_the_key_of_an_order_free, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct order old = make_order("ACC", "c-1"), again = make_order("ACC", "c-1");
    struct order other = make_order("ACC", "c-2");
    struct store_prune prune = prune_before(clock_wall_us() / 1000 + 60000, 20);
    cr_expect_eq(put_one(&f, &old, NULL), PUT_CREATED);
    cr_expect_eq(put_one(&f, &again, NULL), PUT_REPLAYED);
    (void)prune_all(&f, &prune);
    cr_expect_eq(prune.orders, 1);
    cr_expect_eq(put_one(&f, &again, NULL), PUT_CREATED);
    cr_expect_eq(put_one(&f, &other, NULL), PUT_CREATED);
    fixture_close(&f);
}

/* ---- failures ---- */

Test(prune, waits_for_a_locked_row_and_then_says_so, .timeout = TEST_S)
{
    struct fixture f = open_with(100, true);
    struct store_prune prune = prune_before(BASE_MS + 50, 20);
    struct err err = { 0 };
    PGconn *other = PQconnectdb(cluster_conninfo(f.cluster));
    PQclear(PQexec(other, "BEGIN"));
    PQclear(PQexec(other, "SELECT 1 FROM orders WHERE client_order_id = 'c-25' FOR UPDATE"));
    prune_range(&f, &prune);
    cr_expect_eq(store_prune_range(f.store, &prune, in_seconds(20), &err), PRUNE_RETRY);
    cr_expect_str_eq(err.code, "55P03", "%s", err.text);
    cr_expect_eq(prune.orders, 20);
    cr_expect_eq(prune.oldest_ms, BASE_MS + 20);
    cr_expect_eq(count_orders(&f), 80, "the range of the locked row is rolled back");
    PQfinish(other);
    cr_expect_eq(prune_all(&f, &prune), 2);
    cr_expect_eq(count_orders(&f), 50);
    fixture_close(&f);
}

/* Another table of the operator's may refer to orders. */
Test(prune, fails_if_the_database_refuses, .timeout = TEST_S)
{
    struct fixture f = open_with(100, true);
    struct store_prune prune = prune_before(BASE_MS + 50, 20);
    struct err err = { 0 };
    cluster_exec(f.cluster, "CREATE TABLE fills (account_id text COLLATE \"C\", id text COLLATE "
                            "\"C\", FOREIGN KEY (account_id, id) REFERENCES orders)");
    cluster_exec(f.cluster, "INSERT INTO fills VALUES ('ACC', 'c-5')");
    cr_expect_eq(store_prune_range(f.store, &prune, in_seconds(20), &err), PRUNE_FAILED);
    cr_expect_str_eq(err.code, "23503", "%s", err.text);
    cr_expect_eq(count_orders(&f), 100);
    fixture_close(&f);
}

/* A trigger of the operator's keeps an order. A rule or a policy would have the same effect. */
Test(prune, fails_if_the_table_keeps_an_order, .timeout = TEST_S)
{
    struct fixture f = open_with(100, true);
    struct store_prune prune = prune_before(BASE_MS + 50, 20);
    struct err err = { 0 };
    cluster_exec(f.cluster, "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS "
                            "$$ BEGIN RETURN NULL; END $$;"
                            "CREATE TRIGGER keep BEFORE DELETE ON orders FOR EACH ROW "
                            "WHEN (OLD.client_order_id = 'c-25') EXECUTE FUNCTION keep()");
    prune_range(&f, &prune);
    cr_expect_eq(store_prune_range(f.store, &prune, in_seconds(20), &err), PRUNE_FAILED);
    cr_expect_not_null(strstr(err.text, "a trigger, a rule or a policy"), "%s", err.text);
    cr_expect_eq(prune.orders, 20);
    cr_expect_eq(count_orders(&f), 80, "the range of this order is rolled back");
    fixture_close(&f);
}

Test(prune, needs_the_right_to_delete, .timeout = TEST_S)
{
    struct fixture f = open_with(100, true), clerk = { .cluster = f.cluster };
    struct store_prune prune = prune_before(BASE_MS + 50, 20);
    struct err err = { 0 };
    char conninfo[512];
    cluster_exec(f.cluster, "CREATE ROLE clerk LOGIN; GRANT SELECT, INSERT ON orders TO clerk");
    (void)snprintf(conninfo, sizeof conninfo, "%s user=clerk", pooler_conninfo_for(f.cluster));
    fixture_connect(&clerk, conninfo, !pooler_forbids_prepare());
    cr_expect_eq(store_prune_range(clerk.store, &prune, in_seconds(20), &err), PRUNE_FAILED);
    cr_expect_str_eq(err.code, "42501", "%s", err.text);
    cr_expect_eq(count_orders(&f), 100);
    fixture_disconnect(&clerk);
    fixture_close(&f);
}

Test(prune, without_a_server_may_be_tried_again, .timeout = TEST_S)
{
    struct fixture f = open_with(10, true);
    struct store_prune prune = prune_before(BASE_MS + 50, 20);
    int64_t now_ms = -1;
    cluster_stop(f.cluster, CLUSTER_IMMEDIATE);
    cr_expect_eq(store_prune_range(f.store, &prune, in_seconds(0.5), NULL), PRUNE_RETRY);
    cr_expect_eq(store_prune_clock(f.store, in_seconds(0.5), &now_ms, NULL), PRUNE_RETRY);
    cr_expect_eq(now_ms, -1);
    cluster_start(f.cluster);
    cr_expect(
        WAIT_UNTIL(store_prune_range(f.store, &prune, in_seconds(5), NULL) == PRUNE_OK, SOON_S));
    cr_expect(prune.done);
    cr_expect_eq(prune.orders, 10);
    fixture_close(&f);
}

Test(prune, uses_the_earlier_of_two_clocks, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    int64_t now_ms = 0, before_ms = clock_wall_us() / 1000;
    cr_assert_eq(store_prune_clock(f.store, in_seconds(20), &now_ms, NULL), PRUNE_OK);
    cr_expect_geq(now_ms, before_ms - 1, "one machine has one clock");
    cr_expect_leq(now_ms, clock_wall_us() / 1000);
    fixture_close(&f);
}

/* ---- settings ---- */

/* Notes the settings that hold while orders are removed. */
#define NOTE_SETTINGS                                                                              \
    "CREATE TABLE noted (name text, value text); CREATE FUNCTION note() RETURNS trigger "          \
    "LANGUAGE plpgsql AS $$ BEGIN INSERT INTO noted SELECT n, current_setting(n) FROM unnest('{"   \
    "statement_timeout,lock_timeout,idle_in_transaction_session_timeout,synchronous_commit,"       \
    "transaction_isolation,enable_indexscan,enable_indexonlyscan}'::text[]) AS n; RETURN NULL; "   \
    "END $$; "                                                                                     \
    "CREATE TRIGGER note AFTER DELETE ON orders FOR EACH STATEMENT EXECUTE FUNCTION note()"

static const char *const hostile[] = {
    "statement_timeout = '5s'",
    "lock_timeout = 0",
    "synchronous_commit = off",
    "idle_in_transaction_session_timeout = 0",
    "enable_indexscan = off",
    "enable_indexonlyscan = off",
    "default_transaction_isolation = 'serializable'",
    "quote_all_identifiers = on",
};

/* A role that has the rights that prune needs, and no others. */
static struct fixture connect_hostile(struct cluster *cluster, bool prepare)
{
    struct fixture f = { .cluster = cluster };
    char text[512];
    cluster_exec(cluster, "CREATE ROLE hostile LOGIN; GRANT SELECT, DELETE ON orders TO hostile; "
                          "GRANT INSERT ON noted TO hostile");
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        (void)snprintf(text, sizeof text, "ALTER ROLE hostile SET %s", hostile[i]);
        cluster_exec(cluster, text);
    }
    (void)snprintf(text, sizeof text, "%s user=hostile", pooler_conninfo_for(cluster));
    fixture_connect(&f, text, prepare && !pooler_forbids_prepare());
    return f;
}

static void expect_own_settings(bool prepare)
{
    struct fixture f = open_with(100, true);
    cluster_exec(f.cluster, NOTE_SETTINGS);
    struct fixture hostile_role = connect_hostile(f.cluster, prepare);
    struct store_prune prune = prune_before(BASE_MS + 50, 50);
    cr_expect_eq(prune_all(&hostile_role, &prune), 1);
    cr_expect_eq(cluster_query_int(f.cluster,
                                   "SELECT count(*) FROM noted WHERE (name, value) IN ("
                                   "('statement_timeout', '20s'), ('lock_timeout', '1s'), "
                                   "('idle_in_transaction_session_timeout', '30s'), "
                                   "('synchronous_commit', 'on'), "
                                   "('transaction_isolation', 'read committed'), "
                                   "('enable_indexscan', 'on'), ('enable_indexonlyscan', 'on'))"),
                 7);
    cr_expect_eq(count_orders(&f), 50);
    fixture_disconnect(&hostile_role);
    fixture_close(&f);
}

Test(prune, goes_before_the_settings_of_its_role, .timeout = TEST_S)
{
    expect_own_settings(true);
    expect_own_settings(false);
}

/* ---- the plan ---- */

/* Both statements of a range read the index on order_id in its order, without statistics too, so
 * they read no order outside the range. The session that runs them has auto_explain, which writes
 * plans to the server's log. */
Test(prune, finds_orders_by_their_index, .timeout = TEST_S)
{
    static const char conf[] = "session_preload_libraries = 'auto_explain'\n"
                               "auto_explain.log_min_duration = 0\n"
                               "autovacuum = off\n";
    static const char *const slow[] = { "Seq Scan", "Bitmap", "Sort" };
    struct fixture f = { .cluster = cluster_open(&(struct cluster_options){ .conf = conf }) };
    fixture_connect(&f, pooler_conninfo_for(f.cluster), !pooler_forbids_prepare());
    fixture_migrate(&f);
    char sql[640], line[1 << 12];
    (void)snprintf(sql, sizeof sql, INSERT_ORDERS, 20000);
    cluster_exec(f.cluster, sql);
    struct store_prune prune = prune_before(BASE_MS + 5000, 1000);
    cr_expect_eq(prune_all(&f, &prune), 5);
    fixture_disconnect(&f);

    char path[512];
    (void)snprintf(path, sizeof path, "%s/log", cluster_folder(f.cluster));
    FILE *log = fopen(path, "re");
    cr_assert_not_null(log, "%s", path);
    int scans = 0;
    for (bool ours = false; fgets(line, sizeof line, log) != NULL;) {
        if (strstr(line, "Query Text: ") != NULL)
            ours = strstr(line, "FROM orders WHERE order_id >= $1::uuid") != NULL;
        scans += ours && strstr(line, "using orders_order_id on orders") != NULL;
        for (size_t i = 0; ours && i < sizeof slow / sizeof slow[0]; i++)
            cr_expect_null(strstr(line, slow[i]), "%s", line);
    }
    cr_expect_geq(scans, 10, "%d", scans);
    fclose(log);
    cluster_close(&f.cluster);
}
