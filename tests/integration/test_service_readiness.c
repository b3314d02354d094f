/* Ready means that an order can be stored: each thing that an order needs is taken away and given
 * back, as an operator of the database would, and /health/ready, /health and /status follow by
 * themselves.
 * The service has the role that docs/OPERATIONS.md gives it: it may read and add orders. */
#include <stdlib.h>
#include <string.h>

#include "service_rig.h"
#include "side_session.h"
#include "support/cluster_xids.h"

#define CHECKED_OFTEN "DATABASE_HEALTH_CHECK_INTERVAL=500ms", "DATABASE_HEALTH_CHECK_TIMEOUT=500ms"
/* For tests in which no check may fail: on a busy machine one may take long. */
#define CHECKED_CALMLY "DATABASE_HEALTH_CHECK_INTERVAL=3s", "DATABASE_HEALTH_CHECK_TIMEOUT=3s"

static const char grants[] = "GRANT SELECT, INSERT ON orders TO clerk;"
                             "GRANT SELECT ON ordersd_migrations TO clerk";

enum pace { OFTEN, CALMLY };

static struct rig spawn_as_clerk(struct cluster *cluster, enum pace pace)
{
    char *url = support_text("DATABASE_URL=%s user=clerk", pooler_conninfo_for(cluster));
    const char *const often[] = { url, CHECKED_OFTEN, "DATABASE_MIGRATE=false", NULL };
    const char *const calmly[] = { url, CHECKED_CALMLY, "DATABASE_MIGRATE=false", NULL };
    struct rig rig = rig_spawn(cluster, pace == OFTEN ? often : calmly);
    free(url);
    return rig;
}

/* Makes the table, then starts the daemon as the role `clerk`, and does not wait for it. */
static struct rig spawn_clerk(struct cluster *cluster, enum pace pace)
{
    char *output;
    cr_assert_eq(rig_run(cluster, NULL, LIST("migrate"), &output), 0, "%s", output);
    free(output);
    cluster_exec(cluster, "CREATE ROLE clerk LOGIN");
    cluster_exec(cluster, grants);
    return spawn_as_clerk(cluster, pace);
}

static void stop_daemon(struct rig *rig)
{
    cr_assert_eq(daemon_stop(rig->daemon), 0);
    daemon_close(&rig->daemon);
    http_client_close(&rig->http);
}

static struct rig open_clerk(enum pace pace)
{
    struct rig rig = spawn_clerk(cluster_open(NULL), pace);
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S), "%s",
              daemon_log(rig.daemon));
    return rig;
}

/* ---- what is seen ---- */

static bool has_why(const struct answer *status, const char *why)
{
    size_t i;
    json_t *each;
    json_array_foreach(json_object_get(status->json, "why"), i,
                       each) if (strstr(json_string_value(each), why) != NULL) return true;
    return false;
}

/* /status says this, and why. */
static bool status_says(struct rig *rig, const char *want, const char *why)
{
    struct answer status = rig_get(rig, "/status");
    bool met = strcmp(answer_text(&status, "status"), want) == 0 && has_why(&status, why);
    answer_fini(&status);
    return met;
}

/* The probe has that status, and its `output` says why. */
static bool probe_says(struct rig *rig, const char *path, int status, const char *why)
{
    struct answer probe = rig_get(rig, path);
    bool met = probe.status == status && strstr(answer_text(&probe, "output"), why) != NULL;
    answer_fini(&probe);
    return met;
}

static int post(struct rig *rig, const char *account, int number)
{
    char *body = support_text("{'account_id':'%s','client_order_id':'%d','symbol':'X','side':'buy',"
                              "'type':'market','quantity':'1'}",
                              account, number);
    struct answer answer = rig_post(rig, body);
    int status = answer.status;
    answer_fini(&answer);
    free(body);
    return status;
}

/* The answer may be 200: on a busy machine an earlier try ended with 504 and was stored. */
static bool is_stored(struct rig *rig, const char *account, int number)
{
    int status = post(rig, account, number);
    return status == 201 || status == 200;
}

