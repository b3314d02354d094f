/* One attempt at an atomic group: all or nothing, whatever happens to it. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/ingest_bench.h"

enum { N = 5 };

/* ---- the error table ---- */

struct failure_case {
    bool was_in_doubt;
    int action; /* enum store_action */
    bool in_doubt, down;
    bool back;                 /* whole, and again */
    enum item_verdict verdict; /* of all, if not */
    bool suspect;
};

ParameterizedTestParameters(ingest_atomic, failure)
{
    enum {
        R = STORE_RETRY,
        B = STORE_RETRY_THEN_SPLIT,
        S = STORE_SPLIT,
        O = STORE_SPLIT_OR_FAIL,
        F = STORE_FAIL,
        U = STORE_UNAVAILABLE
    };
    /* clang-format off */
    static struct failure_case cases[] = {
        /*was    action doubt  down   back   verdict           suspect */
        { false, R, false, false, true,  0,                false },
        { false, R, true,  false, true,  0,                false },
        { false, B, false, false, true,  0,                true  },
        { true,  B, true,  false, true,  0,                true  },
        { false, S, false, false, false, ITEM_REFUSED,     false },
        { true,  S, false, false, false, ITEM_UNKNOWN,     false },
        { false, O, false, false, false, ITEM_FAILED,      false },
        { true,  O, false, false, false, ITEM_UNKNOWN,     false },
        { false, F, false, false, false, ITEM_FAILED,      false },
        { false, F, true,  false, false, ITEM_UNKNOWN,     false },
        { true,  F, false, false, false, ITEM_UNKNOWN,     false },
        { false, U, false, true,  false, ITEM_UNAVAILABLE, false },
        { false, U, false, false, true,  0,                false },
        { true,  U, false, true,  true,  0,                false },
    };
    /* clang-format on */
    return cr_make_param_array(struct failure_case, cases, sizeof cases / sizeof cases[0]);
}

static void make_stale(struct order *order)
{
    order->sent_at_us = clock_wall_us() - 10 * 1000000;
    order->max_age_ms = 1000;
}

ParameterizedTest(struct failure_case *c, ingest_atomic, failure)
{
    struct fake_step step = { .fails = true, .unsent = c->action == STORE_UNAVAILABLE };
    step.failure = (struct store_failure){
        .action = (enum store_action)c->action,
        .in_doubt = c->in_doubt,
        .down = c->down,
    };
    err_set_code(&step.failure.err, 0, "23514", "told to fail");
    struct bench b;
    bench_init(&b, N);
    make_stale(&b.rig.items[N - 1].order); /* as all of them are, so is one that was looked up */
    b.rig.store->steps = &step;
    b.rig.store->n_steps = 1;
    struct ingest_group group = bench_batch(&b);
    group.sending = c->was_in_doubt ? GROUP_IN_DOUBT : GROUP_UNSENT;
    group.blocked = 9;
    bench_run(&b, &group);

    cr_expect_eq(counter_read(&b.metrics.splits), 0);
    if (c->back) {
        cr_assert_eq(b.outcome.n_back, 1);
        const struct ingest_group *back = &b.outcome.back[0];
        cr_expect_eq(back->kind, GROUP_ATOMIC);
        cr_expect_eq(back->n, N);
        cr_expect_eq(back->suspicion, c->suspect ? GROUP_SUSPECT : GROUP_TRUSTED);
        cr_expect_eq(back->sending == GROUP_IN_DOUBT, c->was_in_doubt || c->in_doubt);
    } else {
        cr_expect_eq(b.outcome.n_back, 0);
        cr_expect_eq(bench_done(&b, c->verdict), N);
        LIST_EACH (i, &b.outcome.done, const struct ingest_item, link)
            cr_expect_str_eq(ingest_item_err(i)->code, "23514");
    }
    bench_fini(&b);
}

/* ---- verdicts ---- */

static void plant(struct bench *b, uint32_t i, const char *quantity)
{
    struct order other = b->rig.items[i].order;
    (void)snprintf(other.order_id, sizeof other.order_id, "other");
    (void)snprintf(other.quantity, sizeof other.quantity, "%s", quantity);
    fake_store_plant(b->rig.store, &other);
}

static void run_batch(struct bench *b)
{
    struct ingest_group group = bench_batch(b);
    bench_run(b, &group);
}

Test(ingest_atomic, all_are_stored)
{
    struct bench b;
    bench_init(&b, N);
    b.rig.options.group_max = 2;
    run_batch(&b);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), N);
    cr_expect_eq(b.rig.store->n_calls, 1);
    cr_expect_eq(b.rig.store->calls[0].n, N, "more than a group may hold otherwise");
    cr_expect_eq(counter_read(&b.metrics.commits_ok), 1);
    cr_expect_gt(b.outcome.first_attempt_ns, 0);
    bench_fini(&b);
}

