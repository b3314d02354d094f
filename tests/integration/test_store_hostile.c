/* A role with settings that do not suit this service: its sessions override them. Settings that an
 * operator may mean are kept: search_path, row_security, a read-only default. */
#include "store_fixture.h"

#include <libpq-fe.h>
#include <string.h>
#include <unistd.h>

static const char *const settings[] = {
    "statement_timeout = '5s'",
    "lock_timeout = '1ms'",
    "idle_in_transaction_session_timeout = '5s'",
    "idle_session_timeout = '5s'",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on",
    "exit_on_error = on",
    "client_min_messages = 'error'",
    "client_encoding = 'LATIN1'",
    "synchronous_commit = off",
    "standard_conforming_strings = off",
    "\"DateStyle\" = 'German, DMY'",
    "\"IntervalStyle\" = 'sql_standard'",
    "\"TimeZone\" = 'Pacific/Chatham'",
    "bytea_output = 'escape'",
    "extra_float_digits = -15",
    "array_nulls = off",
    "transform_null_equals = on",
    "plan_cache_mode = 'force_generic_plan'",
    "jit = on",
    "enable_indexscan = off",
    "enable_nestloop = off",
    "work_mem = '64kB'",
    "quote_all_identifiers = on",
    "search_path = 'elsewhere'",
};

static struct fixture open_hostile(bool prepare)
{
    struct fixture f = { .cluster = cluster_open(NULL) };
    char sql[160], conninfo[200];
    cluster_exec(f.cluster, "CREATE ROLE hostile LOGIN; GRANT CREATE ON DATABASE postgres TO "
                            "hostile; CREATE SCHEMA elsewhere AUTHORIZATION hostile");
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        (void)snprintf(sql, sizeof sql, "ALTER ROLE hostile SET %s", settings[i]);
        cluster_exec(f.cluster, sql);
    }
    (void)snprintf(conninfo, sizeof conninfo, "host=%s port=%d user=hostile dbname=postgres",
                   cluster_folder(f.cluster), cluster_port(f.cluster));
    fixture_connect(&f, conninfo, prepare);
    fixture_migrate(&f);
    return f;
}

/* Their INSERT takes longer than the role lets a statement take. */
static void make_new_ones_slow(struct fixture *f)
{
    cluster_exec(f->cluster, "CREATE FUNCTION elsewhere.slow() RETURNS trigger LANGUAGE plpgsql "
                             "AS $$ BEGIN PERFORM pg_sleep(6); RETURN NULL; END $$;"
                             "CREATE TRIGGER slow AFTER INSERT ON elsewhere.orders FOR EACH ROW "
                             "EXECUTE FUNCTION elsewhere.slow()");
}

static void expect_stored(struct fixture *f, const struct order *order)
{
    struct order got = { 0 };
    struct err err = { 0 };
    cr_assert_eq(f->orders->get_by_id(f->orders->ctx, order->order_id, &got, in_seconds(10), &err),
                 LOOKUP_OK, "%s %s", err.code, err.text);
    cr_expect_str_eq(got.order_id, order->order_id);
    cr_expect_eq(got.received_at_us, order->received_at_us);
    cr_expect_eq(order_diff(order, &got), 0);
    order_fini(&got);
}

static bool put_atomically(struct fixture *f, struct order_put *put, struct store_failure *failure)
{
    struct put_group group = { .puts = &put,
                               .n = 1,
                               .atomic = true,
                               .deadline_at_ns = in_seconds(20),
                               .before_send = nothing_before_send };
    return f->orders->put(f->orders->ctx, &group, failure);
}

static uint64_t lost(struct fixture *f)
{
    struct pqpool_stats stats;
    pqpool_stats(f->pool, &stats);
    uint64_t n = stats.counters.health_checks_failed;
    for (unsigned i = 0; pqpool_close_reason_name(i) != NULL; i++)
        n += stats.counters.closed[i];
    return n;
}