static void exec_each(struct cluster *cluster, const char *const *statements)
{
    for (size_t i = 0; statements[i] != NULL; i++)
        cluster_exec(cluster, statements[i]);
}

/* ---- what an order needs ---- */

struct fault {
    const char *name, *why;
    const char *break_it[4], *mend_it[4];
};

#define FAULT(name, why, breaks, mends)                                                            \
    {                                                                                              \
        name, why, { breaks },                                                                     \
        {                                                                                          \
            mends                                                                                  \
        }                                                                                          \
    }

/* clang-format off: one row, one fault */
static const struct fault faults[] = {
    FAULT("no INSERT", "permission denied for table orders", "REVOKE INSERT ON orders FROM clerk",
          "GRANT INSERT ON orders TO clerk"),
    FAULT("no SELECT", "permission denied for table orders", "REVOKE SELECT ON orders FROM clerk",
          "GRANT SELECT ON orders TO clerk"),
    FAULT("no USAGE", "\"orders\" does not exist", "REVOKE ALL ON SCHEMA public FROM PUBLIC",
          "GRANT USAGE ON SCHEMA public TO PUBLIC"),
    FAULT("renamed", "\"orders\" does not exist", "ALTER TABLE orders RENAME TO old",
          "ALTER TABLE old RENAME TO orders"),
    FAULT("moved", "\"orders\" does not exist",
          "CREATE SCHEMA attic; ALTER TABLE orders SET SCHEMA attic",
          "ALTER TABLE attic.orders SET SCHEMA public"),
    FAULT("a column renamed", "column \"symbol\" of relation \"orders\" does not exist",
          "ALTER TABLE orders RENAME symbol TO ticker",
          "ALTER TABLE orders RENAME ticker TO symbol"),
    FAULT("a column dropped", "column \"metadata\" of relation \"orders\" does not exist",
          "ALTER TABLE orders DROP metadata", "ALTER TABLE orders ADD metadata jsonb"),
    FAULT("a column of another type", "column \"metadata\" is of type integer",
          "ALTER TABLE orders ALTER metadata TYPE int USING NULL",
          "ALTER TABLE orders ALTER metadata TYPE jsonb USING NULL"),
    FAULT("no key", "no unique or exclusion constraint",
          "ALTER TABLE orders DROP CONSTRAINT orders_pkey",
          "ALTER TABLE orders ADD PRIMARY KEY (account_id, client_order_id)"),
    FAULT("dropped", "\"orders\" does not exist",
          "CREATE TABLE spare (LIKE orders INCLUDING ALL); DROP TABLE orders",
          "ALTER TABLE spare RENAME TO orders; GRANT SELECT, INSERT ON orders TO clerk"),
};
/* clang-format on */

Test(readiness, falls_and_rises_with_what_an_order_needs, .timeout = TEST_S)
{
    struct rig rig = open_clerk(OFTEN);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const struct fault *fault = &faults[i];
        exec_each(rig.cluster, fault->break_it);
        cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 503, fault->why), SOON_S), "%s",
                  fault->name);
        cr_expect(probe_says(&rig, "/health", 503, fault->why), "%s", fault->name);
        cr_expect(status_says(&rig, "fail", fault->why), "%s", fault->name);
        cr_expect_geq(post(&rig, "ACC", (int)i), 500, "%s", fault->name);
        exec_each(rig.cluster, fault->mend_it);
        cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S), "%s is mended",
                  fault->name);
        cr_expect(WAIT_UNTIL(is_stored(&rig, "ACC", (int)i), SOON_S), "%s is mended", fault->name);
    }
    cr_expect(daemon_log_contains(rig.daemon, "pool.unhealthy"));
    cr_expect(daemon_log_contains(rig.daemon, "permission denied for table orders"));
    rig_close(&rig);
}

Test(readiness, falls_while_the_database_takes_no_writes, .timeout = TEST_S)
{
    struct rig rig = open_clerk(OFTEN);
    cluster_exec(rig.cluster, "ALTER SYSTEM SET default_transaction_read_only = on");
    cluster_exec(rig.cluster, "SELECT pg_reload_conf()");
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 503, "read_only"), SOON_S) ||
              WAIT_UNTIL(probe_says(&rig, "/health/ready", 503, "read-only"), SOON_S));
    cluster_exec(rig.cluster, "ALTER SYSTEM RESET default_transaction_read_only");
    cluster_exec(rig.cluster, "SELECT pg_reload_conf()");
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S));
    cr_expect(WAIT_UNTIL(is_stored(&rig, "ACC", 1), SOON_S));
    rig_close(&rig);
}

