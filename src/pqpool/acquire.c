/* acquire.c - acquires a connection. The short way, in pqpool_acquire_from(), takes an idle
 * connection that needs no validation query. It locks the mutex once, reads the coarse clock and
 * makes no system call. Every other acquire goes through acquire_the_long_way().
 *
 * A released connection (release.c) is given to the first waiter, and becomes idle only if no
 * caller waits. So a caller that takes an idle connection overtakes no waiter, with one exception:
 * a caller that has tried CANDIDATES_MAX connections in vain waits in the queue while other
 * connections may be idle. */
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "pqpool/connector.h"
#include "pqpool/exec.h"
#include "pqpool/idle.h"

/* After this many failed validation queries, an acquire tries no other idle connection and waits in
 * the queue. */
enum { CANDIDATES_MAX = 3 };

struct request {
    int64_t since_at_ns, deadline_at_ns;
    int64_t queued_ns, checked_ns; /* the time in the queue and in validation queries */
    const char *file;
    int line;
};

static bool needs_probe(const struct pqpool *pool, const struct conn *conn, int64_t now_ns)
{
    int64_t bypass_ns = pool->options.validation_bypass_ns;
    return pool->options.validate_on_checkout &&
           (bypass_ns == 0 || now_ns - conn->used_at_ns >= bypass_ns);
}

static void check_out(struct pqpool *pool, struct conn *conn, const struct request *req,
                      int64_t now_ns) REQUIRES(pool->mu)
{
    if (conn->state != CONN_LEASED)
        conn_move(pool, conn, CONN_LEASED);
    holder_check_out(pool, conn, req->file, req->line, now_ns);
    atomic_store_explicit(&conn->checked_out, true, memory_order_relaxed);
}

static enum pqpool_rc time_out(struct pqpool *pool, const struct request *req, int64_t now_ns,
                               struct err *err) REQUIRES(pool->mu)
{
    const char *cause = pool->demand.last_error.text;
    err_set(
        err, ERR_RETRYABLE,
        "no connection within %.3f s: %u of %u open, %u leased, %u being dialled, %u waiting%s%s",
        (double)(now_ns - req->since_at_ns) / 1e9, pool_total(pool), pool->options.max_pool_size,
        pool->list[CONN_LEASED].count, pool->list[CONN_CONNECTING].count, pool->waiters.list.count,
        cause[0] != '\0' ? "; last dial: " : "", cause);
    if (err != NULL)
        err->retry_after_ns = pool_estimated_wait_ns(pool);
    pool->counters.acquires_timed_out++;
    return PQPOOL_TIMEOUT;
}

/* Returns the pause after which another acquire is likely to succeed; 0: not known. */
static int64_t retry_after_ns(const struct pqpool *pool, enum pqpool_rc rc) REQUIRES(pool->mu)
{
    int64_t retry_in_ns = 0;
    if (rc == PQPOOL_DOWN)
        (void)pqpool_is_down(pool, &retry_in_ns);
    else if (rc != PQPOOL_CLOSED)
        retry_in_ns = pool_estimated_wait_ns(pool);
    return retry_in_ns;
}

static enum pqpool_rc refuse(struct pqpool *pool, enum pqpool_rc rc, struct err *err)
    REQUIRES(pool->mu)
{
    pool->counters.acquires_rejected++;
    if (rc == PQPOOL_DOWN && pool_has_too_many_orphans(pool))
        err_set(err, ERR_RETRYABLE, "database is down: %u statements do not end, though cancelled",
                pool_orphans(pool));
    else if (rc == PQPOOL_DOWN)
        err_set_code(err, ERR_RETRYABLE, pool->demand.last_error.code, "database is down: %s",
                     pool->demand.last_error.text);
    else if (rc == PQPOOL_QUEUE_FULL)
        err_set(err, ERR_RETRYABLE, "%u acquires wait already", pool->waiters.list.count);
    else
        err_set(err, 0, "the pool is closed");
    if (err != NULL)
        err->retry_after_ns = retry_after_ns(pool, rc);
    return rc;
}

