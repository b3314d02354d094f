/* What the queue lets in, and in which order it gives work out. One thread: nothing here waits. */
#include <criterion/criterion.h>

#include "ingest/queue.h"
#include "support/ingest_rig.h"

enum { N = 16, ITEM_BYTES = sizeof(struct ingest_item) + sizeof(struct err) };

struct bench {
    struct rig rig;
    struct queue queue;
    struct queue_work work;
    struct group_outcome outcome;
};

static void bench_init(struct bench *b, uint32_t workers, uint32_t group_max)
{
    memset(b, 0, sizeof *b);
    rig_init(&b->rig, N);
    b->rig.options.workers = workers;
    b->rig.options.group_max = group_max;
    b->rig.options.capacity = N;
    cr_assert(queue_init(&b->queue, &b->rig.options));
}

static enum ingest_rc submit(struct bench *b, uint32_t i)
{
    int64_t retry_after_ns = -1;
    struct fifo items = rig_list(&b->rig, i, i + 1);
    enum ingest_rc rc = queue_submit(&b->queue, &items, &retry_after_ns);
    cr_expect(rc == INGEST_OK || retry_after_ns > 0);
    return rc;
}

static void submit_all(struct bench *b, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        cr_assert_eq(submit(b, i), INGEST_OK);
}

/* The number of the first item of what goes first. */
static uint32_t take(struct bench *b)
{
    cr_assert(queue_take(&b->queue, &b->work));
    return (uint32_t)(items_first(&b->work.group.items) - b->rig.items);
}

static void resolve_work(struct bench *b, struct queue_work *work)
{
    b->outcome = (struct group_outcome){ .done = work->group.items };
    queue_return(&b->queue, work, &b->outcome);
}

static void resolve(struct bench *b, const struct ingest_group *group, int64_t first_attempt_ns)
{
    b->outcome = (struct group_outcome){
        .done = group->items,
        .first_attempt_ns = first_attempt_ns,
    };
    queue_return(&b->queue, &b->work, &b->outcome);
}

static void give_back(struct bench *b, struct queue_work *work, int64_t due_at_ns, bool suspect)
{
    b->outcome = (struct group_outcome){ .n_back = 1, .back = { work->group } };
    b->outcome.back[0].due_at_ns = due_at_ns;
    b->outcome.back[0].suspicion = suspect ? GROUP_SUSPECT : GROUP_TRUSTED;
    queue_return(&b->queue, work, &b->outcome);
}

static void put_back(struct bench *b, int64_t due_at_ns, bool suspect)
{
    give_back(b, &b->work, due_at_ns, suspect);
}

/* A worker submits item i and takes it, with nothing else there. */
static void take_alone(struct bench *b, uint32_t i, struct queue_work *work)
{
    *work = (struct queue_work){ .suspect = false };
    submit_all(b, i, i + 1);
    cr_assert(queue_take(&b->queue, work));
    cr_assert_eq(items_first(&work->group.items), &b->rig.items[i]);
}

/* The same, and puts it back as a group of its own. */
static void put_aside(struct bench *b, uint32_t i, int64_t due_at_ns, bool suspect)
{
    struct queue_work work;
    take_alone(b, i, &work);
    give_back(b, &work, due_at_ns, suspect);
}

static void bench_fini(struct bench *b)
{
    queue_stop(&b->queue, 0);
    while (queue_take(&b->queue, &b->work))
        resolve(b, &b->work.group, 0);
    queue_fini(&b->queue);
    rig_fini(&b->rig);
}

/* ---- groups ---- */

