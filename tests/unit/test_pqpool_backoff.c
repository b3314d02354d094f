/* When the pool may dial: the pauses of an outage, their jitter, and the slow start after it. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "base/clock.h"
#include "pqpool/backoff.h"
#include "pqpool/pqpool.h"

enum { NOW_NS = 1000 };

static struct pqpool_options exact(void)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.retry_jitter = false;
    return options;
}

/* The pause after one more failure of a dial that began after the last one. */
static int64_t fail(struct backoff *backoff, const struct pqpool_options *options, bool config)
{
    int64_t now_ns = backoff->failed_at_ns + NOW_NS;
    backoff_failed(backoff, options, config, now_ns, now_ns);
    return backoff->next_at_ns - now_ns;
}

Test(backoff, doubles_up_to_the_cap)
{
    static const int64_t want_ms[] = { 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000 };
    const struct pqpool_options options = exact();
    struct backoff backoff;
    backoff_init(&backoff, 1, 1);
    for (size_t i = 0; i < sizeof want_ms / sizeof want_ms[0]; i++)
        cr_expect_eq(fail(&backoff, &options, false), want_ms[i] * NS_PER_MS, "failure %zu", i + 1);
    cr_expect_eq(backoff.failures, sizeof want_ms / sizeof want_ms[0]);
}

Test(backoff, takes_every_multiplier_and_the_longest_pauses)
{
    static const struct {
        double multiplier;
        int64_t initial_ns, max_ns, third_ns;
    } cases[] = {
        { 1.0, 7, 100, 7 },
        { 1.5, 1000, 10000, 2250 },
        { 100.0, 10, INT64_MAX, 100000 },
        { 2.0, INT64_MAX, INT64_MAX, INT64_MAX },
        { 2.0, 30, 30, 30 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pqpool_options options = exact();
        options.retry_backoff_multiplier = cases[i].multiplier;
        options.initial_retry_delay_ns = cases[i].initial_ns;
        options.max_retry_delay_ns = cases[i].max_ns;
        struct backoff backoff;
        backoff_init(&backoff, 1, 1);
        for (int n = 0; n < 3; n++)
            backoff_failed(&backoff, &options, false, n, n);
        int64_t want_ns = clock_after(2, cases[i].third_ns);
        cr_expect_eq(backoff.next_at_ns, want_ns, "case %zu", i);
        options.retry_jitter = true;
        backoff_failed(&backoff, &options, false, 3, 3);
        cr_expect_geq(backoff.next_at_ns, 3, "case %zu", i);
    }
}

Test(backoff, jitter_is_full_and_drawn_anew)
{
    enum { DRAWS = 2000, CEILING_NS = 1000000 };
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.initial_retry_delay_ns = options.max_retry_delay_ns = CEILING_NS;
    struct backoff backoff;
    backoff_init(&backoff, 42, 1);
    int64_t before_ns = -1, least_ns = CEILING_NS, most_ns = 0, sum_ns = 0;
    int repeats = 0;
    for (int i = 0; i < DRAWS; i++) {
        int64_t delay_ns = fail(&backoff, &options, false);
        cr_assert(delay_ns >= 0 && delay_ns <= CEILING_NS);
        repeats += delay_ns == before_ns;
        least_ns = clock_min(least_ns, delay_ns);
        most_ns = -clock_min(-most_ns, -delay_ns);
        sum_ns += delay_ns;
        before_ns = delay_ns;
    }
    cr_expect_lt(least_ns, CEILING_NS / 100, "from nothing");
    cr_expect_gt(most_ns, CEILING_NS - CEILING_NS / 100, "to all of it");
    cr_expect(sum_ns / DRAWS > CEILING_NS * 4 / 10 && sum_ns / DRAWS < CEILING_NS * 6 / 10);
    cr_expect_leq(repeats, 2, "each draw is its own");
}

Test(backoff, a_seed_of_zero_draws_too)
{
    struct backoff backoff;
    backoff_init(&backoff, 0, 1);
    uint64_t first = backoff_random(&backoff);
    cr_expect_neq(first, 0);
    cr_expect_neq(backoff_random(&backoff), first);
}

Test(backoff, a_wrong_password_waits_the_longest_at_once)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT; /* with jitter: it has none here */
    struct backoff backoff;
    backoff_init(&backoff, 1, 1);
    cr_expect_eq(fail(&backoff, &options, true), options.max_retry_delay_ns);
    cr_expect_eq(backoff.failures, options.max_retry_attempts);
    cr_expect_eq(fail(&backoff, &options, true), options.max_retry_delay_ns);
    cr_expect_eq(backoff.failures, options.max_retry_attempts + 1);
}

Test(backoff, those_that_fail_together_count_once)
{
    const struct pqpool_options options = exact();
    struct backoff backoff;
    backoff_init(&backoff, 1, 10);
    for (int i = 0; i < 10; i++) /* all began at 100 and fail at 200, 201, ... */
        backoff_failed(&backoff, &options, false, 100, 200 + i);
    cr_expect_eq(backoff.failures, 1);
    cr_expect_eq(backoff.next_at_ns, 200 + options.initial_retry_delay_ns);

    backoff_failed(&backoff, &options, false, 200, 300);
    cr_expect_eq(backoff.failures, 2, "one that began at the moment of the last failure is new");
    backoff_failed(&backoff, &options, false, 299, 400);
    cr_expect_eq(backoff.failures, 2, "one that began before it is not");
}

Test(backoff, allows_one_prober_after_the_pause)
{
    const struct pqpool_options options = exact();
    struct backoff backoff;
    backoff_init(&backoff, 1, 8);
    cr_expect_eq(backoff_allows(&backoff, 0), 8, "nothing is known yet");
    backoff_failed(&backoff, &options, false, 0, 100);
    cr_expect_eq(backoff_allows(&backoff, backoff.next_at_ns - 1), 0);
    cr_expect_eq(backoff_allows(&backoff, backoff.next_at_ns), 1);
}

Test(backoff, starts_slowly_after_an_outage)
{
    const struct pqpool_options options = exact();
    struct backoff backoff;
    backoff_init(&backoff, 1, 8);
    backoff_failed(&backoff, &options, false, 0, 100);
    for (uint32_t wave = 1; wave <= 16; wave *= 2) {
        for (uint32_t i = 0; i < wave && wave < 16; i++)
            backoff_succeeded(&backoff, true);
        cr_expect_eq(backoff_allows(&backoff, 100), wave < 16 ? wave * 2 : 16);
        cr_expect_eq(backoff.failures, 0);
    }
    backoff_succeeded(&backoff, true);
    cr_expect_eq(backoff_allows(&backoff, 100), 16, "and no further");
    backoff_succeeded(&backoff, false);
    cr_expect_eq(backoff_allows(&backoff, 100), 1, "nothing more is wanted");
}

Test(backoff, rest_makes_the_next_wave_start_slowly)
{
    struct backoff backoff;
    backoff_init(&backoff, 1, 1);
    backoff_succeeded(&backoff, true);
    backoff_succeeded(&backoff, true);
    cr_expect_eq(backoff_allows(&backoff, 0), 3);
    backoff_rest(&backoff);
    cr_expect_eq(backoff_allows(&backoff, 0), 1);
}
