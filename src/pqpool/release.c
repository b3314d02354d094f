/* release.c - releases a connection: decides whether the next caller can have it, whether the
 * janitor has to reset it or to cancel its statement first, or whether it is closed. */
#include "base/clock.h"
#include "pqpool/connector.h"
#include "pqpool/idle.h"

/* Returns the state that a connection gets at its release. Needs no mutex, because the connection
 * is still this thread's alone. */
static enum conn_state state_after_release(const struct conn *conn,
                                           enum pqpool_disposition disposition)
{
    const struct pg_driver *pg = conn->pool->pg;
    enum conn_state wanted = disposition == PQPOOL_DISCARD ? CONN_CLOSING : CONN_IDLE;
    if (conn->session != SESSION_SOUND || pg->status(conn->pg) != CONNECTION_OK ||
        pg->pipeline_status(conn->pg) != PQ_PIPELINE_OFF)
        return CONN_CLOSING;
    switch (pg->transaction_status(conn->pg)) {
    case PQTRANS_IDLE:
        return wanted;
    case PQTRANS_INTRANS:
    case PQTRANS_INERROR:
        return wanted == CONN_IDLE ? CONN_RESETTING : wanted;
    case PQTRANS_ACTIVE: /* a statement still runs; it must be cancelled even if the connection
                            will be closed, as PQPOOL_DISCARD asks */
        return CONN_CANCEL_WANTED;
    case PQTRANS_UNKNOWN:
        return CONN_CLOSING;
    }
    return CONN_CLOSING;
}

/* Moves a released connection to the state `next`, or discards it. `wanted` is true if the caller
 * released the connection with PQPOOL_REUSE. */
static void check_in(struct pqpool *pool, struct conn *conn, enum conn_state next, bool wanted,
                     int64_t now_ns) REQUIRES(pool->mu)
{
    conn->used_at_ns = now_ns;
    if (next == CONN_IDLE || (next == CONN_RESETTING && pool_is_closing(pool))) {
        pool_offer(pool, conn, now_ns);
    } else if (next == CONN_CANCEL_WANTED && pool->phase >= POOL_JANITOR_LEFT) {
        conn_discard(pool, conn, CLOSE_SHUTDOWN);
    } else if (next == CONN_RESETTING || next == CONN_CANCEL_WANTED) {
        if (!wanted)
            conn_worsen(conn, SESSION_MUST_CLOSE);
        conn->task_deadline_at_ns = 0;
        conn_move(pool, conn, next);
        pool_wake_janitor(pool);
    } else {
        if (wanted)
            pool_event(pool, PQPOOL_EVENT_CONNECTION_LOST, "a connection came back broken");
        pool->counters.connection_errors[ERROR_LOST] += wanted;
        conn_discard(pool, conn, wanted ? CLOSE_LOST : CLOSE_DISCARDED);
    }
}

/* Closes a connection that is released after the pool's threads have ended. If the pool is closed
 * and no lease is left, frees the pool. */
static void check_in_late(struct pqpool *pool, struct conn *conn)
{
    conn_finish(conn);
    mutex_lock(&pool->mu);
    conn_discard(pool, conn, CLOSE_SHUTDOWN);
    conn_free_slot(pool, conn, clock_now_ns());
    bool last = pool->phase == POOL_CLOSED && pool_checked_out(pool) == 0;
    mutex_unlock(&pool->mu);
    if (last)
        pool_free(pool);
}

void pqpool_release(struct pqpool_lease **lease, enum pqpool_disposition disposition)
{
    if (*lease == NULL)
        return;
    struct conn *conn = (*lease)->conn;
    *lease = NULL;
    if (!atomic_exchange_explicit(&conn->checked_out, false, memory_order_acq_rel))
        return; /* the lease was released before, through a copy of the pointer */
    struct pqpool *pool = conn->pool;
    int64_t now_ns = clock_coarse_ns();
    enum conn_state next = state_after_release(conn, disposition);

    if (conn->holder.timed)
        histogram_observe(&pool->latency.hold, clock_now_ns() - conn->holder.since_at_ns);
    mutex_lock(&pool->mu);
    bool late = pool->phase >= POOL_STOPPED;
    if (pool->waiters.list.count > 0 || pool->exhausted.since_ns != 0)
        now_ns = clock_now_ns(); /* the coarse clock is not exact enough for the estimated
                                    wait and for exhausted_ns */
    if (!late)
        check_in(pool, conn, next, disposition != PQPOOL_DISCARD, now_ns);
    if (pool->exhausted.since_ns != 0)
        pool_update_exhausted(pool, now_ns);
    if (pool_is_closing(pool))
        cond_broadcast(&pool->quiet);
    mutex_unlock(&pool->mu);
    if (late)
        check_in_late(pool, conn);
}
