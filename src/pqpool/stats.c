/* stats.c - the pool as figures, of one moment: all gauges are read under one lock, so that
 * active + idle <= total <= max holds in every snapshot. */
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
    const struct conn_list *list = pool->list;
    out->idle = list[CONN_IDLE].count;
    out->leased = list[CONN_LEASED].count;
    out->checking = list[CONN_CHECKING].count;
    out->resetting = list[CONN_RESETTING].count;
    out->canceling = pool_canceling(pool);
    out->connecting = list[CONN_CONNECTING].count;
    out->closing = pool_closing(pool);
    out->active = out->leased + out->checking + out->resetting + out->canceling;
    out->total = pool_total(pool);
    out->waiting = pool->waiters.count;
    out->orphans = pool_orphans(pool);
    out->oldest_wait_ns =
        pool->waiters.first != NULL ? now_ns - pool->waiters.first->since_at_ns : 0;
    out->exhausted = pool->exhausted.since_ns != 0;
    out->exhausted_alert = pool->exhausted.alert;
    if (out->exhausted)
        out->exhausted_ns += (uint64_t)(now_ns - pool->exhausted.since_ns);
}

static void read_health(struct pqpool *pool, struct pqpool_stats *out) REQUIRES(pool->mu)
{
    const struct conn *control = &pool->control;
    out->control_connected = control->state == CONN_IDLE || control->state == CONN_CHECKING;
    out->healthy = pool->health.passes;
    (void)snprintf(out->health_error, sizeof out->health_error, "%s", pool->health.error.text);
    out->last_health_check_at_us = pool->health.last_at_us;
    out->last_health_check_ns = pool->health.took_ns;
    out->generation = atomic_load_explicit(&pool->generation, memory_order_relaxed);
    out->down = pqpool_is_down(pool, &out->retry_in_ns);
    (void)snprintf(out->last_error, sizeof out->last_error, "%s", pool->demand.last_error.text);
    memcpy(out->last_error_code, pool->demand.last_error.code, sizeof out->last_error_code);
    out->last_error_class = pool->demand.last_error_class;
    for (uint32_t i = 0; i < pool->latency.window_slots; i++)
        if (pool->latency.max_ns[i] > out->acquire_max_ns)
            out->acquire_max_ns = pool->latency.max_ns[i];
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
    int64_t now_ns = clock_now_ns(); /* later than every moment under the mutex */
    *out = pool->counted;
    read_gauges(pool, out, now_ns);
    read_health(pool, out);
    mutex_unlock(&pool->mu);
    out->min = pool->options.min_pool_size;
    out->max = pool->options.max_pool_size;
    read_histogram(&pool->latency.acquire, &out->acquire);
    if (pool->options.enable_pool_metrics) { /* a bypass takes no time that is worth measuring */
        out->acquire.count += out->validations_bypassed;
        out->acquire.bucket[0] += out->validations_bypassed;
    }
    read_histogram(&pool->latency.queue, &out->queue);
    read_histogram(&pool->latency.validate, &out->validate);
    read_histogram(&pool->latency.connect, &out->connect);
    read_histogram(&pool->latency.hold, &out->hold);
}
