/* Is one order at fault, or does every order fail? The trial of a group in its pieces, and its
 * counters. */
#include <criterion/criterion.h>

#include "support/ingest_bench.h"

/* The failure of each attempt with an odd order; if no order is odd, of each attempt. */
struct plan {
    struct store_failure failure;
    const char *odd[2]; /* client_order_id; NULL: none */
};

static const struct store_failure no_table = { .action = STORE_SPLIT_OR_FAIL,
                                               .fault = FAULT_OPERATOR,
                                               .err = { .code = "42P01" } };
static const struct store_failure no_xids = { .action = STORE_SPLIT_OR_FAIL,
                                              .fault = FAULT_SERVER,
                                              .unless_neighbour_stored = true,
                                              .err = { .code = "54000" } };
static const struct store_failure no_space = { .action = STORE_RETRY_THEN_SPLIT,
                                               .fault = FAULT_SERVER,
                                               .err = { .code = "53100" } };

static bool is_odd(const struct plan *plan, const struct put_group *group)
{
    for (size_t o = 0; o < sizeof plan->odd / sizeof plan->odd[0]; o++)
        for (size_t i = 0; i < group->n && plan->odd[o] != NULL; i++)
            if (strcmp(group->puts[i]->order->client_order_id, plan->odd[o]) == 0)
                return true;
    return plan->odd[0] == NULL;
}

static void fail_if_odd(void *arg, const struct put_group *group, struct fake_step *step)
{
    const struct plan *plan = arg;
    step->fails = is_odd(plan, group);
    step->failure = plan->failure;
}

static void bench_plan(struct bench *b, uint32_t n, struct plan *plan)
{
    bench_init(b, n);
    b->rig.store->plan = fail_if_odd;
    b->rig.store->arg = plan;
}

/* Attempts the group, and what comes of it, until every item is done or `rounds` are over. */
static void run_rounds(struct bench *b, const struct ingest_group *group, int rounds)
{
    struct ingest_group waiting[256] = { *group };
    size_t n = 1;
    for (size_t at = 0; at < n && rounds > 0; at++, rounds--) {
        bench_run(b, &waiting[at]);
        for (size_t i = 0; i < b->outcome.n_back; i++) {
            cr_assert_lt(n, sizeof waiting / sizeof waiting[0]);
            waiting[n++] = b->outcome.back[i];
        }
    }
}

static uint32_t count_items(const struct bench *b, enum item_verdict verdict)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->rig.n; i++)
        n += b->rig.items[i].verdict == verdict;
    return n;
}

/* ---- of all ---- */

Test(ingest_trial, what_fails_all_alike_ends_all_at_once)
{
    const struct store_failure failures[] = { no_table, no_xids };
    for (size_t f = 0; f < sizeof failures / sizeof failures[0]; f++) {
        struct plan plan = { .failure = failures[f] };
        struct bench b;
        bench_plan(&b, 400, &plan);
        struct ingest_group group = bench_group(&b);
        bench_run(&b, &group);
        cr_expect_eq(b.rig.store->n_calls, 17, "the whole and its pieces, %zu calls",
                     b.rig.store->n_calls);
        cr_expect_eq(bench_done(&b, ITEM_DATABASE_FAULT), 400);
        cr_expect_eq(bench_back(&b), 0);
        for (uint32_t i = 0; i < 400; i++)
            cr_expect_eq(b.rig.items[i].fault, failures[f].fault);
        cr_expect_eq(counter_read(&b.metrics.failed_orders[failures[f].fault]), 400);
        cr_expect_eq(counter_read(&b.metrics.failed_groups[failures[f].fault]), 17);
        cr_expect_eq(counter_read(&b.metrics.splits), 0, "nobody was parted from others");
        bench_fini(&b);
    }
}

Test(ingest_trial, in_doubt_all_are_unknown)
{
    struct plan plan = { .failure = no_table };
    struct bench b;
    bench_plan(&b, 20, &plan);
    struct ingest_group group = bench_group(&b);
    group.sending = GROUP_IN_DOUBT;
    bench_run(&b, &group);
    cr_expect_eq(bench_done(&b, ITEM_UNKNOWN), 20);
    bench_fini(&b);
}

