/* sampler.h - makes the samples of history.h from the service's counters, one a second. Threads:
 * main only, while it waits for signals. If main is busy or the process is suspended, no sample
 * is taken. The next sample then covers a longer interval, as its interval_ms says. */
#ifndef OBSERVABILITY_SAMPLER_H
#define OBSERVABILITY_SAMPLER_H

#include <stdint.h>

#include "base/metrics.h"

struct observability;

/* The counters at one moment. */
struct sampler_view {
    int64_t at_ns;
    uint64_t orders[16]; /* indexed by enum order_result */
    struct histogram_view commit, group;
    uint64_t commits, commits_failed, exhausted, pool_errors;
};

struct sampler {
    struct sampler_view last; /* at_ns is 0 before the first view */
    int64_t next_at_ns;
};

/* If a sample is due, takes it and runs database_check_tick(). Returns the time at which the next
 * sample is due. */
int64_t sampler_tick(struct observability *observed);

#endif
