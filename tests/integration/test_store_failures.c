/* What the store says when PostgreSQL refuses, warns, or goes away: the action, whether the group
 * is in doubt, and that nobody is told "created" without a commit. */
#include <libpq-fe.h>

#include "store_fixture.h"
#include "support/cluster_standby.h"

/* A trigger `name` on orders that runs `body`. */
static void add_trigger(struct fixture *f, const char *timing, const char *name, const char *body)
{
    char sql[1024];
    (void)snprintf(sql, sizeof sql,
                   "CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s; "
                   "RETURN NEW; END $$; CREATE %s ON orders %s FOR EACH ROW EXECUTE FUNCTION %s()",
                   name, body, timing, strstr(timing, "CONSTRAINT") ? "INITIALLY DEFERRED" : "",
                   name);
    cluster_exec(f->cluster, sql);
}

#define DEFERRED(name) "CONSTRAINT TRIGGER " name " AFTER INSERT"
#define BEFORE(name) "TRIGGER " name " BEFORE INSERT"

struct expected {
    enum store_action action;
    bool in_doubt;
    const char *sqlstate;
};

/* The attempt fails so, and no put has a verdict. */
static void expect_failure(struct fixture *f, struct order_put *puts, size_t n,
                           const struct expected *want)
{
    struct store_failure failure;
    cr_assert_not(put(f, puts, n, &failure));
    cr_expect_eq(failure.action, want->action, "%d: %s", (int)failure.action, failure.err.text);
    cr_expect_eq(failure.in_doubt, want->in_doubt, "%s", failure.err.text);
    cr_expect_eq((failure.err.flags & ERR_UNCERTAIN) != 0, want->in_doubt);
    cr_expect_str_eq(failure.err.code, want->sqlstate);
    for (size_t i = 0; i < n; i++)
        cr_expect_eq(puts[i].verdict, PUT_PENDING);
}

static void refused_by_a_deferred_trigger(bool prepare)
{
    struct fixture f = fixture_open(prepare);
    add_trigger(&f, DEFERRED("refuse"), "refuse",
                "IF NEW.symbol = 'BAD' THEN RAISE EXCEPTION 'no'; END IF");
    struct order good = make_order("ACC-1", "a"), bad = make_order("ACC-1", "b");
    (void)snprintf(bad.symbol, sizeof bad.symbol, "BAD");
    struct order_put puts[] = { { .order = &good }, { .order = &bad } };
    expect_failure(&f, puts, 2, &(struct expected){ STORE_SPLIT, false, "P0001" });
    cr_expect_eq(count_orders(&f), 0);
    cr_expect_eq(put_one(&f, &good, NULL), PUT_CREATED, "alone");
    fixture_close(&f);
}

Test(failures, rows_came_back_but_the_commit_failed, .timeout = TEST_S)
{
    refused_by_a_deferred_trigger(true);
}

Test(failures, the_same_in_an_explicit_transaction, .timeout = TEST_S)
{
    refused_by_a_deferred_trigger(false);
}

Test(failures, a_locked_key, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct order o = make_order("ACC-1", "c-1");
    PGconn *other = PQconnectdb(cluster_conninfo(f.cluster));
    PQclear(PQexec(other, "BEGIN"));
    PQclear(PQexec(other,
                   "INSERT INTO orders VALUES ('ACC-1', 'c-1', gen_random_uuid(), 'X', 'buy', "
                   "'market', 1, NULL, NULL, 'day', NULL, now())"));
    struct order_put one = { .order = &o };
    expect_failure(&f, &one, 1, &(struct expected){ STORE_RETRY_THEN_SPLIT, false, "55P03" });
    PQclear(PQexec(other, "ROLLBACK"));
    cr_expect_eq(put_one(&f, &o, NULL), PUT_CREATED);
    PQfinish(other);
    fixture_close(&f);
}

Test(failures, no_table, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    cluster_exec(f.cluster, "ALTER TABLE orders RENAME TO elsewhere");
    struct order o = make_order("ACC-1", "c-1");
    struct order_put one = { .order = &o };
    struct err err;
    expect_failure(&f, &one, 1, &(struct expected){ STORE_SPLIT_OR_FAIL, false, "42P01" });
    cr_expect_eq(
        f.orders->get_by_id(f.orders->ctx, o.order_id, &(struct order){ 0 }, in_seconds(10), &err),
        LOOKUP_DATABASE_FAULT);
    cr_expect_str_eq(err.code, "42P01");
    fixture_close(&f);
}