/* Without SELECT a new order can be stored, but a replay cannot be compared. */
Test(readiness, needs_the_right_to_read_an_order_back, .timeout = TEST_S)
{
    struct rig rig = open_clerk(OFTEN);
    cluster_exec(rig.cluster,
                 "REVOKE SELECT ON orders FROM clerk;"
                 "GRANT SELECT (account_id, client_order_id, order_id) ON orders TO clerk");
    cr_expect(WAIT_UNTIL(
        probe_says(&rig, "/health/ready", 503, "orders cannot be read: permission"), SOON_S));
    cluster_exec(rig.cluster, grants);
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S));
    rig_close(&rig);
}

static double checks_passed(struct rig *rig)
{
    return rig_metric(rig, "ordersd_pool_health_checks_total{pool=\"main\",result=\"pass\"}");
}

static double checks_failed(struct rig *rig)
{
    return rig_metric(rig, "ordersd_pool_health_checks_total{pool=\"main\",result=\"fail\"}");
}

/* Readiness ignores a locked table: the lock ends, and may concern one order alone. */
Test(readiness, stays_while_somebody_holds_a_lock, .timeout = TEST_S)
{
    struct rig rig = open_clerk(CALMLY);
    PGconn *lock = side_session_begin(&rig, "LOCK TABLE orders");
    double before = checks_passed(&rig);
    cr_expect(WAIT_UNTIL(checks_passed(&rig) >= before + 3, SOON_S));
    cr_expect(probe_says(&rig, "/health/ready", 200, ""));

    stop_daemon(&rig); /* a service that starts meanwhile can neither check the table nor insert its
                          canary */
    rig = spawn_as_clerk(rig.cluster, CALMLY);
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S));
    before = checks_passed(&rig);
    cr_expect(WAIT_UNTIL(checks_passed(&rig) >= before + 3, SOON_S));
    cr_expect_not(daemon_log_contains(rig.daemon, "database.canary_refused"));
    side_session_end(lock, "ROLLBACK");
    rig_close(&rig);
}

/* ---- how it begins ---- */

Test(readiness, waits_for_somebody_to_migrate, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct rig rig = rig_spawn(cluster, LIST("DATABASE_MIGRATE=false", CHECKED_CALMLY));
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 503, "schema is version 0"), SOON_S));
    cr_expect_not(daemon_log_contains(rig.daemon, "pool.unhealthy"),
                  "a table that nobody has made yet is no fault of the database");
    char *output;
    cr_assert_eq(rig_run(cluster, NULL, LIST("migrate"), &output), 0, "%s", output);
    free(output);
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S));
    cr_expect_not(daemon_log_contains(rig.daemon, "pool.unhealthy"));
    rig_close(&rig);
}

/* No order has to fail first. */
Test(readiness, does_not_begin_without_the_rights, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct rig rig = spawn_clerk(cluster, OFTEN);
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    stop_daemon(&rig);
    cluster_exec(cluster, "REVOKE INSERT ON orders FROM clerk");
    rig = spawn_as_clerk(cluster, OFTEN);
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 503, "permission denied"), SOON_S));
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/startup", 200, ""), SOON_S));
    cluster_exec(cluster, grants);
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S));
    rig_close(&rig);
}

/* Where the table is in another schema, and not the only one of its name. */
Test(readiness, looks_where_the_role_looks, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    cluster_exec(cluster, "CREATE SCHEMA desk; CREATE TABLE orders (id int);"
                          "ALTER ROLE postgres SET search_path = desk");
    struct rig rig = rig_spawn(cluster, LIST(CHECKED_OFTEN));
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S));
    cr_expect(WAIT_UNTIL(is_stored(&rig, "ACC", 1), SOON_S));
    cluster_exec(cluster, "ALTER TABLE desk.orders RENAME TO old");
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 503, "does not exist"), SOON_S));
    rig_close(&rig);
}

