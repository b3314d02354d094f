/* service.c - see service.h. Parts are opened from the database to the client and closed from the
 * client to the database, so that a part can always call the parts that it uses. */
#include "app/service.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/memory.h"
#include "app/routes.h"
#include "app/secrets.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "handlers/submission.h"
#include "http/http.h"
#include "ingest/ingest.h"
#include "ingest/reader.h"
#include "observability/events.h"
#include "observability/key_metrics.h"
#include "pqpool/pqpool.h"
#include "store/store.h"

/* ---- the database ---- */

static bool on_connect(void *ctx, struct pqpool_lease *lease, int64_t deadline_at_ns,
                       struct err *err)
{
    struct service *service = ctx;
    return store_on_connect(service->store, lease, deadline_at_ns, err);
}

static const char *health_query(void *ctx)
{
    struct service *service = ctx;
    return database_check_query(&service->observability.check);
}

static bool health_passed(void *ctx, const struct pg_result *last, unsigned before, struct err *err)
{
    struct service *service = ctx;
    return database_check_verdict(&service->observability.check, last, before, err);
}

static struct pqpool_options pool_options(const struct options *o, struct service *service)
{
    struct pqpool_options p = PQPOOL_OPTIONS_DEFAULT;
    p.conninfo = o->database.url;
    p.password = o->database.password;
    p.password_file = o->database.password_file;
    p.application_name = service != NULL ? service->session_name : "";
#define PQPOOL_COUNT(name, ...) p.name = o->pool.name;
#define PQPOOL_FACTOR PQPOOL_COUNT
#define PQPOOL_SWITCH PQPOOL_COUNT
#define PQPOOL_QUERY PQPOOL_COUNT
#define PQPOOL_SPAN(name, ...) p.name##_ns = o->pool.name##_ns;
#include "pqpool/options.def"
    /* For DATABASE_START=fail, run.c waits for the database instead of the pool, so that a signal
     * can end the wait. */
    p.start = PQPOOL_START_DEGRADED;
    p.on_connect = on_connect;
    p.on_event = events_of_pool;
    p.health_query = health_query;
    p.health_passed = health_passed;
    p.ctx = service;
    return p;
}

bool service_check_database(const struct options *options, struct err *err)
{
    static const char conninfo[] = "connection string: ";
    struct pqpool_options pool = pool_options(options, NULL);
    struct err why = { 0 };
    if (pqpool_check(&pool, &why) == PQPOOL_OK)
        return true;
    if (strncmp(why.text, conninfo, strlen(conninfo)) == 0)
        err_set(err, 0, "DATABASE_URL: %s", why.text + strlen(conninfo));
    else
        *err = why;
    return false;
}

/* Names the sessions "ordersd/HOST/PID", those of a command "ordersd-TASK/HOST/PID". PostgreSQL
 * keeps 63 bytes of a name, so a long host loses its beginning: the names of pods differ at their
 * ends. */
static void name_sessions(struct service *service, const char *task)
{
    char host[65] = "";
    struct buf name = BUF_OVER(service->session_name);
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0'; /* does not happen: a host name of Linux fits */
    const size_t pid_len = (size_t)snprintf(NULL, 0, "/%d", (int)getpid());
    if (task == NULL)
        buf_add_str(&name, STORE_REPLICA_PREFIX);
    else
        buf_printf(&name, "ordersd-%s/", task);
    const size_t room = name.max - name.len - pid_len, len = strlen(host);
    buf_add_str(&name, host + (len > room ? len - room : 0));
    buf_printf(&name, "/%d", (int)getpid());
}

bool service_open_database(struct service *service, const char *task, struct err *err)
{
    struct store_options store_options = {
        .prepare = service->options.database.prepare,
        .require_sync_standby = task == NULL && service->options.database.require_sync_standby,
    };
    name_sessions(service, task);
    if (!store_open(&store_options, &service->store, err))
        return false;
    service->observability.check.store = service->store;
    struct pqpool_options options = pool_options(&service->options, service);
    if (task != NULL)
        options.min_pool_size = options.max_pool_size = 1;
    if (pqpool_open(&options, &service->pool, err) != PQPOOL_OK)
        return false;
    store_attach(service->store, service->pool);
    return true;
}