static void expect_service(bool prepare)
{
    struct fixture f = open_hostile(prepare);
    struct store_failure failure;
    make_new_ones_slow(&f);
    struct order one = make_order("ACC", "one"), again = make_order("ACC", "one"),
                 two = make_order("ACC", "two");
    set_metadata(&one, "{\"note\":\"\xc3\xa9\\n\"}");
    cr_expect_eq(put_one(&f, &one, NULL), PUT_CREATED);
    set_metadata(&again, "{\"note\":\"\xc3\xa9\\n\"}");
    cr_expect_eq(put_one(&f, &again, NULL), PUT_REPLAYED);
    struct order_put put = { .order = &two };
    cr_expect(put_atomically(&f, &put, &failure), "%s %s", failure.err.code, failure.err.text);
    cr_expect_eq(put.verdict, PUT_CREATED);
    expect_stored(&f, &one);
    expect_stored(&f, &two);
    (void)sleep(11); /* more than twice what the role lets a session idle */
    expect_stored(&f, &one);
    cr_expect_eq(lost(&f), 0, "a connection was lost, or a health check failed");
    order_fini(&one);
    order_fini(&again);
    fixture_close(&f);
}

Test(hostile, sessions_go_before_their_roles_settings, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("it logs in by itself");
    expect_service(true);
}

Test(hostile, so_do_transactions_where_nothing_is_prepared, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("it logs in by itself");
    expect_service(false);
}

/* All of them, as the session has them. */
Test(hostile, each_setting_that_matters_is_ours, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("it logs in by itself");
    static const char *const ours[][2] = {
        { "statement_timeout", "0" },
        { "lock_timeout", "1s" },
        { "idle_in_transaction_session_timeout", "30s" },
        { "idle_session_timeout", "0" },
        { "default_transaction_isolation", "read committed" },
        { "exit_on_error", "off" },
        { "client_min_messages", "warning" },
        { "client_encoding", "UTF8" },
        { "synchronous_commit", "on" },
        { "plan_cache_mode", "auto" },
        { "jit", "off" },
        { "search_path", "elsewhere" },
    };
    struct fixture f = open_hostile(true);
    struct pqpool_lease *lease = NULL;
    cr_assert_eq(pqpool_acquire(f.pool, in_seconds(20), &lease, NULL), PQPOOL_OK);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        const struct pqpool_query query = { .sql = "SELECT current_setting($1)",
                                            .n_params = 1,
                                            .values = &ours[i][0] };
        PGresult *row = NULL;
        struct err err = { 0 };
        cr_assert_eq(pqpool_exec(lease, &query, in_seconds(20), &row, &err), PQPOOL_OK, "%s",
                     err.text);
        cr_expect_str_eq(PQgetvalue(row, 0, 0), ours[i][1], "%s", ours[i][0]);
        PQclear(row);
    }
    pqpool_release(&lease, PQPOOL_REUSE);
    fixture_close(&f);
}

/* A refusal costs the order, and no session. */
Test(hostile, an_error_ends_no_session, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("it logs in by itself");
    struct fixture f = open_hostile(true);
    struct store_failure failure;
    struct order bad = make_order("ACC", "bad");
    (void)snprintf(bad.quantity, sizeof bad.quantity, "0");
    struct order_put put1 = { .order = &bad };
    cr_expect_not(put(&f, &put1, 1, &failure));
    cr_expect_str_eq(failure.err.code, "23514", "%s", failure.err.text);
    cr_expect_eq(lost(&f), 0);
    fixture_close(&f);
}

/* What waited for a lock sees what its holder has committed: an order is a replay, and no failed
 * serialization. */
Test(hostile, a_transaction_sees_what_was_committed_since_it_began, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("it logs in by itself");
    struct fixture f = open_hostile(true);
    struct order mine = make_order("ACC", "same"), theirs = make_order("ACC", "same");
    char sql[400];
    (void)snprintf(sql, sizeof sql,
                   "BEGIN; INSERT INTO elsewhere.orders VALUES ('ACC', 'same', '%s', 'EURUSD', "
                   "'buy', 'limit', 1, 2.5, NULL, 'day', NULL, now()); "
                   "SELECT pg_sleep(0.6); COMMIT",
                   theirs.order_id);
    PGconn *pg = PQconnectdb(cluster_conninfo(f.cluster));
    cr_assert(PQsendQuery(pg, sql) == 1);
    cr_assert(WAIT_UNTIL(cluster_query_int(f.cluster, "SELECT count(*) FROM pg_stat_activity "
                                                      "WHERE wait_event = 'PgSleep'") == 1,
                         SOON_S));
    struct order_put put1 = { .order = &mine };
    struct store_failure failure;
    cr_expect(put_atomically(&f, &put1, &failure), "%s %s", failure.err.code, failure.err.text);
    cr_expect_eq(put1.verdict, PUT_REPLAYED);
    PQfinish(pg);
    fixture_close(&f);
}