Test(ingest_atomic, replays_are_allowed)
{
    struct bench b;
    bench_init(&b, N);
    plant(&b, 2, "1");
    run_batch(&b);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), N - 1);
    cr_expect_eq(b.rig.items[2].verdict, ITEM_REPLAYED);
    cr_expect_str_eq(ingest_item_stored(&b.rig.items[2])->order_id, "other");
    bench_fini(&b);
}

Test(ingest_atomic, one_reused_refuses_all)
{
    struct bench b;
    bench_init(&b, N);
    plant(&b, 1, "1");
    plant(&b, 2, "2");
    run_batch(&b);
    cr_expect_eq(b.rig.items[2].verdict, ITEM_REUSED);
    cr_expect_eq(ingest_item_diff(&b.rig.items[2]), ORDER_DIFF_QUANTITY);
    cr_expect_str_eq(ingest_item_stored(&b.rig.items[2])->order_id, "other");
    cr_expect_eq(bench_done(&b, ITEM_BATCH_REFUSED), N - 1, "the replay, too");
    cr_expect_eq(b.rig.store->n_stored, 2);
    cr_expect_eq(counter_read(&b.metrics.commits_ok), 0);
    cr_expect_eq(counter_read(&b.metrics.commits_failed), 1);
    bench_fini(&b);
}

Test(ingest_atomic, one_refused_by_the_database_refuses_all)
{
    struct bench b;
    bench_init(&b, N);
    b.rig.store->poison = "00003";
    run_batch(&b);
    cr_expect_eq(b.rig.items[3].verdict, ITEM_REFUSED);
    cr_expect_str_eq(ingest_item_err(&b.rig.items[3])->code, "22P02");
    cr_expect_eq(bench_done(&b, ITEM_BATCH_REFUSED), N - 1);
    cr_expect_eq(b.rig.store->n_stored, 0);
    bench_fini(&b);
}

Test(ingest_atomic, twins_are_compared_with_the_first)
{
    struct bench b;
    bench_init(&b, N);
    rig_same_key(&b.rig, 1, 0);
    rig_same_key(&b.rig, 2, 0);
    run_batch(&b);
    cr_expect_eq(b.rig.store->calls[0].n, N);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_CREATED);
    cr_expect_eq(bench_done(&b, ITEM_REPLAYED), 2);
    cr_expect_str_eq(ingest_item_stored(&b.rig.items[2])->order_id, b.rig.items[0].order.order_id);
    bench_fini(&b);
}

Test(ingest_atomic, a_twin_that_differs_refuses_all)
{
    struct bench b;
    bench_init(&b, N);
    rig_same_key(&b.rig, 1, 0);
    (void)snprintf(b.rig.items[1].order.quantity, ORDER_DECIMAL_SIZE, "2");
    run_batch(&b);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_REUSED);
    cr_expect_eq(ingest_item_diff(&b.rig.items[1]), ORDER_DIFF_QUANTITY);
    cr_expect_str_eq(ingest_item_stored(&b.rig.items[1])->order_id, "", "it is not stored");
    cr_expect_eq(bench_done(&b, ITEM_BATCH_REFUSED), N - 1);
    cr_expect_eq(b.rig.store->n_stored, 0);
    bench_fini(&b);
}

Test(ingest_atomic, stale_and_stored_is_a_replay)
{
    struct bench b;
    bench_init(&b, N);
    make_stale(&b.rig.items[1].order);
    plant(&b, 1, "1");
    run_batch(&b);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_REPLAYED);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), N - 1);
    bench_fini(&b);
}

Test(ingest_atomic, stale_and_not_stored_refuses_all)
{
    struct bench b;
    bench_init(&b, N);
    make_stale(&b.rig.items[1].order);
    run_batch(&b);
    cr_expect_eq(b.rig.items[1].verdict, ITEM_STALE);
    cr_expect_eq(bench_done(&b, ITEM_BATCH_REFUSED), N - 1);
    cr_expect_eq(b.rig.store->n_stored, 0);
    bench_fini(&b);
}

/* ---- doubt ---- */

Test(ingest_atomic, in_doubt_and_stored_is_found_whole)
{
    static const struct fake_step lost = { .fails = true,
                                           .stores = true,
                                           .failure = { .action = STORE_RETRY, .in_doubt = true } };
    struct bench b;
    bench_init(&b, N);
    b.rig.store->steps = &lost;
    b.rig.store->n_steps = 1;
    run_batch(&b);
    cr_assert_eq(b.outcome.n_back, 1);
    struct ingest_group group = b.outcome.back[0];
    bench_run(&b, &group);
    cr_expect(b.rig.store->calls[1].in_doubt);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), N);
    cr_expect_eq(b.rig.store->n_stored, N);
    cr_expect_eq(counter_read(&b.metrics.ambiguous_stored), N);
    bench_fini(&b);
}

