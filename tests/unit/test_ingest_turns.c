/* Whose turn is next: which items of which submits make a group. One thread, no clock. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/turns.h"

enum { N = 8192, GROUP = 64, LEAST = GROUP / 32 };

struct submit {
    uint32_t from, n; /* its items */
    uint32_t taken;
    bool atomic;
};

static struct turns turns;
static struct ingest_item items[N];
static struct submit submits[N], *submit_of[N]; /* by item */
static uint32_t n_items, n_submits;

static void begin(void)
{
    memset(&turns, 0, sizeof turns);
    memset(items, 0, sizeof items);
    memset(submits, 0, sizeof submits);
    n_items = n_submits = 0;
}

TestSuite(ingest_turns, .init = begin);

static struct submit *add_list(uint64_t client, uint32_t n, size_t metadata, bool atomic)
{
    struct submit *submit = &submits[n_submits++];
    *submit = (struct submit){ .from = n_items, .n = n, .atomic = atomic };
    struct fifo list = { NULL, NULL };
    for (uint32_t i = n_items; i < n_items + n; i++) {
        items[i].order.metadata_len = metadata;
        items[i].own.batch = atomic ? &items[n_items] : NULL;
        submit_of[i] = submit;
        items_push(&list, &items[i]);
    }
    items[n_items].client_hash = client;
    n_items += n;
    turns_add(&turns, &list, &(struct turns_sums){ .n = n, .metadata = n * metadata });
    cr_assert_null(list.first);
    return submit;
}

static struct submit *add(uint64_t client, uint32_t n)
{
    return add_list(client, n, 0, false);
}

/* Takes a group and counts its items by submit. Those of one submit come in their order, and an
 * atomic list comes whole and alone. */
static uint32_t take_most(uint32_t group_max)
{
    uint32_t n = 0, before = turns.n;
    struct ingest_group group = turns_take(&turns, group_max);
    bool atomic = group.kind == GROUP_ATOMIC;
    const struct submit *first = submit_of[items_first(&group.items) - items];
    LIST_EACH (item, &group.items, const struct ingest_item, link) {
        uint32_t i = (uint32_t)(item - items);
        struct submit *submit = submit_of[i];
        cr_assert_eq(i, submit->from + submit->taken, "item %u", i);
        cr_assert_eq(submit->atomic, atomic);
        cr_assert(!atomic || submit == first);
        submit->taken++;
        n++;
    }
    cr_assert_eq(n, group.n_items);
    cr_assert_eq(turns.n, before - n);
    cr_assert(atomic ? first->taken == first->n : n <= group_max);
    return n;
}

static uint32_t take(void)
{
    return take_most(GROUP);
}

static void take_all(void)
{
    while (turns.n > 0)
        (void)take();
    cr_expect_eq(turns.n_clients, 0);
    cr_expect_eq(turns.n_atomic, 0);
    cr_expect_eq(turns.metadata, 0);
    for (uint32_t i = 0; i < n_submits; i++)
        cr_expect_eq(submits[i].taken, submits[i].n, "submit %u", i);
}

Test(ingest_turns, what_one_group_holds_is_one_group)
{
    for (uint64_t client = 0; client < 8; client++)
        (void)add(client % 3, GROUP / 8);
    cr_expect_eq(take(), GROUP);
    take_all();
}

Test(ingest_turns, a_single_order_is_in_the_next_group)
{
    for (int i = 0; i < 4; i++)
        (void)add(1, 1000);
    cr_expect_eq(take(), GROUP);
    struct submit *single = add(1, 1);
    cr_expect_eq(take(), GROUP);
    cr_expect_eq(single->taken, 1);
    take_all();
}

/* Fifteen have had their turn, so they have half of the group; 15 and one make the other half. */
Test(ingest_turns, a_single_order_is_in_the_next_group_beside_many_long_submits)
{
    for (int i = 0; i < 15; i++)
        (void)add(1, 100);
    cr_expect_eq(take(), GROUP);
    for (int i = 0; i < 15; i++)
        (void)add(1, 100);
    struct submit *single = add(1, 1);
    cr_expect_eq(take(), GROUP);
    cr_expect_eq(single->taken, 1);
    take_all();
}

/* Else all of them would be finished late. */
Test(ingest_turns, long_submits_of_a_client_are_finished_one_after_another)
{
    struct submit *submit[] = { add(1, 500), add(1, 500), add(1, 500), add(1, 500) };
    for (size_t i = 0; i < 4; i++) {
        while (submit[i]->taken < submit[i]->n)
            (void)take();
        for (size_t later = i + 1; later < 4; later++)
            cr_expect_leq(submit[later]->taken, LEAST + GROUP, "%zu beside %zu", later, i);
    }
    take_all();
}

Test(ingest_turns, clients_have_equal_turns_however_many_submits_they_have)
{
    for (int i = 0; i < 50; i++)
        (void)add(1, 20);
    struct submit *other = add(2, 1000);
    (void)take();
    cr_expect_eq(other->taken, GROUP / 2);
    (void)take();
    cr_expect_eq(other->taken, GROUP);
    take_all();
}

