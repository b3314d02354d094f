/* Groups come off the heap by due time, of equals the first pushed first, and as they were. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "ingest/items.h"
#include "ingest/retry_heap.h"

enum { N = 200 };

static struct ingest_group group_of(struct ingest_item *item)
{
    struct ingest_group group = { .n = 1 };
    items_push(&group.items, item);
    return group;
}

Test(ingest_retry_heap, empty_has_no_moment)
{
    struct heap heap = { 0 };
    cr_expect_eq(retry_heap_first_at_ns(&heap), CLOCK_NEVER);
    cr_expect_eq(retry_heap_oldest_at_ns(&heap), CLOCK_NEVER);
}

Test(ingest_retry_heap, comes_by_due_time_then_by_arrival)
{
    static struct ingest_item items[N];
    struct heap heap = { 0 };
    cr_assert(heap_reserve(&heap, N));
    for (int i = 0; i < N; i++) {
        struct ingest_group group = group_of(&items[i]);
        group.due_at_ns = (i * 7919) % 20;
        group.oldest_at_ns = 1000 - i;
        retry_heap_push(&heap, &group);
    }
    cr_expect_eq(retry_heap_first_at_ns(&heap), 0);
    cr_expect_eq(retry_heap_oldest_at_ns(&heap), 1000 - (N - 1));

    struct ingest_group before = { .due_at_ns = -1 };
    for (int i = 0; i < N; i++) {
        struct ingest_group group = retry_heap_pop(&heap);
        cr_expect_geq(group.due_at_ns, before.due_at_ns);
        if (group.due_at_ns == before.due_at_ns)
            cr_expect_gt(items_first(&group.items), items_first(&before.items),
                         "pushed first, popped later");
        before = group;
    }
    cr_expect_eq(heap.n, 0);
    heap_fini(&heap);
}

Test(ingest_retry_heap, gives_back_the_group_that_was_put)
{
    struct ingest_item item = { .received_at_ns = 1 };
    struct ingest_group in = group_of(&item);
    struct heap heap = { 0 };
    in.n_items = 5;
    in.due_at_ns = 9;
    in.failures = 2;
    in.sending = GROUP_IN_DOUBT;
    in.suspicion = GROUP_SUSPECT;
    cr_assert(heap_reserve(&heap, 1));
    retry_heap_push(&heap, &in);
    struct ingest_group out = retry_heap_pop(&heap);
    cr_expect_eq(memcmp(&in, &out, sizeof in), 0);
    heap_fini(&heap);
}