/* Returns true if the queue is full (max_waiting), or the estimated wait is longer than the time
 * until the caller's deadline. */
static bool is_hopeless(const struct pqpool *pool, int64_t time_left_ns) REQUIRES(pool->mu)
{
    if (pool->waiters.list.count >= pool->options.max_waiting)
        return true;
    return time_left_ns > 0 && pool_estimated_wait_ns(pool) > time_left_ns;
}

/* Waits in the queue for a connection. On PQPOOL_OK *out is LEASED to this thread. first: a
 * connection that this caller got before has failed its validation query, so the caller joins the
 * queue at the head. */
static enum pqpool_rc await_turn(struct pqpool *pool, struct request *req, bool first,
                                 struct conn **out, struct err *err) REQUIRES(pool->mu)
{
    if (pool_is_closing(pool))
        return refuse(pool, PQPOOL_CLOSED, err);
    if (atomic_load_explicit(&pool->down, memory_order_relaxed))
        return refuse(pool, PQPOOL_DOWN, err);
    struct waiter waiter = { .since_at_ns = clock_now_ns() };
    if (!first && is_hopeless(pool, req->deadline_at_ns - waiter.since_at_ns))
        return refuse(pool, PQPOOL_QUEUE_FULL, err);
    cond_init(&waiter.wake);
    pool_enqueue(pool, &waiter, first);
    if (pool_is_full(pool))
        pool->counters.exhausted_count++;
    pool_update_exhausted(pool, waiter.since_at_ns);
    pool_wake_connector(pool);
    while (!waiter.served && cond_wait_until(&waiter.wake, &pool->mu, req->deadline_at_ns))
        ;
    int64_t now_ns = clock_now_ns();
    req->queued_ns += now_ns - waiter.since_at_ns;
    if (!waiter.served) {
        pool_dequeue(pool, &waiter);
        waiter.rc = time_out(pool, req, now_ns, err);
    } else if (waiter.rc != PQPOOL_OK) {
        (void)refuse(pool, waiter.rc, err);
    }
    pool_update_exhausted(pool, now_ns);
    cond_fini(&waiter.wake);
    *out = waiter.conn;
    return waiter.rc;
}

/* Runs the validation query with the mutex released. If the query fails, discards the connection
 * and returns false. */
static bool passes_probe(struct pqpool *pool, struct conn *conn, struct request *req)
    REQUIRES(pool->mu)
{
    int64_t began_ns = clock_now_ns();
    conn_move(pool, conn, CONN_CHECKING);
    mutex_unlock(&pool->mu);
    int64_t limit_ns = clock_after(began_ns, pool->options.validation_timeout_ns);
    bool good = conn_probe(conn, clock_min(limit_ns, req->deadline_at_ns)) == PROBE_OK;
    mutex_lock(&pool->mu);
    req->checked_ns += clock_now_ns() - began_ns;
    if (good) {
        pool->counters.validations_passed++;
        return true;
    }
    pool->counters.validations_failed++;
    pool_event(pool, PQPOOL_EVENT_CONNECTION_LOST, "a connection failed its probe");
    conn_discard(pool, conn, CLOSE_INVALID);
    return false;
}

/* Returns true if the caller may try another idle connection, and false if it must wait in the
 * queue. The limit is CANDIDATES_MAX connections. While dials fail there is no limit, because a new
 * connection is unlikely. tried: how many connections the caller has tried in vain. */
static bool may_try_another(const struct pqpool *pool, int tried) REQUIRES(pool->mu)
{
    return !pool_is_closing(pool) && (tried < CANDIDATES_MAX || pool->demand.backoff.failures > 0);
}

/* Runs the validation query if the connection needs it. LOST: the connection failed the query, or
 * became stale during the query, and has been discarded. */
