/* metrics.c - GET /metrics: every figure of the service as Prometheus text or OpenMetrics, from one
 * snapshot of each part. All label sets are present from the first scrape on, so that rate() sees
 * the first increase; of the codes of rejections by key, only key_metrics_codes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "handlers/order_metrics.h"
#include "http/http.h"
#include "ingest/ingest.h"
#include "observability/disclosure.h"
#include "observability/key_metrics.h"
#include "observability/metric_rows.h"
#include "observability/metrics.h"
#include "observability/observability.h"
#include "observability/process.h"
#include "observability/room.h"
#include "pqpool/pqpool.h"
#include "store/store.h"

/* The most bytes of an answer. The other metrics have no label whose values clients or files
 * choose, and take 25 KiB. */
enum { METRICS_MAX = HTTP_METRICS_MAX + KEY_METRICS_MAX + 128 * 1024 };

const struct metric_row metric_rows[METRIC_ROWS] = {
#define METRIC(id, name, type, help) [M_##id] = { name, type, help },
#include "observability/metrics.def"
#undef METRIC
};

#define PROMETHEUS "text/plain; version=0.0.4"
#define OPENMETRICS "application/openmetrics-text; version=1.0.0"
#define CHARSET "; charset=utf-8"

#define POOL_LABEL "pool=\"main\""

/* ---- lines ---- */

static void head(struct buf *out, enum metric m)
{
    prom_family(out, metric_rows[m].name, metric_rows[m].type, metric_rows[m].help);
}

static void one(struct buf *out, enum metric m, const char *labels, uint64_t value)
{
    head(out, m);
    prom_uint(out, metric_rows[m].name, labels, value);
}

static void one_seconds(struct buf *out, enum metric m, const char *labels, int64_t value_ns)
{
    head(out, m);
    prom_seconds(out, metric_rows[m].name, labels, value_ns);
}

/* Adds one line with a count. Its labels are those in `common`, and then key="value". `common` is
 * "" or ends with a comma. */
static void labelled(struct buf *out, enum metric m, const char *common, const char *key,
                     const char *value, uint64_t count)
{
    char labels[128];
    (void)snprintf(labels, sizeof labels, "%s%s=\"%s\"", common, key, value);
    prom_uint(out, metric_rows[m].name, labels, count);
}

static void latency(struct buf *out, enum metric m, const char *labels, const struct histogram *h)
{
    struct histogram_view view;
    histogram_read(h, &view);
    head(out, m);
    prom_histogram(out, metric_rows[m].name, labels, &view, NS_PER_S);
}

static void pool_latency(struct buf *out, enum metric m, const struct pqpool_histogram *h)
{
    struct histogram_view view = {
        .bounds = h->bounds_ns, .n_bounds = h->n_bounds, .count = h->count, .sum = h->sum_ns
    };
    memcpy(view.bucket, h->bucket, sizeof view.bucket);
    head(out, m);
    prom_histogram(out, metric_rows[m].name, POOL_LABEL, &view, NS_PER_S);
}

/* ---- the pool ---- */

static void pool_gauges(struct buf *out, const struct pqpool_stats *p)
{
    const struct {
        const char *state;
        uint32_t count;
    } states[] = {
        { "active", p->connections.active },         { "idle", p->connections.idle },
        { "leased", p->connections.leased },         { "checking", p->connections.checking },
        { "resetting", p->connections.resetting },   { "canceling", p->connections.canceling },
        { "connecting", p->connections.connecting }, { "closing", p->connections.closing },
        { "total", p->connections.total },
    };
    head(out, M_POOL_CONNECTIONS);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        labelled(out, M_POOL_CONNECTIONS, POOL_LABEL ",", "state", states[i].state,
                 states[i].count);
    one(out, M_POOL_MAX, POOL_LABEL, p->connections.max);
    one(out, M_POOL_MIN, POOL_LABEL, p->connections.min);
    one(out, M_POOL_WAITING, POOL_LABEL, p->queue.waiting);
    one(out, M_POOL_DOWN, POOL_LABEL, p->server.down);
    one(out, M_POOL_ORPHANS, POOL_LABEL, p->connections.orphans);
    one(out, M_POOL_EXHAUSTED_ALERT, POOL_LABEL, p->queue.exhausted_alert);
    one_seconds(out, M_POOL_ACQUIRE_MAX, POOL_LABEL, p->latency.acquire_max_ns);
    one_seconds(out, M_POOL_LAST_HEALTH, POOL_LABEL, p->health.checked_at_us * NS_PER_US);
}

