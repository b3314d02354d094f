/* Groups come off the heap by due time, of equals the first pushed first. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "ingest/ingest.h"
#include "ingest/retry_heap.h"

enum { N = 200 };

static void push(struct due *due, struct ingest_item *item, int64_t due_at_ns, int64_t oldest_at_ns)
{
    struct ingest_group group = { .first = item,
                                  .due_at_ns = due_at_ns,
                                  .oldest_at_ns = oldest_at_ns };
    due_push(due, &group);
}

Test(ingest_due, empty_has_no_moment)
{
    struct due due;
    cr_assert(due_init(&due, 1));
    cr_expect_eq(due_first_at_ns(&due), CLOCK_NEVER);
    cr_expect_eq(due_oldest_at_ns(&due), CLOCK_NEVER);
    due_fini(&due);
}

Test(ingest_due, comes_by_due_time_then_by_arrival)
{
    static struct ingest_item items[N];
    struct due due;
    cr_assert(due_init(&due, N)); /* as many as it may hold */
    for (int i = 0; i < N; i++)
        push(&due, &items[i], (i * 7919) % 20, 1000 - i);
    cr_expect_eq(due_first_at_ns(&due), 0);
    cr_expect_eq(due_oldest_at_ns(&due), 1000 - (N - 1));

    struct ingest_group before = { .due_at_ns = -1 }, group;
    for (int i = 0; i < N; i++, before = group) {
        due_pop(&due, &group);
        cr_expect_geq(group.due_at_ns, before.due_at_ns);
        if (group.due_at_ns == before.due_at_ns)
            cr_expect_gt(group.first, before.first, "pushed first, popped later");
    }
    cr_expect_eq(due.n, 0);
    due_fini(&due);
}

Test(ingest_due, gives_back_the_group_that_was_put)
{
    struct ingest_item item = { .received_at_ns = 1 };
    struct ingest_group in = { .first = &item,
                               .n = 3,
                               .n_items = 5,
                               .due_at_ns = 9,
                               .failures = 2,
                               .in_doubt = true,
                               .sent = true },
                        out;
    struct due due;
    cr_assert(due_init(&due, 1));
    due_push(&due, &in);
    due_pop(&due, &out);
    cr_expect_eq(memcmp(&in, &out, sizeof in), 0);
    due_fini(&due);
}
