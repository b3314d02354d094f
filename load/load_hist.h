/* load_hist.h - a histogram of latencies, with 32 buckets for each power of two. So a quantile is
 * exact to 3 %, and recording is one addition. One thread. */
#ifndef LOAD_HIST_H
#define LOAD_HIST_H

#include <stdint.h>

enum { HIST_SUB_BITS = 5, HIST_SUB = 1 << HIST_SUB_BITS, HIST_BUCKETS = 64 * HIST_SUB };

struct load_hist {
    uint64_t count;
    int64_t max_ns;
    uint64_t buckets[HIST_BUCKETS];
};

static inline uint32_t load_hist_bucket(uint64_t ns)
{
    if (ns < HIST_SUB)
        return (uint32_t)ns;
    uint32_t exponent = 63 - (uint32_t)__builtin_clzll(ns);
    uint32_t shift = exponent - HIST_SUB_BITS;
    return (shift + 1) * HIST_SUB + (uint32_t)(ns >> shift) - HIST_SUB;
}

/* Returns the largest value in the bucket. */
static inline int64_t load_hist_upper_ns(uint32_t bucket)
{
    if (bucket < HIST_SUB)
        return bucket;
    uint32_t shift = bucket / HIST_SUB - 1;
    uint64_t lower = (uint64_t)(HIST_SUB + bucket % HIST_SUB) << shift;
    return (int64_t)(lower + (UINT64_C(1) << shift) - 1);
}

static inline void load_hist_add(struct load_hist *hist, int64_t ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    hist->buckets[load_hist_bucket(value)]++;
    hist->count++;
    if ((int64_t)value > hist->max_ns)
        hist->max_ns = (int64_t)value;
}

/* Returns 0 if nothing was recorded. */
static inline int64_t load_hist_quantile_ns(const struct load_hist *hist, double quantile)
{
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HIST_BUCKETS && hist->count > 0; i++) {
        seen += hist->buckets[i];
        if ((double)seen >= quantile * (double)hist->count) {
            int64_t upper_ns = load_hist_upper_ns(i);
            return upper_ns < hist->max_ns ? upper_ns : hist->max_ns;
        }
    }
    return 0;
}

#endif