Test(failures, no_server, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    cluster_stop(f.cluster, CLUSTER_IMMEDIATE);
    struct order o = make_order("ACC-1", "c-1"), got;
    struct order_put one = { .order = &o };
    struct store_failure failure;
    /* The first may still find its connection alive. */
    cr_expect_not(put_within(&f, &one, 1, false, 0.5, &failure));
    cr_expect_not(put_within(&f, &one, 1, false, 0.5, &failure));
    cr_expect_eq(failure.action, STORE_UNAVAILABLE, "%d", (int)failure.action);
    cr_expect_not(failure.in_doubt);
    cr_expect_eq(f.orders->get_by_id(f.orders->ctx, o.order_id, &got, in_seconds(0.5), NULL),
                 LOOKUP_UNAVAILABLE);
    cr_expect(WAIT_UNTIL(!put_within(&f, &one, 1, false, 20, &failure) && failure.down, 60),
              "known to be away");
    cr_expect_eq(failure.action, STORE_UNAVAILABLE);
    fixture_close(&f);
}

Test(failures, statements_that_are_gone_are_prepared_again, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct order a = make_order("ACC-1", "a"), b = make_order("ACC-1", "b");
    cr_assert_eq(put_one(&f, &a, NULL), PUT_CREATED);

    struct pqpool_lease *lease = NULL;
    struct pg_result *result = NULL;
    cr_assert_eq(pqpool_acquire(f.pool, in_seconds(10), &lease, NULL), PQPOOL_OK);
    const struct pqpool_query query = { .sql = "DEALLOCATE ALL" };
    cr_assert_eq(pqpool_exec(lease, &query, in_seconds(10), &result, NULL), PQPOOL_OK);
    PQclear(result);
    pqpool_release(&lease, PQPOOL_REUSE);

    cr_expect_eq(put_one(&f, &b, NULL), PUT_CREATED);
    fixture_close(&f);
}

/* 42P05: an attempt was given up while the server still prepared the statement. */
Test(failures, a_statement_that_was_prepared_behind_our_back, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    struct order first = make_order("ACC-1", "a"), second = make_order("ACC-1", "b");
    cr_expect_eq(put_one(&f, &first, NULL), PUT_CREATED);
    cr_assert_eq(pqpool_acquire(f.pool, in_seconds(10), &lease, &err), PQPOOL_OK);
    *pqpool_lease_bits(lease) = 0;
    pqpool_release(&lease, PQPOOL_REUSE);
    cr_expect_eq(put_one(&f, &second, NULL), PUT_CREATED);
    cr_expect_eq(count_orders(&f), 2);
    fixture_close(&f);
}

/* 0A000, "cached plan must not change result type". */
Test(failures, statements_that_are_stale_are_prepared_again, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct order o = make_order("ACC-1", "c-1"), got;
    cr_assert_eq(put_one(&f, &o, NULL), PUT_CREATED);
    for (int i = 0; i < 2; i++) {
        struct err err = { 0 };
        cr_assert_eq(f.orders->get_by_id(f.orders->ctx, o.order_id, &got, in_seconds(10), &err),
                     LOOKUP_OK, "%s", err.text);
        cr_expect_str_eq(got.symbol, "EURUSD");
        cluster_exec(f.cluster, "ALTER TABLE orders ALTER COLUMN symbol TYPE varchar(32)");
    }
    fixture_close(&f);
}

Test(failures, the_connection_is_lost_while_committing, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    add_trigger(&f, DEFERRED("die"), "die", "PERFORM pg_terminate_backend(pg_backend_pid())");
    struct order o = make_order("ACC-1", "c-1");
    struct order_put one = { .order = &o };
    expect_failure(&f, &one, 1, &(struct expected){ STORE_RETRY, true, "57P01" });
    cluster_exec(f.cluster, "DROP TRIGGER die ON orders");
    struct store_failure failure;
    cr_assert(put_within(&f, &one, 1, true, 20, &failure), "%s", failure.err.text);
    cr_expect_eq(one.verdict, PUT_CREATED, "it was not stored then, and is now");
    fixture_close(&f);
}

