/* backoff.h - when the pool may dial: exponential backoff with full jitter after failures, and a
 * slow start, in which each success lets one more dial run at once. The pool has one backoff, so
 * during an outage the pool makes one dial at a time, and not one for each slot.
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
    int64_t next_at_ns;   /* no dial begins earlier; valid only while failures > 0 */
    uint32_t window;      /* how many dials may run at once */
    uint64_t random;      /* state of the generator xorshift64*, never 0 */
};

/* window: how many dials may run at once before the first dial has ended. It is min_pool_size if
 * the option warmup is on, else 1. */
void backoff_init(struct backoff *backoff, uint64_t seed, uint32_t window);

/* Records the failure of a dial that began at started_at_ns. After a pause, one dial at a time is
 * allowed. A dial that began before the last recorded failure does not count, so ten dials that
 * fail together count once. config_error: the password or the database name is wrong, so the pause
 * is max_retry_delay. */
void backoff_failed(struct backoff *backoff, const struct pqpool_options *options,
                    bool config_error, int64_t started_at_ns, int64_t now_ns);

/* Records that a dial succeeded. If the pool wants more connections, the window grows by 1, up to
 * 16; otherwise it becomes 1. */
void backoff_succeeded(struct backoff *backoff, bool still_wanted);

/* Records that the pool wants no dial now. Later dials begin with a window of 1. */
void backoff_rest(struct backoff *backoff);

/* Returns how many dials may run at once now. */
uint32_t backoff_allows(const struct backoff *backoff, int64_t now_ns);

/* Returns a random number, for any jitter of the pool. */
uint64_t backoff_random(struct backoff *backoff);

#endif
