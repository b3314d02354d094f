/* health.c - answers the three probes and /health. The loop makes these answers from figures in
 * memory. They need no queue, connection or database, so they cannot hang, and add no load during
 * an outage. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/rfc3339.h"
#include "handlers/order_metrics.h"
#include "http/http.h"
#include "observability/disclosure.h"
#include "observability/observability.h"
#include "observability/state.h"
#include "store/store.h"

enum { HEALTH_MAX = 32 * 1024, HOLDERS_MAX = 100 };
#define HEALTH_JSON "application/health+json"

static double seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

/* ---- probes ---- */

static void answer_probe(struct http_request *req, bool good, const char *why)
{
    struct buf body = BUF_INIT(HEALTH_MAX);
    buf_printf(&body, "{\"status\":\"%s\"", good ? "pass" : "fail");
    if (why[0] != '\0') {
        buf_add_str(&body, ",\"output\":");
        buf_add_json(&body, why);
    }
    buf_add_char(&body, '}');
    http_answer(req, good ? 200 : 503, HEALTH_JSON, &body);
}

void observability_get_live(struct http_request *req, void *ctx)
{
    (void)ctx; /* this function runs on the loop, so the loop is alive */
    answer_probe(req, true, "");
}

void observability_get_ready(struct http_request *req, void *ctx)
{
    char why[READINESS_WHY_SIZE];
    bool ready = state_is_ready(ctx, why);
    answer_probe(req, ready, why);
}

void observability_get_startup(struct http_request *req, void *ctx)
{
    struct observability *observed = ctx;
    bool started = atomic_load_explicit(&observed->readiness.schema_ready, memory_order_acquire);
    answer_probe(req, started, started ? "" : "the schema is not ready yet");
}

/* ---- the full document ---- */

static uint64_t sum(const uint64_t *values, size_t n)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += values[i];
    return total;
}

static void add_check(struct buf *out, const char *name, const char *type, const char *status,
                      double observed, const char *unit)
{
    buf_printf(out,
               "\"%s\":[{\"componentType\":\"%s\",\"status\":\"%s\",\"observedValue\":%.6g,"
               "\"observedUnit\":\"%s\"}]",
               name, type, status, observed, unit);
}

static void add_checks(struct buf *out, const struct state *h)
{
    const struct pqpool_stats *pool = &h->pool;
    double used = h->queue.capacity > 0 ? 100.0 * h->queue.depth / h->queue.capacity : 0;
    buf_add_str(out, ",\"checks\":{");
    add_check(out, "database:responseTime", "datastore", pool->health.healthy ? "pass" : "fail",
              seconds(pool->health.took_ns), "s");
    buf_add_char(out, ',');
    add_check(out, "pool:utilization", "component", pool->queue.exhausted ? "warn" : "pass",
              100.0 * pool->connections.active / pool->connections.max, "percent");
    buf_add_char(out, ',');
    add_check(out, "queue:utilization", "component", used > 80 ? "warn" : "pass", used, "percent");
    buf_add_char(out, ',');
    add_check(out, "orders:failedInARow", "component", h->faulty ? "warn" : "pass",
              (double)h->streak.groups, "groups");
    if (h->nodes.known) {
        buf_add_char(out, ',');
        add_check(out, "database:silentNodes", "datastore",
                  h->nodes.nodes.silent > 0 ? "warn" : "pass", h->nodes.nodes.silent, "nodes");
    }
    buf_add_char(out, '}');
}

static void add_pool(struct buf *out, const struct pqpool_stats *p, bool full)
{
    char at[RFC3339_SIZE], words[DISCLOSURE_SIZE];
    double average = p->latency.acquire.count > 0
                         ? seconds((int64_t)(p->latency.acquire.sum_ns / p->latency.acquire.count))
                         : 0;
    buf_printf(out,
               ",\"pool\":{\"current_state\":{\"active_connections\":%u,\"idle_connections\":%u,"
               "\"total_connections\":%u,\"waiting_requests\":%u,\"min_pool_size\":%u,"
               "\"max_pool_size\":%u}",
               p->connections.active, p->connections.idle, p->connections.total, p->queue.waiting,
               p->connections.min, p->connections.max);
    buf_printf(out,
               ",\"health_metrics\":{\"total_connections_created\":%llu,"
               "\"total_connections_closed\":%llu,\"connection_errors\":%llu,"
               "\"connection_timeouts\":%llu,\"avg_connection_acquisition_time\":%.9f,"
               "\"max_connection_acquisition_time\":%.9f,\"health_check_failures\":%llu",
               (unsigned long long)p->counters.created,
               (unsigned long long)sum(p->counters.closed, PQPOOL_CLOSE_REASONS),
               (unsigned long long)sum(p->counters.connection_errors, PQPOOL_ERROR_CLASSES),
               (unsigned long long)p->counters.acquires_timed_out, average,
               seconds(p->latency.acquire_max_ns),
               (unsigned long long)p->counters.health_checks_failed);
    buf_add_str(out, ",\"last_health_check\":");
    rfc3339_format_us(p->health.checked_at_us, at);
    buf_add_json(out, p->health.checked_at_us != 0 ? at : NULL);
    buf_printf(out, ",\"pool_exhausted_count\":%llu}",
               (unsigned long long)p->counters.exhausted_count);
    buf_printf(out,
               ",\"down\":%s,\"orphaned_backends\":%u,\"last_error\":", json_bool(p->server.down),
               p->connections.orphans);
    disclosure_of_dial(p, words, sizeof words);
    buf_add_json(out, words[0] == '\0' ? NULL : full ? p->server.error : words);
}

