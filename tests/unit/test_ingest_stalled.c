/* Which accounts are stalled, and when their groups are due. The time is virtual. */
#include <criterion/criterion.h>

#include "ingest/queue.h"
#include "support/ingest_rig.h"

enum { N = 64 };

static const int64_t ms = NS_PER_MS;

struct bench {
    struct rig rig;
    struct stalled stalled;
    int64_t now_ns;
};

static struct ingest_item *item(struct bench *b, uint32_t i)
{
    return &b->rig.items[i];
}

enum { OTHER = N - 1 };

/* Every item is of the account "dead" or "live", by turns, but the last one is of another. */
static void name_accounts(struct rig *rig)
{
    for (uint32_t i = 0; i < N; i++)
        memcpy(rig->items[i].order.account_id, i % 2 == 0 ? "dead" : "live", sizeof "dead");
    memcpy(rig->items[OTHER].order.account_id, "other", sizeof "other");
}

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof *b);
    rig_init(&b->rig, N);
    name_accounts(&b->rig);
    cr_assert(stalled_init(&b->stalled, N));
    b->now_ns = 1000 * ms;
    for (uint32_t i = 0; i < N; i++)
        item(b, i)->deadline_at_ns = b->now_ns + 10000 * ms;
}

static void bench_fini(struct bench *b)
{
    stalled_fini(&b->stalled);
    rig_fini(&b->rig);
}

/* A group of these items that has been attempted `failures` times, as a suspect. */
static struct ingest_group group_of(struct bench *b, uint32_t from, uint32_t to, uint32_t failures)
{
    struct ingest_group group = group_form(rig_list(&b->rig, from, to));
    group.failures = failures;
    group_move_suspicion(&group, GROUP_SUSPECT);
    return group;
}

static void note(struct bench *b, struct ingest_group group)
{
    struct group_outcome outcome = { .n_back = 1, .back = { group } };
    stalled_note(&b->stalled, &outcome, b->now_ns);
}

static void note_stored(struct bench *b, uint32_t i, enum item_verdict verdict)
{
    struct group_outcome outcome = { .done = rig_list(&b->rig, i, i + 1) };
    item(b, i)->verdict = verdict;
    stalled_note(&b->stalled, &outcome, b->now_ns);
}

/* Item i fails so many times, and each time an order of another account is stored. */
static void note_failures(struct bench *b, uint32_t i, uint32_t times)
{
    for (uint32_t n = 0; n < times; n++) {
        note(b, group_of(b, i, i + 1, 1));
        note_stored(b, OTHER, ITEM_CREATED);
    }
}

static bool take(struct bench *b, struct ingest_group *group, struct stalled_attempt *attempt)
{
    return stalled_take(&b->stalled, b->now_ns, true, group, attempt);
}

/* ---- which accounts ---- */

Test(ingest_stalled, is_an_account_that_fails_twice_in_a_row)
{
    struct bench b;
    bench_init(&b);
    note_failures(&b, 0, 1);
    cr_expect_not(stalled_has(&b.stalled, "dead"), "once is not enough");
    note_failures(&b, 2, 1);
    cr_expect(stalled_has(&b.stalled, "dead"));
    cr_expect_not(stalled_has(&b.stalled, "live"));
    cr_expect_eq(b.stalled.n, 1);
    bench_fini(&b);
}

Test(ingest_stalled, is_not_one_whose_order_was_stored_meanwhile)
{
    static const enum item_verdict stored[] = { ITEM_CREATED, ITEM_REPLAYED, ITEM_REUSED };
    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
        struct bench b;
        bench_init(&b);
        note_failures(&b, 0, 1);
        note_stored(&b, 2, stored[i]);
        note_failures(&b, 0, 1);
        cr_expect_not(stalled_has(&b.stalled, "dead"), "verdict %d", (int)stored[i]);
        note_failures(&b, 0, 1);
        cr_expect(stalled_has(&b.stalled, "dead"));
        note_stored(&b, 4, ITEM_TIMED_OUT);
        cr_expect(stalled_has(&b.stalled, "dead"), "that order is not stored");
        note_stored(&b, 2, stored[i]);
        cr_expect_not(stalled_has(&b.stalled, "dead"));
        cr_expect_eq(b.stalled.n, 0);
        bench_fini(&b);
    }
}

