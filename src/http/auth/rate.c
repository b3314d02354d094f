/* rate.c - see rate.h. Taking a token postpones the moment at which the bucket will be full, by
 * 1/per_second seconds. */
#include "http/auth/rate.h"

#include <stdlib.h>

#include "base/clock.h"

static int64_t interval_ns(const struct rate *rate)
{
    return NS_PER_S / rate->per_second;
}

/* Returns the time that an empty bucket without debt takes to fill. */
static int64_t span_ns(const struct rate *rate)
{
    return rate->burst * interval_ns(rate);
}

struct rate_bucket *rate_bucket_new(void)
{
    struct rate_bucket *bucket = calloc(1, sizeof *bucket);
    if (bucket != NULL)
        atomic_init(&bucket->refs, 1);
    return bucket;
}

struct rate_bucket *rate_bucket_ref(struct rate_bucket *bucket)
{
    if (bucket != NULL)
        atomic_fetch_add_explicit(&bucket->refs, 1, memory_order_relaxed);
    return bucket;
}

void rate_bucket_unref(struct rate_bucket **bucket_inout)
{
    struct rate_bucket *bucket = *bucket_inout;
    *bucket_inout = NULL;
    if (bucket != NULL && atomic_fetch_sub_explicit(&bucket->refs, 1, memory_order_acq_rel) == 1)
        free(bucket);
}

static int64_t taken_ns(int_fast64_t full_at_ns, int64_t now_ns)
{
    return full_at_ns > now_ns ? full_at_ns - now_ns : 0;
}

int64_t rate_take(const struct rate *rate, struct rate_bucket *bucket, int64_t now_ns)
{
    int64_t room_ns = span_ns(rate) - interval_ns(rate);
    int_fast64_t full_at_ns = atomic_load_explicit(&bucket->full_at_ns, memory_order_relaxed);
    for (;;) {
        int64_t taken = taken_ns(full_at_ns, now_ns);
        if (taken > room_ns)
            return taken - room_ns;
        if (atomic_compare_exchange_weak_explicit(&bucket->full_at_ns, &full_at_ns,
                                                  now_ns + taken + interval_ns(rate),
                                                  memory_order_relaxed, memory_order_relaxed))
            return 0;
    }
}

void rate_charge(const struct rate *rate, struct rate_bucket *bucket, uint32_t n, int64_t now_ns)
{
    int64_t cost_ns = n * interval_ns(rate);
    int_fast64_t full_at_ns = atomic_load_explicit(&bucket->full_at_ns, memory_order_relaxed);
    int64_t until_ns;
    do
        until_ns = clock_after(now_ns + taken_ns(full_at_ns, now_ns), cost_ns);
    while (!atomic_compare_exchange_weak_explicit(&bucket->full_at_ns, &full_at_ns, until_ns,
                                                  memory_order_relaxed, memory_order_relaxed));
}

struct rate_view rate_look(const struct rate *rate, struct rate_bucket *bucket, int64_t now_ns)
{
    int_fast64_t full_at_ns = atomic_load_explicit(&bucket->full_at_ns, memory_order_relaxed);
    int64_t taken = taken_ns(full_at_ns, now_ns), left_ns = span_ns(rate) - taken;
    int64_t remaining = left_ns > 0 ? left_ns / interval_ns(rate) : 0;
    int64_t then_ns = span_ns(rate) - (remaining + 1) * interval_ns(rate);
    return (struct rate_view){ .remaining = (uint32_t)remaining,
                               .more_in_ns = taken > 0 ? taken - then_ns : 0 };
}

uint32_t rate_window_s(const struct rate *rate)
{
    return (rate->burst - 1) / rate->per_second + 1;
}
