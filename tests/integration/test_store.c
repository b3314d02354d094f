/* The store on a real PostgreSQL: what is new, what is a replay, what comes back. */
#include <libpq-fe.h>

#include "store_fixture.h"

Test(store, a_new_order_comes_back_whole, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct order o = make_order("ACC-1", "c-1");
    o.type = ORDER_STOP_LIMIT;
    o.side = ORDER_SELL;
    o.time_in_force = ORDER_FOK;
    (void)snprintf(o.stop_price, sizeof o.stop_price, "2.25");
    set_metadata(&o, "{\"desk\": \"ldn\", \"n\": 1}");
    order_set_submitted_by(&o, "alice");
    cr_assert_eq(put_one(&f, &o, NULL), PUT_CREATED);

    struct order got;
    struct err err = { 0 };
    cr_assert_eq(f.orders->get_by_id(f.orders->ctx, o.order_id, &got, in_seconds(10), &err),
                 LOOKUP_OK, "%s", err.text);
    cr_expect_str_eq(got.order_id, o.order_id);
    cr_expect_eq(got.received_at_us, o.received_at_us);
    cr_expect_str_eq(got.submitted_by, "alice");
    cr_expect_eq(order_compare_key(&got, &o), 0);
    cr_expect_eq(order_diff(&got, &o), 0);
    cr_expect_str_eq(got.metadata, "{\"n\": 1, \"desk\": \"ldn\"}", "%s", got.metadata);
    order_fini(&got);
    order_fini(&o);
    fixture_close(&f);
}

/* Written, the same in SQL, and read back as it was. */
static const char *const decimals[] = {
    "1",
    "0.1",
    "100",
    "0.000000000000000001",
    "999999999999999999",
    "123456789012345678.123456789012345678",
};

Test(store, decimals_are_exact, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    for (size_t i = 0; i < sizeof decimals / sizeof decimals[0]; i++) {
        struct order o = make_order("ACC-1", decimals[i]);
        (void)snprintf(o.quantity, sizeof o.quantity, "%s", decimals[i]);
        (void)snprintf(o.limit_price, sizeof o.limit_price, "%s", decimals[i]);
        cr_assert_eq(put_one(&f, &o, NULL), PUT_CREATED, "%s", decimals[i]);

        char sql[256];
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM orders WHERE client_order_id = '%s' "
                       "AND quantity = %s AND limit_price = quantity AND stop_price IS NULL",
                       decimals[i], decimals[i]);
        cr_expect_eq(cluster_query_int(f.cluster, sql), 1, "%s", decimals[i]);
        struct order got;
        cr_assert_eq(f.orders->get_by_id(f.orders->ctx, o.order_id, &got, in_seconds(10), NULL),
                     LOOKUP_OK);
        cr_expect_str_eq(got.quantity, decimals[i]);
        cr_expect_str_eq(got.limit_price, decimals[i]);
    }
    fixture_close(&f);
}

static const struct {
    const char *stored, *sent; /* metadata */
    bool same;
} metadata[] = {
    { NULL, NULL, true },
    { NULL, "{}", false },
    { "{}", NULL, false },
    { "{}", "{ }", true },
    { "{\"a\":1,\"b\":[1,2]}", "{ \"b\" : [1, 2], \"a\" : 1.0 }", true },
    { "{\"a\":1}", "{\"a\":\"1\"}", false },
    { "{\"b\":[1,2]}", "{\"b\":[2,1]}", false },
    { "{\"a\":\"\\u00e9\"}", "{\"a\":\"\xc3\xa9\"}", true },
};

Test(store, metadata_are_compared_as_jsonb, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    for (size_t i = 0; i < sizeof metadata / sizeof metadata[0]; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "m-%zu", i);
        struct order stored = make_order("ACC-1", id), sent = make_order("ACC-1", id);
        set_metadata(&stored, metadata[i].stored);
        set_metadata(&sent, metadata[i].sent);
        cr_assert_eq(put_one(&f, &stored, NULL), PUT_CREATED);
        unsigned diff;
        cr_expect_eq(put_one(&f, &sent, &diff), metadata[i].same ? PUT_REPLAYED : PUT_REUSED,
                     "row %zu", i);
        cr_expect_eq(diff, metadata[i].same ? 0 : ORDER_DIFF_METADATA, "row %zu", i);
        order_fini(&stored);
        order_fini(&sent);
    }
    fixture_close(&f);
}

