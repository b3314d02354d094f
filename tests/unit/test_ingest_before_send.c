/* The last moment before an order goes out: the expired stay behind, the stale are only looked up;
 * and the way of orders that follow another with their key. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/ingest_bench.h"

/* ---- expiry ---- */

/* Expires the first order of the group when it is about to be sent. */
static void expire_first(void *arg, struct put_group *group)
{
    struct ingest_item *items = arg;
    cr_assert_eq(group->puts[0]->order, &items[0].order);
    cr_assert(ingest_expire(&items[0]));
}

Test(ingest_before_send, expired_before_the_attempt_does_not_go_out)
{
    struct bench b;
    bench_init(&b, 3);
    struct ingest_group group = bench_group(&b);
    cr_assert(ingest_expire(&b.rig.items[1]));
    bench_run(&b, &group);
    cr_expect_eq(b.rig.store->calls[0].n, 2);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_TIMED_OUT);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), 2);
    bench_fini(&b);
}

Test(ingest_before_send, all_expired_makes_no_attempt)
{
    struct bench b;
    bench_init(&b, 2);
    struct ingest_group group = bench_group(&b);
    cr_assert(ingest_expire(&b.rig.items[0]));
    cr_assert(ingest_expire(&b.rig.items[1]));
    bench_run(&b, &group);
    cr_expect_eq(b.rig.store->n_calls, 0);
    cr_expect_eq(bench_done(&b, ITEM_TIMED_OUT), 2);
    bench_fini(&b);
}

Test(ingest_before_send, expired_at_the_last_moment_is_skipped)
{
    struct bench b;
    bench_init(&b, 2);
    b.rig.store->before = expire_first;
    b.rig.store->arg = b.rig.items;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(b.rig.store->calls[0].n_skipped, 1);
    cr_expect_eq(b.rig.store->n_stored, 1);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_TIMED_OUT);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_CREATED);
    bench_fini(&b);
}

Test(ingest_before_send, alone_and_skipped_is_no_commit)
{
    struct bench b;
    bench_init(&b, 1);
    b.rig.store->before = expire_first;
    b.rig.store->arg = b.rig.items;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(bench_done(&b, ITEM_TIMED_OUT), 1);
    cr_expect_eq(counter_read(&b.metrics.commits_ok), 0);
    cr_expect_eq(b.outcome.first_attempt_ns, 0);
    bench_fini(&b);
}

Test(ingest_before_send, sent_cannot_expire)
{
    static const struct fake_step fails = { .fails = true, .failure = { .action = STORE_RETRY } };
    struct bench b;
    bench_init(&b, 1);
    b.rig.store->steps = &fails;
    b.rig.store->n_steps = 1;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_assert_eq(bench_back(&b), 1);
    cr_expect_not(ingest_expire(&b.rig.items[0]));
    bench_fini(&b);
}

Test(ingest_before_send, not_sent_can_expire)
{
    static const struct fake_step unsent = { .fails = true,
                                             .unsent = true,
                                             .failure = { .action = STORE_UNAVAILABLE } };
    struct bench b;
    bench_init(&b, 1);
    b.rig.store->steps = &unsent;
    b.rig.store->n_steps = 1;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_assert_eq(bench_back(&b), 1);
    cr_expect(ingest_expire(&b.rig.items[0]));
    bench_fini(&b);
}

/* ---- duplicates ---- */

static void same_key(struct bench *b, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        rig_same_key(&b->rig, i, 0);
}

Test(ingest_before_send, duplicates_are_compared_once_the_first_is_stored)
{
    struct bench b;
    bench_init(&b, 4); /* three of one key, and a stranger */
    same_key(&b, 3);
    (void)snprintf(b.rig.items[2].order.quantity, ORDER_DECIMAL_SIZE, "2");
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(b.rig.store->calls[0].n, 2);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), 2);
    cr_assert_eq(b.outcome.n_back, 1);
    cr_expect_leq(b.outcome.back[0].due_at_ns, clock_now_ns(), "at once");
    cr_expect_not(ingest_expire(&b.rig.items[1]), "it was sent with the first of its key");

    group = b.outcome.back[0];
    bench_run(&b, &group);
    cr_expect_eq(b.rig.store->calls[1].n_lookups, 2, "both in one attempt");
    cr_expect_eq(b.rig.items[1].verdict, ITEM_REPLAYED);
    cr_expect_eq(b.rig.items[2].verdict, ITEM_REUSED);
    cr_expect_eq(b.rig.store->n_stored, 2);
    bench_fini(&b);
}

