/* service.c - see service.h. Parts are opened from the database upwards and closed from the client
 * downwards, so that each finds alive whatever it calls. */
#include "app/service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/disclosure.h"
#include "app/events.h"
#include "app/memory.h"
#include "app/routes.h"
#include "app/secrets.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"
#include "ingest/ingest.h"
#include "ingest/reader.h"
#include "store/store.h"

enum { MIGRATE_LIMIT_S = 75, STARTER_PAUSE_S = 1 };

/* ---- the database ---- */

static bool on_connect(void *ctx, struct pqpool_lease *lease, int64_t deadline_at_ns,
                       struct err *err)
{
    struct service *service = ctx;
    return store_on_connect(service->store, lease, deadline_at_ns, err);
}

static struct pqpool_options pool_options(const struct options *o, struct service *service)
{
    struct pqpool_options p = PQPOOL_OPTIONS_DEFAULT;
    p.conninfo = o->database_url;
    p.password = o->database_password;
    p.password_file = o->database_password_file;
    p.application_name = "ordersd";
#define PQPOOL_COUNT(name, ...) p.name = o->database_##name;
#define PQPOOL_FACTOR PQPOOL_COUNT
#define PQPOOL_SWITCH PQPOOL_COUNT
#define PQPOOL_QUERY PQPOOL_COUNT
#define PQPOOL_SPAN(name, ...) p.name##_ns = o->database_##name##_ns;
#include "pqpool/options.def"
    p.start = PQPOOL_START_DEGRADED; /* run.c waits, where that is wanted: a signal ends its wait */
    p.on_connect = on_connect;
    p.on_event = events_of_pool;
    p.health_query = database_check_query;
    p.health_verdict = database_check_verdict;
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

bool service_open_database(struct service *service, bool small, struct err *err)
{
    struct store_options store_options = { .prepare = service->options.database_prepare };
    if (!store_open(&store_options, &service->store, err))
        return false;
    struct pqpool_options options = pool_options(&service->options, service);
    if (small)
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

/* ---- the starter: brings the schema up, however long the database takes to come ---- */

static bool pause_starter(struct service *service, const struct err *why, int64_t pause_ns)
{
    int64_t until_ns = clock_after(clock_now_ns(), pause_ns);
    mutex_lock(&service->starter_mu);
    service->starter_err = *why;
    while (!service->starter_stop &&
           cond_wait_until(&service->starter_wake, &service->starter_mu, until_ns))
        ;
    bool go_on = !service->starter_stop;
    mutex_unlock(&service->starter_mu);
    return go_on;
}

static void end_process(struct service *service, int exit_code)
{
    atomic_store_explicit(&service->exit_code, exit_code, memory_order_release);
    (void)kill(getpid(), SIGTERM); /* main drains and ends with that code */
}

static enum migrate_rc bring_up_schema(struct service *service, struct err *err)
{
    int64_t deadline_at_ns = clock_now_ns() + MIGRATE_LIMIT_S * NS_PER_S;
    return service->options.database_migrate
               ? store_migrate(service->pool, deadline_at_ns, err)
               : store_check_schema(service->pool, deadline_at_ns, err);
}

static void schema_is_ready(struct service *service)
{
    log_event(LOG_INFO, "schema.ready", log_int("version", store_schema_version()));
    atomic_store_explicit(&service->migrated, true, memory_order_release);
    database_check_begin(service);
}

/* How long until the next try; 0: there is none to make. */
static int64_t try_schema(struct service *service, struct err *err)
{
    switch (bring_up_schema(service, err)) {
    case MIGRATE_OK:
        schema_is_ready(service);
        return 0;
    case MIGRATE_TOO_NEW:
        log_event(LOG_ERROR, "schema.too_new", log_str("error", err_public_text(err)));
        end_process(service, EXIT_SCHEMA_TOO_NEW);
        return 0;
    case MIGRATE_FAILED:
        log_event(LOG_ERROR, "schema.failed", log_str("error", err_public_text(err)),
                  log_str("sqlstate", err->code));
        return service->options.database_max_retry_delay_ns;
    case MIGRATE_RETRY:
        log_event(LOG_WARN, "schema.waiting", log_str("error", err_public_text(err)));
        break;
    }
    return STARTER_PAUSE_S * NS_PER_S;
}

static void *starter_run(void *arg)
{
    struct service *service = arg;
    int64_t pause_ns;
    struct err err;
    do {
        err = (struct err){ 0 };
        pause_ns = try_schema(service, &err);
    } while (pause_ns > 0 && pause_starter(service, &err, pause_ns));
    return NULL;
}

static bool start_starter(struct service *service, struct err *err)
{
    service->starter_runs = thread_start(&service->starter, "starter", starter_run, service) == 0;
    if (!service->starter_runs)
        err_set(err, 0, "cannot start a thread");
    return service->starter_runs;
}

static void tell_starter(struct service *service)
{
    mutex_lock(&service->starter_mu);
    service->starter_stop = true;
    cond_signal(&service->starter_wake);
    mutex_unlock(&service->starter_mu);
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

static bool start_ingest(struct service *service, struct err *err)
{
    const struct options *o = &service->options;
    const struct order_store *store = store_as_order_store(service->store);
    struct ingest_options ingest = {
        .store = store,
        .workers = o->orders_workers,
        .group_max = o->orders_group_max,
        .capacity = o->orders_queue_capacity,
        .max_bytes = o->orders_queue_max_bytes,
        .commit_timeout_ns = o->orders_commit_timeout_ns,
        .queue_wait_max_ns = o->orders_queue_wait_max_ns,
        .on_done = routes_on_done,
        .on_event = events_of_ingest,
        .ctx = service,
    };
    service->ingest = ingest_open(&ingest, err);
    if (service->ingest == NULL)
        return false;
    service->reader = reader_open(store, o->orders_readers, err);
    return service->reader != NULL;
}

static bool start_http(struct service *service, struct err *err)
{
    const struct options *o = &service->options;
    struct http_options http = {
        .listen_fd = service->listen.fd > 0 ? service->listen.fd : 0,
        .address = o->http_address,
        .port = o->http_port,
        .threads = o->http_threads,
        .max_connections = o->http_max_connections,
        .max_connections_per_address = o->http_max_connections_per_address,
        .max_body_bytes = o->http_max_body_bytes,
        .max_document_bytes = ORDER_BYTES_MAX,
        .bodies_max_bytes = o->http_bodies_max_bytes,
        .header_max_bytes = o->http_header_max_bytes,
        .memory = &service->memory,
        .read_timeout_ns = o->http_read_timeout_ns,
        .idle_timeout_ns = o->http_idle_timeout_ns,
        .offload_timeout_ns = o->orders_commit_timeout_ns,
        .tls = service->tls,
        .keys_file = o->auth == OPTIONS_AUTH_KEYS ? o->api_keys_file : NULL,
        .guard_figures = o->auth_metrics,
        .check_hosts = o->auth == OPTIONS_AUTH_UNSET || o->http_allowed_hosts[0] != '\0',
        .allowed_hosts = o->http_allowed_hosts,
        .routes = routes,
        .n_routes = routes_count,
        .ctx = service,
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
    service->memory_whole_bytes = plan.whole_bytes;
    return true;
}

bool service_start(struct service *service, struct err *err)
{
    if (!plan_memory(service, err))
        return false;
    service->started_at_ns = clock_now_ns();
    service->started_at_us = clock_wall_us();
    if (gethostname(service->host, sizeof service->host - 1) != 0)
        service->host[0] = '\0'; /* cannot be: Linux cuts what is too long */
    mutex_init(&service->starter_mu);
    cond_init(&service->starter_wake);
    history_init(&service->history);
    histogram_init(&service->commit_duration, metric_latency_bounds_ns, metric_latency_n_bounds);
    bool listens_later = service->listen.fd >= 0;
    if (start_ingest(service, err) && (listens_later || start_http(service, err)) &&
        start_starter(service, err))
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

static bool say(char *why, size_t size, const char *what, const char *detail)
{
    (void)snprintf(why, size, "%s%s%s", what, detail[0] != '\0' ? ": " : "", detail);
    return false;
}

bool service_ready(struct service *service, const struct pqpool_stats *pool, char *why, size_t size)
{
    char dial[DISCLOSURE_SIZE], words[DISCLOSURE_SIZE];
    (void)snprintf(why, size, "%s", "");
    disclosure_of_dial(pool, dial, sizeof dial);
    if (atomic_load_explicit(&service->draining, memory_order_acquire))
        return say(why, size, "shutting down", "");
    if (pool->down)
        return say(why, size, "the database is down", dial);
    if (!atomic_load_explicit(&service->migrated, memory_order_acquire)) {
        mutex_lock(&service->starter_mu);
        struct err err = service->starter_err;
        mutex_unlock(&service->starter_mu);
        disclosure_of_schema(&err, words, sizeof words);
        return say(why, size, "the schema is not ready yet", dial[0] != '\0' ? dial : words);
    }
    if (!pool->healthy)
        return say(why, size, "the last health check of the database failed",
                   pool->control_connected || dial[0] == '\0' ? pool->health_error : dial);
    if (!database_check_made(service))
        return say(why, size, "the orders table has not been checked yet", "");
    if (database_check_doubts(service))
        return say(why, size, "groups of orders fail, and none is stored", "");
    return true;
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
    tell_starter(service);
    pqpool_interrupt(service->pool); /* workers and readers stop waiting for the database */
    if (service->starter_runs)
        thread_join(service->starter);
    ingest_stop(service->ingest, now_ns);
    reader_stop(service->reader);
    http_server_close(&service->http); /* until here the loops ask all the others */
    ingest_close(&service->ingest, now_ns);
    reader_close(&service->reader);
    service_close_database(service, now_ns + NS_PER_S);
    history_fini(&service->history);
    cond_fini(&service->starter_wake);
    mutex_fini(&service->starter_mu);
}