static void pool_counters(struct buf *out, const struct pqpool_stats *p)
{
    const char *name;
    one(out, M_POOL_CREATED, POOL_LABEL, p->counters.created);
    head(out, M_POOL_CLOSED);
    for (unsigned i = 0; (name = pqpool_close_reason_name(i)) != NULL; i++)
        labelled(out, M_POOL_CLOSED, POOL_LABEL ",", "reason", name, p->counters.closed[i]);
    head(out, M_POOL_ERRORS);
    for (unsigned i = 0; (name = pqpool_error_class_name(i)) != NULL; i++)
        labelled(out, M_POOL_ERRORS, POOL_LABEL ",", "class", name,
                 p->counters.connection_errors[i]);
    one(out, M_POOL_TIMEOUTS, POOL_LABEL, p->counters.acquires_timed_out);
    head(out, M_POOL_HEALTH_CHECKS);
    labelled(out, M_POOL_HEALTH_CHECKS, POOL_LABEL ",", "result", "pass",
             p->counters.health_checks_passed);
    labelled(out, M_POOL_HEALTH_CHECKS, POOL_LABEL ",", "result", "fail",
             p->counters.health_checks_failed);
    head(out, M_POOL_VALIDATIONS);
    labelled(out, M_POOL_VALIDATIONS, POOL_LABEL ",", "result", "pass",
             p->counters.validations_passed);
    labelled(out, M_POOL_VALIDATIONS, POOL_LABEL ",", "result", "fail",
             p->counters.validations_failed);
    labelled(out, M_POOL_VALIDATIONS, POOL_LABEL ",", "result", "bypassed",
             p->counters.validations_bypassed);
    one(out, M_POOL_EXHAUSTED, POOL_LABEL, p->counters.exhausted_count);
    one_seconds(out, M_POOL_EXHAUSTED_SECONDS, POOL_LABEL, (int64_t)p->counters.exhausted_ns);
    one(out, M_POOL_LEAKS, POOL_LABEL, p->counters.leaks);
    one(out, M_POOL_NESTED, POOL_LABEL, p->counters.nested_acquires);
    one(out, M_POOL_REFUSED, POOL_LABEL, p->counters.acquires_rejected);
    one(out, M_POOL_CANCELS, POOL_LABEL, p->counters.cancels);
    one(out, M_POOL_CANCELS_FAILED, POOL_LABEL, p->counters.cancels_failed);
    one(out, M_POOL_DATABASE_CHANGES, POOL_LABEL, p->counters.database_changes);
}

static void pool_latencies(struct buf *out, const struct pqpool_stats *p)
{
    pool_latency(out, M_POOL_ACQUIRE, &p->latency.acquire);
    pool_latency(out, M_POOL_ACQUIRE_QUEUE, &p->latency.queue);
    pool_latency(out, M_POOL_ACQUIRE_VALIDATE, &p->latency.validate);
    pool_latency(out, M_POOL_ACQUIRE_CONNECT, &p->latency.connect);
    pool_latency(out, M_POOL_HOLD, &p->latency.hold);
}

/* ---- orders ---- */

static void orders(struct buf *out, const struct order_metrics *metrics)
{
    static const char *const results[ORDER_RESULTS] = {
        [RESULT_CREATED] = "created",
        [RESULT_REPLAYED] = "replayed",
        [RESULT_INVALID] = "invalid",
        [RESULT_REUSED] = "reused",
        [RESULT_STALE] = "stale",
        [RESULT_REFUSED] = "refused_by_database",
        [RESULT_BATCH_REFUSED] = "batch_refused",
        [RESULT_REFUSED_FULL] = "refused_full",
        [RESULT_UNAVAILABLE] = "unavailable",
        [RESULT_UNKNOWN] = "unknown",
        [RESULT_FAILED] = "failed",
        [RESULT_LATE] = "late",
    };
    head(out, M_ORDERS);
    for (int i = 0; i < ORDER_RESULTS; i++)
        labelled(out, M_ORDERS, "", "result", results[i], counter_read(&metrics->results[i]));
    latency(out, M_COMMIT, "", &metrics->commit_duration);
}