Test(store, another_order_under_the_key_is_told_by_its_fields, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct order first = make_order("ACC-1", "c-1"), again = make_order("ACC-1", "c-1");
    order_set_submitted_by(&first, "alice");
    cr_assert_eq(put_one(&f, &first, NULL), PUT_CREATED);

    struct order_put replay = { .order = &again };
    struct store_failure failure;
    order_set_submitted_by(&again, "bob");
    cr_assert(put(&f, &replay, 1, &failure));
    cr_expect_eq(replay.verdict, PUT_REPLAYED);
    cr_expect_str_eq(replay.stored.submitted_by, "alice", "the key that posted it first");
    cr_expect_str_eq(replay.stored.order_id, first.order_id, "the stored order, not the one sent");
    cr_expect_eq(replay.stored.received_at_us, first.received_at_us);

    unsigned diff;
    again.side = ORDER_SELL;
    (void)snprintf(again.quantity, sizeof again.quantity, "1.01");
    set_metadata(&again, "{}");
    cr_expect_eq(put_one(&f, &again, &diff), PUT_REUSED);
    cr_expect_eq(diff, ORDER_DIFF_SIDE | ORDER_DIFF_QUANTITY | ORDER_DIFF_METADATA);
    order_fini(&again);
    cr_expect_eq(count_orders(&f), 1);
    fixture_close(&f);
}

/* Every fifth is there already, and every tenth of those with other content. */
Test(store, a_full_group_of_new_orders_and_replays, .timeout = TEST_S)
{
    enum { N = FIXTURE_GROUP_MAX };
    static struct order orders[N], stored[N];
    static struct order_put before[N], puts[N];
    struct fixture f = fixture_open(true);
    struct store_failure failure;
    size_t n_before = 0;
    for (size_t i = 0; i < N; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c-%04zu", i);
        orders[i] = make_order("ACC-1", id);
        puts[i] = (struct order_put){ .order = &orders[i] };
        if (i % 5 != 0)
            continue;
        stored[i] = make_order("ACC-1", id);
        stored[i].side = i % 50 == 0 ? ORDER_SELL : ORDER_BUY;
        before[n_before++] = (struct order_put){ .order = &stored[i] };
    }
    cr_assert(put(&f, before, n_before, &failure), "%s", failure.err.text);
    cr_assert(put(&f, puts, N, &failure), "%s", failure.err.text);
    for (size_t i = 0; i < N; i++) {
        enum put_verdict want = i % 5 != 0 ? PUT_CREATED : i % 50 == 0 ? PUT_REUSED : PUT_REPLAYED;
        cr_expect_eq(puts[i].verdict, want, "order %zu: %d", i, (int)puts[i].verdict);
        if (want != PUT_CREATED)
            cr_expect_str_eq(puts[i].stored.order_id, stored[i].order_id);
    }
    cr_expect_eq(count_orders(&f), N);
    fixture_close(&f);
}

static void skip_the_first(void *arg, struct put_group *group)
{
    ++*(int *)arg;
    group->puts[0]->skip = true;
}

Test(store, only_looked_up_or_left_out, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct order a = make_order("ACC-1", "a"), b = make_order("ACC-1", "b"),
                 c = make_order("ACC-1", "c"), b_again = make_order("ACC-1", "b");
    cr_assert_eq(put_one(&f, &b, NULL), PUT_CREATED);

    struct order_put puts[] = {
        { .order = &a },
        { .order = &b_again, .lookup_only = true },
        { .order = &c, .lookup_only = true },
    };
    struct order_put *pointers[] = { &puts[0], &puts[1], &puts[2] };
    int calls = 0;
    struct put_group group = {
        .puts = pointers,
        .n = 3,
        .deadline_at_ns = in_seconds(20),
        .before_send = skip_the_first,
        .arg = &calls,
    };
    struct store_failure failure;
    cr_assert(f.orders->put(f.orders->ctx, &group, &failure), "%s", failure.err.text);
    cr_expect_eq(calls, 1);
    cr_expect_eq(puts[0].verdict, PUT_PENDING, "left out");
    cr_expect_eq(puts[1].verdict, PUT_REPLAYED);
    cr_expect_eq(puts[2].verdict, PUT_ABSENT);
    cr_expect_eq(count_orders(&f), 1);
    fixture_close(&f);
}

