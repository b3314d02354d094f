/* backoff.h - when the pool may dial: exponential backoff with full jitter after failures, and a
 * slow start after success (1, 2, 4 ... dials at a time). The pool has one backoff, so during an
 * outage it makes one dial at a time, and not one for each slot.
 *
 * Locks      every function needs the pool's mutex.
 * Clock      the caller passes the time in. */
#ifndef PQPOOL_BACKOFF_H
#define PQPOOL_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct pqpool_options;

struct backoff {
    uint32_t failures;    /* how many dials have failed in a row */
    int64_t failed_at_ns; /* when the last of these dials failed */
    int64_t next_at_ns;   /* no dial begins before; used while failures > 0 */
    uint32_t window;      /* how many dials may be under way at once */
    uint64_t random;      /* state of the generator xorshift64*, never 0 */
};

/* window: how many dials may be under way at once before the first success or failure, which is
 * min_pool_size with warm-up, else 1. */
void backoff_init(struct backoff *backoff, uint64_t seed, uint32_t window);

/* Records that a dial failed that began at started_at_ns: from now on one dial at a time, after
 * a pause. If the dial began before the last failure, it does not count, so ten dials that fail
 * together count once. config_error: the password or the database name is wrong, so the pause is
 * the longest. */
void backoff_failed(struct backoff *backoff, const struct pqpool_options *options,
                    bool config_error, int64_t started_at_ns, int64_t now_ns);

/* Records that a dial succeeded. If more connections are still wanted, the window grows by 1, up
 * to 16; otherwise it is 1 again. */
void backoff_succeeded(struct backoff *backoff, bool still_wanted);

/* Records that no dial is wanted now, so the next ones start slowly again. */
void backoff_rest(struct backoff *backoff);

/* Returns how many dials may be under way at once now. */
uint32_t backoff_allows(const struct backoff *backoff, int64_t now_ns);

/* Returns a random number. Used for other jitter, too. */
uint64_t backoff_random(struct backoff *backoff);

#endif
