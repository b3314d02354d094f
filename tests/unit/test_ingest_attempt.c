/* What one attempt makes of a group: each row of the error table, doubt, duplicates, staleness. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/ingest_bench.h"

/* ---- the error table ---- */

enum end { BACK, SPLIT, DONE };

struct failure_case {
    uint32_t n, blocked;
    bool was_in_doubt, late; /* of the group, before; its deadline has passed */
    int action;              /* enum store_action */
    bool in_doubt, down;
    char code[6];
    enum end end;
    enum item_verdict verdict; /* DONE */
    enum retry_reason reason;  /* BACK */
    bool suspect;              /* BACK */
};

ParameterizedTestParameters(ingest_attempt, failure)
{
    enum {
        R = STORE_RETRY,
        B = STORE_RETRY_THEN_SPLIT,
        S = STORE_SPLIT,
        O = STORE_SPLIT_OR_FAIL,
        F = STORE_FAIL,
        U = STORE_UNAVAILABLE,
        E = STORE_ELSEWHERE
    };
    /* clang-format off */
    static struct failure_case cases[] = {
        /*n  blk  doubt  late   action doubt  down   code     end    verdict           reason            suspect */
        { 4, 0, false, false, R, false, false, "53100", BACK,  0,                RETRY_SERVER,      false },
        { 4, 0, false, false, R, true,  false, "",      BACK,  0,                RETRY_LOST,        false },
        { 4, 0, false, false, R, true,  false, "57P01", BACK,  0,                RETRY_LOST,        false },
        { 4, 0, false, false, R, false, false, "25006", BACK,  0,                RETRY_LOST,        false },
        { 4, 0, false, false, R, false, false, "40001", BACK,  0,                RETRY_LOCK,        false },
        { 1, 0, false, false, R, false, false, "08006", BACK,  0,                RETRY_LOST,        false },
        { 4, 0, false, false, B, false, false, "55P03", BACK,  0,                RETRY_LOCK,        true  },
        { 4, 1, false, false, B, false, false, "57014", SPLIT, 0,                0,                 false },
        { 4, 0, false, false, B, true,  false, "",      BACK,  0,                RETRY_LOST,        true  },
        { 4, 1, false, false, B, true,  false, "",      SPLIT, 0,                0,                 false },
        { 1, 1, false, false, B, false, false, "55P03", BACK,  0,                RETRY_LOCK,        true  },
        { 1, 9, false, false, B, false, false, "XX000", BACK,  0,                RETRY_SERVER,      true  },
        { 4, 0, false, false, S, false, false, "22P02", SPLIT, 0,                0,                 false },
        { 1, 0, false, false, S, false, false, "22P02", DONE,  ITEM_REFUSED,     0,                 false },
        { 1, 0, true,  false, S, false, false, "22P02", DONE,  ITEM_UNKNOWN,     0,                 false },
        { 1, 0, false, false, O, false, false, "3B000", DONE,  ITEM_FAILED,      0,                 false },
        { 1, 0, true,  false, O, false, false, "3B000", DONE,  ITEM_UNKNOWN,     0,                 false },
        { 4, 0, false, false, F, false, false, "25P02", DONE,  ITEM_FAILED,      0,                 false },
        { 4, 0, true,  false, F, false, false, "25P02", DONE,  ITEM_UNKNOWN,     0,                 false },
        { 4, 0, false, false, U, false, true,  "",      DONE,  ITEM_UNAVAILABLE, 0,                 false },
        { 4, 0, false, false, U, false, false, "",      BACK,  0,                RETRY_UNAVAILABLE, false },
        { 4, 0, true,  false, U, false, true,  "",      BACK,  0,                RETRY_UNAVAILABLE, false },
        { 4, 0, true,  false, E, false, false, "",      DONE,  ITEM_UNKNOWN,     0,                 false },
        { 4, 0, false, true,  R, false, false, "53100", DONE,  ITEM_TIMED_OUT,   0,                 false },
        { 4, 0, true,  true,  R, false, false, "53100", DONE,  ITEM_UNKNOWN,     0,                 false },
    };
    /* clang-format on */
    return cr_make_param_array(struct failure_case, cases, sizeof cases / sizeof cases[0]);
}

