/* demand.c - the pool's rules: who is served next, what is dialled and when, and when the pool is
 * down or exhausted. No socket, no clock, no allocation: only the struct, under its mutex. */
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "pqpool/pool.h"

uint32_t pool_total(const struct pqpool *pool)
{
    return pool->options.max_pool_size - pool->list[CONN_NEW].count;
}

bool pool_is_full(const struct pqpool *pool)
{
    return pool_total(pool) >= pool->options.max_pool_size &&
           pool->list[CONN_CONNECTING].count == 0;
}

uint32_t pool_on_loan(const struct pqpool *pool)
{
    return pool->list[CONN_LEASED].count + pool->list[CONN_CHECKING].count;
}

static uint32_t usable(const struct pqpool *pool) REQUIRES(pool->mu)
{
    return pool_total(pool) - pool->list[CONN_CONNECTING].count - pool->list[CONN_CLOSING].count;
}

bool conn_is_stale(const struct pqpool *pool, const struct conn *conn)
{
    return conn->generation != atomic_load_explicit(&pool->generation, memory_order_relaxed) ||
           atomic_load_explicit(&conn->peer_gone, memory_order_relaxed);
}

static enum close_reason stale_reason(const struct conn *conn)
{
    return atomic_load_explicit(&conn->peer_gone, memory_order_relaxed) ? CLOSE_LOST
                                                                        : CLOSE_GENERATION;
}

void pool_event(struct pqpool *pool, enum pqpool_event_kind kind, const char *fmt, ...)
{
    uint32_t at = (pool->events.first + pool->events.count) % EVENTS_MAX;
    if (pool->events.count == EVENTS_MAX)
        pool->events.first = (pool->events.first + 1) % EVENTS_MAX; /* the oldest gives way */
    else
        pool->events.count++;
    struct pool_event *event = &pool->events.ring[at];
    event->kind = kind;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(event->text, sizeof event->text, fmt, ap);
    va_end(ap);
    pool_wake_janitor(pool);
}

/* ---- idle connections ---- */

uint32_t pool_staying(const struct pqpool *pool)
{
    return pool_total(pool) - pool->list[CONN_CLOSING].count;
}

bool pool_can_spare_one(const struct pqpool *pool)
{
    return pool_staying(pool) > pool->options.min_pool_size ||
           pool->options.min_pool_size == pool->options.max_pool_size;
}

/* What was to be spared may have gone by another way meanwhile. */
bool pool_retires_now(struct pqpool *pool, const struct conn *conn, int64_t now_ns)
{
    if (!pool->demand.retire_one || conn->expires_at_ns > now_ns)
        return false;
    pool->demand.retire_one = false;
    return pool_can_spare_one(pool);
}

void pool_offer(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    if (pool->closing)
        conn_discard(pool, conn, CLOSE_SHUTDOWN);
    else if (conn_is_stale(pool, conn))
        conn_discard(pool, conn, stale_reason(conn));
    else if (pool_retires_now(pool, conn, now_ns))
        conn_discard(pool, conn, CLOSE_LIFETIME);
    else if (pool->waiters.first != NULL) {
        pool_hand_over(pool, conn, now_ns);
    } else
        conn_move(pool, conn, CONN_IDLE);
}