/* So that what one statement carries is bounded. (The lengths alone: no bytes are needed here.) */
Test(ingest_queue, a_group_has_so_much_metadata_at_most)
{
    static const size_t third = INGEST_GROUP_METADATA_MAX / 3;
    static const struct {
        size_t metadata[6];
        uint32_t sizes[6];
    } cases[] = {
        { { 0, 0, 0, 0, 0, 0 }, { 6 } },
        { { third, third, third, 0, 0, 0 }, { 6 } },
        { { third, third, third, third, third, third }, { 3, 3 } },
        { { 3 * third, third, third, 0, 0, third }, { 1, 5 } },
        { { 9 * third, 9 * third, 0, 0, 0, 0 }, { 1, 1, 4 } },
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct bench b;
        bench_init(&b, 1, N);
        b.rig.options.max_bytes = UINT64_MAX / 2;
        for (size_t i = 0; i < 6; i++)
            b.rig.items[i].order.metadata_len = cases[c].metadata[i];
        submit_all(&b, 0, 6);
        for (size_t g = 0; g < 6 && cases[c].sizes[g] > 0; g++) {
            struct ingest_gauges gauges;
            queue_gauges(&b.queue, &gauges);
            cr_assert_gt(gauges.depth, 0, "case %zu: nothing is left for group %zu", c, g);
            (void)take(&b);
            cr_expect_eq(b.work.group.n, cases[c].sizes[g], "case %zu, group %zu: %u", c, g,
                         b.work.group.n);
            resolve(&b, &b.work.group, 0);
        }
        bench_fini(&b);
    }
}

/* ---- in ---- */

Test(ingest_queue, holds_as_many_as_its_capacity)
{
    struct bench b;
    bench_init(&b, 1, 4);
    b.rig.options.capacity = N - 1;
    submit_all(&b, 0, N - 1);
    cr_expect_eq(submit(&b, N - 1), INGEST_FULL);
    (void)take(&b);
    cr_expect_eq(submit(&b, N - 1), INGEST_FULL, "those in an attempt count");
    resolve(&b, &b.work.group, 0);
    cr_expect_eq(submit(&b, N - 1), INGEST_OK);
    bench_fini(&b);
}

Test(ingest_queue, holds_as_many_bytes_as_it_may)
{
    struct bench b;
    bench_init(&b, 1, 4);
    b.rig.items[1].order.metadata = calloc(1, 101);
    b.rig.items[1].order.metadata_len = 100;
    b.rig.options.max_bytes = 2 * ITEM_BYTES + 99;
    cr_expect_eq(submit(&b, 0), INGEST_OK);
    cr_expect_eq(submit(&b, 1), INGEST_FULL);
    b.rig.options.max_bytes++;
    cr_expect_eq(submit(&b, 1), INGEST_OK);
    cr_expect_eq(submit(&b, 2), INGEST_FULL);

    struct ingest_gauges gauges;
    queue_gauges(&b.queue, &gauges);
    cr_expect_eq(gauges.bytes, b.rig.options.max_bytes);
    bench_fini(&b);
}

Test(ingest_queue, refuses_when_the_wait_would_be_too_long)
{
    struct bench b;
    bench_init(&b, 2, 4);
    submit_all(&b, 0, 1);
    (void)take(&b);
    resolve(&b, &b.work.group, 100); /* a first attempt takes 100 ns */

    struct ingest_gauges gauges;
    submit_all(&b, 1, 9); /* two groups ahead, one's own, by two workers */
    queue_gauges(&b.queue, &gauges);
    cr_expect_eq(gauges.estimated_wait_ns, 3 * 100 / 2);

    int64_t retry_after_ns = 0;
    struct fifo items = rig_list(&b.rig, 9, 10);
    b.rig.options.queue_wait_max_ns = 149;
    cr_expect_eq(queue_submit(&b.queue, &items, &retry_after_ns), INGEST_SLOW);
    cr_expect_eq(retry_after_ns, 150);
    b.rig.options.queue_wait_max_ns = 150;
    cr_expect_eq(queue_submit(&b.queue, &items, &retry_after_ns), INGEST_OK);
    bench_fini(&b);
}

