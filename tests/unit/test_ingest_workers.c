/* Queue and workers with threads: each order comes back once, with the expected verdict. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <sched.h>

#include "support/ingest_rig.h"

enum { GROUP = 512 };

/* Item 0 keeps the only worker busy until all others are queued, so that they make one group. */
static void submit_as_one_group(struct rig *rig)
{
    rig->options.workers = 1;
    fake_store_gate(rig->store, true);
    rig_open(rig);
    rig_submit(rig, 0, 1);
    cr_assert(fake_store_wait_calls(rig->store, 1));
    rig_submit(rig, 1, rig->n);
    fake_store_gate(rig->store, false);
}

Test(ingest_workers, all_are_stored_and_come_back_oldest_first, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, 5000);
    for (uint32_t i = 0; i < rig.n; i++) /* the keys run against the time */
        (void)snprintf(rig.items[i].order.client_order_id, ORDER_NAME_SIZE, "%05u", 99999 - i);
    rig_open(&rig);
    rig_submit(&rig, 0, rig.n);
    cr_assert(rig_wait(&rig, rig.n));
    cr_expect_eq(rig_count(&rig, 0, rig.n, ITEM_CREATED), rig.n);
    cr_expect_not(rig.unsorted);
    cr_expect_eq(rig.store->n_stored, rig.n);
    rig_fini(&rig);
}

Test(ingest_workers, what_has_queued_up_is_one_group, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, 1 + GROUP);
    submit_as_one_group(&rig);
    cr_assert(rig_wait(&rig, rig.n));
    cr_expect_eq(rig.store->n_calls, 2);
    cr_expect_eq(rig.n_lists, 2, "one delivery a group");
    rig_fini(&rig);
}

Test(ingest_workers, a_poisonous_order_is_refused_alone, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, 1 + GROUP);
    rig.store->poison = "00300";
    submit_as_one_group(&rig);
    cr_assert(rig_wait(&rig, rig.n));
    cr_expect_eq(rig.items[300].verdict, ITEM_REFUSED);
    cr_expect_str_eq(ingest_item_err(&rig.items[300])->code, "22P02");
    cr_expect_eq(rig_count(&rig, 0, rig.n, ITEM_CREATED), rig.n - 1);
    cr_expect_leq(rig.store->n_calls, 1 + 1 + 16 + 16 + 2, "512, 16 of 32, 16 of 2, 2 of 1");
    cr_expect_eq(counter_read(&ingest_metrics(rig.ingest)->splits), 3);
    rig_fini(&rig);
}

/* The key of item 300, which another transaction holds for ever. */
struct locked_key {
    struct rig *rig;
    uint32_t n_strangers; /* items that it does not hold up */
    bool in_doubt;
};

static void locked(void *arg, const struct put_group *group, struct fake_step *step)
{
    const struct locked_key *key = arg;
    for (size_t i = 0; i < group->n; i++) {
        if (strcmp(group->puts[i]->order->client_order_id, "00300") != 0)
            continue;
        step->fails = true;
        step->failure =
            (struct store_failure){ .action = STORE_RETRY_THEN_SPLIT, .in_doubt = key->in_doubt };
        err_set_code(&step->failure.err, 0, key->in_doubt ? "" : "55P03", "the key is locked");
    }
}

/* Once the strangers have come back, the time of the others is over. */
static void end_when_alone(void *arg, struct put_group *group)
{
    const struct locked_key *key = arg;
    struct rig *rig = key->rig;
    int64_t now_ns = clock_now_ns();
    (void)group;
    mutex_lock(&rig->mu);
    for (uint32_t i = 0; rig->n_done == key->n_strangers && i < rig->n; i++)
        if (rig->came_back[i] == 0)
            rig->items[i].deadline_at_ns = now_ns;
    mutex_unlock(&rig->mu);
}

static void lock_key(struct rig *rig, struct locked_key *key)
{
    rig->store->plan = locked;
    rig->store->before = end_when_alone;
    rig->store->arg = key;
}

struct locked_case {
    bool in_doubt;
    enum item_verdict want;
};

ParameterizedTestParameters(ingest_workers, a_locked_key_does_not_hold_strangers)
{
    static struct locked_case cases[] = { { false, ITEM_TIMED_OUT }, { true, ITEM_UNKNOWN } };
    return cr_make_param_array(struct locked_case, cases, 2);
}