Test(ingest_trial, what_passes_by_itself_is_put_back_whole_and_not_tried_again)
{
    struct plan plan = { .failure = no_space };
    struct bench b;
    bench_plan(&b, 96, &plan);
    struct ingest_group group = bench_group(&b);
    static const size_t calls[] = { 1, 1 + 17, 1 + 17 + 1, 1 + 17 + 2 };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        bench_run(&b, &group);
        cr_expect_eq(b.rig.store->n_calls, calls[i], "%zu", b.rig.store->n_calls);
        cr_assert_eq(b.outcome.n_back, 1);
        cr_assert_eq(b.outcome.back[0].n, 96);
        group = b.outcome.back[0];
    }
    cr_expect_eq(counter_read(&b.metrics.splits), 0);
    plan.odd[0] = "nobody";
    bench_run(&b, &group);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), 96);
    bench_fini(&b);
}

/* A replay needs nothing of a server that can store nothing. */
Test(ingest_trial, a_replay_proves_nothing)
{
    struct plan plan = { .failure = no_xids, .odd = { "00030", "00039" } };
    struct bench b;
    bench_plan(&b, 40, &plan);
    for (uint32_t i = 0; i < 40; i++) {
        struct order stored = b.rig.items[i].order;
        (void)snprintf(stored.order_id, sizeof stored.order_id, "other-%05u", i);
        if (i != 30 && i != 39)
            fake_store_plant(b.rig.store, &stored);
    }
    struct ingest_group group = bench_group(&b);
    run_rounds(&b, &group, 100);
    cr_expect_eq(count_items(&b, ITEM_DATABASE_FAULT), 2 + 2, "with those of their pieces");
    cr_expect_eq(count_items(&b, ITEM_REPLAYED), 36);
    cr_expect_eq(count_items(&b, ITEM_REFUSED), 0);
    bench_fini(&b);
}

/* ---- of one ---- */

static void expect_only_odd(struct plan *plan, enum item_verdict verdict, enum store_fault fault)
{
    struct bench b;
    bench_plan(&b, 100, plan);
    struct ingest_group group = bench_group(&b);
    run_rounds(&b, &group, 200);
    cr_expect_eq(count_items(&b, ITEM_CREATED), 98);
    cr_expect_eq(count_items(&b, verdict), 2);
    for (uint32_t i = 0; i < 100; i++)
        cr_expect_eq(b.rig.items[i].fault,
                     b.rig.items[i].verdict == ITEM_CREATED ? FAULT_NONE : fault);
    struct ingest_streak streak;
    streak_read(&b.streak, &streak);
    cr_expect_eq(streak.groups, 0, "an order that fails beside others says nothing about them");
    cr_expect_gt(counter_read(&b.metrics.splits), 0);
    bench_fini(&b);
}

Test(ingest_trial, an_odd_order_fails_alone)
{
    struct plan plan = { .failure = no_table, .odd = { "00000", "00057" } };
    expect_only_odd(&plan, ITEM_DATABASE_FAULT, FAULT_OPERATOR);
    plan.odd[1] = "00099";
    expect_only_odd(&plan, ITEM_DATABASE_FAULT, FAULT_OPERATOR);
}

Test(ingest_trial, a_limit_that_neighbours_do_not_meet_is_the_orders)
{
    struct plan plan = { .failure = no_xids, .odd = { "00000", "00057" } };
    expect_only_odd(&plan, ITEM_REFUSED, FAULT_ORDER);
}

Test(ingest_trial, alone_with_no_neighbour_it_is_the_servers)
{
    struct plan plan = { .failure = no_xids };
    struct bench b;
    bench_plan(&b, 1, &plan);
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(bench_done(&b, ITEM_DATABASE_FAULT), 1);
    cr_expect_eq(b.rig.items[0].fault, FAULT_SERVER);
    cr_expect_eq(b.rig.store->n_calls, 1);
    bench_fini(&b);
}

/* A bad block of an index: what is retried holds nobody else up. */
Test(ingest_trial, an_order_that_the_server_cannot_write_is_retried_alone)
{
    struct plan plan = { .failure = no_space, .odd = { "00057" } };
    struct bench b;
    bench_plan(&b, 100, &plan);
    struct ingest_group group = bench_group(&b);
    run_rounds(&b, &group, 200);
    cr_expect_eq(count_items(&b, ITEM_CREATED), 99 + 1, "ITEM_CREATED is 0: no verdict yet");
    cr_assert_eq(b.outcome.n_back, 1);
    cr_expect_str_eq(items_first(&b.outcome.back[0].items)->order.client_order_id, "00057");
    cr_expect_eq(b.rig.store->n_stored, 99);
    bench_fini(&b);
}