Test(ingest_queue, an_empty_queue_is_never_too_slow)
{
    struct bench b;
    bench_init(&b, 1, 4);
    b.rig.options.queue_wait_max_ns = NS_PER_S;
    submit_all(&b, 0, 1);
    (void)take(&b);
    resolve(&b, &b.work.group, 1000 * NS_PER_S);
    cr_expect_eq(submit(&b, 1), INGEST_OK, "else it could never be found to be quick again");
    cr_expect_eq(submit(&b, 2), INGEST_SLOW);
    bench_fini(&b);
}

Test(ingest_queue, averages_first_attempts)
{
    struct bench b;
    bench_init(&b, 1, 1);
    static const int64_t samples[] = { 800, 1600, 0, 0 };
    for (uint32_t i = 0; i < 4; i++) {
        submit_all(&b, i, i + 1);
        (void)take(&b);
        resolve(&b, &b.work.group, samples[i]);
    }
    struct ingest_gauges gauges;
    submit_all(&b, 4, 5);
    queue_gauges(&b.queue, &gauges);
    cr_expect_eq(gauges.estimated_wait_ns, 2 * 900, "an eighth of the newest; 0 is no sample");
    bench_fini(&b);
}

Test(ingest_queue, refuses_all_when_draining)
{
    struct bench b;
    bench_init(&b, 1, 4);
    submit_all(&b, 0, 1);
    queue_drain(&b.queue);
    cr_expect_eq(submit(&b, 1), INGEST_CLOSED);
    cr_expect_eq(take(&b), 0, "what was accepted goes on");
    resolve(&b, &b.work.group, 0);
    queue_stop(&b.queue, CLOCK_NEVER);
    cr_expect_not(queue_take(&b.queue, &b.work));
    bench_fini(&b);
}

static enum ingest_rc submit_list(struct bench *b, uint32_t from, uint32_t to, bool atomic)
{
    int64_t retry_after_ns = 0;
    struct fifo items = rig_list(&b->rig, from, to);
    for (uint32_t i = from; i < to; i++)
        b->rig.items[i].own.batch = atomic ? &b->rig.items[from] : NULL;
    return queue_submit(&b->queue, &items, &retry_after_ns);
}

static void expect_linked(struct bench *b, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        cr_expect_eq(items_next(&b->rig.items[i]), i + 1 < to ? &b->rig.items[i + 1] : NULL,
                     "item %u", i);
}

Test(ingest_queue, takes_a_list_whole_or_not_at_all)
{
    for (int atomic = 0; atomic < 2; atomic++) {
        struct bench b;
        bench_init(&b, 1, N);
        b.rig.options.capacity = 8;
        struct ingest_gauges gauges;
        cr_expect_eq(submit_list(&b, 0, 9, atomic), INGEST_FULL, "longer than the capacity");
        expect_linked(&b, 0, 9);
        cr_expect_eq(submit_list(&b, 0, 3, atomic), INGEST_OK);
        cr_expect_eq(submit_list(&b, 3, 9, atomic), INGEST_FULL, "room for five");
        expect_linked(&b, 3, 9);
        queue_gauges(&b.queue, &gauges);
        cr_expect_eq(gauges.depth, 3);
        cr_expect_eq(submit_list(&b, 3, 8, atomic), INGEST_OK);
        queue_gauges(&b.queue, &gauges);
        cr_expect_eq(gauges.depth, 8);
        bench_fini(&b);
    }
}

Test(ingest_queue, a_list_needs_bytes_for_all_of_it)
{
    struct bench b;
    bench_init(&b, 1, N);
    b.rig.options.max_bytes = 3 * ITEM_BYTES - 1;
    cr_expect_eq(submit_list(&b, 0, 3, false), INGEST_FULL);
    expect_linked(&b, 0, 3);
    b.rig.options.max_bytes++;
    cr_expect_eq(submit_list(&b, 0, 3, false), INGEST_OK);
    bench_fini(&b);
}