ParameterizedTest(struct locked_case *c, ingest_workers, a_locked_key_does_not_hold_strangers,
                  .timeout = 60)
{
    struct rig rig;
    struct locked_key key = { .rig = &rig, .n_strangers = GROUP, .in_doubt = c->in_doubt };
    rig_init(&rig, 1 + GROUP);
    lock_key(&rig, &key);
    submit_as_one_group(&rig);
    cr_assert(rig_wait(&rig, rig.n - 1));
    cr_expect_eq(rig_count(&rig, 0, rig.n, ITEM_CREATED), rig.n - 1, "while the key stays locked");
    cr_assert(rig_wait(&rig, rig.n));
    cr_expect_eq(rig.items[300].verdict, c->want);
    cr_expect_eq(rig.came_back[300], 1);
    cr_expect_eq(counter_read(&ingest_metrics(rig.ingest)->ambiguous_stored),
                 c->in_doubt ? GROUP - 1 : 0);
    rig_fini(&rig);
}

Test(ingest_workers, one_key_many_times_is_stored_once, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, 101);
    for (uint32_t i = 2; i < rig.n; i++)
        rig_same_key(&rig, i, 1);
    submit_as_one_group(&rig);
    cr_assert(rig_wait(&rig, rig.n));
    cr_expect_eq(rig.items[1].verdict, ITEM_CREATED, "the first to arrive");
    cr_expect_eq(rig_count(&rig, 2, rig.n, ITEM_REPLAYED), 99);
    cr_expect_eq(rig.store->n_stored, 2);
    rig_fini(&rig);
}

Test(ingest_workers, room_comes_back_with_the_orders, .timeout = 60)
{
    struct rig rig;
    int64_t retry_after_ns = 0;
    rig_init(&rig, 9);
    rig.options.capacity = 8;
    fake_store_gate(rig.store, true);
    rig_open(&rig);
    rig_submit(&rig, 0, 8);
    struct fifo ninth = rig_list(&rig, 8, 9);
    cr_expect_eq(ingest_submit(rig.ingest, &ninth, &retry_after_ns), INGEST_FULL);
    cr_expect_gt(retry_after_ns, 0);
    fake_store_gate(rig.store, false);
    cr_assert(rig_wait(&rig, 8));
    cr_expect_eq(ingest_submit(rig.ingest, &ninth, &retry_after_ns), INGEST_OK);
    cr_assert(rig_wait(&rig, 9));
    rig_fini(&rig);
}

/* ---- lists ---- */

Test(ingest_workers, a_list_is_taken_whole_or_not_at_all, .timeout = 60)
{
    struct rig rig;
    int64_t retry_after_ns = 0;
    rig_init(&rig, 9);
    rig.options.capacity = 8;
    rig.options.group_max = 3;
    rig_open(&rig);
    struct fifo all = rig_list(&rig, 0, 9);
    cr_expect_eq(ingest_submit(rig.ingest, &all, &retry_after_ns), INGEST_FULL);
    cr_expect_gt(retry_after_ns, 0);
    cr_expect_eq(ingest_submit_atomic(rig.ingest, &all, &retry_after_ns), INGEST_FULL);
    for (uint32_t i = 0; i < 9; i++)
        cr_expect_eq(rig.items[i].link.next, i < 8 ? &rig.items[i + 1].link : NULL);
    struct fifo eight = rig_list(&rig, 0, 8);
    cr_expect_eq(ingest_submit(rig.ingest, &eight, &retry_after_ns), INGEST_OK);
    cr_assert(rig_wait(&rig, 8));
    cr_expect_eq(rig_count(&rig, 0, 8, ITEM_CREATED), 8);
    rig_fini(&rig);
}

Test(ingest_workers, an_atomic_list_is_one_group_and_comes_back_at_once, .timeout = 60)
{
    struct rig rig;
    int64_t retry_after_ns = 0;
    rig_init(&rig, 3 * GROUP + 2);
    rig.options.workers = 1;
    fake_store_gate(rig.store, true);
    rig_open(&rig);
    rig_submit(&rig, 0, 1);
    cr_assert(fake_store_wait_calls(rig.store, 1));
    struct fifo batch = rig_list(&rig, 1, rig.n - 1);
    cr_assert_eq(ingest_submit_atomic(rig.ingest, &batch, &retry_after_ns), INGEST_OK);
    rig_submit(&rig, rig.n - 1, rig.n);
    fake_store_gate(rig.store, false);
    cr_assert(rig_wait(&rig, rig.n));
    cr_expect_eq(rig_count(&rig, 0, rig.n, ITEM_CREATED), rig.n);
    cr_expect_eq(rig.store->n_calls, 3);
    cr_expect_eq(rig.store->calls[1].n, 3 * GROUP);
    cr_expect(rig.store->calls[1].atomic);
    cr_expect_eq(rig.n_lists, 3);
    cr_expect_not(rig.unsorted);
    rig_fini(&rig);
}