/* Otherwise every account is stalled when the whole database hangs. */
Test(ingest_stalled, is_no_account_while_nothing_is_stored)
{
    struct bench b;
    bench_init(&b);
    for (int i = 0; i < 5; i++)
        note(&b, group_of(&b, 0, 1, 1));
    note_stored(&b, OTHER, ITEM_TIMED_OUT);
    note(&b, group_of(&b, 0, 1, 1));
    cr_expect_not(stalled_has(&b.stalled, "dead"));
    note_stored(&b, OTHER, ITEM_CREATED);
    cr_expect_not(stalled_has(&b.stalled, "dead"), "it has not failed since");
    note(&b, group_of(&b, 0, 1, 1));
    cr_expect(stalled_has(&b.stalled, "dead"));
    bench_fini(&b);
}

/* Otherwise one bad account, or a failing server, would stall every account that is beside it. */
Test(ingest_stalled, is_no_account_of_a_group_with_others_nor_of_one_that_was_not_attempted)
{
    struct bench b;
    bench_init(&b);
    for (int i = 0; i < 3; i++) {
        note(&b, group_of(&b, 0, 4, 1)); /* of two accounts */
        note(&b, group_of(&b, 0, 1, 0)); /* a piece of a split group */
        struct ingest_group trusted = group_form(rig_list(&b.rig, 0, 1));
        trusted.failures = 1;
        note(&b, trusted);
    }
    cr_expect_not(stalled_has(&b.stalled, "dead"));
    cr_expect_not(stalled_has(&b.stalled, "live"));
    bench_fini(&b);
}

Test(ingest_stalled, is_forgotten_a_minute_after_its_last_failure)
{
    struct bench b;
    bench_init(&b);
    note_failures(&b, 0, 2);
    b.now_ns += 59 * NS_PER_S;
    note_failures(&b, 1, 1);
    cr_expect(stalled_has(&b.stalled, "dead"));
    b.now_ns += NS_PER_S;
    note_failures(&b, 1, 1);
    cr_expect_not(stalled_has(&b.stalled, "dead"));
    cr_expect(stalled_has(&b.stalled, "live"));
    bench_fini(&b);
}

Test(ingest_stalled, is_one_of_so_many_accounts_at_most)
{
    struct bench b;
    bench_init(&b);
    note_failures(&b, 0, 2);
    for (int i = 0; i < STALLED_MAX; i++) {
        (void)snprintf(item(&b, 1)->order.account_id, ORDER_NAME_SIZE, "live-%d", i);
        note_failures(&b, 1, 2);
    }
    cr_expect_not(stalled_has(&b.stalled, "dead"), "the one that failed longest ago is forgotten");
    cr_expect(stalled_has(&b.stalled, "live-0"));
    cr_expect_eq(b.stalled.n, STALLED_MAX);
    bench_fini(&b);
}

/* ---- groups ---- */

Test(ingest_stalled, sets_aside_the_new_orders_of_stalled_accounts_alone)
{
    struct bench b;
    struct ingest_group group = { .items = { NULL, NULL } }, aside;
    struct stalled_attempt attempt;
    bench_init(&b);
    note_failures(&b, 0, 2);
    group.items = rig_list(&b.rig, 2, 8);
    group.n_items = 6;
    stalled_set_aside(&b.stalled, &group, b.now_ns);
    cr_expect_eq(group.n_items, 3);
    LIST_EACH (it, &group.items, const struct ingest_item, link)
        cr_expect_str_eq(it->order.account_id, "live");
    cr_expect_eq(b.stalled.orders, 3);
    cr_assert(take(&b, &aside, &attempt), "its first attempt is due at once");
    cr_expect_eq(aside.n_items, 3);
    cr_expect_str_eq(attempt.account_id, "dead");
    cr_expect_eq(b.stalled.orders, 0);
    bench_fini(&b);
}

static void keep(struct bench *b, uint32_t i)
{
    struct ingest_group group = group_of(b, i, i + 1, 1);
    cr_assert(stalled_keep(&b->stalled, &group, b->now_ns));
}