/* ---- a table that does not outlive a crash ---- */

static const char partitions[] =
    "ALTER TABLE orders RENAME TO whole;"
    "CREATE TABLE orders (LIKE whole INCLUDING ALL) PARTITION BY HASH (account_id);"
    "CREATE TABLE orders_0 PARTITION OF orders FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
    "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
    "GRANT SELECT, INSERT ON orders TO clerk";

static void expect_warning(struct rig *rig, const char *table)
{
    char *off = support_text("ALTER TABLE %s SET UNLOGGED", table);
    char *on = support_text("ALTER TABLE %s SET LOGGED", table);
    cluster_exec(rig->cluster, off);
    cr_expect(WAIT_UNTIL(status_says(rig, "warn", "unlogged"), SOON_S), "%s", table);
    cr_expect(probe_says(rig, "/health/ready", 200, ""), "it is a warning");
    cr_expect(daemon_log_wait(rig->daemon, "database.unlogged", SOON_S));
    cluster_exec(rig->cluster, on);
    cr_expect(WAIT_UNTIL(!status_says(rig, "warn", "unlogged"), SOON_S), "%s", table);
    free(off);
    free(on);
}

Test(unlogged, is_a_warning, .timeout = TEST_S)
{
    struct rig rig = open_clerk(OFTEN);
    cr_expect_not(daemon_log_contains(rig.daemon, "database.unlogged"));
    expect_warning(&rig, "orders");
    cluster_exec(rig.cluster, partitions);
    cr_expect(WAIT_UNTIL(is_stored(&rig, "ACC", 1), SOON_S));
    expect_warning(&rig, "orders_1");
    rig_close(&rig);
}

/* ---- a check that may not look everywhere ---- */

Test(readiness, says_when_the_check_may_not_look, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    cluster_exec(cluster, "REVOKE SELECT ON pg_database FROM PUBLIC");
    struct rig rig = spawn_clerk(cluster, CALMLY);
    cr_expect(WAIT_UNTIL(status_says(&rig, "warn", "pg_database"), SOON_S));
    cr_expect(probe_says(&rig, "/health/ready", 200, ""), "orders can be stored all the same");
    cr_expect(daemon_log_contains(rig.daemon, "database.check_limited"));
    cluster_exec(cluster, "GRANT SELECT ON pg_database TO clerk");
    cr_expect(WAIT_UNTIL(!status_says(&rig, "warn", "pg_database"), SOON_S));
    rig_close(&rig);
}

Test(readiness, has_no_figure_of_slots_that_the_check_may_not_read, .timeout = TEST_S)
{
    static const char sample[] = "ordersd_database_slot_wal_bytes";
    struct rig rig = open_clerk(CALMLY);
    cluster_exec(rig.cluster,
                 "DO $$ BEGIN PERFORM pg_create_physical_replication_slot('left_behind', true); "
                 "PERFORM pg_logical_emit_message(true, 'test', repeat('x', 100000)); END $$");
    cr_expect(WAIT_UNTIL(rig_metric(&rig, sample) >= 100000, SOON_S));
    cluster_exec(rig.cluster, "REVOKE SELECT ON pg_replication_slots FROM PUBLIC");
    cr_expect(WAIT_UNTIL(status_says(&rig, "warn", "pg_replication_slots"), SOON_S));
    cr_expect_eq(rig_metric(&rig, sample), 0);
    rig_close(&rig);
}

/* ---- what only a write shows ---- */

/* Fails every order that `condition` is true of, with that SQLSTATE; `name` orders it among the
 * triggers of the table. */
static void add_trigger(struct rig *rig, const char *name, const char *condition, const char *code)
{
    char *sql = support_text(
        "CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF %s THEN RAISE EXCEPTION 'it is so' USING ERRCODE = '%s'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER %s BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION %s()",
        name, condition, code, name, name);
    cluster_exec(rig->cluster, sql);
    free(sql);
}