Test(ingest_queue, a_list_is_refused_when_draining)
{
    struct bench b;
    bench_init(&b, 1, N);
    queue_drain(&b.queue);
    cr_expect_eq(submit_list(&b, 0, 3, true), INGEST_CLOSED);
    expect_linked(&b, 0, 3);
    bench_fini(&b);
}

/* ---- out ---- */

static void expect_group(struct bench *b, uint32_t first, uint32_t n, bool atomic)
{
    cr_expect_eq(take(b), first);
    cr_expect_eq(b->work.group.n_items, n, "%u", (unsigned)b->work.group.n_items);
    cr_expect_eq(b->work.group.kind, atomic ? GROUP_ATOMIC : GROUP_PLAIN);
    uint32_t i = first; /* the keys rise with the numbers */
    LIST_EACH (item, &b->work.group.items, const struct ingest_item, link)
        cr_expect_eq(item, &b->rig.items[i++]);
    cr_expect_eq(i, first + n);
    resolve(b, &b->work.group, 0);
}

/* The orders that come alone do not wait for the end of the list. */
Test(ingest_queue, a_list_goes_out_in_its_order_and_with_strangers)
{
    struct bench b;
    bench_init(&b, 1, 4);
    submit_all(&b, 0, 2);
    cr_assert_eq(submit_list(&b, 2, 9, false), INGEST_OK);
    submit_all(&b, 9, 10);
    cr_expect_eq(take(&b), 0);
    cr_expect_eq(b.work.group.n_items, 4);
    cr_expect_eq(b.work.group.items.last, &b.rig.items[9].link, "0, 1, 2 and 9");
    resolve(&b, &b.work.group, 0);
    expect_group(&b, 3, 4, false);
    expect_group(&b, 7, 2, false);
    bench_fini(&b);
}

Test(ingest_queue, an_atomic_list_is_a_group_of_its_own)
{
    struct bench b;
    struct ingest_gauges gauges;
    bench_init(&b, 1, 4);
    submit_all(&b, 0, 2);
    cr_assert_eq(submit_list(&b, 2, 8, true), INGEST_OK); /* more than a group may hold */
    cr_assert_eq(submit_list(&b, 8, 9, true), INGEST_OK);
    cr_assert_eq(submit_list(&b, 9, 11, true), INGEST_OK);
    submit_all(&b, 11, 16);
    queue_gauges(&b.queue, &gauges);
    cr_expect_eq(gauges.depth, 16);
    expect_group(&b, 0, 2, false);
    expect_group(&b, 2, 6, true);
    expect_group(&b, 8, 1, true);
    expect_group(&b, 9, 2, true);
    queue_gauges(&b.queue, &gauges);
    cr_expect_eq(gauges.depth, 5);
    expect_group(&b, 11, 4, false);
    expect_group(&b, 15, 1, false);
    cr_assert_eq(submit_list(&b, 0, 1, false), INGEST_OK);
    expect_group(&b, 0, 1, false);
    bench_fini(&b);
}

Test(ingest_queue, an_atomic_list_may_be_left_over)
{
    struct bench b;
    bench_init(&b, 1, 4);
    cr_assert_eq(submit_list(&b, 0, 6, true), INGEST_OK);
    submit_all(&b, 6, 7);
    queue_stop(&b.queue, clock_now_ns());
    expect_group(&b, 0, 6, true);
    expect_group(&b, 6, 1, false);
    cr_expect_not(queue_take(&b.queue, &b.work));
    bench_fini(&b);
}

Test(ingest_queue, gives_at_most_a_group)
{
    struct bench b;
    bench_init(&b, 1, 4);
    submit_all(&b, 0, 9);
    static const uint32_t sizes[] = { 4, 4, 1 };
    for (uint32_t i = 0; i < 3; i++) {
        cr_expect_eq(take(&b), 4 * i);
        cr_expect_eq(b.work.group.n_items, sizes[i]);
        resolve(&b, &b.work.group, 0);
    }
    bench_fini(&b);
}