Test(store, keys_are_answered_in_the_order_asked, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct order a = make_order("ACC-1", "a"), b = make_order("ACC-2", "a");
    cr_assert_eq(put_one(&f, &a, NULL), PUT_CREATED);
    cr_assert_eq(put_one(&f, &b, NULL), PUT_CREATED);

    const struct order_key keys[] = {
        { "ACC-2", "a" },
        { "ACC-1", "b" },
        { "ACC-1", "a" },
        { "ACC-2", "a" },
    };
    struct order got[4];
    struct err err = { 0 };
    memset(got, 0x5a, sizeof got);
    cr_assert_eq(f.orders->get_by_keys(f.orders->ctx, keys, 4, got, in_seconds(10), &err),
                 LOOKUP_OK, "%s", err.text);
    cr_expect_str_eq(got[0].order_id, b.order_id);
    cr_expect_str_eq(got[1].order_id, "");
    cr_expect_str_eq(got[2].order_id, a.order_id);
    cr_expect_str_eq(got[3].order_id, b.order_id, "asked twice, answered twice");
    fixture_close(&f);
}

Test(store, ids_of_no_order_are_not_found, .timeout = TEST_S)
{
    static const char *const ids[] = { "", "x", "0192f0c1-2345-7abc-8def-0123456789ab" };
    struct fixture f = fixture_open(true);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct order got;
        memset(&got, 0x5a, sizeof got);
        cr_expect_eq(f.orders->get_by_id(f.orders->ctx, ids[i], &got, in_seconds(10), NULL),
                     LOOKUP_OK);
        cr_expect_str_eq(got.order_id, "");
    }
    fixture_close(&f);
}

/* PgBouncer in transaction mode gives each transaction another session: none may keep anything. */
Test(store, without_preparing_it_leaves_nothing_on_the_session, .timeout = TEST_S)
{
    struct fixture f = { .cluster = cluster_open(NULL) };
    cluster_exec(f.cluster, "ALTER ROLE postgres SET synchronous_commit = off");
    cluster_exec(f.cluster, "CREATE TABLE seen (settings text)");
    fixture_connect(&f, pooler_conninfo_for(f.cluster), false);
    fixture_migrate(&f);
    cluster_exec(f.cluster, "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                            "INSERT INTO seen VALUES (current_setting('lock_timeout') || ' ' || "
                            "current_setting('synchronous_commit') || ' ' || "
                            "current_setting('idle_in_transaction_session_timeout')); "
                            "RETURN NULL; END $$;"
                            "CREATE TRIGGER look AFTER INSERT ON orders EXECUTE FUNCTION look()");
    struct order o = make_order("ACC-1", "c-1"), again = make_order("ACC-1", "c-1");
    cr_expect_eq(put_one(&f, &o, NULL), PUT_CREATED);
    cr_expect_eq(put_one(&f, &again, NULL), PUT_REPLAYED);
    char *within = cluster_query_text(f.cluster, "SELECT settings FROM seen LIMIT 1");
    cr_expect_str_eq(within, "1s on 30s");
    free(within);

    struct pqpool_lease *lease = NULL;
    cr_assert_eq(pqpool_acquire(f.pool, in_seconds(10), &lease, NULL), PQPOOL_OK);
    const struct pqpool_query query = {
        .sql = "DO $$ BEGIN ASSERT current_setting('lock_timeout') = '0'; "
               "ASSERT current_setting('synchronous_commit') = 'off'; "
               "ASSERT current_setting('idle_in_transaction_session_timeout') = '0'; "
               "ASSERT NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name <> ''); END $$",
    };
    struct pg_result *result = NULL;
    struct err err = { 0 };
    cr_expect_eq(pqpool_exec(lease, &query, in_seconds(10), &result, &err), PQPOOL_OK, "%s",
                 err.text);
    PQclear(result);
    pqpool_release(&lease, PQPOOL_DISCARD);
    fixture_close(&f);
}