static void drop_trigger(struct rig *rig, const char *name)
{
    char *sql = support_text("DROP FUNCTION %s() CASCADE", name);
    cluster_exec(rig->cluster, sql);
    free(sql);
}

/* Posts an order that fails; it must not be taken for one that was stored. */
static void post_in_vain(struct rig *rig, const char *account, int number)
{
    int status = post(rig, account, number);
    cr_expect_geq(status, 400, "%s %d: %d", account, number, status);
}

/* No check by its plans alone sees this, and no order comes that could end it: the check does what
 * an order does. */
Test(writes, that_fail_are_seen_and_their_end_too, .timeout = TEST_S)
{
    static const char *const codes[] = { "53100", "42P01", "58030" };
    struct rig rig = rig_open(LIST(CHECKED_OFTEN, "ORDERS_COMMIT_TIMEOUT=2s"));
    for (int i = 0; i < 3; i++) {
        add_trigger(&rig, "no_space", "true", codes[i]);
        post_in_vain(&rig, "ACC", i);
        cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 503, codes[i]), SOON_S), "%s",
                  codes[i]);
        cr_expect(status_says(&rig, "fail", "none was stored since"), "%s", codes[i]);
        drop_trigger(&rig, "no_space");
        cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S), "%s", codes[i]);
        cr_expect(WAIT_UNTIL(is_stored(&rig, "ACC", i), SOON_S), "%s", codes[i]);
    }
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"), 3);
    rig_close(&rig);
}

/* The plan is good, but an INSERT fails. */
Test(writes, that_lack_a_value_are_seen, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST(CHECKED_OFTEN, "ORDERS_COMMIT_TIMEOUT=2s"));
    cluster_exec(rig.cluster, "ALTER TABLE orders ADD desk text NOT NULL");
    post_in_vain(&rig, "ACC", 1);
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 503, "23502"), SOON_S));
    cluster_exec(rig.cluster, "ALTER TABLE orders ALTER desk SET DEFAULT 'main'");
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S));
    cr_expect(WAIT_UNTIL(is_stored(&rig, "ACC", 1), SOON_S));
    rig_close(&rig);
}

/* PostgreSQL gives no more transaction ids: the check sees that without any order. */
Test(writes, that_get_no_transaction_id_are_seen, .timeout = TEST_S)
{
    static const struct cluster_options options = { .conf = CLUSTER_XIDS_CONF };
    struct rig rig = rig_spawn(cluster_open(&options), LIST(CHECKED_OFTEN));
    cr_assert(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S));
    cluster_exhaust_xids(rig.cluster);
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 503, "wraparound"), SOON_S));
    post_in_vain(&rig, "ACC", 1);
    cr_expect(probe_says(&rig, "/health/ready", 503, "wraparound"));
    cluster_vacuum_xids(rig.cluster);
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S));
    cr_expect(WAIT_UNTIL(is_stored(&rig, "ACC", 1), SOON_S));
    rig_close(&rig);
}

/* ---- what is about one account ---- */

static const char lists[] =
    "ALTER TABLE orders RENAME TO whole;"
    "CREATE TABLE orders (LIKE whole INCLUDING ALL) PARTITION BY LIST (account_id);"
    "CREATE TABLE orders_acc PARTITION OF orders FOR VALUES IN ('ACC');"
    "GRANT SELECT, INSERT ON orders TO clerk";
static const char policies[] =
    "ALTER TABLE orders ENABLE ROW LEVEL SECURITY;"
    "CREATE POLICY reads ON orders FOR SELECT USING (true);"
    "CREATE POLICY adds ON orders FOR INSERT WITH CHECK (account_id = 'ACC')";

/* All orders are of an account without a partition, or of one that a policy forbids. The same is
 * true of the canary. */
Test(writes, that_a_rule_refuses_make_nothing_unready, .timeout = TEST_S)
{
    const char *const rules[] = { lists, policies };
    for (int i = 0; i < 2; i++) {
        struct rig rig = open_clerk(CALMLY);
        cluster_exec(rig.cluster, rules[i]);
        double before = checks_passed(&rig);
        for (int n = 0; n < 4; n++)
            post_in_vain(&rig, "odd", n);
        cr_expect(WAIT_UNTIL(checks_passed(&rig) >= before + 3, SOON_S));
        cr_expect(probe_says(&rig, "/health/ready", 200, ""), "%d", i);
        cr_expect_eq(checks_failed(&rig), 0, "%d", i);
        cr_expect(WAIT_UNTIL(is_stored(&rig, "ACC", 1), SOON_S), "%d", i);
        rig_close(&rig);
    }
}

