/* sampler.h - makes the samples of history.h from the service's counters, one a second.
 *
 * Threads: main alone, between signals. A second in which main does something else (a reload, a
 * stopped process) makes a longer interval, and the sample has its length. */
#ifndef OBSERVABILITY_SAMPLER_H
#define OBSERVABILITY_SAMPLER_H

#include <stdint.h>

#include "base/metrics.h"

struct observability;

/* Counters as they stood at one moment. */
struct sampler_view {
    int64_t at_ns;
    uint64_t orders[16]; /* by enum order_result */
    struct histogram_view commit, group;
    uint64_t commits, commits_failed, exhausted, pool_errors;
};

struct sampler {
    struct sampler_view last; /* at_ns 0: there is none yet */
    int64_t next_at_ns;
};

/* Takes a sample when its time has come. Returns the time of the next one. */
int64_t sampler_tick(struct observability *observed);

#endif
