/* pool_bench.h - measurements of a pool in front of a real PostgreSQL. One thread calls these
 * functions, and each is bounded in time. They return false, with *err, if nothing was measured. */
#ifndef LOAD_POOL_BENCH_H
#define LOAD_POOL_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "pqpool/pqpool.h"

enum { SPIKE_THREADS = 50, SPIKE_IDLE = 5, SPIKE_DIAL_MS = 150, SPIKE_HOLD_MS = 5 };

/* Opens a pool, and waits until its minimum of connections is open and idle. */
bool bench_open(const struct pqpool_options *options, struct pqpool **pool_out,
                struct err *err) MUST_CHECK;
void bench_close(struct pqpool **pool);

/* Threads acquire and release, with nothing in between. *ns_out is the elapsed time divided by the
 * operations of all threads. */
bool bench_cycles(struct pqpool *pool, uint32_t threads, int64_t for_ns, double *ns_out,
                  struct err *err) MUST_CHECK;

struct spike {
    uint32_t grew_to;     /* most connections, those being dialled included */
    int64_t last_wait_ns; /* wait of the thread that waited longest */
};

/* SPIKE_THREADS threads acquire at once from a pool that has SPIKE_IDLE connections and slow
 * dials. */
bool bench_spike(const char *conninfo, struct spike *out, struct err *err) MUST_CHECK;

#endif
