/* The bucket of a rate, on a clock of the test's own. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "base/clock.h"
#include "http/auth/rate.h"

static const struct rate ten = { .per_second = 10, .burst = 3 }; /* one in 100 ms */

/* Any moment will do. */
#define T0 (INT64_C(5000) * NS_PER_S)
#define MS(n) ((n)*NS_PER_MS)

static struct rate_bucket *bucket;

static void open_bucket(void)
{
    bucket = rate_bucket_new();
    cr_assert_not_null(bucket);
}

static void close_bucket(void)
{
    rate_bucket_unref(&bucket);
    cr_expect_null(bucket);
}

TestSuite(rate, .init = open_bucket, .fini = close_bucket);

static void expect_view(int64_t at_ns, uint32_t remaining, int64_t more_in_ns)
{
    struct rate_view view = rate_look(&ten, bucket, at_ns);
    cr_expect_eq(view.remaining, remaining, "%u, not %u", view.remaining, remaining);
    cr_expect_eq(view.more_in_ns, more_in_ns, "%ld, not %ld", (long)view.more_in_ns,
                 (long)more_in_ns);
}

Test(rate, a_new_bucket_is_full)
{
    expect_view(T0, 3, 0);
    expect_view(0, 3, 0);
}

Test(rate, the_burst_goes_at_once_and_no_more)
{
    cr_expect_eq(rate_take(&ten, bucket, T0), 0);
    expect_view(T0, 2, MS(100));
    cr_expect_eq(rate_take(&ten, bucket, T0), 0);
    cr_expect_eq(rate_take(&ten, bucket, T0), 0);
    expect_view(T0, 0, MS(100));
    cr_expect_eq(rate_take(&ten, bucket, T0), MS(100));
    cr_expect_eq(rate_take(&ten, bucket, T0), MS(100), "what is refused costs nothing");
}

Test(rate, tokens_come_back_one_by_one)
{
    for (int i = 0; i < 3; i++)
        cr_expect_eq(rate_take(&ten, bucket, T0), 0);
    cr_expect_eq(rate_take(&ten, bucket, T0 + MS(99)), MS(1));
    expect_view(T0 + MS(99), 0, MS(1));
    cr_expect_eq(rate_take(&ten, bucket, T0 + MS(100)), 0);
    cr_expect_eq(rate_take(&ten, bucket, T0 + MS(100)), MS(100));
    expect_view(T0 + MS(350), 2, MS(50));
    expect_view(T0 + MS(400), 3, 0);
    expect_view(T0 + MS(100000), 3, 0);
}

Test(rate, a_steady_rate_is_never_refused)
{
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(rate_take(&ten, bucket, T0 + i * MS(100)), 0);
    expect_view(T0 + 999 * MS(100), 2, MS(100));
}

Test(rate, over_a_long_time_it_is_the_rate)
{
    int taken = 0;
    for (int ms = 0; ms < 60000; ms++)
        taken += rate_take(&ten, bucket, T0 + MS(ms)) == 0;
    cr_expect_eq(taken, 3 + 599);
}

Test(rate, a_charge_goes_into_debt)
{
    cr_expect_eq(rate_take(&ten, bucket, T0), 0);
    rate_charge(&ten, bucket, 9, T0); /* ten in all: seven below zero */
    expect_view(T0, 0, MS(800));
    cr_expect_eq(rate_take(&ten, bucket, T0), MS(800));
    cr_expect_eq(rate_take(&ten, bucket, T0 + MS(799)), MS(1));
    cr_expect_eq(rate_take(&ten, bucket, T0 + MS(800)), 0);
    rate_charge(&ten, bucket, 0, T0 + MS(800));
    expect_view(T0 + MS(800), 0, MS(100));
}

Test(rate, a_charge_beyond_all_time_is_for_ever)
{
    const struct rate slow = { .per_second = 1, .burst = 1 };
    for (int i = 0; i < 4; i++)
        rate_charge(&slow, bucket, UINT32_MAX, T0);
    cr_expect_gt(rate_take(&slow, bucket, T0), NS_PER_S * UINT32_MAX);
    cr_expect_eq(rate_look(&slow, bucket, T0).remaining, 0);
}

Test(rate, a_clock_that_another_loop_read_earlier_does_no_harm)
{
    cr_expect_eq(rate_take(&ten, bucket, T0 + MS(100)), 0);
    cr_expect_eq(rate_take(&ten, bucket, T0), 0);
    cr_expect_eq(rate_take(&ten, bucket, T0), MS(100));
}

Test(rate, is_shared_until_its_last_owner_goes)
{
    struct rate_bucket *other = rate_bucket_ref(bucket);
    rate_bucket_unref(&other);
    expect_view(T0, 3, 0);
    rate_bucket_unref(&other);
    cr_expect_null(rate_bucket_ref(NULL));
}

struct window_case {
    struct rate rate;
    uint32_t window_s;
};

ParameterizedTestParameters(rate, window)
{
    static struct window_case cases[] = {
        { { 1, 1 }, 1 },        { { 10, 1 }, 1 },
        { { 10, 10 }, 1 },      { { 10, 11 }, 2 },
        { { 3, 10 }, 4 },       { { 1, RATE_MAX }, RATE_MAX },
        { { RATE_MAX, 1 }, 1 }, { { RATE_MAX, RATE_MAX }, 1 },
    };
    return cr_make_param_array(struct window_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct window_case *c, rate, window)
{
    cr_expect_eq(rate_window_s(&c->rate), c->window_s);
    for (uint32_t i = 0; i < c->rate.burst && i < 100; i++)
        cr_expect_eq(rate_take(&c->rate, bucket, T0), 0);
}
