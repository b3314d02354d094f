/* pool_bench.h - what pool_bench measures of a pool in front of a real PostgreSQL. Called by one
 * thread; each function is bounded in time. False: *err says why, and nothing was measured. */
#ifndef LOAD_POOL_BENCH_H
#define LOAD_POOL_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "pqpool/pqpool.h"

enum { SPIKE_THREADS = 50, SPIKE_IDLE = 5, SPIKE_DIAL_MS = 150, SPIKE_HOLD_MS = 5 };

/* A pool whose floor is dialled and idle. */
bool bench_open(const struct pqpool_options *options, struct pqpool **pool_out,
                struct err *err) MUST_CHECK;
void bench_close(struct pqpool **pool);

/* Threads that acquire and release, with nothing between: elapsed time over the operations of all
 * of them. */
bool bench_cycles(struct pqpool *pool, uint32_t threads, int64_t for_ns, double *ns_out,
                  struct err *err) MUST_CHECK;

struct spike {
    uint32_t grew_to;     /* connections at the most, those being dialled included */
    int64_t last_wait_ns; /* of the thread that waited longest */
};

/* SPIKE_THREADS acquire at once on a pool with SPIKE_IDLE connections, whose dials are slow. */
bool bench_spike(const char *conninfo, struct spike *out, struct err *err) MUST_CHECK;

#endif