/* Two clients more would need more turns than a group has items. */
Test(ingest_turns, those_without_a_turn_are_first_in_the_next_group)
{
    enum { CLIENTS = GROUP + 2 };
    for (uint64_t client = 0; client < CLIENTS; client++)
        (void)add(client, 10);
    (void)take();
    uint32_t without = 0;
    for (uint32_t i = 0; i < CLIENTS; i++)
        without += submits[i].taken == 0;
    cr_expect_eq(without, CLIENTS - GROUP / LEAST);
    for (uint32_t i = 1; i <= CLIENTS / (GROUP / LEAST); i++)
        (void)take();
    for (uint32_t i = 0; i < CLIENTS; i++)
        cr_expect_geq(submits[i].taken, LEAST, "client %u", i);
    take_all();
}

/* Else a batch would get one order a group, and never be done by its deadline. */
Test(ingest_turns, a_long_submit_goes_on_beside_many_single_orders)
{
    struct submit *batch = add(1, 5 * GROUP);
    for (int i = 0; i < 20 * GROUP; i++)
        (void)add(1, 1);
    for (int i = 0; i < 10; i++)
        (void)take();
    cr_expect_geq(batch->taken, 10 * GROUP / 2 - GROUP);
    cr_expect_leq(batch->taken, 10 * GROUP / 2);
    take_all();
}

/* With groups of one order too. */
Test(ingest_turns, new_and_long_submits_alternate)
{
    struct submit *batch = add(1, 10);
    (void)take_most(1);
    for (int i = 0; i < 10; i++)
        (void)add(1, 1);
    for (int i = 0; i < 10; i++)
        (void)take_most(1);
    cr_expect_eq(batch->taken, 6);
    take_all();
}

Test(ingest_turns, clients_that_collide_are_one)
{
    struct submit *one = add(7, 1000), *two = add(7 + TURNS_CLIENTS, 1000), *other = add(8, 1000);
    (void)take();
    cr_expect_eq(one->taken + two->taken, GROUP / 2);
    cr_expect_eq(other->taken, GROUP / 2);
    take_all();
}

/* The atomic list does not lose its turn to those that come later. */
Test(ingest_turns, an_atomic_list_waits_for_the_next_group)
{
    struct submit *before = add(1, 1), *list = add_list(1, 3 * GROUP, 0, true), *later = add(2, 5);
    (void)take();
    cr_expect_eq(before->taken, 1);
    cr_expect_eq(list->taken, 0);
    (void)take();
    cr_expect_eq(list->taken, list->n);
    (void)take();
    cr_expect_eq(later->taken, 5);
    take_all();
}

Test(ingest_turns, atomic_lists_do_not_stop_a_long_submit)
{
    struct submit *batch = add(1, 10 * GROUP);
    (void)take();
    for (int i = 0; i < 10; i++)
        (void)add_list(1, 3, 0, true);
    for (int i = 0; i < 10; i++)
        (void)take();
    cr_expect_geq(batch->taken, 4 * GROUP / 2);
    take_all();
}

Test(ingest_turns, metadata_ends_a_group_and_the_next_begins_there)
{
    (void)add_list(1, 3, INGEST_GROUP_METADATA_MAX / 2, false);
    struct submit *other = add(2, 1);
    cr_expect_eq(take(), 2);
    cr_expect_eq(other->taken, 0);
    cr_expect_eq(take(), 2);
    take_all();
}

Test(ingest_turns, tells_the_oldest)
{
    cr_expect_eq(turns_oldest_at_ns(&turns), INT64_MAX);
    items[0].received_at_ns = 30;
    items[1].received_at_ns = 20;
    items[2].received_at_ns = 10;
    (void)add(1, 1);
    (void)add(1, 1);
    (void)add(2, 1);
    cr_expect_eq(turns_oldest_at_ns(&turns), 10);
    take_all();
}

/* Random submits and groups: each item leaves once, in the order of its submit. */
Test(ingest_turns, random_submits_all_leave)
{
    for (unsigned seed = 1; seed <= 300; seed++) {
        begin();
        srand(seed);
        uint32_t clients = 1 + (uint32_t)rand() % 40, steps = (uint32_t)rand() % 200;
        for (uint32_t step = 0; step < steps && n_items < N - 200; step++) {
            bool atomic = rand() % 16 == 0;
            size_t metadata = rand() % 32 == 0 ? (size_t)rand() % 300000 : 0;
            uint32_t n = 1 + (uint32_t)(rand() % 3 == 0 ? rand() % 200 : 0);
            (void)add_list((uint64_t)rand() % clients, n, metadata, atomic);
            if (rand() % 4 == 0)
                (void)take();
            if (turns.n == 0)
                cr_assert_eq(turns.n_clients, 0);
        }
        take_all();
    }
}