static void expect_back(struct bench *b, const struct failure_case *c, int64_t before_ns)
{
    cr_assert_eq(b->outcome.n_back, 1);
    const struct ingest_group *back = &b->outcome.back[0];
    cr_expect_eq(back->n, c->n);
    cr_expect_eq(back->failures, 1);
    cr_expect_eq(back->sending, c->was_in_doubt || c->in_doubt   ? GROUP_IN_DOUBT
                                : c->action != STORE_UNAVAILABLE ? GROUP_SENT
                                                                 : GROUP_UNSENT);
    cr_expect_eq(back->suspicion, c->suspect ? GROUP_SUSPECT : GROUP_TRUSTED);
    cr_expect_geq(back->due_at_ns, before_ns);
    cr_expect_leq(back->due_at_ns, clock_now_ns() + 20 * NS_PER_MS, "the first pause is short");
    for (int i = 0; i < RETRY_REASONS; i++)
        cr_expect_eq(counter_read(&b->metrics.retries[i]), i == (int)c->reason, "reason %d", i);
}

static void expect_done(struct bench *b, const struct failure_case *c)
{
    cr_expect_eq(bench_done(b, c->verdict), c->n, "wrong verdict");
    LIST_EACH (i, &b->outcome.done, const struct ingest_item, link)
        cr_expect_str_eq(ingest_item_err(i)->code, c->late ? "" : c->code);
    bool counted = c->was_in_doubt && c->verdict == ITEM_UNKNOWN;
    cr_expect_eq(counter_read(&b->metrics.ambiguous_unresolved), counted ? c->n : 0);
}

ParameterizedTest(struct failure_case *c, ingest_attempt, failure)
{
    struct fake_step step = { .fails = true, .unsent = c->action >= STORE_UNAVAILABLE };
    step.failure = (struct store_failure){
        .action = (enum store_action)c->action,
        .in_doubt = c->in_doubt,
        .down = c->down,
        .retry = c->reason,
    };
    err_set_code(&step.failure.err, 0, c->code, "told to fail");
    struct bench b;
    bench_init(&b, c->n);
    b.rig.store->steps = &step;
    b.rig.store->n_steps = 1;
    struct ingest_group group = bench_group(&b);
    group.sending = c->was_in_doubt ? GROUP_IN_DOUBT : GROUP_UNSENT;
    group.blocked = c->blocked;
    if (c->late)
        for (uint32_t i = 0; i < c->n; i++)
            b.rig.items[i].deadline_at_ns = 1;

    int64_t before_ns = clock_now_ns();
    bench_run(&b, &group);

    cr_expect_eq(b.rig.store->n_calls, c->late ? 0 : 1);
    cr_expect_eq(bench_done(&b, c->verdict), c->end == DONE ? c->n : 0);
    cr_expect_eq(bench_back(&b), c->end == DONE ? 0 : c->n);
    cr_expect_eq(counter_read(&b.metrics.splits), c->end == SPLIT);
    if (c->end == BACK)
        expect_back(&b, c, before_ns);
    else if (c->end == SPLIT)
        cr_expect_eq(b.outcome.n_back, c->n);
    else
        expect_done(&b, c);
    bench_fini(&b);
}

/* ---- success ---- */

Test(ingest_attempt, success_resolves_all_and_counts)
{
    struct bench b;
    bench_init(&b, 3);
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), 3);
    cr_expect_eq(b.outcome.n_back, 0);
    cr_expect_gt(b.outcome.first_attempt_ns, 0);
    cr_expect_eq(counter_read(&b.metrics.commits_ok), 1);
    struct histogram_view view;
    histogram_read(&b.metrics.group_orders, &view);
    cr_expect_eq(view.count, 1);
    cr_expect_eq(view.sum, 3);
    bench_fini(&b);
}

Test(ingest_attempt, stored_by_another_is_replayed_or_reused)
{
    struct bench b;
    bench_init(&b, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct order other = b.rig.items[i].order;
        (void)snprintf(other.order_id, sizeof other.order_id, "other");
        (void)snprintf(other.quantity, sizeof other.quantity, i == 0 ? "1" : "2");
        fake_store_plant(b.rig.store, &other);
    }
    struct ingest_group group = bench_group(&b);
    group.sending = GROUP_IN_DOUBT;
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_REPLAYED);
    cr_expect_str_eq(ingest_item_stored(&b.rig.items[0])->order_id, "other");
    cr_expect_eq(b.rig.items[1].verdict, ITEM_REUSED);
    cr_expect_eq(ingest_item_diff(&b.rig.items[1]), ORDER_DIFF_QUANTITY);
    cr_expect_eq(counter_read(&b.metrics.ambiguous_absent), 2);
    bench_fini(&b);
}

