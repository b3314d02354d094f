/* Budgets: what is taken counts, in the whole too, and never beyond the limit; large holders leave
 * room for small ones. */
#include <criterion/criterion.h>

#include "base/budget.h"

enum { LIMIT = 1 << 20, KEPT = LIMIT / 8, LARGE = BUDGET_LARGE_BYTES };

Test(budget, what_is_taken_counts_until_it_is_given_back)
{
    struct budget budget;
    budget_init(&budget, 100, NULL);
    cr_expect(budget_take(&budget, 60, 60));
    cr_expect(budget_take(&budget, 40, 40), "to the last byte");
    cr_expect_not(budget_take(&budget, 1, 1));
    cr_expect_eq(budget_used(&budget), 100, "a take that is refused takes nothing");
    cr_expect_eq(budget_refused(&budget), 1);
    budget_give(&budget, 40);
    cr_expect(budget_take(&budget, 40, 40));
    budget_give(&budget, 100);
    cr_expect_eq(budget_used(&budget), 0);
}

Test(budget, more_than_fits_is_refused_whatever_its_size)
{
    struct budget budget;
    budget_init(&budget, 100, NULL);
    cr_expect_not(budget_take(&budget, 101, 101));
    cr_expect_not(budget_take(&budget, UINT64_MAX, UINT64_MAX));
    cr_expect_eq(budget_used(&budget), 0);
    cr_expect(budget_take(&budget, 0, 0));
}

Test(budget, a_part_counts_in_the_whole)
{
    struct budget whole, part, other;
    budget_init(&whole, 100, NULL);
    budget_init(&part, 80, &whole);
    budget_init(&other, 80, &whole);
    cr_expect(budget_take(&part, 60, 60));
    cr_expect_eq(budget_used(&whole), 60);
    cr_expect_not(budget_take(&part, 30, 30), "the part is full");
    cr_expect_not(budget_take(&other, 50, 50), "the whole is full");
    cr_expect_eq(budget_used(&part), 60);
    cr_expect_eq(budget_used(&other), 0);
    cr_expect_eq(budget_used(&whole), 60);
    cr_expect_eq(budget_refused(&whole), 2, "of its parts, too");
    cr_expect_eq(budget_refused(&part), 1);
    budget_give(&part, 60);
    cr_expect_eq(budget_used(&whole), 0);
}

Test(budget, large_holders_leave_room_for_small_ones)
{
    struct budget budget;
    budget_init(&budget, LIMIT, NULL);
    cr_expect(budget_take(&budget, LIMIT - KEPT - LARGE, LIMIT - KEPT - LARGE));
    cr_expect(budget_take(&budget, LARGE, LARGE));
    cr_expect_not(budget_take(&budget, LARGE, LARGE));
    cr_expect_not(budget_take(&budget, 1, LARGE), "the last byte of a large one");
    cr_expect(budget_take(&budget, LARGE - 1, LARGE - 1));
    budget_give(&budget, LIMIT - KEPT + LARGE - 1);
}

Test(budget, a_holder_that_is_alone_may_have_all)
{
    struct budget budget;
    struct budget_share share = { .budget = &budget };
    budget_init(&budget, LIMIT, NULL);
    cr_expect(budget_share_take(&share, LIMIT / 2));
    cr_expect(budget_share_take(&share, LIMIT / 2));
    cr_expect_eq(budget_used(&budget), LIMIT);
    budget_share_end(&share);
    cr_expect_eq(budget_used(&budget), 0);
    cr_expect_eq(share.bytes, 0);
}

Test(budget, a_share_of_no_budget_has_room_for_all)
{
    struct budget_share share = { .budget = NULL };
    cr_expect(budget_share_take(&share, UINT64_MAX / 2));
    budget_share_give(&share, 5);
    cr_expect_eq(share.bytes, UINT64_MAX / 2 - 5);
    budget_share_end(&share);
    cr_expect_eq(share.bytes, 0);
}
