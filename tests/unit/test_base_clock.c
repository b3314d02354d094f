#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <limits.h>

#include "base/clock.h"
#include "support/wait.h"

struct poll_case {
    int64_t at_ns, now_ns;
    int want;
};

ParameterizedTestParameters(clock, poll_ms)
{
    /* clang-format off */
    static struct poll_case cases[] = {
        { CLOCK_NEVER, 0, -1 },
        { 5, 5, 0 },
        { 4, 5, 0 },
        { 6, 5, 1 },                                /* rounded up */
        { NS_PER_MS, 0, 1 },
        { NS_PER_MS + 1, 0, 2 },
        { INT_MAX * NS_PER_MS, 0, INT_MAX },
        { CLOCK_NEVER - 1, 0, INT_MAX },
    };
    /* clang-format on */
    return cr_make_param_array(struct poll_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct poll_case *c, clock, poll_ms, .timeout = 60)
{
    cr_expect_eq(clock_poll_ms(c->at_ns, c->now_ns), c->want);
}

Test(clock, after_saturates)
{
    cr_expect_eq(clock_after(7, 5), 12);
    cr_expect_eq(clock_after(7, CLOCK_NEVER), CLOCK_NEVER);
    cr_expect_eq(clock_after(7, CLOCK_NEVER - 7), CLOCK_NEVER);
    cr_expect_eq(clock_after(7, CLOCK_NEVER - 8), CLOCK_NEVER - 1);
}

Test(clock, timespec_and_now)
{
    struct timespec ts = clock_timespec(3 * NS_PER_S + 4);
    cr_expect_eq(ts.tv_sec, 3);
    cr_expect_eq(ts.tv_nsec, 4);
    int64_t before_ns = clock_now_ns();
    cr_expect_leq(before_ns, clock_now_ns());
    cr_expect_gt(clock_wall_us(), INT64_C(1600000000) * 1000000);
    cr_expect_eq(clock_min(1, 2), 1);
    cr_expect_eq(clock_min(2, 1), 1);
}

Test(clock, the_coarse_one_is_never_ahead_and_moves_on)
{
    int64_t coarse_ns = clock_coarse_ns();
    cr_expect_leq(coarse_ns, clock_now_ns());
    cr_expect(WAIT_UNTIL(clock_coarse_ns() > coarse_ns, 10));
}