/* A transaction whose COMMIT was never sent stored nothing, whatever happened to it. */
Test(failures, the_connection_is_lost_before_the_commit, .timeout = TEST_S)
{
    struct fixture f = fixture_open(false);
    add_trigger(&f, BEFORE("die"), "die", "PERFORM pg_terminate_backend(pg_backend_pid())");
    struct order o = make_order("ACC-1", "c-1");
    struct order_put one = { .order = &o };
    expect_failure(&f, &one, 1, &(struct expected){ STORE_RETRY, false, "57P01" });
    fixture_close(&f);
}

Test(failures, a_group_in_doubt_finds_what_it_stored, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct order a = make_order("ACC-1", "a"), b = make_order("ACC-1", "b");
    cr_assert_eq(put_one(&f, &a, NULL), PUT_CREATED);
    struct order_put puts[] = { { .order = &a }, { .order = &b } };
    struct store_failure failure;
    cr_assert(put_within(&f, puts, 2, true, 20, &failure), "%s", failure.err.text);
    cr_expect_eq(puts[0].verdict, PUT_CREATED, "its order_id is ours");
    cr_expect_eq(puts[1].verdict, PUT_CREATED);
    cr_expect_eq(count_orders(&f), 2);
    fixture_close(&f);
}

/* Even a trigger that always warns, also for replays, gets its orders an answer. */
Test(failures, a_warning_is_resolved_by_looking, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    add_trigger(&f, BEFORE("warn"), "warn", "RAISE WARNING 'hm'");
    struct order o = make_order("ACC-1", "c-1"), again = make_order("ACC-1", "c-1");
    cr_expect_eq(put_one(&f, &o, NULL), PUT_CREATED);
    cr_expect_eq(put_one(&f, &again, NULL), PUT_REPLAYED);
    fixture_close(&f);
}

/* As Citus when a worker died in its commit: success, a warning, and the row cannot be seen. */
Test(failures, a_warning_and_no_row_is_in_doubt, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    add_trigger(&f, DEFERRED("hide"), "hide", "DELETE FROM orders; RAISE WARNING 'hm'");
    struct order o = make_order("ACC-1", "c-1");
    struct order_put one = { .order = &o };
    expect_failure(&f, &one, 1, &(struct expected){ STORE_RETRY, true, "" });
    fixture_close(&f);
}

static bool cancel_waits(struct fixture *f)
{
    return cluster_query_int(f->cluster, "SELECT count(pg_cancel_backend(pid)) "
                                         "FROM pg_stat_activity WHERE wait_event = 'SyncRep'") >= 0;
}

/* Fails for want of a standby. If the second is over before the statement was sent, it is tried
 * once more. */
static void expect_unsealed(struct fixture *f, struct order_put *one, bool in_doubt)
{
    struct store_failure failure;
    cr_assert(WAIT_UNTIL(!put_within(f, one, 1, false, 1, &failure) &&
                             failure.in_doubt == in_doubt &&
                             failure.action == STORE_RETRY_THEN_SPLIT,
                         SOON_S));
    cr_expect_eq(one->verdict, PUT_PENDING);
}

/* The row can be seen as soon as the wait for the standby is cancelled; it would be gone after a
 * failover, so neither its sender nor a replay may be told that it is committed. */
Test(failures, what_no_standby_has_is_not_believed, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    cluster_set(f.cluster, "synchronous_standby_names", "nobody");
    struct order o = make_order("ACC-1", "c-1"), again = make_order("ACC-1", "c-1");
    struct order_put ours = { .order = &o }, replay = { .order = &again };
    struct store_failure failure;
    expect_unsealed(&f, &ours, true);
    cr_assert(WAIT_UNTIL(cancel_waits(&f) && count_orders(&f) == 1, 20));

    cr_expect_not(put_within(&f, &ours, 1, true, 1, &failure));
    cr_expect_eq(ours.verdict, PUT_PENDING);
    expect_unsealed(&f, &replay, false); /* it stored nothing itself */

    cluster_set(f.cluster, "synchronous_standby_names", "");
    cr_assert(put_within(&f, &ours, 1, true, 20, &failure), "%s", failure.err.text);
    cr_expect_eq(ours.verdict, PUT_CREATED);
    cr_assert(put_within(&f, &replay, 1, false, 20, &failure), "%s", failure.err.text);
    cr_expect_eq(replay.verdict, PUT_REPLAYED);
    fixture_close(&f);
}