void service_close_database(struct service *service, int64_t deadline_at_ns)
{
    pqpool_close(&service->pool, deadline_at_ns);
    store_close(&service->store);
}

/* ---- keys ---- */

static void log_keys(struct service *service, const char *event)
{
    struct http_keys_info info;
    http_server_keys(service->http, &info);
    log_event(LOG_INFO, event, log_int("n", (int64_t)info.count));
    secrets_warn_of_file("keys.readable_by_all", "API_KEYS_FILE", service->options.api_keys_file);
}

void service_reload_keys(struct service *service)
{
    struct err err = { 0 };
    if (service->options.auth != OPTIONS_AUTH_KEYS)
        return;
    if (http_server_reload_keys(service->http, &err))
        log_keys(service, "keys.reloaded");
    else
        log_event(LOG_ERROR, "keys.reload_failed", log_str("error", err.text));
}

/* ---- the whole ---- */

/* Returns the number of workers: ORDERS_WORKERS, but no more than the connections that the readers
 * leave free, and at least 1. With more connections than readers, no group waits for a connection
 * in a worker, where no more orders could join the group: the orders wait in the queue instead. */
static uint32_t workers_of(const struct options *o)
{
    const uint32_t connections = o->pool.max_pool_size, readers = o->orders.readers;
    const uint32_t most = connections > readers ? connections - readers : 1;
    return o->orders.workers < most ? o->orders.workers : most;
}

static bool start_ingest(struct service *service, struct err *err)
{
    const struct options *o = &service->options;
    const struct order_store *store = store_as_order_store(service->store);
    struct ingest_options ingest = {
        .store = store,
        .workers = workers_of(o),
        .group_max = o->orders.group_max,
        .capacity = o->orders.queue_capacity,
        .max_bytes = o->orders.queue_max_bytes,
        .commit_timeout_ns = o->orders.commit_timeout_ns,
        .queue_wait_max_ns = o->orders.queue_wait_max_ns,
        .on_done = submission_on_done,
        .on_event = events_of_ingest,
        .ctx = service,
    };
    service->ingest = ingest_open(&ingest, err);
    if (service->ingest == NULL)
        return false;
    service->reader = reader_open(store, o->orders.readers, err);
    return service->reader != NULL;
}

static bool start_http(struct service *service, struct err *err)
{
    const struct options *o = &service->options;
    struct http_options http = {
        .listen_fd = service->listen.fd > 0 ? service->listen.fd : 0,
        .address = o->http.address,
        .port = o->http.port,
        .threads = o->http.threads,
        .max_connections = o->http.max_connections,
        .max_connections_per_address = o->http.max_connections_per_address,
        .max_body_bytes = o->http.max_body_bytes,
        .max_document_bytes = ORDER_BYTES_MAX,
        .bodies_max_bytes = o->http.bodies_max_bytes,
        .header_max_bytes = o->http.header_max_bytes,
        .memory = &service->memory,
        .read_timeout_ns = o->http.read_timeout_ns,
        .idle_timeout_ns = o->http.idle_timeout_ns,
        .offload_timeout_ns = o->orders.commit_timeout_ns,
        .tls = service->tls,
        .keys_file = o->auth == OPTIONS_AUTH_KEYS ? o->api_keys_file : NULL,
        .key_codes = key_metrics_codes,
        .guard_figures = o->auth_metrics,
        .check_hosts = o->auth == OPTIONS_AUTH_UNSET || o->http.allowed_hosts[0] != '\0',
        .allowed_hosts = o->http.allowed_hosts,
        .routes = routes,
        .n_routes = routes_count,
        .ctx = &service->handlers,
        .on_answer = events_of_http,
    };
    service->http = http_server_open(&http, err);
    if (service->http != NULL && o->auth == OPTIONS_AUTH_KEYS)
        log_keys(service, "keys.loaded");
    return service->http != NULL;
}