Test(ingest_attempt, in_doubt_then_stored_is_counted)
{
    static const struct fake_step lost = { .fails = true,
                                           .stores = true,
                                           .failure = { .action = STORE_RETRY, .in_doubt = true } };
    struct bench b;
    bench_init(&b, 2);
    b.rig.store->steps = &lost;
    b.rig.store->n_steps = 1;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_assert_eq(b.outcome.n_back, 1);
    group = b.outcome.back[0];
    bench_run(&b, &group);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), 2);
    cr_expect(b.rig.store->calls[1].in_doubt);
    cr_expect_eq(b.rig.store->n_stored, 2);
    cr_expect_eq(counter_read(&b.metrics.ambiguous_stored), 2);
    cr_expect_eq(b.outcome.first_attempt_ns, 0, "only first attempts are measured");
    bench_fini(&b);
}

/* ---- in doubt, and another database than the one it was sent to ---- */

struct move_case {
    bool atomic, in_doubt;
    uint32_t first, second; /* which database each of two attempts meets */
    enum item_verdict verdict;
    size_t n_stored; /* once, or in both */
};

ParameterizedTestParameters(ingest_attempt, doubt_stays_with_its_database)
{
    /* clang-format off */
    static struct move_case cases[] = {
        { false, true,  1, 2, ITEM_UNKNOWN, 2 },
        { true,  true,  1, 2, ITEM_UNKNOWN, 2 },
        { false, true,  2, 2, ITEM_CREATED, 2 },
        { true,  true,  2, 2, ITEM_CREATED, 2 },
        { false, true,  0, 2, ITEM_CREATED, 2 }, /* one that did not say which it is */
        { false, true,  1, 0, ITEM_CREATED, 2 },
        { false, false, 1, 2, ITEM_CREATED, 2 }, /* certainly not stored in the first */
        { true,  false, 1, 2, ITEM_CREATED, 2 },
    };
    /* clang-format on */
    return cr_make_param_array(struct move_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct move_case *c, ingest_attempt, doubt_stays_with_its_database)
{
    const struct fake_step steps[] = {
        { .fails = true,
          .stores = c->in_doubt,
          .failure = { .action = STORE_RETRY, .in_doubt = c->in_doubt },
          .database = c->first },
        { .database = c->second },
    };
    struct bench b;
    bench_init(&b, 2);
    b.rig.store->steps = steps;
    b.rig.store->n_steps = 2;
    struct ingest_group group = c->atomic ? bench_batch(&b) : bench_group(&b);
    bench_run(&b, &group);
    cr_assert_eq(b.outcome.n_back, 1);
    cr_expect_eq(b.outcome.back[0].doubt_database, c->in_doubt ? c->first : 0);
    group = b.outcome.back[0];
    bench_run(&b, &group);
    cr_expect_eq(bench_done(&b, c->verdict), 2, "wrong verdict");
    cr_expect_eq(b.outcome.n_back, 0, "at once, and not at its deadline");
    cr_expect_eq(b.rig.store->n_stored, c->n_stored);
    cr_expect_eq(counter_read(&b.metrics.ambiguous_unresolved), c->verdict == ITEM_UNKNOWN ? 2 : 0);
    bench_fini(&b);
}

/* Each piece of a group that is split knows where it is in doubt. */
Test(ingest_attempt, doubt_is_split_with_its_database)
{
    static const struct fake_step steps[] = {
        { .fails = true, .failure = { .action = STORE_RETRY, .in_doubt = true }, .database = 7 },
        { .fails = true, .failure = { .action = STORE_SPLIT }, .database = 7 },
        { .database = 8 },
    };
    struct bench b;
    bench_init(&b, 2);
    b.rig.store->steps = steps;
    b.rig.store->n_steps = 3;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    group = b.outcome.back[0];
    bench_run(&b, &group);
    cr_assert_eq(b.outcome.n_back, 2);
    group = b.outcome.back[1];
    bench_run(&b, &group);
    cr_expect_eq(bench_done(&b, ITEM_UNKNOWN), 1);
    cr_expect_eq(b.rig.store->n_stored, 0);
    bench_fini(&b);
}

Test(ingest_attempt, verdicts_of_a_failed_attempt_are_final)
{
    static const struct fake_step step = { .fails = true,
                                           .partial = true,
                                           .failure = { .action = STORE_SPLIT } };
    struct bench b;
    bench_init(&b, 2);
    b.rig.store->steps = &step;
    b.rig.store->n_steps = 1;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(b.rig.items[0].verdict, ITEM_CREATED);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), 1);
    cr_expect_eq(bench_back(&b), 1, "the other was not alone, so it is not yet to blame");
    bench_fini(&b);
}

