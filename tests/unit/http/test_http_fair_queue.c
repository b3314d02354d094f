/* The fair queue: the order in which works are served and finished, on a clock of the test. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "http/fair_queue.h"

enum { SLICE_NS = 100000, WORKS_MAX = 30000 };

struct work {
    struct fair_entry entry; /* first */
    unsigned slices;         /* to be done */
    unsigned done;
    size_t finished_at; /* the number of slices served to all before it was finished; 0: not yet */
};

static struct fair_queue queue;
static struct work works[WORKS_MAX];
static size_t served;

static void open_queue(void)
{
    cr_assert(fair_queue_init(&queue));
}

static void close_queue(void)
{
    fair_queue_fini(&queue);
}

TestSuite(fair_queue, .init = open_queue, .fini = close_queue);

static void add(struct work *work, unsigned slices, uint64_t client)
{
    *work = (struct work){ .slices = slices };
    fair_queue_add(&queue, &work->entry, client);
}

/* One slice of the next one; NULL: nobody waits. */
static struct work *serve(int64_t span_ns)
{
    struct work *work = (struct work *)fair_queue_take(&queue);
    if (work == NULL)
        return NULL;
    served++;
    bool more = ++work->done < work->slices;
    if (!more)
        work->finished_at = served;
    fair_queue_served(&queue, &work->entry, span_ns, more);
    return work;
}

static void serve_all(void)
{
    while (serve(SLICE_NS) != NULL)
        continue;
}

Test(fair_queue, nobody_waits)
{
    cr_expect_null(fair_queue_take(&queue));
    add(&works[0], 1, 7);
    cr_expect_eq(serve(SLICE_NS), &works[0]);
    cr_expect_null(serve(SLICE_NS));
}

Test(fair_queue, small_works_of_one_client_in_the_order_of_arrival)
{
    for (size_t i = 0; i < 100; i++)
        add(&works[i], 1, 7);
    for (size_t i = 0; i < 100; i++)
        cr_expect_eq(serve(SLICE_NS), &works[i], "%zu", i);
}

/* A client with 64 connections has no more than one with a single one. */
Test(fair_queue, clients_share_equally_however_many_connections_they_have)
{
    enum { CROWD = 64, SLICES = 1000 };
    for (size_t i = 0; i < CROWD; i++)
        add(&works[i], SLICES, 1);
    add(&works[CROWD], SLICES, 2);
    serve_all();
    cr_expect_leq(works[CROWD].finished_at, 2 * SLICES + 10);
    cr_expect_geq(works[CROWD].finished_at, 2 * SLICES - 10);
}

Test(fair_queue, time_counts_and_not_the_number_of_slices)
{
    size_t of[3] = { 0 };
    add(&works[1], 1000000, 1);
    add(&works[2], 1000000, 2);
    for (int i = 0; i < 1000; i++) {
        struct work *next = (struct work *)fair_queue_take(&queue);
        size_t who = (size_t)(next - works);
        of[who]++;
        fair_queue_served(&queue, &next->entry, who == 1 ? 9 * SLICE_NS : SLICE_NS, true);
    }
    cr_expect_leq(of[1], 101 + 1);
    cr_expect_geq(of[2], 899 - 1);
}

/* Among 64 large works of its own client. */
Test(fair_queue, a_small_work_overtakes_the_large_ones_of_its_client)
{
    enum { CROWD = 64 };
    for (size_t i = 0; i < CROWD; i++)
        add(&works[i], 100, 1);
    while (works[CROWD - 1].done < FAIR_FRESH_SLICES) /* until all of them are old */
        cr_assert_not_null(serve(SLICE_NS));
    size_t before = served;
    add(&works[CROWD], 3, 1);
    serve_all();
    cr_expect_leq(works[CROWD].finished_at - before, 2 * 3);
}