static enum pqpool_rc validate(struct pqpool *pool, struct conn *conn, struct request *req,
                               struct err *err) REQUIRES(pool->mu)
{
    int64_t now_ns = clock_now_ns();
    if (!needs_probe(pool, conn, now_ns))
        return PQPOOL_OK;
    if (now_ns >= req->deadline_at_ns) {
        if (conn->state == CONN_LEASED) /* it came from the queue; an idle connection stays idle */
            pool_offer(pool, conn, now_ns);
        return time_out(pool, req, now_ns, err);
    }
    if (!passes_probe(pool, conn, req))
        return PQPOOL_LOST;
    if (!conn_is_stale(pool, conn))
        return PQPOOL_OK;
    /* The connection became stale during the query, so pool_offer() discards it. */
    pool_offer(pool, conn, now_ns);
    return PQPOOL_LOST;
}

static enum pqpool_rc acquire_slowly(struct pqpool *pool, struct request *req, struct conn *conn,
                                     struct conn **out, struct err *err) REQUIRES(pool->mu)
{
    for (int tried = 1;; tried++) {
        enum pqpool_rc rc = PQPOOL_OK;
        if (conn == NULL)
            rc = await_turn(pool, req, tried > 1, &conn, err);
        if (rc == PQPOOL_OK)
            rc = validate(pool, conn, req, err);
        if (rc != PQPOOL_LOST) {
            *out = conn;
            return rc;
        }
        conn = may_try_another(pool, tried) ? pool_take_idle(pool) : NULL;
    }
}

static void observe(struct pqpool *pool, const struct request *req, int64_t took_ns)
    REQUIRES(pool->mu)
{
    if (took_ns > pool->latency.max_ns[pool->latency.window_slot])
        pool->latency.max_ns[pool->latency.window_slot] = took_ns;
    if (!pool->options.enable_pool_metrics)
        return;
    /* This function is called only for acquires that go the long way. pqpool_stats() adds the
     * others to this histogram. */
    histogram_observe(&pool->latency.acquire, took_ns);
    if (req->queued_ns > 0)
        histogram_observe(&pool->latency.queue, req->queued_ns);
    if (req->checked_ns > 0)
        histogram_observe(&pool->latency.validate, req->checked_ns);
}

/* Acquires a connection when the short way cannot. idle: an idle connection that needs the
 * validation query; NULL: no connection is idle, or the pool is down or being closed. */
static enum pqpool_rc acquire_the_long_way(struct pqpool *pool, struct request *req,
                                           struct conn *idle, struct conn **out, struct err *err)
    REQUIRES(pool->mu)
{
    pool->callers_inside++;
    req->since_at_ns = clock_now_ns();
    if (req->deadline_at_ns == PQPOOL_DEFAULT_DEADLINE)
        req->deadline_at_ns = clock_after(req->since_at_ns, pool->options.acquire_timeout_ns);
    enum pqpool_rc rc = acquire_slowly(pool, req, idle, out, err);
    int64_t now_ns = clock_now_ns();
    pool->callers_inside--;
    if (pool_is_closing(pool))
        cond_broadcast(&pool->quiet);
    if (rc != PQPOOL_OK)
        return rc;
    observe(pool, req, now_ns - req->since_at_ns);
    check_out(pool, *out, req, now_ns);
    return PQPOOL_OK;
}

enum pqpool_rc pqpool_acquire_from(struct pqpool *pool, int64_t deadline_at_ns,
                                   struct pqpool_lease **lease_out, struct err *err,
                                   const char *file, int line)
{
    if (pool == NULL) {
        err_set(err, 0, "the pool is closed");
        return PQPOOL_CLOSED;
    }
    struct request req = { .deadline_at_ns = deadline_at_ns, .file = file, .line = line };
    int64_t now_ns = clock_coarse_ns();
    enum pqpool_rc rc = PQPOOL_OK;
    struct conn *conn = NULL;

    mutex_lock(&pool->mu);
    if (!pool_is_closing(pool) && !atomic_load_explicit(&pool->down, memory_order_relaxed))
        conn = pool_take_idle(pool);
    if (conn != NULL && !needs_probe(pool, conn, now_ns)) {
        pool->counters.validations_bypassed++;
        check_out(pool, conn, &req, now_ns);
    } else {
        rc = acquire_the_long_way(pool, &req, conn, &conn, err);
    }
    mutex_unlock(&pool->mu);
    if (rc == PQPOOL_OK)
        *lease_out = &conn->lease;
    return rc;
}