/* ---- neither ---- */

Test(ingest_trial, a_piece_that_fails_in_another_way_ends_the_trial)
{
    const struct store_failure lost = { .action = STORE_RETRY,
                                        .fault = FAULT_SERVER,
                                        .in_doubt = true };
    const struct fake_step steps[] = {
        { .fails = true, .failure = no_table },
        { .fails = true, .failure = no_table },
        { .fails = true, .failure = lost },
    };
    struct bench b;
    bench_init(&b, 32);
    b.rig.store->steps = steps;
    b.rig.store->n_steps = 3;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(b.rig.store->n_calls, 3);
    cr_expect_eq(bench_back(&b), 32);
    cr_assert_eq(b.outcome.n_back, 16);
    for (size_t i = 0; i < 16; i++) {
        cr_expect_eq(b.outcome.back[i].n, 2);
        cr_expect_eq(b.outcome.back[i].sending == GROUP_IN_DOUBT, i == 0,
                     "only the piece that was lost");
        cr_expect_eq(b.outcome.back[i].suspicion, GROUP_SUSPECT);
    }
    bench_fini(&b);
}

Test(ingest_trial, the_failed_ones_of_a_partial_success_are_all)
{
    struct fake_step steps[18] = { { .fails = true, .failure = no_table } };
    for (size_t i = 1; i < 18; i++)
        steps[i] = (struct fake_step){ .fails = true, .partial = true, .failure = no_table };
    struct bench b;
    bench_init(&b, 32);
    b.rig.store->steps = steps;
    b.rig.store->n_steps = 18;
    struct ingest_group group = bench_group(&b);
    bench_run(&b, &group);
    cr_expect_eq(bench_done(&b, ITEM_CREATED), 1,
                 "the first of the first piece: then not all fail");
    cr_expect_eq(bench_back(&b), 31);
    bench_fini(&b);
}

/* ---- the streak ---- */

Test(ingest_trial, a_streak_lasts_until_an_order_is_stored)
{
    struct plan plan = { .failure = no_table };
    struct ingest_streak streak;
    struct bench b;
    bench_plan(&b, 3, &plan);
    for (uint32_t i = 0; i < 3; i++) {
        struct ingest_group group = group_form(rig_list(&b.rig, i, i + 1));
        if (i == 2)
            (void)snprintf(b.rig.items[i].order.account_id, ORDER_NAME_SIZE, "another");
        bench_run(&b, &group);
        streak_read(&b.streak, &streak);
        cr_expect_eq(streak.groups, i + 1);
        cr_expect_eq(streak.several_accounts, i == 2, "one client may have an odd account");
        cr_expect_eq(streak.fault, FAULT_OPERATOR);
        cr_expect_str_eq(streak.sqlstate, "42P01");
        cr_expect_leq(streak.first_at_ns, streak.last_at_ns);
    }
    plan.odd[0] = "nobody";
    struct ingest_group group = group_form(rig_list(&b.rig, 0, 1));
    bench_run(&b, &group);
    streak_read(&b.streak, &streak);
    cr_expect_eq(streak.groups, 0);
    bench_fini(&b);
}

Test(ingest_trial, nobodys_and_an_orders_fault_are_no_streak)
{
    static const struct store_failure failures[] = {
        { .action = STORE_RETRY_THEN_SPLIT, .fault = FAULT_NONE, .err = { .code = "55P03" } },
        { .action = STORE_SPLIT, .fault = FAULT_ORDER, .err = { .code = "23514" } },
    };
    for (size_t f = 0; f < 2; f++) {
        struct plan plan = { .failure = failures[f] };
        struct ingest_streak streak;
        struct bench b;
        bench_plan(&b, 1, &plan);
        struct ingest_group group = bench_group(&b);
        bench_run(&b, &group);
        streak_read(&b.streak, &streak);
        cr_expect_eq(streak.groups, 0);
        cr_expect_eq(counter_read(&b.metrics.failed_groups[failures[f].fault]), 1);
        bench_fini(&b);
    }
}
