/* demand.c - decides which connection is dialled and when, and updates the pool when a dial has
 * ended. These functions use no socket and no clock, and allocate nothing: they work on struct
 * pqpool, under its mutex. */
#include "pqpool/demand.h"

#include "base/clock.h"
#include "pqpool/idle.h"
#include "pqpool/primary.h"

static bool slot_is_wanted(const struct pqpool *pool) REQUIRES(pool->mu)
{
    uint32_t total = pool_total(pool);
    uint32_t dialling = pool->list[CONN_CONNECTING].count;
    if (total >= pool->options.max_pool_size)
        return false;
    if (pool_is_away(pool))
        return true; /* acquires fail while the pool is down, and only a dial can end that */
    return pool_staying(pool) < pool->options.min_pool_size ||
           pool->waiters.list.count > dialling ||
           (pool->demand.renewal == RENEWAL_DIALS && dialling == 0);
}

struct conn *pool_next_dial(struct pqpool *pool, int64_t now_ns)
{
    uint32_t dialling = pool->list[CONN_CONNECTING].count;
    uint32_t allowed = backoff_allows(&pool->demand.backoff, now_ns);
    bool probing = pool->demand.backoff.failures > 0;
    bool control_dialling = pool->control.state == CONN_CONNECTING;
    struct conn *conn = NULL;

    if (pool_is_closing(pool) || (probing && (allowed == 0 || dialling > 0 || control_dialling)))
        return NULL;
    if (pool->control.state == CONN_NEW)
        conn = &pool->control;
    else if (dialling < allowed && slot_is_wanted(pool))
        conn = pool_newest(pool, CONN_NEW);
    else if (dialling == 0)
        backoff_rest(&pool->demand.backoff);
    if (conn == NULL)
        return NULL;
    conn->serial++;
    conn->generation = pool_generation(pool);
    pool->counters.connect_attempts++;
    conn_move(pool, conn, CONN_CONNECTING);
    return conn;
}

/* Returns when the connection expires: after max_lifetime, less a random share of 0 to 10 %. Called
 * only once for each connection: if the share were drawn again at each tick, some draw would soon
 * be near 10 %, and every connection would expire early. */
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
        pool_event(pool, PQPOOL_EVENT_CONNECTED, "connected again after %u failed attempts",
                   pool->demand.backoff.failures);
    pool->demand.last_error = (struct err){ 0 };
    bool wanted =
        pool->waiters.list.count > 0 ||
        pool_usable(pool) + pool->list[CONN_CONNECTING].count < pool->options.min_pool_size;
    backoff_succeeded(&pool->demand.backoff, wanted);
}

void pool_dial_succeeded(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    primary_adopt(pool, conn, now_ns);
    forget_failures(pool);
    conn->born_at_ns = conn->used_at_ns = now_ns;
    conn->expires_at_ns = draw_expiry(pool, now_ns);
    if (conn->control && pool_is_closing(pool)) {
        /* The janitor may have ended already, so it would not discard this connection. */
        conn_discard(pool, conn, CLOSE_SHUTDOWN);
    } else if (conn->control) {
        pool_keep_control(pool);
        pool->health.next_at_ns = now_ns; /* the janitor runs the first check at once */
        pool_wake_janitor(pool);
    } else {
        pool->counters.created++;
        if (pool->demand.renewal == RENEWAL_DIALS)
            pool->demand.renewal = RENEWAL_CLOSES;
        pool_offer(pool, conn, now_ns);
    }
    pool_update_down(pool);
    pool_update_exhausted(pool, now_ns);
    cond_broadcast(&pool->quiet);
}

/* Gives idle connections to callers that waited for a dial. Called when a dial has failed. */
static void serve_from_idle(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    struct conn *conn;
    while (pool->waiters.list.count > 0 && (conn = pool_take_idle(pool)) != NULL) {
        pool_hand_over(pool, conn, now_ns);
    }
}

void pool_dial_failed(struct pqpool *pool, struct conn *conn, const struct err *err,
                      enum error_class error_class, int64_t now_ns)
{
    bool config = error_class == ERROR_CONFIG;
    pool->counters.connection_errors[error_class]++;
    backoff_failed(&pool->demand.backoff, &pool->options, config, conn->dial.started_at_ns, now_ns);
    pool->demand.last_error = *err;
    pool->demand.last_error_class = error_class;
    if (pool->demand.renewal == RENEWAL_DIALS)
        pool->demand.renewal = RENEWAL_NONE;
    int64_t pause_ms = (pool->demand.backoff.next_at_ns - now_ns) / NS_PER_MS;
    /* Closing the pool ends dials that are under way: no failure, and no attempt follows. */
    if (!pool_is_closing(pool))
        pool_event(pool, config ? PQPOOL_EVENT_CONFIG_ERROR : PQPOOL_EVENT_CONNECT_FAILED,
                   "attempt %u, next in %lld ms: %s", pool->demand.backoff.failures,
                   (long long)(pause_ms > 0 ? pause_ms : 0), err->text);
    conn_discard(pool, conn, CLOSE_DIAL);
    serve_from_idle(pool, now_ns);
    cond_broadcast(&pool->quiet);
}
