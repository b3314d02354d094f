/* wait_queue.c - the queue of callers that wait for a connection. A connection that becomes free is
 * handed to the first caller. Callers are queued in order of arrival, but one whose connection
 * failed its validation query joins at the head. From the time between hand-offs the wait is
 * estimated, so that a caller that would still be waiting at its deadline is rejected at once.
 * These functions use no socket and no clock, and allocate nothing. The caller holds the pool's
 * mutex. */
#include "base/check.h"
#include "base/clock.h"
#include "pqpool/pool.h"

enum {
    HAND_OFFS_KNOWN = 8, /* the wait is estimated only after so many hand-offs */
    /* The newest time between hand-offs counts for 1/HAND_OFF_WEIGHT of the mean. */
    HAND_OFF_WEIGHT = 8,
    OUTLIER = 4 /* a time above OUTLIER * mean counts as OUTLIER * mean */
};

void pool_enqueue(struct pqpool *pool, struct waiter *waiter, bool first)
{
    if (first)
        list_push_front(&pool->waiters.list, &waiter->node);
    else
        list_push_back(&pool->waiters.list, &waiter->node);
}

void pool_dequeue(struct pqpool *pool, struct waiter *waiter)
{
    list_remove(&pool->waiters.list, &waiter->node);
    /* Forget the mean: while no caller waits, the time between hand-offs says nothing. */
    if (pool->waiters.list.count == 0)
        pool->waiters.pace = (struct queue_pace){ 0 };
}

static void serve_first(struct pqpool *pool, enum pqpool_rc rc, struct conn *conn)
    REQUIRES(pool->mu)
{
    CHECK(pool->waiters.list.count > 0);
    struct waiter *waiter = CONTAINER_OF(pool->waiters.list.first, struct waiter, node);
    pool_dequeue(pool, waiter);
    waiter->served = true;
    waiter->rc = rc;
    waiter->conn = conn;
    /* The signal must be sent under the mutex. Once the mutex is free, the waiter may return, and
     * `wake` is on the waiter's stack. */
    cond_signal(&waiter->wake);
}

void pool_fail_waiters(struct pqpool *pool, enum pqpool_rc rc)
{
    while (pool->waiters.list.count > 0)
        serve_first(pool, rc, NULL);
}

/* Adds the time since the last hand-off to the average. */
static void note_pace(struct queue_pace *pace, int64_t now_ns)
{
    int64_t span_ns = now_ns - pace->last_at_ns;
    if (pace->hand_offs >= HAND_OFFS_KNOWN)
        span_ns = clock_min(span_ns, OUTLIER * pace->mean_ns + NS_PER_US);
    if (pace->last_at_ns != 0 && span_ns >= 0) {
        pace->mean_ns = pace->hand_offs == 0
                            ? span_ns
                            : pace->mean_ns + (span_ns - pace->mean_ns) / HAND_OFF_WEIGHT;
        pace->hand_offs++;
    }
    pace->last_at_ns = now_ns;
}

void pool_serve_first(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    note_pace(&pool->waiters.pace, now_ns);
    serve_first(pool, PQPOOL_OK, conn);
}

int64_t pool_estimated_wait_ns(const struct pqpool *pool)
{
    if (pool->waiters.pace.hand_offs < HAND_OFFS_KNOWN)
        return 0;
    return pool->waiters.pace.mean_ns * ((int64_t)pool->waiters.list.count + 1);
}