/* And of another client it waits for the slice that is under way at most. */
Test(fair_queue, a_client_that_comes_back_is_next)
{
    enum { CROWD = 64 };
    for (size_t i = 0; i < CROWD; i++)
        add(&works[i], 1000, 1);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 50; i++)
            cr_assert_not_null(serve(SLICE_NS));
        add(&works[CROWD], 3, 2);
        for (int i = 0; i < 3; i++)
            cr_expect_eq(serve(SLICE_NS), &works[CROWD], "round %d slice %d", round, i);
    }
}

/* However long it was away, it does not get more than the others afterwards but for the credit. */
Test(fair_queue, no_pause_saves_up_turns)
{
    add(&works[1], 1000000, 1);
    for (int i = 0; i < 10000; i++)
        cr_assert_not_null(serve(SLICE_NS));
    add(&works[2], 1000000, 2);
    size_t before = works[1].done;
    for (int i = 0; i < 1000; i++)
        cr_assert_not_null(serve(SLICE_NS));
    cr_expect_geq(works[1].done - before, 500 - FAIR_CREDIT_NS / SLICE_NS - 1);
}

/* Old works are finished one after another: only one of them has a large body in memory. */
Test(fair_queue, large_works_of_one_client_are_finished_one_by_one)
{
    enum { CROWD = 10 };
    size_t begun_and_large = 0;
    for (size_t i = 0; i < CROWD; i++)
        add(&works[i], 50, 1);
    while (serve(SLICE_NS) != NULL) {
        begun_and_large = 0;
        for (size_t i = 0; i < CROWD; i++)
            begun_and_large += works[i].done > FAIR_FRESH_SLICES && works[i].done < works[i].slices;
        cr_assert_leq(begun_and_large, 1);
    }
    for (size_t i = 1; i < CROWD; i++)
        cr_expect_gt(works[i].finished_at, works[i - 1].finished_at);
}

/* One slice can be as long as many. */
Test(fair_queue, a_work_of_long_slices_is_old_sooner)
{
    for (size_t i = 0; i < 10; i++)
        add(&works[i], 20, 1);
    while (works[9].done == 0)
        cr_assert_not_null(serve(FAIR_FRESH_NS));
    add(&works[10], 3, 1);
    size_t before = served;
    serve_all();
    cr_expect_leq(works[10].finished_at - before, 2 * 3);
}

/* A flood of small ones does not keep the large one from its end. */
Test(fair_queue, old_work_has_every_second_slice_beside_fresh_work)
{
    add(&works[0], 50 + FAIR_FRESH_SLICES, 1);
    for (int i = 0; i < FAIR_FRESH_SLICES; i++)
        cr_assert_eq(serve(SLICE_NS), &works[0]);
    size_t before = served;
    for (size_t i = 1; works[0].finished_at == 0; i++) {
        cr_assert_lt(i, 1000);
        add(&works[i], 1, 1);
        cr_assert_not_null(serve(SLICE_NS));
    }
    cr_expect_leq(works[0].finished_at - before, 2 * 50 + 1);
}

Test(fair_queue, nobody_starves_beside_ever_new_clients)
{
    const size_t most = FAIR_CLIENTS * (FAIR_CREDIT_NS / SLICE_NS + 2);
    add(&works[0], 3, 0);
    for (size_t i = 1; works[0].finished_at == 0; i++) {
        cr_assert_lt(i, 3 * most);
        add(&works[i], 1, 1 + i % (FAIR_CLIENTS - 1));
        cr_assert_not_null(serve(SLICE_NS));
    }
}

/* Every work is served exactly as often as it wants, whatever comes in between. */
Test(fair_queue, nothing_is_lost_or_doubled)
{
    size_t added = 0;
    srand(1);
    while (added < WORKS_MAX) {
        for (int n = rand() % 20; n > 0 && added < WORKS_MAX; n--, added++)
            add(&works[added], 1 + (unsigned)rand() % 9, (uint64_t)(rand() % 3000));
        for (int n = rand() % 50; n > 0; n--)
            (void)serve(rand() % SLICE_NS);
    }
    serve_all();
    for (size_t i = 0; i < WORKS_MAX; i++)
        cr_assert(works[i].done == works[i].slices && works[i].finished_at > 0, "%zu", i);
}
