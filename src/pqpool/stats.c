/* stats.c - fills struct pqpool_stats. All gauges are read in one critical section, so idle +
 * active + connecting + closing = total <= max holds in every snapshot. */
#include "base/clock.h"
#include "pqpool/pool.h"

#include <stdio.h>
#include <string.h>

_Static_assert((int)CLOSE_REASONS == (int)PQPOOL_CLOSE_REASONS, "public size");
_Static_assert((int)ERROR_CLASSES == (int)PQPOOL_ERROR_CLASSES, "public size");
_Static_assert((int)HISTOGRAM_BUCKETS_MAX == (int)PQPOOL_LATENCY_BUCKETS, "public size");

const char *pqpool_close_reason_name(unsigned reason)
{
    static const char *const names[CLOSE_REASONS] = {
        [CLOSE_LOST] = "lost",         [CLOSE_DISCARDED] = "discarded",
        [CLOSE_INVALID] = "invalid",   [CLOSE_GENERATION] = "generation",
        [CLOSE_IDLE] = "idle_timeout", [CLOSE_LIFETIME] = "max_lifetime",
        [CLOSE_DIAL] = "dial",         [CLOSE_SHUTDOWN] = "shutdown",
        [CLOSE_STUCK] = "stuck",
    };
    return reason < CLOSE_REASONS ? names[reason] : NULL;
}

const char *pqpool_error_class_name(unsigned error_class)
{
    static const char *const names[ERROR_CLASSES] = {
        [ERROR_REFUSED] = "refused", [ERROR_TIMEOUT] = "timeout", [ERROR_SERVER] = "server",
        [ERROR_CONFIG] = "config",   [ERROR_LOST] = "lost",       [ERROR_OTHER] = "other",
    };
    return error_class < ERROR_CLASSES ? names[error_class] : NULL;
}

static void read_gauges(struct pqpool *pool, struct pqpool_stats *out, int64_t now_ns)
    REQUIRES(pool->mu)
{
    const struct list *list = pool->list;
    struct pqpool_connection_stats *conns = &out->connections;
    conns->min = pool->options.min_pool_size;
    conns->max = pool->options.max_pool_size;
    conns->idle = list[CONN_IDLE].count;
    conns->leased = list[CONN_LEASED].count;
    conns->checking = list[CONN_CHECKING].count;
    conns->resetting = list[CONN_RESETTING].count;
    conns->canceling = pool_canceling(pool);
    conns->connecting = list[CONN_CONNECTING].count;
    conns->closing = pool_closing(pool);
    conns->active = conns->leased + conns->checking + conns->resetting + conns->canceling;
    conns->total = pool_total(pool);
    conns->orphans = pool_orphans(pool);
    conns->generation = pool_generation(pool);
    out->queue.waiting = pool->waiters.list.count;
    if (pool->waiters.list.count > 0)
        out->queue.oldest_wait_ns =
            now_ns - CONTAINER_OF(pool->waiters.list.first, struct waiter, node)->since_at_ns;
    out->queue.exhausted = pool->exhausted.since_ns != 0;
    out->queue.exhausted_alert = pool->exhausted.alert;
    if (out->queue.exhausted)
        out->counters.exhausted_ns += (uint64_t)(now_ns - pool->exhausted.since_ns);
}

static void read_health(struct pqpool *pool, struct pqpool_stats *out) REQUIRES(pool->mu)
{
    const struct conn *control = &pool->control;
    struct pqpool_health_stats *health = &out->health;
    health->connected = control->state == CONN_IDLE || control->state == CONN_CHECKING;
    health->healthy = pool->health.passes;
    (void)snprintf(health->error, sizeof health->error, "%s", pool->health.error.text);
    health->checked_at_us = pool->health.last_at_us;
    health->took_ns = pool->health.took_ns;
}

static void read_server(struct pqpool *pool, struct pqpool_server_stats *out) REQUIRES(pool->mu)
{
    const struct err *error = &pool->demand.last_error;
    out->down = pqpool_is_down(pool, &out->retry_in_ns);
    (void)snprintf(out->error, sizeof out->error, "%s", error->text);
    memcpy(out->error_code, error->code, sizeof out->error_code);
    out->error_class = pool->demand.last_error_class;
}

static int64_t longest_acquire(const struct pqpool *pool) REQUIRES(pool->mu)
{
    int64_t longest_ns = 0;
    for (uint32_t i = 0; i < pool->latency.window_slots; i++)
        if (pool->latency.max_ns[i] > longest_ns)
            longest_ns = pool->latency.max_ns[i];
    return longest_ns;
}

static void read_histogram(const struct histogram *histogram, struct pqpool_histogram *out)
{
    struct histogram_view view;
    histogram_read(histogram, &view);
    out->count = view.count;
    out->sum_ns = view.sum;
    out->bounds_ns = view.bounds;
    out->n_bounds = (uint32_t)view.n_bounds;
    memcpy(out->bucket, view.bucket, sizeof out->bucket);
}

void pqpool_stats(struct pqpool *pool, struct pqpool_stats *out)
{
    mutex_lock(&pool->mu);
    int64_t now_ns = clock_now_ns(); /* read under the mutex: no time in the pool is later */
    *out = (struct pqpool_stats){ .counters = pool->counters };
    read_gauges(pool, out, now_ns);
    read_health(pool, out);
    read_server(pool, &out->server);
    out->latency.acquire_max_ns = longest_acquire(pool);
    mutex_unlock(&pool->mu);
    struct pqpool_histogram *acquire = &out->latency.acquire;
    read_histogram(&pool->latency.acquire, acquire);
    if (pool->options.enable_pool_metrics) { /* a checkout with neither a wait nor a validation
                                                query is not timed; count it in the first bucket */
        acquire->count += out->counters.validations_bypassed;
        acquire->bucket[0] += out->counters.validations_bypassed;
    }
    read_histogram(&pool->latency.queue, &out->latency.queue);
    read_histogram(&pool->latency.validate, &out->latency.validate);
    read_histogram(&pool->latency.connect, &out->latency.connect);
    read_histogram(&pool->latency.hold, &out->latency.hold);
}