/* Nothing in doubt may be said to be not stored, for another's sake neither. */
Test(ingest_atomic, in_doubt_and_refused_is_unknown)
{
    struct bench b;
    bench_init(&b, N);
    plant(&b, 0, "2");
    b.rig.store->poison = "00003";
    struct ingest_group group = bench_batch(&b);
    group.sending = GROUP_IN_DOUBT;
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_REUSED, "another holds its key");
    cr_expect_eq(bench_done(&b, ITEM_UNKNOWN), N - 1);
    bench_fini(&b);
}

Test(ingest_atomic, pending_is_tried_again_whole)
{
    static const struct fake_step pending = { .pending = true };
    struct bench b;
    bench_init(&b, N);
    b.rig.store->steps = &pending;
    b.rig.store->n_steps = 1;
    run_batch(&b);
    cr_assert_eq(b.outcome.n_back, 1);
    struct ingest_group group = b.outcome.back[0];
    cr_expect_eq(group.n, N);
    bench_run(&b, &group);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), N);
    bench_fini(&b);
}

/* ---- expiry ---- */

Test(ingest_atomic, one_expires_all)
{
    struct bench b;
    bench_init(&b, N);
    struct ingest_group group = bench_batch(&b);
    cr_assert(ingest_expire(&b.rig.items[3]));
    cr_expect_not(ingest_expire(&b.rig.items[0]), "it has");
    cr_expect_eq(ingest_item_state(&b.rig.items[1]), ITEM_EXPIRED);
    bench_run(&b, &group);
    cr_expect_eq(b.rig.store->n_calls, 0);
    cr_expect_eq(bench_done(&b, ITEM_TIMED_OUT), N);
    bench_fini(&b);
}

static void expire_third(void *arg, struct put_group *group)
{
    struct ingest_item *items = arg;
    (void)group;
    cr_assert(ingest_expire(&items[2]));
}

Test(ingest_atomic, expired_at_the_last_moment_all_stay_behind)
{
    for (int stale = 0; stale < 2; stale++) { /* all of them: then nothing is written anyway */
        struct bench b;
        bench_init(&b, N);
        for (uint32_t i = 0; i < N && stale; i++)
            make_stale(&b.rig.items[i].order);
        b.rig.store->before = expire_third;
        b.rig.store->arg = b.rig.items;
        run_batch(&b);
        cr_expect_eq(b.rig.store->calls[0].n_skipped, N);
        cr_expect_eq(bench_done(&b, ITEM_TIMED_OUT), N);
        cr_expect_eq(b.rig.store->n_stored, 0);
        cr_expect_eq(counter_read(&b.metrics.commits_ok), 0);
        bench_fini(&b);
    }
}

Test(ingest_atomic, sent_cannot_expire)
{
    static const struct fake_step fails = { .fails = true, .failure = { .action = STORE_RETRY } };
    struct bench b;
    bench_init(&b, N);
    b.rig.store->steps = &fails;
    b.rig.store->n_steps = 1;
    run_batch(&b);
    cr_assert_eq(bench_back(&b), N);
    for (uint32_t i = 0; i < N; i++) {
        cr_expect_not(ingest_expire(&b.rig.items[i]));
        cr_expect_eq(ingest_item_state(&b.rig.items[i]), ITEM_SENT);
    }
    bench_fini(&b);
}

Test(ingest_atomic, out_of_time_is_unknown_only_in_doubt)
{
    for (int in_doubt = 0; in_doubt < 2; in_doubt++) {
        struct bench b;
        bench_init(&b, N);
        for (uint32_t i = 0; i < N; i++)
            b.rig.items[i].deadline_at_ns = 1;
        struct ingest_group group = bench_batch(&b);
        group.sending = in_doubt ? GROUP_IN_DOUBT : GROUP_UNSENT;
        bench_run(&b, &group);
        cr_expect_eq(bench_done(&b, in_doubt ? ITEM_UNKNOWN : ITEM_TIMED_OUT), N);
        bench_fini(&b);
    }
}

Test(ingest_atomic, abandoned_whole)
{
    struct bench b;
    bench_init(&b, N);
    struct ingest_group group = bench_batch(&b);
    b.outcome = (struct group_outcome){ .n_back = 0 };
    attempt_abandon(&b.attempt, &group, &b.outcome);
    cr_expect_eq(bench_done(&b, ITEM_UNAVAILABLE), N);
    bench_fini(&b);
}
