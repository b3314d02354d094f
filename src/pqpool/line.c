/* line.c - those who wait for a connection: first come, first served, by direct hand-off; and how
 * fast the line moves, so that who would wait in vain can be told at once. As in demand.c: no
 * socket, no clock, no allocation; the pool's mutex is held. */
#include "base/check.h"
#include "base/clock.h"
#include "pqpool/pool.h"

enum {
    HAND_OFFS_KNOWN = 8, /* before that many in a row, nothing is foretold */
    HAND_OFF_WEIGHT = 8, /* the newest counts for an eighth of the average */
    OUTLIER = 4          /* as so many times the average at most: one pause foretells little */
};

void pool_enqueue(struct pqpool *pool, struct waiter *waiter, bool first)
{
    struct waiter *next = first ? pool->first_waiter : NULL;
    struct waiter *prev = first ? NULL : pool->last_waiter;
    waiter->next = next;
    waiter->prev = prev;
    *(prev != NULL ? &prev->next : &pool->first_waiter) = waiter;
    *(next != NULL ? &next->prev : &pool->last_waiter) = waiter;
    pool->waiting++;
}

void pool_dequeue(struct pqpool *pool, struct waiter *waiter)
{
    *(waiter->prev != NULL ? &waiter->prev->next : &pool->first_waiter) = waiter->next;
    *(waiter->next != NULL ? &waiter->next->prev : &pool->last_waiter) = waiter->prev;
    if (--pool->waiting == 0)
        pool->pace = (struct line_pace){ 0 }; /* how fast an empty line moves means nothing */
}

static void serve_first(struct pqpool *pool, enum pqpool_rc rc, struct conn *conn)
    REQUIRES(pool->mu)
{
    struct waiter *waiter = pool->first_waiter;
    CHECK(waiter != NULL);
    pool_dequeue(pool, waiter);
    waiter->served = true;
    waiter->rc = rc;
    waiter->conn = conn;
    cond_signal(&waiter->wake); /* under the mutex: it lives on the waiter's stack */
}

void pool_fail_waiters(struct pqpool *pool, enum pqpool_rc rc)
{
    while (pool->first_waiter != NULL)
        serve_first(pool, rc, NULL);
}

/* The time from one hand-off to the next, while somebody waits. */
static void note_pace(struct line_pace *pace, int64_t now_ns)
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

void pool_hand_over(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    conn_move(pool, conn, CONN_LEASED);
    conn->holder = (struct conn_holder){ .since_at_ns = now_ns }; /* on its way to a holder */
    note_pace(&pool->pace, now_ns);
    serve_first(pool, PQPOOL_OK, conn);
}

int64_t pool_estimated_wait_ns(const struct pqpool *pool)
{
    if (pool->pace.hand_offs < HAND_OFFS_KNOWN)
        return 0;
    return pool->pace.mean_ns * ((int64_t)pool->waiting + 1);
}

/* ---- exhausted: somebody waits, nothing is idle, and there is no room ---- */

void pool_judge_exhausted(struct pqpool *pool, int64_t now_ns)
{
    bool is = pool->waiting > 0 && pool->list[CONN_IDLE].count == 0 && pool_is_full(pool);
    bool was = pool->exhausted_since_ns != 0;
    if (is && !was) {
        pool->exhausted_since_ns = now_ns;
    } else if (was && !is) {
        if (now_ns > pool->exhausted_since_ns) /* now was read before the mutex was taken */
            pool->counted.exhausted_ns += (uint64_t)(now_ns - pool->exhausted_since_ns);
        pool->exhausted_since_ns = 0;
    }
    if (is && !pool->exhausted_alert) {
        pool->exhausted_alert = true;
        pool_event(pool, PQPOOL_EVENT_EXHAUSTED, "all %u connections are in use, %u wait",
                   pool->options.max_pool_size, pool->waiting);
    }
    if (is || was)
        pool->exhausted_at_ns = now_ns;
}

/* It comes and goes with every hand-off: the alert ends once it has stayed away for a while. */
void pool_judge_relieved(struct pqpool *pool, int64_t now_ns)
{
    int64_t quiet_ns = pool->options.metrics_collection_interval_ns;
    if (!pool->exhausted_alert || pool->exhausted_since_ns != 0 ||
        now_ns - pool->exhausted_at_ns < quiet_ns)
        return;
    pool->exhausted_alert = false;
    pool_event(pool, PQPOOL_EVENT_RELIEVED,
               "connections are free again; %.1f s in all without a free one",
               (double)pool->counted.exhausted_ns / 1e9);
}