/* Lists the leases, the oldest first, each with the line of our code that acquired it. */
static void add_holders(struct buf *out, struct pqpool *pool)
{
    struct pqpool_holder holders[HOLDERS_MAX];
    uint32_t n = pqpool_holders(pool, holders, HOLDERS_MAX);
    buf_add_str(out, ",\"holders\":[");
    for (uint32_t i = 0; i < n && i < HOLDERS_MAX; i++) {
        const char *slash = strrchr(holders[i].file, '/');
        buf_printf(out, "%s{\"site\":\"%s:%d\",\"thread\":%d,\"held_seconds\":%.6f}",
                   i > 0 ? "," : "", slash != NULL ? slash + 1 : holders[i].file, holders[i].line,
                   holders[i].thread, seconds(holders[i].held_ns));
    }
    buf_add_char(out, ']');
}

static void add_orders(struct buf *out, const struct order_metrics *metrics, const struct state *h)
{
    const struct counter *orders = metrics->results;
    const struct ingest_gauges *q = &h->queue;
    buf_printf(
        out,
        ",\"queue\":{\"depth\":%u,\"capacity\":%u,\"bytes\":%llu,\"oldest_age_seconds\":%.6f,"
        "\"estimated_wait_seconds\":%.6f},\"workers\":{\"total\":%u,\"busy\":%u,"
        "\"groups_allowed\":%u}",
        q->depth, q->capacity, (unsigned long long)q->bytes, seconds(q->oldest_age_ns),
        seconds(q->estimated_wait_ns), q->workers, q->workers_busy, q->groups_allowed);
    buf_printf(out,
               ",\"orders\":{\"created\":%llu,\"replayed\":%llu,\"unknown\":%llu,\"failed\":%llu}",
               (unsigned long long)counter_read(&orders[RESULT_CREATED]),
               (unsigned long long)counter_read(&orders[RESULT_REPLAYED]),
               (unsigned long long)counter_read(&orders[RESULT_UNKNOWN]),
               (unsigned long long)counter_read(&orders[RESULT_FAILED]));
}

void observability_get_health(struct http_request *req, void *ctx)
{
    struct observability *observed = ctx;
    struct state h;
    char at[RFC3339_SIZE];
    bool full = disclosure_is_full(observed->disclose_all, req);
    state_look(observed, &h);
    struct buf body = BUF_INIT(HEALTH_MAX);
    buf_printf(&body,
               "{\"status\":\"%s\",\"version\":\"%s\",\"description\":\"ordersd, order ingest\"",
               state_status(&h), ORDERSD_VERSION);
    if (h.n_why > 0) {
        buf_add_str(&body, ",\"output\":");
        buf_add_json(&body, h.why[0]);
    }
    rfc3339_format_us(clock_wall_us(), at);
    buf_printf(
        &body, ",\"time\":\"%s\",\"uptime_seconds\":%.3f,\"draining\":%s", at,
        seconds(clock_now_ns() - observed->started_at_ns),
        json_bool(atomic_load_explicit(&observed->readiness.draining, memory_order_relaxed)));
    add_checks(&body, &h);
    add_pool(&body, &h.pool, full);
    if (full)
        add_holders(&body, observed->pool);
    buf_add_char(&body, '}');
    add_orders(&body, observed->orders, &h);
    buf_add_char(&body, '}');
    http_answer(req, h.ready ? 200 : 503, HEALTH_JSON, &body);
}

void observability_get_version(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct buf body = BUF_INIT(HEALTH_MAX);
    buf_printf(&body, "{\"name\":\"ordersd\",\"version\":\"%s\",\"compiler\":\"%s\",\"schema\":%u}",
               ORDERSD_VERSION, ORDERSD_COMPILER, store_schema_version());
    http_answer(req, 200, "application/json", &body);
}