Test(ingest_before_send, a_duplicate_takes_over_when_the_first_is_refused)
{
    static const struct fake_step refused = { .fails = true, .failure = { .action = STORE_SPLIT } };
    struct bench b;
    bench_init(&b, 2);
    same_key(&b, 2);
    b.rig.store->steps = &refused;
    b.rig.store->n_steps = 1;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_REFUSED);
    cr_assert_eq(b.outcome.n_back, 1);
    group = b.outcome.back[0];
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_CREATED);
    bench_fini(&b);
}

Test(ingest_before_send, a_duplicate_takes_over_when_the_first_expires_at_the_last_moment)
{
    struct bench b;
    bench_init(&b, 2);
    same_key(&b, 2);
    b.rig.store->before = expire_first;
    b.rig.store->arg = b.rig.items;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_TIMED_OUT);
    cr_assert_eq(b.outcome.n_back, 1);
    cr_expect_eq(b.outcome.back[0].due_at_ns, 0);
    cr_expect_eq(b.outcome.back[0].sending, GROUP_UNSENT);
    b.rig.store->before = NULL;
    group = b.outcome.back[0];
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_CREATED);
    bench_fini(&b);
}

Test(ingest_before_send, an_expired_duplicate_is_dropped)
{
    struct bench b;
    bench_init(&b, 3);
    same_key(&b, 3);
    struct ingest_group group = bench_group(&b);
    cr_assert(ingest_expire(&b.rig.items[1]));
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_CREATED);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_TIMED_OUT);
    group = b.outcome.back[0];
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[2].verdict, ITEM_REPLAYED);
    bench_fini(&b);
}

struct end_case {
    bool in_doubt;
    enum store_action action;
    enum item_verdict first, duplicate;
    bool duplicate_goes_on;
};

ParameterizedTestParameters(ingest_before_send, duplicates_end_with_the_first)
{
    /* clang-format off */
    static struct end_case cases[] = {
        { true,  STORE_SPLIT,         ITEM_UNKNOWN,     ITEM_UNKNOWN,     false },
        { true,  STORE_FAIL,          ITEM_UNKNOWN,     ITEM_UNKNOWN,     false },
        { false, STORE_FAIL,          ITEM_FAILED,      ITEM_FAILED,      false },
        { false, STORE_UNAVAILABLE,   ITEM_UNAVAILABLE, ITEM_UNAVAILABLE, false },
        { false, STORE_SPLIT_OR_FAIL, ITEM_FAILED,      ITEM_FAILED,      false },
        { false, STORE_SPLIT,         ITEM_REFUSED,     0,                true  },
    };
    /* clang-format on */
    return cr_make_param_array(struct end_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct end_case *c, ingest_before_send, duplicates_end_with_the_first)
{
    struct fake_step step = { .fails = true, .failure = { .action = c->action, .down = true } };
    struct bench b;
    bench_init(&b, 2);
    same_key(&b, 2);
    b.rig.store->steps = &step;
    b.rig.store->n_steps = 1;
    struct ingest_group group = bench_group(&b);
    group.sending = c->in_doubt ? GROUP_IN_DOUBT : GROUP_UNSENT;
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[0].verdict, c->first);
    cr_expect_eq(bench_back(&b), c->duplicate_goes_on ? 1 : 0);
    if (!c->duplicate_goes_on)
        cr_expect_eq(b.rig.items[1].verdict, c->duplicate);
    cr_expect_eq(counter_read(&b.metrics.ambiguous_unresolved), c->in_doubt ? 1 : 0,
                 "a duplicate was never sent: it is in no doubt of its own");
    bench_fini(&b);
}

/* ---- staleness ---- */

static void make_stale(struct order *order)
{
    order->sent_at_us = clock_wall_us() - 10 * 1000000;
    order->max_age_ms = 1000;
}

Test(ingest_before_send, stale_is_looked_up)
{
    struct bench b;
    bench_init(&b, 3);
    make_stale(&b.rig.items[0].order); /* nowhere */
    make_stale(&b.rig.items[1].order); /* stored before */
    struct order before = b.rig.items[1].order;
    (void)snprintf(before.order_id, sizeof before.order_id, "before");
    fake_store_plant(b.rig.store, &before);
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(b.rig.store->calls[0].n_lookups, 2);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_STALE);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_REPLAYED);
    cr_expect_eq(b.rig.items[2].verdict, ITEM_CREATED);
    cr_expect_eq(b.rig.store->n_stored, 2);
    bench_fini(&b);
}