static bool plan_memory(struct service *service, struct err *err)
{
    struct memory_plan plan;
    if (!memory_plan(&service->options, &plan, err))
        return false;
    budget_init(&service->memory, plan.clients_bytes, NULL);
    service->observability.memory_max_bytes = plan.whole_bytes;
    return true;
}

/* Fills in the handlers' context. Call it before the first request. */
static void wire_handlers(struct service *service)
{
    const struct options *o = &service->options;
    struct handlers *handlers = &service->handlers;
    handlers->ingest = service->ingest;
    handlers->reader = service->reader;
    handlers->pool = service->pool;
    handlers->memory = &service->memory;
    handlers->schema_ready = &service->observability.readiness.schema_ready;
    handlers->lacks_standby = store_lacks_standby(service->store);
    /* the queue could never take a larger batch whole */
    handlers->batch_max = o->orders.batch_max < o->orders.queue_capacity ? o->orders.batch_max
                                                                         : o->orders.queue_capacity;
    handlers->commit_timeout_ns = o->orders.commit_timeout_ns;
    handlers->lookup_timeout_ns = o->pool.acquire_timeout_ns;
}

static void wire_observability(struct service *service)
{
    struct observability *observed = &service->observability;
    observed->pool = observed->check.pool = service->pool;
    observed->store = service->store;
    observed->check.nodes = &observed->nodes;
    observed->ingest = observed->check.ingest = service->ingest;
    observed->orders = &service->handlers.metrics;
    observed->memory = &service->memory;
    observed->group_max = service->options.orders.group_max;
    observed->disclose_all = service->options.auth == OPTIONS_AUTH_NONE;
}

static void init_parts(struct service *service)
{
    struct observability *observed = &service->observability;
    observed->started_at_ns = clock_now_ns();
    observed->started_at_us = clock_wall_us();
    if (gethostname(observed->host, sizeof observed->host - 1) != 0)
        observed->host[0] = '\0'; /* does not happen: a host name of Linux fits */
    starter_init(&service->starter);
    readiness_init(&observed->readiness);
    nodes_init(&observed->nodes);
    history_init(&observed->history);
    order_metrics_init(&service->handlers.metrics);
}

bool service_start(struct service *service, struct err *err)
{
    if (!plan_memory(service, err))
        return false;
    init_parts(service);
    bool listens_later = service->listen.fd >= 0;
    bool good = start_ingest(service, err);
    wire_handlers(service);
    wire_observability(service);
    if (good && (listens_later || start_http(service, err)) && starter_start(service, err) &&
        nodes_start(&service->observability.nodes, service->store,
                    service->options.pool.health_check_interval_ns, err))
        return true;
    service_stop(service);
    return false;
}

bool service_listen(struct service *service, struct err *err)
{
    if (start_http(service, err))
        return true;
    service_stop(service);
    return false;
}

void service_drain(struct service *service)
{
    http_server_drain(service->http);
}

uint64_t service_in_flight(struct service *service)
{
    struct ingest_gauges gauges;
    ingest_gauges(service->ingest, &gauges);
    return http_server_in_flight(service->http) + gauges.depth + gauges.workers_busy;
}

void service_stop(struct service *service)
{
    int64_t now_ns = clock_now_ns();
    if (service->ingest != NULL)
        ingest_drain(service->ingest);
    starter_stop(&service->starter);
    nodes_stop(&service->observability.nodes);
    pqpool_interrupt(service->pool); /* ends the waits of workers and readers for the database */
    starter_join(&service->starter);
    nodes_join(&service->observability.nodes);
    ingest_stop(service->ingest, now_ns);
    reader_stop(service->reader);
    http_server_close(&service->http); /* the loops use all other parts, so they end first */
    ingest_close(&service->ingest, now_ns);
    reader_close(&service->reader);
    service_close_database(service, now_ns + NS_PER_S);
    history_fini(&service->observability.history);
    nodes_fini(&service->observability.nodes);
    readiness_fini(&service->observability.readiness);
    starter_fini(&service->starter);
}
