/* maintenance.c - does the janitor's work of each tick, with no network traffic: closes connections
 * past idle_timeout or max_lifetime, reports leases held for longer than leak_threshold, and
 * limits acquire_max_ns to the last 60 s. */
#include "base/clock.h"
#include "pqpool/janitor.h"

static void trim_idle(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    struct conn *conn;
    if (pool->options.idle_timeout_ns == 0)
        return;
    while ((conn = pool_oldest(pool, CONN_IDLE)) != NULL &&
           pool_staying(pool) > pool->options.min_pool_size &&
           now_ns - conn->used_at_ns >= pool->options.idle_timeout_ns)
        conn_discard(pool, conn, CLOSE_IDLE);
}

static struct conn *expired_idle(const struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    const struct list_node *node = pool->list[CONN_IDLE].last;
    for (; node != NULL; node = node->prev) {
        struct conn *conn = CONTAINER_OF(node, struct conn, node);
        if (conn->expires_at_ns <= now_ns)
            return conn;
    }
    return NULL;
}

static bool any_expired(const struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    LIST_EACH (conn, &pool->list[CONN_LEASED], struct conn, node)
        if (conn->expires_at_ns <= now_ns)
            return true;
    return expired_idle(pool, now_ns) != NULL;
}

/* Replaces expired connections one at a time, with pauses, so that connections of the same age are
 * not all closed at once. If pool_may_close_one() is false, the replacement is dialled before the
 * expired connection is closed. */
static void evict_expired(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    struct conn *conn = expired_idle(pool, now_ns);
    if (conn != NULL && pool_evicts_now(pool, conn, now_ns))
        conn_discard(pool, conn, CLOSE_LIFETIME);
    if (now_ns < pool->demand.next_renewal_at_ns || pool->demand.renewal != RENEWAL_NONE ||
        !any_expired(pool, now_ns))
        return;
    bool may_close = pool_may_close_one(pool);
    if (!may_close && pool_total(pool) == pool->options.max_pool_size)
        /* Every slot is taken, some by connections that are being closed. The replacement waits
         * for one of these slots. */
        return;
    pool->demand.renewal = may_close ? RENEWAL_CLOSES : RENEWAL_DIALS;
    pool->demand.next_renewal_at_ns =
        now_ns + pool->options.max_lifetime_ns / 10 / (int64_t)(pool_total(pool) + 1);
    pool_wake_connector(pool);
}

/* Closes the control connection when it has expired, because its host name may lead to another
 * server by now. The new one is dialled after the old one is closed, since the pool can have only
 * one. So that no health check falls into the gap, the next check is moved to
 * health_check_interval from now. In two cases the old connection is kept: while dials fail, since
 * it could not be replaced; and, for up to health_check_timeout, while statements are being
 * cancelled or backends are orphaned, since it is needed for these. */
static void renew_control(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    struct conn *control = &pool->control;
    if (control->state != CONN_IDLE || now_ns < control->expires_at_ns || pool_is_closing(pool) ||
        pool->demand.backoff.failures > 0)
        return;
    bool cancels = pool_canceling(pool) + pool_orphans(pool) > 0;
    if (cancels &&
        now_ns < clock_after(control->expires_at_ns, pool->options.health_check_timeout_ns))
        return;
    pool->health.next_at_ns = clock_after(now_ns, pool->options.health_check_interval_ns);
    conn_discard(pool, control, CLOSE_LIFETIME);
}

static void report_leaks(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    if (pool->options.leak_threshold_ns == 0)
        return;
    LIST_EACH (conn, &pool->list[CONN_LEASED], struct conn, node) {
        int64_t held_ns = now_ns - conn->holder.since_at_ns;
        if (conn->holder.checkout == 0 || conn->holder.leak_reported ||
            held_ns < pool->options.leak_threshold_ns)
            continue;
        conn->holder.leak_reported = true;
        pool->counters.leaks++;
        pool_event(pool, PQPOOL_EVENT_LEAK, "a connection taken at %s:%d has been held for %.1f s",
                   conn->holder.file, conn->holder.line, (double)held_ns / 1e9);
    }
}

void maintenance_next_window(struct pqpool *pool)
{
    pool->latency.window_slot = (pool->latency.window_slot + 1) % pool->latency.window_slots;
    pool->latency.max_ns[pool->latency.window_slot] = 0;
}

void maintenance_run(struct pqpool *pool, int64_t now_ns)
{
    trim_idle(pool, now_ns);
    evict_expired(pool, now_ns);
    renew_control(pool, now_ns);
    report_leaks(pool, now_ns);
    pool_update_exhausted_alert(pool, now_ns);
    pool_update_down(pool);
}