Test(ingest_queue, due_goes_before_suspect_before_fresh)
{
    struct bench b;
    struct queue_work work[3];
    bench_init(&b, 8, 4);
    for (uint32_t i = 0; i < 3; i++)
        take_alone(&b, i, &work[i]);
    give_back(&b, &work[0], 3, true);
    give_back(&b, &work[1], CLOCK_NEVER, false);
    give_back(&b, &work[2], 5, false);
    submit_all(&b, 3, 4);
    cr_expect_eq(take(&b), 2);
    put_back(&b, CLOCK_NEVER, false);
    cr_expect_eq(take(&b), 0);
    put_back(&b, CLOCK_NEVER, true);
    cr_expect_eq(take(&b), 3);
    put_back(&b, CLOCK_NEVER, false);
    bench_fini(&b);
}

Test(ingest_queue, untried_goes_before_failed)
{
    struct bench b;
    struct queue_work work[2];
    bench_init(&b, 8, 4);
    take_alone(&b, 0, &work[0]);
    take_alone(&b, 1, &work[1]);
    give_back(&b, &work[0], 1, true); /* failed, and due for long */
    give_back(&b, &work[1], 0, true); /* a piece of a split */
    cr_expect_eq(take(&b), 1);
    put_back(&b, CLOCK_NEVER, true);
    bench_fini(&b);
}

Test(ingest_queue, suspects_hold_half_of_the_workers_at_most)
{
    struct bench b;
    struct queue_work work[2];
    bench_init(&b, 2, 4);
    take_alone(&b, 0, &work[0]);
    take_alone(&b, 1, &work[1]);
    give_back(&b, &work[0], 0, true);
    give_back(&b, &work[1], 0, true);

    work[0].suspect = false;
    cr_assert(queue_take(&b.queue, &work[0]));
    cr_expect(work[0].suspect);
    submit_all(&b, 2, 3);
    cr_expect_eq(take(&b), 2, "the other worker does not take the second suspect");
    put_back(&b, CLOCK_NEVER, false);

    give_back(&b, &work[0], CLOCK_NEVER, true);
    cr_expect_eq(take(&b), 1, "and may, once the first has come back");
    cr_expect(b.work.suspect);
    put_back(&b, CLOCK_NEVER, true);
    bench_fini(&b);
}

Test(ingest_queue, half_as_many_orders_as_in_flight_are_the_next_group)
{
    struct bench b;
    struct queue_work first = { .suspect = false };
    bench_init(&b, 8, 8);
    submit_all(&b, 0, 4);
    cr_assert(queue_take(&b.queue, &first));
    cr_expect_eq(first.group.n_items, 4);
    submit_all(&b, 4, 6); /* the ratio is 2 at first */
    cr_expect_eq(take(&b), 4);
    cr_expect_eq(b.work.group.n_items, 2);
    resolve(&b, &b.work.group, 0);
    resolve_work(&b, &first);
    bench_fini(&b);
}

/* However many orders wait, full groups are as few as the pace allows: three at first. So the
 * fourth worker waits, until the retry is due. */
Test(ingest_queue, a_long_queue_begins_no_more_groups_than_allowed)
{
    struct bench b;
    struct queue_work works[3] = { { .suspect = false } };
    bench_init(&b, 8, 2);
    b.queue.pace.group_ns = NS_PER_S; /* so no group is overdue */
    put_aside(&b, 0, clock_now_ns() + 50 * NS_PER_MS, false);
    submit_all(&b, 1, N);
    for (int i = 0; i < 3; i++) {
        cr_assert(queue_take(&b.queue, &works[i]));
        cr_expect_eq(works[i].group.n_items, 2);
    }
    cr_expect_eq(take(&b), 0);
    resolve(&b, &b.work.group, 0);
    for (int i = 0; i < 3; i++)
        resolve_work(&b, &works[i]);
    bench_fini(&b);
}

struct late {
    struct bench *bench;
    struct queue_work work;
    pthread_t thread;
};