struct conn *pool_take_idle(struct pqpool *pool)
{
    struct conn *conn;
    while ((conn = pool->list[CONN_IDLE].first) != NULL) {
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

uint32_t pool_generation(const struct pqpool *pool)
{
    return atomic_load_explicit(&pool->generation, memory_order_relaxed);
}

void pool_begin_generation(struct pqpool *pool)
{
    atomic_store_explicit(&pool->generation, pool_generation(pool) + 1, memory_order_relaxed);
    (void)pool_take_idle(pool); /* discards every idle one, all being older now */
    if (pool->control.state == CONN_IDLE)
        conn_discard(pool, &pool->control,
                     CLOSE_GENERATION); /* it would go on asking the old one */
}

void pool_retire_all(struct pqpool *pool, const struct conn *conn, const char *why)
{
    if (conn->generation != pool_generation(pool))
        return; /* this connection belongs to those that were retired before */
    pool_begin_generation(pool);
    pool_event(pool, PQPOOL_EVENT_RETIRED_ALL,
               "the server answered %s: every connection is replaced", why);
}

/* ---- dialling ---- */

/* No connection is left, and none can be made. */
static bool is_away(const struct pqpool *pool) REQUIRES(pool->mu)
{
    uint32_t failures = pool->demand.backoff.failures;
    return failures > 0 && failures >= pool->options.max_retry_attempts && usable(pool) == 0;
}

bool pool_has_too_many_orphans(const struct pqpool *pool)
{
    uint32_t most = pool->options.max_pool_size / 2;
    return pool->orphans >= (most > 0 ? most : 1);
}

static bool slot_is_wanted(const struct pqpool *pool) REQUIRES(pool->mu)
{
    uint32_t total = pool_total(pool);
    uint32_t dialling = pool->list[CONN_CONNECTING].count;
    if (total >= pool->options.max_pool_size)
        return false;
    if (is_away(pool))
        return true; /* nobody may wait, and only a dial can end that */
    return pool_staying(pool) < pool->options.min_pool_size || pool->waiters.count > dialling ||
           (pool->demand.replacing && dialling == 0);
}

struct conn *pool_next_dial(struct pqpool *pool, int64_t now_ns)
{
    uint32_t dialling = pool->list[CONN_CONNECTING].count;
    uint32_t allowed = backoff_allows(&pool->demand.backoff, now_ns);
    bool probing = pool->demand.backoff.failures > 0;
    bool control_dialling = pool->control.state == CONN_CONNECTING;
    struct conn *conn = NULL;

    if (pool->closing || (probing && (allowed == 0 || dialling > 0 || control_dialling)))
        return NULL;
    if (pool->control.state == CONN_NEW)
        conn = &pool->control;
    else if (dialling < allowed && slot_is_wanted(pool))
        conn = pool->list[CONN_NEW].first;
    else if (dialling == 0)
        backoff_rest(&pool->demand.backoff);
    if (conn == NULL)
        return NULL;
    conn->serial++;
    conn->generation = pool_generation(pool);
    pool->counted.dials++;
    conn_move(pool, conn, CONN_CONNECTING);
    return conn;
}

/* Less 0..10 %, fixed at birth: drawn again at each check it would not spread anything. */
static int64_t draw_expiry(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    int64_t life_ns = pool->options.max_lifetime_ns;
    if (life_ns == 0)
        return CLOCK_NEVER;
    int64_t less_ns =
        (int64_t)(backoff_random(&pool->demand.backoff) % (uint64_t)(life_ns / 10 + 1));
    return clock_after(now_ns, life_ns - less_ns);
}

static void forget_failures(struct pqpool *pool) REQUIRES(pool->mu)
{
    if (pool->demand.backoff.failures > 0)
        pool_event(pool, PQPOOL_EVENT_DIALLED, "connected again after %u failed attempts",
                   pool->demand.backoff.failures);
    pool->demand.last_error = (struct err){ 0 };
    bool wanted = pool->waiters.count > 0 ||
                  usable(pool) + pool->list[CONN_CONNECTING].count < pool->options.min_pool_size;
    backoff_succeeded(&pool->demand.backoff, wanted);
}

void pool_dial_succeeded(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    pool_settle_on(pool, conn, now_ns);
    forget_failures(pool);
    conn->born_at_ns = conn->used_at_ns = now_ns;
    conn->expires_at_ns = draw_expiry(pool, now_ns);
    if (conn->control && pool->closing) {
        conn_discard(pool, conn, CLOSE_SHUTDOWN); /* the janitor may have left already */
    } else if (conn->control) {
        pool_keep_control(pool);
        pool->health.next_at_ns = now_ns; /* the first check at once */
        pool_wake_janitor(pool);
    } else {
        pool->counted.created++;
        if (pool->demand.replacing)
            pool->demand.retire_one = true;
        pool->demand.replacing = false;
        pool_offer(pool, conn, now_ns);
    }
    pool_judge_down(pool);
    pool_judge_exhausted(pool, now_ns);
    cond_broadcast(&pool->quiet);
}

/* No fresh connection is on its way: those who wanted one get what is idle. */
static void serve_from_idle(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    struct conn *conn;
    while (pool->waiters.first != NULL && (conn = pool_take_idle(pool)) != NULL) {
        pool_hand_over(pool, conn, now_ns);
    }
}

void pool_dial_failed(struct pqpool *pool, struct conn *conn, const struct err *err,
                      enum error_class error_class, int64_t now_ns)
{
    bool config = error_class == ERROR_CONFIG;
    pool->counted.connection_errors[error_class]++;
    backoff_failed(&pool->demand.backoff, &pool->options, config, conn->dial.started_at_ns, now_ns);
    pool->demand.last_error = *err;
    pool->demand.last_error_class = error_class;
    pool->demand.replacing = false;
    int64_t pause_ms = (pool->demand.backoff.next_at_ns - now_ns) / NS_PER_MS;
    pool_event(pool, config ? PQPOOL_EVENT_CONFIG : PQPOOL_EVENT_DIAL_FAILED,
               "attempt %u, next in %lld ms: %s", pool->demand.backoff.failures,
               (long long)(pause_ms > 0 ? pause_ms : 0), err->text);
    conn_discard(pool, conn, CLOSE_DIAL);
    serve_from_idle(pool, now_ns);
    cond_broadcast(&pool->quiet);
}

/* ---- verdicts about the whole ---- */

void pool_judge_down(struct pqpool *pool)
{
    bool failing = pool->demand.backoff.failures > 0;
    bool away = is_away(pool);
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
                   pool->orphans);
    if (down)
        pool_fail_waiters(pool, PQPOOL_DOWN);
}
