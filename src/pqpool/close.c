/* close.c - closes a pool: first makes waiting acquires fail, then waits until the leases are
 * released, then closes the connections. */
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "pqpool/connector.h"

/* Discards the idle connections. The control connection stays open, since it may still have to
 * cancel a running statement. */
static void discard_idle(struct pqpool *pool) REQUIRES(pool->mu)
{
    struct conn *conn;
    while ((conn = pool_newest(pool, CONN_IDLE)) != NULL)
        conn_discard(pool, conn, CLOSE_SHUTDOWN);
}

/* Shuts down the sockets of the connections in this state. The threads that use these connections
 * find them lost and release them. */
static void cut(struct pqpool *pool, unsigned state) REQUIRES(pool->mu)
{
    LIST_EACH (conn, &pool->list[state], struct conn, node)
        (void)shutdown(conn->own_fd, SHUT_RDWR);
}

static void cut_all(struct pqpool *pool) REQUIRES(pool->mu)
{
    for (unsigned state = CONN_CHECKING; state <= CONN_CANCEL_ANSWERED; state++)
        if (state != CONN_RESETTING)
            cut(pool, state);
}

static void begin_close(struct pqpool *pool) REQUIRES(pool->mu)
{
    pool_advance(pool, POOL_CLOSING);
    pool_fail_waiters(pool, PQPOOL_CLOSED);
    discard_idle(pool);
}

/* Wakes every thread that waits for the server. A caller that also shuts down the sockets must shut
 * them down before this call, so that the statements end as lost and not as timed out. */
static void end_waits(struct pqpool *pool)
{
    (void)eventfd_write(pool->interrupt_fd, 1); /* stays readable, since no thread reads it */
}

void pqpool_interrupt(struct pqpool *pool)
{
    mutex_lock(&pool->mu);
    begin_close(pool);
    cond_broadcast(&pool->quiet);
    mutex_unlock(&pool->mu);
    atomic_store_explicit(&pool->interrupted, true, memory_order_relaxed);
    end_waits(pool);
}

void pqpool_abort(struct pqpool *pool)
{
    mutex_lock(&pool->mu);
    begin_close(pool);
    cut_all(pool);
    cond_broadcast(&pool->quiet);
    mutex_unlock(&pool->mu);
    end_waits(pool);
}

static void stop_threads(struct pqpool *pool)
{
    atomic_store_explicit(&pool->stop, true, memory_order_release);
    if (pool->janitor.runs) {
        pool_wake_janitor(pool);
        thread_join(pool->janitor.thread);
    }
    /* The connector is stopped last, because it closes what the janitor discards. */
    if (pool->connector.runs) {
        pool_wake_connector(pool);
        thread_join(pool->connector.thread);
    }
    pool->janitor.runs = pool->connector.runs = false;
}

void pqpool_close(struct pqpool **pool_in, int64_t deadline_at_ns)
{
    struct pqpool *pool = *pool_in;
    if (pool == NULL)
        return;
    *pool_in = NULL;
    mutex_lock(&pool->mu);
    begin_close(pool);
    while (pool->callers_inside > 0 || pool_checked_out(pool) + pool_canceling(pool) > 0)
        if (!cond_wait_until(&pool->quiet, &pool->mu, deadline_at_ns))
            break;
    cut_all(pool);
    end_waits(pool); /* also wakes the connector if it is setting up a session */
    /* The callers in pqpool_acquire_from() return soon: their waits have failed, and the sockets of
     * their validation queries are shut down. */
    while (pool->callers_inside > 0)
        (void)cond_wait_until(&pool->quiet, &pool->mu, CLOCK_NEVER);
    mutex_unlock(&pool->mu);
    stop_threads(pool);
    mutex_lock(&pool->mu);
    pool_advance(pool, POOL_STOPPED);
    mutex_unlock(&pool->mu);
    pool_close_discarded(pool); /* closes connections released while the connector ended */
    mutex_lock(&pool->mu);
    pool_advance(pool, POOL_CLOSED);
    bool last = pool_checked_out(pool) == 0;
    mutex_unlock(&pool->mu);
    if (last)
        pool_free(pool);
}
