/* pool.c - the pool as a whole: its counts, whether it is down or exhausted, its events, and the
 * wake-ups of its two threads. These functions allocate nothing. All but pqpool_is_down() take the
 * time from the caller. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "pqpool/pool.h"

void pool_advance(struct pqpool *pool, enum pool_phase to)
{
    if (pool->phase < to)
        pool->phase = to;
}

/* ---- wake-ups and events ---- */

void pool_wake_connector(struct pqpool *pool)
{
    (void)eventfd_write(pool->connector.fd, 1); /* would block only after 2^64 unread wake-ups */
}

void pool_wake_janitor(struct pqpool *pool)
{
    (void)eventfd_write(pool->janitor.fd, 1);
}

void pool_event(struct pqpool *pool, enum pqpool_event_kind kind, const char *fmt, ...)
{
    struct pool_events *events = &pool->events;
    if (events->count == EVENTS_MAX)
        events->first = (events->first + 1) % EVENTS_MAX; /* the new event replaces the oldest */
    else
        events->count++;
    struct pool_event *event = &events->ring[(events->first + events->count - 1) % EVENTS_MAX];
    event->kind = kind;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(event->text, sizeof event->text, fmt, ap);
    va_end(ap);
    pool_wake_janitor(pool);
}

bool pool_next_event(struct pqpool *pool, struct pool_event *event)
{
    struct pool_events *events = &pool->events;
    if (events->count == 0)
        return false;
    *event = events->ring[events->first];
    events->first = (events->first + 1) % EVENTS_MAX;
    events->count--;
    return true;
}

/* ---- counts ---- */

uint32_t pool_total(const struct pqpool *pool)
{
    return pool->options.max_pool_size - pool->list[CONN_NEW].count;
}

static uint32_t count(const struct pqpool *pool, enum conn_state first, enum conn_state last)
    REQUIRES(pool->mu)
{
    uint32_t n = 0;
    for (unsigned state = first; state <= (unsigned)last; state++)
        n += pool->list[state].count;
    return n;
}

uint32_t pool_closing(const struct pqpool *pool)
{
    return count(pool, CONN_CLOSING, CONN_ORPHAN_ASKED);
}

uint32_t pool_orphans(const struct pqpool *pool)
{
    return count(pool, CONN_CLOSING_ORPHAN, CONN_ORPHAN_ASKED);
}

uint32_t pool_canceling(const struct pqpool *pool)
{
    return count(pool, CONN_CANCEL_WANTED, CONN_CANCEL_ANSWERED);
}

uint32_t pool_staying(const struct pqpool *pool)
{
    return pool_total(pool) - pool_closing(pool);
}

uint32_t pool_usable(const struct pqpool *pool)
{
    return pool_staying(pool) - pool->list[CONN_CONNECTING].count;
}

uint32_t pool_checked_out(const struct pqpool *pool)
{
    return pool->list[CONN_LEASED].count + pool->list[CONN_CHECKING].count;
}

bool pool_is_full(const struct pqpool *pool)
{
    return pool_total(pool) >= pool->options.max_pool_size &&
           pool->list[CONN_CONNECTING].count == 0;
}

/* ---- down: every acquire fails at once ---- */

bool pool_is_away(const struct pqpool *pool)
{
    uint32_t failures = pool->demand.backoff.failures;
    return failures > 0 && failures >= pool->options.max_retry_attempts && pool_usable(pool) == 0;
}

bool pool_has_too_many_orphans(const struct pqpool *pool)
{
    uint32_t most = pool->options.max_pool_size / 2;
    return pool_orphans(pool) >= (most > 0 ? most : 1);
}

void pool_update_down(struct pqpool *pool)
{
    bool failing = pool->demand.backoff.failures > 0;
    bool away = pool_is_away(pool);
    bool down = away || pool_has_too_many_orphans(pool);
    bool was = atomic_load_explicit(&pool->down, memory_order_relaxed);
    atomic_store_explicit(&pool->retry_at_ns, failing ? pool->demand.backoff.next_at_ns : 0,
                          memory_order_relaxed);
    atomic_store_explicit(&pool->down, down, memory_order_relaxed);
    if (down && !was && away)
        pool_event(pool, PQPOOL_EVENT_DOWN, "no connection after %u attempts: %s",
                   pool->demand.backoff.failures, pool->demand.last_error.text);
    else if (down && !was)
        pool_event(pool, PQPOOL_EVENT_DOWN, "%u statements do not end, though they were cancelled",
                   pool_orphans(pool));
    if (down)
        pool_fail_waiters(pool, PQPOOL_DOWN);
}

bool pqpool_is_down(const struct pqpool *pool, int64_t *retry_in_ns)
{
    int64_t retry_at_ns = atomic_load_explicit(&pool->retry_at_ns, memory_order_relaxed);
    if (retry_in_ns != NULL) {
        int64_t in_ns = retry_at_ns != 0 ? retry_at_ns - clock_now_ns() : 0;
        *retry_in_ns = in_ns > 0 ? in_ns : 0;
    }
    return atomic_load_explicit(&pool->down, memory_order_relaxed);
}

/* ---- exhausted: a caller waits, no connection is idle, and none may be opened ---- */

void pool_update_exhausted(struct pqpool *pool, int64_t now_ns)
{
    bool is =
        pool->waiters.list.count > 0 && pool->list[CONN_IDLE].count == 0 && pool_is_full(pool);
    bool was = pool->exhausted.since_ns != 0;
    if (is && !was) {
        pool->exhausted.since_ns = now_ns;
    } else if (was && !is) {
        if (now_ns > pool->exhausted.since_ns) /* now_ns may be earlier than since_ns: a caller
                                                  may read the clock before it takes the mutex */
            pool->counters.exhausted_ns += (uint64_t)(now_ns - pool->exhausted.since_ns);
        pool->exhausted.since_ns = 0;
    }
    if (is && !pool->exhausted.alert) {
        pool->exhausted.alert = true;
        pool_event(pool, PQPOOL_EVENT_EXHAUSTED, "all %u connections are in use, %u wait",
                   pool->options.max_pool_size, pool->waiters.list.count);
    }
    if (is || was)
        pool->exhausted.last_at_ns = now_ns;
}

/* The alert ends only when the pool has not been exhausted for metrics_collection_interval. Under
 * load each hand-off may end the exhaustion, and the next caller may bring it back: an event for
 * each of these changes would flood the user's log. */
void pool_update_exhausted_alert(struct pqpool *pool, int64_t now_ns)
{
    int64_t quiet_ns = pool->options.metrics_collection_interval_ns;
    if (!pool->exhausted.alert || pool->exhausted.since_ns != 0 ||
        now_ns - pool->exhausted.last_at_ns < quiet_ns)
        return;
    pool->exhausted.alert = false;
    pool_event(pool, PQPOOL_EVENT_NOT_EXHAUSTED,
               "connections are free again; %.1f s in all without a free one",
               (double)pool->counters.exhausted_ns / 1e9);
}