/* All orders are of one account that cannot be stored, by a fault that is not the orders'. */
Test(writes, of_one_odd_account_make_nothing_unready, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST(CHECKED_CALMLY, "ORDERS_COMMIT_TIMEOUT=2s"));
    add_trigger(&rig, "odd", "NEW.account_id = 'odd'", "53100");
    double before = checks_passed(&rig);
    for (int i = 0; i < 3; i++) {
        post_in_vain(&rig, "odd", i);
        cr_expect(probe_says(&rig, "/health/ready", 200, ""));
    }
    cr_expect(WAIT_UNTIL(status_says(&rig, "warn", "none was stored since"), SOON_S));
    cr_expect(WAIT_UNTIL(checks_passed(&rig) >= before + 3, SOON_S));
    cr_expect_eq(checks_failed(&rig), 0);
    cr_expect(WAIT_UNTIL(is_stored(&rig, "ACC", 1), SOON_S));
    cr_expect(WAIT_UNTIL(status_says(&rig, "warn", "beside others that were stored"), SOON_S));
    post_in_vain(&rig, "odd", 9);
    cr_expect(probe_says(&rig, "/health/ready", 200, ""));
    rig_close(&rig);
}

/* The owner's rules refuse the account of the health check. Then failed groups of several accounts
 * count instead, and only for a while. */
Test(writes, that_the_check_may_not_try_are_told_by_groups, .timeout = TEST_S)
{
    struct rig rig = rig_spawn(cluster_open(NULL), LIST("DATABASE_HEALTH_CHECK_INTERVAL=1h"));
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    stop_daemon(&rig);
    add_trigger(&rig, "a_known", "NEW.account_id NOT IN ('ACC', 'BCC')", "P0001");
    rig = rig_spawn(rig.cluster, LIST(CHECKED_CALMLY, "ORDERS_COMMIT_TIMEOUT=2s"));
    cr_expect(daemon_log_wait(rig.daemon, "database.canary_refused", SOON_S));
    cr_expect_eq(checks_failed(&rig), 0, "that is no fault of the database");
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S));

    add_trigger(&rig, "b_full", "true", "53100");
    for (int i = 0; i < 3; i++)
        post_in_vain(&rig, "ACC", i);
    cr_expect(probe_says(&rig, "/health/ready", 200, ""), "one account");
    cr_expect(WAIT_UNTIL((post_in_vain(&rig, "BCC", 0),
                          probe_says(&rig, "/health/ready", 503, "groups of orders fail")),
                         SOON_S));
    drop_trigger(&rig, "b_full");
    cr_expect(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S), "orders come again");
    cr_expect(WAIT_UNTIL(is_stored(&rig, "BCC", 1), SOON_S));
    rig_close(&rig);
}

/* ---- what the check costs ---- */

static int64_t next_transaction(struct rig *rig)
{
    return cluster_query_int(rig->cluster, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text");
}

Test(check, takes_no_transaction_id, .timeout = TEST_S)
{
    static const struct cluster_options calm = { .conf = "autovacuum = off" };
    struct rig rig = rig_spawn(cluster_open(&calm), LIST(CHECKED_OFTEN));
    cr_assert(WAIT_UNTIL(probe_says(&rig, "/health/ready", 200, ""), SOON_S));
    double begin = checks_passed(&rig);
    cr_expect(WAIT_UNTIL(checks_passed(&rig) >= begin + 3, SOON_S), "the first canary is over");
    int64_t before = next_transaction(&rig);
    begin = checks_passed(&rig);
    cr_expect(WAIT_UNTIL(checks_passed(&rig) >= begin + 5, SOON_S));
    cr_expect_eq(next_transaction(&rig), before);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"), 0);
    rig_close(&rig);
}