static void *take_late(void *arg)
{
    struct late *late = arg;
    CHECK(queue_take(&late->bench->queue, &late->work));
    return NULL;
}

static void await_idle(struct queue *queue)
{
    for (bool idle = false; !idle;) {
        mutex_lock(&queue->work.mu);
        idle = queue->work.idle.count > 0;
        mutex_unlock(&queue->work.mu);
    }
}

/* Else a locked key would hold up all others. Nothing but time wakes the worker. */
Test(ingest_queue, a_group_that_is_overdue_holds_nothing_up, .timeout = 60)
{
    struct bench b;
    struct queue_work stuck = { .suspect = false };
    struct late late = { .bench = &b };
    bench_init(&b, 8, 8);
    submit_all(&b, 0, 8);
    cr_assert(queue_take(&b.queue, &stuck));
    cr_assert_eq(thread_start(&late.thread, "late", take_late, &late), 0);
    await_idle(&b.queue);
    submit_all(&b, 8, 9);
    thread_join(late.thread);
    cr_expect_eq(items_first(&late.work.group.items), &b.rig.items[8]);
    cr_expect(stuck.in_flight.overdue);
    resolve_work(&b, &late.work);
    resolve_work(&b, &stuck);
    bench_fini(&b);
}

Test(ingest_queue, after_a_suspect_comes_fresh_work)
{
    struct bench b;
    bench_init(&b, 1, 4);
    put_aside(&b, 0, 0, true);
    cr_expect_eq(take(&b), 0);
    cr_expect(b.work.suspect);
    submit_all(&b, 1, 2);
    put_back(&b, 0, true);
    cr_expect_eq(take(&b), 1);
    resolve(&b, &b.work.group, 0);
    cr_expect_eq(take(&b), 0);
    put_back(&b, 0, true);
    cr_expect_eq(take(&b), 0, "with nothing else to do");
    put_back(&b, 0, true);
    bench_fini(&b);
}

Test(ingest_queue, stopped_gives_out_the_leftovers_and_ends)
{
    struct bench b;
    bench_init(&b, 1, 4);
    put_aside(&b, 0, CLOCK_NEVER, true);
    b.work.suspect = false;
    put_aside(&b, 1, CLOCK_NEVER, false);
    submit_all(&b, 2, 3);
    queue_stop(&b.queue, clock_now_ns());
    for (int i = 0; i < 3; i++) {
        (void)take(&b);
        cr_expect(b.work.leftover);
        resolve(&b, &b.work.group, 0);
    }
    cr_expect_not(queue_take(&b.queue, &b.work));
    bench_fini(&b);
}

Test(ingest_queue, gauges_tell_what_is_where)
{
    struct bench b;
    bench_init(&b, 3, 4);
    struct ingest_gauges gauges;
    queue_gauges(&b.queue, &gauges);
    cr_expect_eq(gauges.oldest_age_ns, 0);
    b.rig.items[0].received_at_ns = clock_now_ns() - NS_PER_S;
    put_aside(&b, 0, CLOCK_NEVER, false);
    submit_all(&b, 1, 6);
    (void)take(&b);
    queue_gauges(&b.queue, &gauges);
    cr_expect_eq(gauges.depth, 2, "one put back, one new; four are in an attempt");
    cr_expect_eq(gauges.bytes, 6 * ITEM_BYTES);
    cr_expect_eq(gauges.capacity, N);
    cr_expect_eq(gauges.workers, 3);
    cr_expect_eq(gauges.workers_busy, 1);
    cr_expect_eq(gauges.groups_allowed, 3, "the first ratio is 2");
    cr_expect_geq(gauges.oldest_age_ns, NS_PER_S);
    resolve(&b, &b.work.group, 0);
    queue_gauges(&b.queue, &gauges);
    cr_expect_eq(gauges.workers_busy, 0);
    cr_expect_eq(gauges.bytes, 2 * ITEM_BYTES);
    bench_fini(&b);
}
