/* The heap of deadlines against a plain array. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "http/deadlines.h"

enum { MEMBERS = 200, STEPS = 20000, MOMENTS = 50 };

static int64_t earliest(const struct deadline *members)
{
    int64_t at_ns = INT64_MAX;
    for (size_t i = 0; i < MEMBERS; i++)
        if (members[i].place != 0 && members[i].at_ns < at_ns)
            at_ns = members[i].at_ns;
    return at_ns;
}

Test(deadlines, first_is_always_the_earliest)
{
    static struct deadline members[MEMBERS];
    struct deadlines deadlines = { 0 };
    unsigned seed = 1;
    cr_assert(deadlines_reserve(&deadlines, MEMBERS));
    for (int step = 0; step < STEPS; step++) {
        struct deadline *member = &members[rand_r(&seed) % MEMBERS];
        if (rand_r(&seed) % 3 == 0)
            deadlines_remove(&deadlines, member);
        else
            deadlines_set(&deadlines, member, rand_r(&seed) % MOMENTS);
        struct deadline *first = deadlines_first(&deadlines);
        cr_assert_eq(first != NULL ? first->at_ns : INT64_MAX, earliest(members), "step %d", step);
    }
    deadlines_fini(&deadlines);
}

Test(deadlines, empties_in_order)
{
    static const int64_t given[] = { 5, 1, 4, 1, 3, 9, 2 }, sorted[] = { 1, 1, 2, 3, 4, 5, 9 };
    enum { N = sizeof given / sizeof given[0] };
    struct deadline members[N] = { 0 };
    struct deadlines deadlines = { 0 };
    cr_assert(deadlines_reserve(&deadlines, N));
    for (size_t i = 0; i < N; i++)
        deadlines_set(&deadlines, &members[i], given[i]);
    for (size_t i = 0; i < N; i++) {
        struct deadline *first = deadlines_first(&deadlines);
        cr_expect_eq(first->at_ns, sorted[i]);
        deadlines_remove(&deadlines, first);
        deadlines_remove(&deadlines, first); /* no-op */
    }
    cr_expect_null(deadlines_first(&deadlines));
    deadlines_fini(&deadlines);
}