Test(ingest_stalled, keeps_only_failed_groups_of_one_stalled_account)
{
    struct bench b;
    bench_init(&b);
    struct ingest_group dead = group_of(&b, 0, 1, 1);
    cr_expect_not(stalled_keep(&b.stalled, &dead, b.now_ns), "not stalled yet");
    note_failures(&b, 0, 2);
    struct ingest_group piece = group_of(&b, 2, 3, 0), both = group_of(&b, 4, 6, 1);
    cr_expect_not(stalled_keep(&b.stalled, &piece, b.now_ns));
    cr_expect_not(stalled_keep(&b.stalled, &both, b.now_ns));
    dead = group_of(&b, 0, 1, 1);
    cr_expect(stalled_keep(&b.stalled, &dead, b.now_ns));
    bench_fini(&b);
}

/* One attempt at a time, and a pause between two that doubles up to a second. */
Test(ingest_stalled, makes_one_attempt_at_a_time_and_pauses)
{
    struct bench b;
    struct ingest_group group;
    struct stalled_attempt attempt, other;
    bench_init(&b);
    note_failures(&b, 0, 2);
    keep(&b, 0);
    keep(&b, 2);
    for (int64_t pause_ns = 20 * ms; pause_ns <= 4000 * ms; pause_ns *= 2) {
        const int64_t real_ns = clock_min(pause_ns, NS_PER_S);
        cr_assert(take(&b, &group, &attempt), "pause %d ms", (int)(pause_ns / ms));
        cr_expect_not(take(&b, &group, &other), "an attempt is being made");
        stalled_end(&b.stalled, &attempt, b.now_ns);
        keep(&b, items_first(&group.items) == item(&b, 0) ? 0 : 2);
        b.now_ns += real_ns - 1;
        cr_expect_not(take(&b, &group, &other), "pause %d ms", (int)(pause_ns / ms));
        b.now_ns += 200 * ms; /* a group may have been looked at while its account was busy */
    }
    bench_fini(&b);
}

Test(ingest_stalled, gives_back_groups_whose_account_is_well_again_or_whose_deadline_has_passed)
{
    struct bench b;
    struct ingest_group group;
    struct stalled_attempt attempt;
    bench_init(&b);
    note_failures(&b, 0, 2);
    keep(&b, 0);
    cr_assert(take(&b, &group, &attempt));
    stalled_end(&b.stalled, &attempt, b.now_ns);
    keep(&b, 0);
    item(&b, 2)->deadline_at_ns = b.now_ns + 5 * ms;
    keep(&b, 2);
    b.now_ns += 5 * ms;
    cr_assert(take(&b, &group, &attempt), "the deadline has passed");
    cr_expect_eq(items_first(&group.items), item(&b, 2));
    cr_expect_str_eq(attempt.account_id, "", "no attempt is made");
    cr_expect_not(attempt.well);
    note_stored(&b, 4, ITEM_CREATED);
    b.now_ns += 15 * ms;
    cr_assert(take(&b, &group, &attempt));
    cr_expect_eq(items_first(&group.items), item(&b, 0));
    cr_expect_str_eq(attempt.account_id, "");
    cr_expect(attempt.well);
    bench_fini(&b);
}

/* ---- in the queue ---- */

static enum ingest_rc submit(struct queue *queue, struct rig *rig, uint32_t from, uint32_t to)
{
    int64_t retry_after_ns;
    struct fifo items = rig_list(rig, from, to);
    return queue_submit(queue, &items, &retry_after_ns);
}

static void give_back(struct queue *queue, struct queue_work *work)
{
    struct group_outcome outcome = { .n_back = 1, .back = { work->group } };
    outcome.back[0].failures++;
    group_suspect(&outcome.back[0]);
    outcome.back[0].due_at_ns = 0;
    queue_return(queue, work, &outcome);
}

static void end(struct queue *queue, struct queue_work *work)
{
    struct group_outcome outcome = { .done = work->group.items };
    LIST_EACH (it, &outcome.done, struct ingest_item, link)
        it->verdict = ITEM_CREATED;
    queue_return(queue, work, &outcome);
}

static void queue_begin(struct queue *queue, struct rig *rig)
{
    rig_init(rig, N);
    name_accounts(rig);
    rig->options.workers = 4;
    rig->options.group_max = N;
    rig->options.capacity = N;
    cr_assert(queue_init(queue, &rig->options));
}