/* Numbers that are too wide to be stored by now: what was stored before is still a replay. */
Test(ingest_before_send, replay_only_is_looked_up)
{
    struct bench b;
    bench_init(&b, 3);
    b.rig.items[0].order.replay_only = true; /* nowhere */
    b.rig.items[1].order.replay_only = true; /* stored before */
    struct order before = b.rig.items[1].order;
    (void)snprintf(before.order_id, sizeof before.order_id, "before");
    fake_store_plant(b.rig.store, &before);
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(b.rig.store->calls[0].n_lookups, 2);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_INVALID);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_REPLAYED);
    cr_expect_eq(b.rig.items[2].verdict, ITEM_CREATED);
    cr_expect_eq(b.rig.store->n_stored, 2);
    bench_fini(&b);
}

/* An order that is only looked up can expire between two attempts. The duplicate that takes its
 * place is judged for itself, though the group has gone out before. */
static void fail_then_expire_the_first(struct bench *b)
{
    static const struct fake_step fails = { .fails = true, .failure = { .action = STORE_RETRY } };
    b->rig.store->steps = &fails;
    b->rig.store->n_steps = 1;
    struct ingest_group group = bench_group(b);
    bench_run(b, &group);
    cr_assert_eq(bench_back(b), 2);
    cr_assert(ingest_expire(&b->rig.items[0]));
    group = b->outcome.back[0];
    bench_run(b, &group);
    cr_expect_eq(b->rig.items[0].verdict, ITEM_TIMED_OUT);
}

Test(ingest_before_send, a_stale_duplicate_of_an_expired_lookup_is_not_written)
{
    struct bench b;
    bench_init(&b, 2);
    same_key(&b, 2);
    make_stale(&b.rig.items[0].order);
    make_stale(&b.rig.items[1].order);
    fail_then_expire_the_first(&b);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_STALE);
    cr_expect_eq(b.rig.store->n_stored, 0);
    bench_fini(&b);
}

Test(ingest_before_send, a_replay_only_duplicate_of_an_expired_lookup_is_not_written)
{
    struct bench b;
    bench_init(&b, 2);
    same_key(&b, 2);
    b.rig.items[0].order.replay_only = true;
    b.rig.items[1].order.replay_only = true;
    fail_then_expire_the_first(&b);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_INVALID);
    cr_expect_eq(b.rig.store->n_stored, 0);
    bench_fini(&b);
}

Test(ingest_before_send, a_good_duplicate_of_an_expired_lookup_is_written)
{
    struct bench b;
    bench_init(&b, 2);
    same_key(&b, 2);
    make_stale(&b.rig.items[0].order);
    fail_then_expire_the_first(&b);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_CREATED);
    bench_fini(&b);
}

Test(ingest_before_send, once_sent_it_is_not_stale_any_more)
{
    static const struct fake_step fails = { .fails = true, .failure = { .action = STORE_RETRY } };
    struct bench b;
    bench_init(&b, 1);
    b.rig.store->steps = &fails;
    b.rig.store->n_steps = 1;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    make_stale(&b.rig.items[0].order);
    group = b.outcome.back[0];
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_CREATED);
    bench_fini(&b);
}

Test(ingest_before_send, a_duplicate_may_go_stale_until_it_is_the_first)
{
    static const struct fake_step refused = { .fails = true, .failure = { .action = STORE_SPLIT } };
    struct bench b;
    bench_init(&b, 2);
    same_key(&b, 2);
    b.rig.store->steps = &refused;
    b.rig.store->n_steps = 1;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    make_stale(&b.rig.items[1].order);
    group = b.outcome.back[0];
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_STALE);
    bench_fini(&b);
}

Test(ingest_before_send, lookup_impossible_is_unavailable)
{
    static const struct fake_step lost[] = {
        { .fails = true, .failure = { .action = STORE_RETRY, .in_doubt = true } },
        { .fails = true, .failure = { .action = STORE_FAIL } },
    };
    struct bench b;
    bench_init(&b, 2);
    make_stale(&b.rig.items[0].order);
    b.rig.store->steps = lost;
    b.rig.store->n_steps = 2;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    group = b.outcome.back[0];
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_UNAVAILABLE,
                 "only looked up, so certainly not stored");
    cr_expect_eq(b.rig.items[1].verdict, ITEM_UNKNOWN);
    bench_fini(&b);
}