/* A key of the list is locked, and strangers go on. */
Test(ingest_workers, a_blocked_atomic_list_does_not_hold_strangers, .timeout = 60)
{
    struct rig rig;
    int64_t retry_after_ns = 0;
    struct locked_key key = { .rig = &rig, .n_strangers = 600 };
    rig_init(&rig, 1000);
    lock_key(&rig, &key);
    rig_open(&rig);
    struct fifo batch = rig_list(&rig, 100, 500);
    cr_assert_eq(ingest_submit_atomic(rig.ingest, &batch, &retry_after_ns), INGEST_OK);
    rig_submit(&rig, 0, 100);
    rig_submit(&rig, 500, rig.n);
    cr_assert(rig_wait(&rig, rig.n));
    cr_expect_eq(rig_count(&rig, 0, 100, ITEM_CREATED), 100);
    cr_expect_eq(rig_count(&rig, 500, rig.n, ITEM_CREATED), 500);
    cr_expect_eq(rig_count(&rig, 100, 500, ITEM_TIMED_OUT), 400, "whole, and never split");
    cr_expect_eq(rig.splits, 0);
    cr_expect_gt(rig.retries, 0);
    rig_fini(&rig);
}

/* ---- closing ---- */

Test(ingest_workers, close_lets_the_accepted_finish, .timeout = 60)
{
    struct rig rig;
    rig_init(&rig, 3000);
    rig_open(&rig);
    rig_submit(&rig, 0, rig.n);
    ingest_close(&rig.ingest, clock_after(clock_now_ns(), 20 * NS_PER_S));
    cr_expect_null(rig.ingest);
    cr_expect_eq(rig_count(&rig, 0, rig.n, ITEM_CREATED), rig.n);
    rig_fini(&rig);
}

Test(ingest_workers, close_gives_back_what_was_put_back, .timeout = 60)
{
    static const struct fake_step steps[] = {
        { .fails = true, .failure = { .action = STORE_RETRY, .in_doubt = true } },
        { .fails = true, .unsent = true, .failure = { .action = STORE_UNAVAILABLE } },
        { .fails = true, .failure = { .action = STORE_RETRY } },
    };
    static const enum item_verdict want[] = { ITEM_UNKNOWN, ITEM_UNAVAILABLE, ITEM_UNAVAILABLE };
    for (uint32_t i = 0; i < 3; i++) {
        struct rig rig;
        rig_init(&rig, 1);
        struct fake_step always[64];
        for (size_t k = 0; k < 64; k++)
            always[k] = steps[i];
        rig.store->steps = always;
        rig.store->n_steps = 64;
        rig_open(&rig);
        rig_submit(&rig, 0, 1);
        cr_assert(fake_store_wait_calls(rig.store, 3));
        ingest_close(&rig.ingest, clock_now_ns());
        cr_expect_eq(rig_count(&rig, 0, 1, want[i]), 1, "case %u", i);
        rig_fini(&rig);
    }
}

/* Opens the gate once the ingest is closing. */
static void *open_late(void *arg)
{
    struct rig *rig = arg;
    struct fifo extra = rig_list(rig, rig->n - 1, rig->n);
    int64_t retry_after_ns;
    while (ingest_submit(rig->ingest, &extra, &retry_after_ns) != INGEST_CLOSED)
        (void)sched_yield();
    fake_store_gate(rig->store, false);
    return NULL;
}

Test(ingest_workers, close_waits_for_the_attempt_and_gives_back_the_queue, .timeout = 60)
{
    struct rig rig;
    pthread_t opener;
    rig_init(&rig, 11);
    rig.options.workers = 1;
    rig.options.capacity = 10; /* the opener's order is refused: FULL, then CLOSED */
    fake_store_gate(rig.store, true);
    rig_open(&rig);
    rig_submit(&rig, 0, 1);
    cr_assert(fake_store_wait_calls(rig.store, 1));
    rig_submit(&rig, 1, 10);
    cr_assert(ingest_expire(&rig.items[5]));
    cr_assert_eq(thread_start(&opener, "opener", open_late, &rig), 0);
    struct ingest *closing = rig.ingest;
    ingest_close(&closing, clock_now_ns());
    thread_join(opener);
    rig.ingest = NULL;
    cr_expect_eq(rig.n_done, 10);
    cr_expect_eq(rig.items[0].verdict, ITEM_CREATED);
    cr_expect_eq(rig_count(&rig, 1, 10, ITEM_UNAVAILABLE), 8);
    cr_expect_eq(rig.items[5].verdict, ITEM_TIMED_OUT);
    cr_expect_eq(rig.store->n_calls, 1);
    rig_fini(&rig);
}

Test(ingest_workers, close_of_nothing)
{
    struct ingest *none = NULL;
    ingest_close(&none, 0);
    cr_expect_null(none);
}
