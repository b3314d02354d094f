/* Atomic groups on a real PostgreSQL: all of it is stored, or nothing, whatever is said of one
 * order. */
#include "store_batch.h"

enum { N = BATCH_MAX };

/* ---- stored ---- */

IN_BOTH_MANNERS(atomic, all_are_stored_and_replayed)
{
    struct fixture f = fixture_open(*prepare);
    struct batch b, again;
    make_batch(&b, N);
    make_batch(&again, N);
    set_metadata(&b.orders[1], "{\"a\":1,\"b\":[2]}");
    set_metadata(&again.orders[1], "{\"b\":[2.0],\"a\":1}");
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    cr_expect_eq(count_verdict(&b, PUT_CREATED), N);
    cr_expect_not(b.group.refused);
    cr_expect_eq(count_orders(&f), N);

    cr_assert(put_batch(&f, &again), "%s", again.failure.err.text);
    cr_expect_eq(count_verdict(&again, PUT_REPLAYED), N);
    cr_expect_str_eq(again.puts[1].stored.order_id, b.orders[1].order_id);
    cr_expect_eq(count_orders(&f), N);
    fini_batch(&b);
    fini_batch(&again);
    fixture_close(&f);
}

Test(atomic, of_any_size, .timeout = TEST_S)
{
    enum { MANY = 5000 };
    static struct order orders[MANY];
    static struct order_put puts[MANY], *pointers[MANY];
    struct fixture f = fixture_open(true);
    struct batch b = { .n = 0 };
    for (size_t i = 0; i < MANY; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "c-%05zu", i);
        orders[i] = make_order("ACC-1", id);
        puts[i].order = &orders[i];
        pointers[i] = &puts[i];
    }
    cr_assert(put_pointers(&f, &b, pointers, MANY, 60, false), "%s", b.failure.err.text);
    for (size_t i = 0; i < MANY; i++)
        cr_expect_eq(puts[i].verdict, PUT_CREATED);
    cr_expect_eq(count_orders(&f), MANY);

    /* The last order of other such a batch is refused: it is found within the attempt. */
    cluster_exec(f.cluster, "TRUNCATE orders; ALTER TABLE orders ADD CHECK (symbol <> 'BAD')");
    set_symbol(&orders[MANY - 1], "BAD");
    for (size_t i = 0; i < MANY; i++)
        puts[i].verdict = PUT_PENDING;
    cr_assert(put_pointers(&f, &b, pointers, MANY, 60, false), "%s", b.failure.err.text);
    cr_expect_eq(puts[MANY - 1].verdict, PUT_REFUSED);
    cr_expect_eq(puts[0].verdict, PUT_ROLLED_BACK);
    cr_expect_eq(count_orders(&f), 0);
    fixture_close(&f);
}

/* More metadata than one statement may carry: all of it is one transaction all the same. */
IN_BOTH_MANNERS(atomic, of_several_statements)
{
    enum { MANY = 600 };
    static struct order orders[MANY];
    static struct order_put puts[MANY], *pointers[MANY];
    char text[ORDER_METADATA_MAX];
    struct fixture f = fixture_open(*prepare);
    struct batch b = { .n = 0 };
    for (size_t i = 0; i < MANY; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "c-%05zu", i);
        orders[i] = make_order("ACC-1", id);
        (void)snprintf(text, sizeof text, "{\"a\":\"%zu %04000d\"}", i, 7);
        set_metadata(&orders[i], text);
        puts[i] = (struct order_put){ .order = &orders[i] };
        pointers[i] = &puts[i];
    }
    cr_assert(put_pointers(&f, &b, pointers, MANY, 60, false), "%s", b.failure.err.text);
    for (size_t i = 0; i < MANY; i++)
        cr_expect_eq(puts[i].verdict, PUT_CREATED);
    cr_expect_eq(count_orders(&f), MANY);

    for (size_t i = 0; i < MANY; i++) {
        order_stamp(&orders[i], clock_wall_us());
        puts[i] = (struct order_put){ .order = &orders[i] };
    }
    set_metadata(&orders[MANY - 1], "{}");
    cr_assert(put_pointers(&f, &b, pointers, MANY, 60, false), "%s", b.failure.err.text);
    cr_expect(b.group.refused);
    cr_expect_eq(puts[0].verdict, PUT_ROLLED_BACK, "a replay");
    cr_expect_eq(puts[MANY - 1].verdict, PUT_REUSED);
    cr_expect_eq(puts[MANY - 1].diff, ORDER_DIFF_METADATA);

    cluster_exec(f.cluster, "TRUNCATE orders; ALTER TABLE orders ADD CHECK (symbol <> 'BAD')");
    set_symbol(&orders[MANY - 1], "BAD");
    for (size_t i = 0; i < MANY; i++)
        puts[i] = (struct order_put){ .order = &orders[i] };
    cr_assert(put_pointers(&f, &b, pointers, MANY, 60, false), "%s", b.failure.err.text);
    cr_expect_eq(puts[0].verdict, PUT_ROLLED_BACK);
    cr_expect_eq(puts[MANY - 1].verdict, PUT_REFUSED);
    cr_expect_eq(count_orders(&f), 0);

    set_symbol(&orders[MANY - 1], "GOOD"); /* and a warning has all of it looked up */
    add_trigger(&f, true, "warn", "RAISE WARNING 'hm'");
    for (size_t i = 0; i < MANY; i++)
        puts[i] = (struct order_put){ .order = &orders[i] };
    cr_assert(put_pointers(&f, &b, pointers, MANY, 60, false), "%s", b.failure.err.text);
    for (size_t i = 0; i < MANY; i++)
        cr_expect_eq(puts[i].verdict, PUT_CREATED);
    cr_expect_eq(count_orders(&f), MANY);
    for (size_t i = 0; i < MANY; i++)
        order_fini(&orders[i]);
    fixture_close(&f);
}