static void queue(struct buf *out, const struct ingest_gauges *q)
{
    one(out, M_QUEUE_DEPTH, "", q->depth);
    one(out, M_QUEUE_CAPACITY, "", q->capacity);
    one(out, M_QUEUE_BYTES, "", q->bytes);
    one_seconds(out, M_QUEUE_OLDEST, "", q->oldest_age_ns);
    head(out, M_WORKERS);
    labelled(out, M_WORKERS, "", "state", "busy", q->workers_busy);
    labelled(out, M_WORKERS, "", "state", "idle", q->workers - q->workers_busy);
    one(out, M_GROUPS_ALLOWED, "", q->groups_allowed);
    one(out, M_ACCOUNTS_STALLED, "", q->accounts_stalled);
}

static void commits(struct buf *out, const struct ingest_metrics *m)
{
    static const char *const reasons[RETRY_REASONS] = {
        [RETRY_LOST] = "lost",
        [RETRY_LOCK] = "lock",
        [RETRY_SERVER] = "server",
        [RETRY_UNAVAILABLE] = "unavailable",
    };
    static const char *const faults[STORE_FAULTS] = {
        [FAULT_NONE] = "none",     [FAULT_ORDER] = "order",     [FAULT_OPERATOR] = "operator",
        [FAULT_SERVER] = "server", [FAULT_SERVICE] = "service",
    };
    struct histogram_view sizes;
    histogram_read(&m->group_orders, &sizes);
    head(out, M_GROUP_ORDERS);
    prom_histogram(out, metric_rows[M_GROUP_ORDERS].name, "", &sizes, 1);
    head(out, M_COMMITS);
    labelled(out, M_COMMITS, "", "result", "ok", counter_read(&m->commits_ok));
    labelled(out, M_COMMITS, "", "result", "failed", counter_read(&m->commits_failed));
    head(out, M_RETRIES);
    for (int i = 0; i < RETRY_REASONS; i++)
        labelled(out, M_RETRIES, "", "reason", reasons[i], counter_read(&m->retries[i]));
    head(out, M_AMBIGUOUS);
    labelled(out, M_AMBIGUOUS, "", "resolved", "stored", counter_read(&m->ambiguous_stored));
    labelled(out, M_AMBIGUOUS, "", "resolved", "absent", counter_read(&m->ambiguous_absent));
    labelled(out, M_AMBIGUOUS, "", "resolved", "no", counter_read(&m->ambiguous_unresolved));
    head(out, M_DB_FAILURES);
    for (int i = 0; i < STORE_FAULTS; i++)
        labelled(out, M_DB_FAILURES, "", "fault", faults[i], counter_read(&m->failed_groups[i]));
    one(out, M_SPLITS, "", counter_read(&m->splits));
}

static void database(struct buf *out, struct store *store, uint32_t max_pool_size)
{
    struct room room = { 0 };
    if (store != NULL)
        room_look(store, max_pool_size, &room);
    head(out, M_DATABASE_WARNING);
    labelled(out, M_DATABASE_WARNING, "", "warning", "fsync_off",
             store != NULL && store_fsync_off(store));
    labelled(out, M_DATABASE_WARNING, "", "warning", "unlogged",
             store != NULL && store_unlogged(store));
    labelled(out, M_DATABASE_WARNING, "", "warning", "check_limited",
             store != NULL && store_health_blind(store));
    labelled(out, M_DATABASE_WARNING, "", "warning", "connections_short", room.is_short);
    one(out, M_DATABASE_REPLICAS, "", room.replicas);
    one(out, M_DATABASE_SLOT_WAL, "", store != NULL ? store_slot_wal_bytes(store) : 0);
}

