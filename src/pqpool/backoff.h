/* backoff.h - when the pool may dial: exponential backoff with full jitter, one for the whole pool,
 * so that an outage sees one prober and not one a slot; and the slow start after it (1, 2, 4 ...).
 *
 * Locks: every function needs the pool's mutex. Time comes in, so tests own it. */
#ifndef PQPOOL_BACKOFF_H
#define PQPOOL_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct pqpool_options;

struct backoff {
    uint32_t failures;    /* in a row */
    int64_t failed_at_ns; /* the last one of them */
    int64_t next_at_ns;   /* no dial before; counts while failures > 0 */
    uint32_t window;      /* dials at a time */
    uint64_t random;      /* xorshift64* state, never 0 */
};

/* window: dials at a time before anything is known (the warm-up's floor, or 1). */
void backoff_init(struct backoff *backoff, uint64_t seed, uint32_t window);

/* A dial that began at started_at_ns failed: one dial at a time from now on, after a pause. Dials
 * that began before the last failure tell nothing new and do not count: ten that fail together are
 * one. config_error: ours is the fault (wrong password, no such database), so only the longest
 * pause will do. */
void backoff_failed(struct backoff *backoff, const struct pqpool_options *options,
                    bool config_error, int64_t started_at_ns, int64_t now_ns);

/* A dial succeeded. still_wanted: more are waited for, so one more may be under way at a time,
 * which doubles the window with each wave; else it is 1 again. */
void backoff_succeeded(struct backoff *backoff, bool still_wanted);

/* Nothing is wanted any more: the next wave of demand starts slowly again. */
void backoff_rest(struct backoff *backoff);

/* How many dials may be under way at once now. */
uint32_t backoff_allows(const struct backoff *backoff, int64_t now_ns);

/* A random number, for jitter elsewhere too. */
uint64_t backoff_random(struct backoff *backoff);

#endif