IN_BOTH_MANNERS(atomic, twins_are_replays_when_the_database_finds_them_equal)
{
    struct fixture f = fixture_open(*prepare);
    struct batch b;
    make_batch(&b, 4);
    same_key(&b, 1, 0);
    same_key(&b, 2, 0);
    set_metadata(&b.orders[0], "{\"a\":1,\"b\":2}");
    set_metadata(&b.orders[1], "{\"b\":2.0,\"a\":1}");
    set_metadata(&b.orders[2], "{ \"a\": 1, \"b\": 2 }");
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    cr_expect_eq(b.puts[0].verdict, PUT_CREATED);
    cr_expect_eq(b.puts[3].verdict, PUT_CREATED);
    for (size_t i = 1; i < 3; i++) {
        cr_expect_eq(b.puts[i].verdict, PUT_REPLAYED, "%d", (int)b.puts[i].verdict);
        cr_expect_str_eq(b.puts[i].stored.order_id, b.orders[0].order_id);
        cr_expect_eq(b.puts[i].stored.received_at_us, b.orders[0].received_at_us);
    }
    cr_expect_eq(count_orders(&f), 2);
    fini_batch(&b);
    fixture_close(&f);
}

/* ---- refused ---- */

IN_BOTH_MANNERS(atomic, one_reused_and_nothing_is_stored)
{
    struct fixture f = fixture_open(*prepare);
    struct batch b;
    make_batch(&b, N);
    struct order other = b.orders[7], same = b.orders[9];
    order_stamp(&other, clock_wall_us());
    order_stamp(&same, clock_wall_us());
    other.side = ORDER_SELL;
    cr_assert_eq(put_one(&f, &other, NULL), PUT_CREATED);
    cr_assert_eq(put_one(&f, &same, NULL), PUT_CREATED);
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    expect_refused(&b, 7, PUT_REUSED, NULL);
    cr_expect_eq(b.puts[7].diff, ORDER_DIFF_SIDE);
    cr_expect_str_eq(b.puts[7].stored.order_id, other.order_id);
    cr_expect_eq(count_orders(&f), 2);
    b.orders[7].side = ORDER_SELL;
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    cr_expect_eq(count_verdict(&b, PUT_CREATED), N - 2, "nothing is left of the first attempt");
    cr_expect_eq(count_verdict(&b, PUT_REPLAYED), 2);
    fini_batch(&b);
    fixture_close(&f);
}

IN_BOTH_MANNERS(atomic, a_twin_that_differs_and_nothing_is_stored)
{
    struct fixture f = fixture_open(*prepare);
    struct batch b;
    make_batch(&b, 4);
    same_key(&b, 2, 1);
    set_metadata(&b.orders[1], "{\"a\":1}");
    set_metadata(&b.orders[2], "{\"a\":2}");
    (void)snprintf(b.orders[2].quantity, ORDER_DECIMAL_SIZE, "7");
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    expect_refused(&b, 2, PUT_REUSED, NULL);
    cr_expect_eq(b.puts[2].diff, ORDER_DIFF_QUANTITY | ORDER_DIFF_METADATA);
    cr_expect_str_eq(b.puts[2].stored.order_id, "", "no such order is stored");
    cr_expect_eq(count_orders(&f), 0);
    fini_batch(&b);
    fixture_close(&f);
}

