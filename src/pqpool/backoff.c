/* backoff.c - see backoff.h. */
#include "pqpool/backoff.h"

#include "base/clock.h"
#include "pqpool/pqpool.h"

enum { WINDOW_MAX = 16 };

void backoff_init(struct backoff *backoff, uint64_t seed, uint32_t window)
{
    *backoff = (struct backoff){ .random = seed | 1, .window = window > 1 ? window : 1 };
}

uint64_t backoff_random(struct backoff *backoff)
{
    uint64_t x = backoff->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    backoff->random = x;
    return x * UINT64_C(2685821657736338717);
}

static int64_t ceiling(const struct pqpool_options *options, uint32_t failures)
{
    double delay = (double)options->initial_retry_delay_ns;
    double cap = (double)options->max_retry_delay_ns;
    for (uint32_t i = 1; i < failures && delay < cap; i++)
        delay *= options->retry_backoff_multiplier;
    return delay < cap ? (int64_t)delay : options->max_retry_delay_ns;
}

void backoff_failed(struct backoff *backoff, const struct pqpool_options *options,
                    bool config_error, int64_t started_at_ns, int64_t now_ns)
{
    if (backoff->failures > 0 && started_at_ns < backoff->failed_at_ns)
        return;
    if (backoff->failures < UINT32_MAX)
        backoff->failures++;
    /* No retry cures a configuration error, so one such failure counts as max_retry_attempts
     * failures. */
    if (config_error && backoff->failures < options->max_retry_attempts)
        backoff->failures = options->max_retry_attempts;
    int64_t delay_ns =
        config_error ? options->max_retry_delay_ns : ceiling(options, backoff->failures);
    if (options->retry_jitter && !config_error)
        delay_ns = (int64_t)(backoff_random(backoff) % ((uint64_t)delay_ns + 1));
    backoff->window = 1;
    backoff->failed_at_ns = now_ns;
    backoff->next_at_ns = clock_after(now_ns, delay_ns);
}

void backoff_succeeded(struct backoff *backoff, bool still_wanted)
{
    backoff->failures = 0;
    backoff->next_at_ns = 0;
    if (!still_wanted)
        backoff->window = 1;
    else if (backoff->window < WINDOW_MAX)
        backoff->window++;
}

void backoff_rest(struct backoff *backoff)
{
    backoff->window = 1;
}

uint32_t backoff_allows(const struct backoff *backoff, int64_t now_ns)
{
    if (backoff->failures == 0)
        return backoff->window;
    return now_ns >= backoff->next_at_ns ? 1 : 0;
}
