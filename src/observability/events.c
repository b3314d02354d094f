/* events.c - see events.h. A request that is answered 2xx is logged only at debug level, because
 * tens of thousands of lines a second would cost more than the orders. A batch of which some orders
 * are rejected is logged like a rejection. A line has no text of the client, except the request id
 * and the trace id, whose form was validated. */
#include "observability/events.h"

#include <assert.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "http/http.h"
#include "pqpool/pqpool.h"

void events_of_pool(void *service, const struct pqpool_event *event)
{
    /* clang-format off */
    static const struct {
        const char *name;
        enum log_level level;
    } rows[] = {
        [PQPOOL_EVENT_CONNECTED]     = { "pool.connected",   LOG_INFO },
        [PQPOOL_EVENT_CONNECT_FAILED] = { "pool.dial_failed", LOG_WARN },
        [PQPOOL_EVENT_DOWN]        = { "pool.down",        LOG_ERROR },
        [PQPOOL_EVENT_CONFIG_ERROR]      = { "pool.refused",     LOG_ERROR },
        [PQPOOL_EVENT_CONNECTION_LOST]        = { "pool.conn_lost",   LOG_WARN },
        [PQPOOL_EVENT_UNHEALTHY]   = { "pool.unhealthy",   LOG_WARN },
        [PQPOOL_EVENT_HEALTHY]     = { "pool.healthy",     LOG_INFO },
        [PQPOOL_EVENT_EVICTED_ALL] = { "pool.retired_all", LOG_WARN },
        [PQPOOL_EVENT_EXHAUSTED]   = { "pool.exhausted",   LOG_WARN },
        [PQPOOL_EVENT_NOT_EXHAUSTED]    = { "pool.relieved",    LOG_INFO },
        [PQPOOL_EVENT_LEAK]        = { "pool.leak",        LOG_WARN },
        [PQPOOL_EVENT_NESTED_ACQUIRE]      = { "pool.nested",      LOG_WARN },
        [PQPOOL_EVENT_DATABASE_CHANGED]
                                   = { "pool.database_changed", LOG_ERROR },
    };
    /* clang-format on */
    static_assert(sizeof rows / sizeof rows[0] == PQPOOL_EVENT_KINDS, "a row a kind");
    (void)service;
    log_event(rows[event->kind].level, rows[event->kind].name, log_str("text", event->text));
}

void events_of_ingest(void *service, const char *event, const struct err *err, size_t orders)
{
    (void)service;
    log_event(LOG_WARN, event, log_int("orders", (int64_t)orders), log_str("sqlstate", err->code),
              log_known("constraint", err->constraint), log_known("table", err->table),
              log_str("error", err_public_text(err)));
}

void events_of_http(void *service, const struct http_answered *answered)
{
    (void)service;
    int status = answered->status;
    char client[HTTP_CLIENT_SIZE];
    /* If the status is below 400 and there is a code, some orders of a batch were rejected. */
    bool rejected = status >= 400 || answered->code[0] != '\0';
    enum log_level level = !rejected ? LOG_DEBUG : status < 500 ? LOG_INFO : LOG_WARN;
    if (level > LOG_WARN &&
        !log_enabled(level)) /* warnings go on: /status shows them at any log level */
        return;
    http_client_text(answered->client, client);
    log_event(level, "http.answer", log_str("request_id", answered->request_id),
              log_known("trace_id", answered->trace_id), log_str("method", answered->method),
              log_str("route", answered->route), log_known("key", answered->key),
              log_known("client", client), log_known("code", answered->code),
              log_int("status", status), log_int("duration_us", answered->duration_ns / NS_PER_US));
}