IN_BOTH_MANNERS(atomic, only_looked_up)
{
    struct fixture f = fixture_open(*prepare);
    struct batch b;
    make_batch(&b, 5);
    struct order stored = b.orders[1];
    order_stamp(&stored, clock_wall_us());
    cr_assert_eq(put_one(&f, &stored, NULL), PUT_CREATED);
    b.puts[1].lookup_only = true;
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    cr_expect_eq(b.puts[1].verdict, PUT_REPLAYED);
    cr_expect_eq(count_verdict(&b, PUT_CREATED), 4);

    cluster_exec(f.cluster, "TRUNCATE orders");
    same_key(&b, 2, 1); /* and its twin does not store it either */
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    expect_refused(&b, 1, PUT_ABSENT, NULL);
    cr_expect_eq(count_orders(&f), 0);
    fini_batch(&b);
    fixture_close(&f);
}

IN_BOTH_MANNERS(atomic, the_database_refuses_one_order)
{
    struct fixture f = fixture_open(*prepare);
    struct batch b;
    cluster_exec(f.cluster, "ALTER TABLE orders ADD CHECK (symbol <> 'BAD')");
    static const size_t culprits[] = { 0, 23, N - 1 };
    for (size_t i = 0; i < sizeof culprits / sizeof culprits[0]; i++) {
        make_batch(&b, N);
        set_symbol(&b.orders[culprits[i]], "BAD");
        set_symbol(&b.orders[N - 1], "BAD"); /* the first one counts */
        cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
        expect_refused(&b, culprits[i], PUT_REFUSED, "23514");
        cr_expect_eq(count_orders(&f), 0);
    }
    set_symbol(&b.orders[N - 1], "GOOD");
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    cr_expect_eq(count_verdict(&b, PUT_CREATED), N);
    fixture_close(&f);
}

Test(atomic, the_database_refuses_the_only_order, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct batch b;
    make_batch(&b, 1);
    cluster_exec(f.cluster, "ALTER TABLE orders ADD CHECK (symbol <> 'EURUSD')");
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    expect_refused(&b, 0, PUT_REFUSED, "23514");
    fixture_close(&f);
}

/* Metadata that jsonb cannot hold, of an order that is only compared: the SELECT fails. */
Test(atomic, the_database_cannot_compare_one_order, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct batch b;
    make_batch(&b, N);
    same_key(&b, 21, 20);
    set_metadata(&b.orders[21], "{\"a\":\"\\u0000\"}");
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    expect_refused(&b, 21, PUT_REFUSED, "22P05");
    cr_expect_eq(count_orders(&f), 0);
    fini_batch(&b);
    fixture_close(&f);
}

IN_BOTH_MANNERS(atomic, the_commit_refuses_one_order)
{
    struct fixture f = fixture_open(*prepare);
    struct batch b;
    add_trigger(&f, true, "refuse", "IF NEW.symbol = 'BAD' THEN RAISE EXCEPTION 'no'; END IF");
    make_batch(&b, N);
    set_symbol(&b.orders[13], "BAD");
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    expect_refused(&b, 13, PUT_REFUSED, "P0001");
    cr_expect_eq(count_orders(&f), 0);
    fixture_close(&f);
}

/* A limit of the server that ends while the culprit is looked for: the order that was refused alone
 * can be stored by then. A sequence counts what a rollback takes back. */
Test(atomic, no_culprit_when_a_limit_of_the_server_ends, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct batch b;
    make_batch(&b, 2);
    cluster_exec(f.cluster, "CREATE SEQUENCE tries");
    add_trigger(&f, false, "at_limit",
                "IF nextval('tries') <= 2 THEN RAISE 'no ids' USING ERRCODE = '54000'; END IF");
    cr_assert_not(put_batch(&f, &b));
    expect_failed(&b, STORE_SPLIT_OR_FAIL, false);
    cr_expect_str_eq(b.failure.err.code, "54000");
    cr_expect_eq(count_orders(&f), 0);
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    cr_expect_eq(count_verdict(&b, PUT_CREATED), 2);
    fixture_close(&f);
}

static const char no_pairs[] =
    "IF (SELECT count(*) FROM orders WHERE symbol = 'PAIR') > 1 THEN RAISE EXCEPTION 'two'; END IF";

Test(atomic, refused_only_together, .timeout = TEST_S)
{
    struct fixture f = fixture_open(true);
    struct batch b;
    add_trigger(&f, true, "pairs", no_pairs);
    make_batch(&b, N);
    set_symbol(&b.orders[3], "PAIR");
    set_symbol(&b.orders[4], "PAIR");
    cr_assert_not(put_batch(&f, &b));
    expect_failed(&b, STORE_SPLIT, false);
    cr_expect_str_eq(b.failure.err.code, "P0001");
    cr_expect_eq(count_orders(&f), 0);

    /* Beside a pair, an order that is refused alone. */
    cluster_exec(f.cluster, "ALTER TABLE orders ADD CHECK (symbol <> 'BAD')");
    set_symbol(&b.orders[30], "BAD");
    cr_assert(put_batch(&f, &b), "%s", b.failure.err.text);
    expect_refused(&b, 30, PUT_REFUSED, "23514");
    fixture_close(&f);
}