/* ---- the process ---- */

static void process(struct buf *out, int64_t started_at_us)
{
    struct process_memory size = process_memory();
    struct process_files files = process_files();
    one_seconds(out, M_PROCESS_CPU, "", process_cpu_ns());
    one(out, M_PROCESS_RSS, "", size.resident_bytes);
    one(out, M_PROCESS_VIRTUAL, "", size.virtual_bytes);
    one(out, M_PROCESS_FDS, "", files.open);
    one(out, M_PROCESS_MAX_FDS, "", files.max);
    one_seconds(out, M_PROCESS_START, "", started_at_us * NS_PER_US);
}

static void memory(struct buf *out, const struct observability *observed)
{
    one(out, M_MEMORY_CLIENTS, "", budget_used(observed->memory));
    one(out, M_MEMORY_CLIENTS_MAX, "", observed->memory->limit_bytes);
    one(out, M_MEMORY_REFUSED, "", budget_refused(observed->memory));
    one(out, M_MEMORY_MAX, "", observed->memory_max_bytes);
}

/* Answers in the format that Accept asks for. */
static void answer(struct http_request *req, struct buf *text)
{
    if (!http_prefers(req, OPENMETRICS, PROMETHEUS) || text->failed) {
        http_answer(req, 200, PROMETHEUS CHARSET, text);
        return;
    }
    struct buf out = BUF_INIT(METRICS_MAX);
    prom_to_openmetrics(text->data, &out);
    buf_fini(text);
    http_answer(req, 200, OPENMETRICS CHARSET, &out);
}

/* The figures of one moment, except those of the HTTP layer. */
struct figures {
    const struct observability *observed;
    const struct ingest_metrics *ingest;
    struct pqpool_stats pool;
    struct ingest_gauges queue;
    struct ingest_streak streak;
    bool ready;
};

static void render(struct buf *out, const struct figures *f)
{
    one(out, M_BUILD_INFO, "version=\"" ORDERSD_VERSION "\",compiler=\"" ORDERSD_COMPILER "\"", 1);
    one(out, M_READY, "", f->ready);
    pool_gauges(out, &f->pool);
    pool_counters(out, &f->pool);
    pool_latencies(out, &f->pool);
    database(out, f->observed->store, f->pool.connections.max);
    orders(out, f->observed->orders);
    queue(out, &f->queue);
    commits(out, f->ingest);
    one(out, M_FAILED_IN_A_ROW, "", f->streak.groups);
    memory(out, f->observed);
    process(out, f->observed->started_at_us);
}

void metrics_blank(const struct http_route *routes, size_t n_routes, struct buf *out)
{
    static struct order_metrics orders;
    static struct budget memory;
    static struct observability observed = { .orders = &orders, .memory = &memory };
    static struct ingest_metrics ingest;
    static struct figures figures = { .observed = &observed, .ingest = &ingest };
    render(out, &figures);
    http_blank_metrics(routes, n_routes, out);
    key_metrics_blank(out);
}

static void keys(struct buf *out, struct http_request *req)
{
    size_t n;
    struct http_key_figures *figures = http_key_figures_of_all(req, &n);
    key_metrics_render(out, figures, n);
    free(figures);
}

void observability_get_metrics(struct http_request *req, void *ctx)
{
    struct observability *observed = ctx;
    struct figures figures = { .observed = observed, .ingest = ingest_metrics(observed->ingest) };
    char why[READINESS_WHY_SIZE];
    struct buf out = BUF_INIT(METRICS_MAX);

    pqpool_stats(observed->pool, &figures.pool);
    ingest_gauges(observed->ingest, &figures.queue);
    ingest_failure_streak(observed->ingest, &figures.streak);
    figures.ready = readiness_check(&observed->readiness, &observed->check, &figures.pool, why);
    render(&out, &figures);
    http_server_metrics(http_server_of(req), &out);
    if (disclosure_is_full(observed->disclose_all, req))
        keys(&out, req);
    answer(req, &out);
}