static void queue_end(struct queue *queue, struct rig *rig, struct queue_work *work)
{
    queue_stop(queue, 0);
    while (queue_take(queue, work))
        end(queue, work);
    queue_fini(queue);
    rig_fini(rig);
}

enum { DEAD = 10 };

/* Makes the account "dead" stalled: two attempts at DEAD of its orders fail, and
 * between them an order of another account is stored. */
static void stall(struct queue *queue, struct rig *rig, struct queue_work *work)
{
    struct queue_work other = { .suspect = false };
    for (uint32_t i = 0; i < DEAD; i++)
        cr_assert_eq(submit(queue, rig, 2 * i, 2 * i + 1), INGEST_OK);
    cr_assert(queue_take(queue, work));
    give_back(queue, work);
    cr_assert(queue_take(queue, work));
    cr_assert_eq(submit(queue, rig, OTHER, N), INGEST_OK);
    cr_assert(queue_take(queue, &other));
    end(queue, &other);
    give_back(queue, work);
}

Test(ingest_stalled, groups_of_others_go_on_beside_an_attempt_at_a_stalled_account)
{
    struct rig rig;
    static struct queue queue;
    struct queue_work dead = { .suspect = false }, live = { .suspect = false };
    queue_begin(&queue, &rig);
    stall(&queue, &rig, &dead);
    cr_assert_eq(submit(&queue, &rig, 2 * DEAD, 2 * DEAD + 2), INGEST_OK);
    cr_assert(queue_take(&queue, &dead));
    cr_expect_eq(dead.group.n, DEAD);
    cr_expect(dead.group.stalled, "so it is not split");
    cr_expect_eq(queue.in_flight.orders, 0, "no new order waits for the end of this group");
    cr_assert(queue_take(&queue, &live));
    cr_expect_eq(live.group.n, 1);
    cr_expect_eq(items_first(&live.group.items), &rig.items[2 * DEAD + 1]);
    struct ingest_gauges gauges;
    queue_gauges(&queue, &gauges);
    cr_expect_eq(gauges.accounts_stalled, 1);
    cr_expect_eq(gauges.depth, 1, "the one that was set aside");
    end(&queue, &live);
    end(&queue, &dead);
    cr_assert(queue_take(&queue, &live));
    cr_expect_eq(items_first(&live.group.items), &rig.items[2 * DEAD], "a new order again");
    cr_expect_not(live.in_flight.stalled);
    cr_expect_not(live.group.stalled);
    end(&queue, &live);
    queue_end(&queue, &rig, &live);
}

Test(ingest_stalled, an_order_that_was_set_aside_ends_at_its_deadline)
{
    struct rig rig;
    static struct queue queue;
    struct queue_work dead = { .suspect = false }, work = { .suspect = false };
    queue_begin(&queue, &rig);
    stall(&queue, &rig, &dead);
    cr_assert(queue_take(&queue, &dead));
    const uint32_t late = 2 * DEAD;
    rig.items[late].deadline_at_ns = clock_after(clock_now_ns(), ms);
    cr_assert_eq(submit(&queue, &rig, late, late + 1), INGEST_OK);
    cr_assert(queue_take(&queue, &work));
    cr_expect_eq(items_first(&work.group.items), &rig.items[late]);
    cr_expect_leq(rig.items[late].deadline_at_ns, clock_now_ns());
    cr_expect_not(work.group.stalled, "no attempt is made");
    end(&queue, &work);
    end(&queue, &dead);
    queue_end(&queue, &rig, &work);
}

Test(ingest_stalled, orders_of_stalled_accounts_leave_half_of_the_queue_to_others)
{
    struct rig rig;
    static struct queue queue;
    struct queue_work work = { .suspect = false };
    queue_begin(&queue, &rig);
    stall(&queue, &rig, &work);
    for (uint32_t i = 2 * DEAD; i < N; i += 2)
        cr_expect_eq(submit(&queue, &rig, i, i + 1), INGEST_OK, "%u", i);
    memcpy(rig.items[1].order.account_id, "dead", sizeof "dead");
    cr_expect_eq(submit(&queue, &rig, 1, 2), INGEST_FULL);
    cr_expect_eq(submit(&queue, &rig, 3, 4), INGEST_OK);
    queue_end(&queue, &rig, &work);
}
