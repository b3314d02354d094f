/* idle.c - chooses which idle connection a caller gets, decides which connections are replaced, and
 * begins a new generation, in which all connections are replaced. These functions use no socket and
 * no clock, and allocate nothing. The caller holds the pool's mutex. */
#include "pqpool/idle.h"

static enum close_reason stale_reason(const struct conn *conn)
{
    return atomic_load_explicit(&conn->peer_gone, memory_order_relaxed) ? CLOSE_LOST
                                                                        : CLOSE_GENERATION;
}

bool pool_may_close_one(const struct pqpool *pool)
{
    return pool_staying(pool) > pool->options.min_pool_size ||
           pool->options.min_pool_size == pool->options.max_pool_size;
}

/* pool_may_close_one() was true when `renewal` was set to RENEWAL_CLOSES. This function calls it
 * again, because connections may have been closed since. */
bool pool_evicts_now(struct pqpool *pool, const struct conn *conn, int64_t now_ns)
{
    if (pool->demand.renewal != RENEWAL_CLOSES || conn->expires_at_ns > now_ns)
        return false;
    pool->demand.renewal = RENEWAL_NONE;
    return pool_may_close_one(pool);
}

void pool_hand_over(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    conn_move(pool, conn, CONN_LEASED);
    /* The holder is not known (checkout is 0) until the waiter wakes up. */
    conn->holder = (struct conn_holder){ .since_at_ns = now_ns };
    pool_serve_first(pool, conn, now_ns);
}

void pool_offer(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    if (pool_is_closing(pool))
        conn_discard(pool, conn, CLOSE_SHUTDOWN);
    else if (conn_is_stale(pool, conn))
        conn_discard(pool, conn, stale_reason(conn));
    else if (pool_evicts_now(pool, conn, now_ns))
        conn_discard(pool, conn, CLOSE_LIFETIME);
    else if (pool->waiters.list.count > 0)
        pool_hand_over(pool, conn, now_ns);
    else
        conn_move(pool, conn, CONN_IDLE);
}

struct conn *pool_take_idle(struct pqpool *pool)
{
    struct conn *conn;
    while ((conn = pool_newest(pool, CONN_IDLE)) != NULL) {
        if (!conn_is_stale(pool, conn))
            return conn;
        conn_discard(pool, conn, stale_reason(conn));
    }
    return NULL;
}

void pool_keep_control(struct pqpool *pool)
{
    struct conn *control = &pool->control;
    if (conn_is_stale(pool, control))
        conn_discard(pool, control, stale_reason(control));
    else
        conn_move(pool, control, CONN_IDLE);
}

/* ---- replacing all connections ---- */

void pool_begin_generation(struct pqpool *pool)
{
    atomic_store_explicit(&pool->generation, pool_generation(pool) + 1, memory_order_relaxed);
    (void)pool_take_idle(pool); /* every idle connection is stale now, so this discards them all */
    /* The control connection may be connected to the old server, so it is replaced too. */
    if (pool->control.state == CONN_IDLE)
        conn_discard(pool, &pool->control, CLOSE_GENERATION);
}

void pool_evict_all(struct pqpool *pool, const struct conn *conn, const char *why)
{
    if (conn->generation != pool_generation(pool))
        /* A new generation has begun since this connection was dialled. */
        return;
    pool_begin_generation(pool);
    pool_event(pool, PQPOOL_EVENT_EVICTED_ALL,
               "the server answered %s: every connection is replaced", why);
}
