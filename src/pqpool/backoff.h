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

/* A dial that began at started_at_ns failed: from now on one dial at a time, after a pause. A dial
 * that began before the last failure does not count, so ten that fail together count once.
 * config_error: the password or the database name is wrong, so the pause is the longest. */
void backoff_failed(struct backoff *backoff, const struct pqpool_options *options,
                    bool config_error, int64_t started_at_ns, int64_t now_ns);

/* A dial succeeded. still_wanted: more connections are wanted, so the window grows by 1 with each
 * success, up to 16; otherwise it is 1 again. */
void backoff_succeeded(struct backoff *backoff, bool still_wanted);

/* No dial is wanted now: the next ones start slowly again. */
void backoff_rest(struct backoff *backoff);

/* How many dials may be under way at once now. */
uint32_t backoff_allows(const struct backoff *backoff, int64_t now_ns);

/* A random number, for jitter elsewhere too. */
uint64_t backoff_random(struct backoff *backoff);

#endif