Test(ingest_attempt, pending_rounds_are_bounded)
{
    static const struct fake_step pending[] = { { .pending = true }, { .pending = true },
                                                { .pending = true }, { .pending = true },
                                                { .pending = true }, { .pending = true },
                                                { .pending = true }, { .pending = true } };
    for (int in_doubt = 0; in_doubt < 2; in_doubt++) {
        struct bench b;
        bench_init(&b, 1);
        b.rig.store->steps = pending;
        b.rig.store->n_steps = 8;
        struct ingest_group group = bench_group(&b);
        group.sending = in_doubt ? GROUP_IN_DOUBT : GROUP_UNSENT;
        for (int round = 1; round < 8; round++) {
            bench_run(&b, &group);
            cr_assert_eq(b.outcome.n_back, 1, "round %d", round);
            group = b.outcome.back[0];
        }
        bench_run(&b, &group);
        cr_expect_eq(bench_done(&b, in_doubt ? ITEM_UNKNOWN : ITEM_FAILED), 1);
        bench_fini(&b);
    }
}

/* ---- deadlines ---- */

Test(ingest_attempt, has_a_third_of_the_timeout_at_most)
{
    struct bench b;
    bench_init(&b, 1);
    b.rig.options.commit_timeout_ns = 9 * NS_PER_S;
    struct ingest_group group = bench_group(&b);
    int64_t before_ns = clock_now_ns();
    bench_run(&b, &group);
    cr_expect_geq(b.rig.store->calls[0].deadline_at_ns, before_ns + 3 * NS_PER_S);
    cr_expect_leq(b.rig.store->calls[0].deadline_at_ns, clock_now_ns() + 3 * NS_PER_S);
    bench_fini(&b);
}

Test(ingest_attempt, ends_by_the_last_deadline_of_the_group)
{
    struct bench b;
    bench_init(&b, 2);
    b.rig.options.commit_timeout_ns = 3600 * NS_PER_S;
    b.rig.items[1].deadline_at_ns += NS_PER_S;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(b.rig.store->calls[0].deadline_at_ns, b.rig.items[1].deadline_at_ns);
    bench_fini(&b);
}

static void deadline_is_now(void *arg, struct put_group *group)
{
    struct ingest_item *item = arg;
    (void)group;
    item->deadline_at_ns = clock_now_ns();
}

Test(ingest_attempt, the_pause_ends_with_the_deadline)
{
    static const struct fake_step fails = { .fails = true, .failure = { .action = STORE_RETRY } };
    struct bench b;
    bench_init(&b, 1);
    b.rig.store->steps = &fails;
    b.rig.store->n_steps = 1;
    b.rig.store->before = deadline_is_now;
    b.rig.store->arg = &b.rig.items[0];
    struct ingest_group group = bench_group(&b);
    group.failures = 10;
    bench_run(&b, &group);
    cr_assert_eq(b.outcome.n_back, 1);
    cr_expect_eq(b.outcome.back[0].due_at_ns, b.rig.items[0].deadline_at_ns);
    bench_fini(&b);
}

Test(ingest_attempt, ends_by_the_moment_of_the_stop)
{
    struct bench b;
    bench_init(&b, 1);
    struct ingest_group group = bench_group(&b);
    int64_t stop_at_ns = clock_now_ns() + NS_PER_S;
    attempt_run(&b.attempt, &group, stop_at_ns, &b.outcome);
    cr_expect_eq(b.rig.store->calls[0].deadline_at_ns, stop_at_ns);
    bench_fini(&b);
}
