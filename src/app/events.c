/* events.c - see events.h. Answers of 2xx are logged at debug only: at tens of thousands a second a
 * line each would cost more than the orders. */
#include "app/events.h"

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
        [PQPOOL_EVENT_DIALLED]     = { "pool.connected",   LOG_INFO },
        [PQPOOL_EVENT_DIAL_FAILED] = { "pool.dial_failed", LOG_WARN },
        [PQPOOL_EVENT_DOWN]        = { "pool.down",        LOG_ERROR },
        [PQPOOL_EVENT_CONFIG]      = { "pool.refused",     LOG_ERROR },
        [PQPOOL_EVENT_LOST]        = { "pool.conn_lost",   LOG_WARN },
        [PQPOOL_EVENT_UNHEALTHY]   = { "pool.unhealthy",   LOG_WARN },
        [PQPOOL_EVENT_HEALTHY]     = { "pool.healthy",     LOG_INFO },
        [PQPOOL_EVENT_RETIRED_ALL] = { "pool.retired_all", LOG_WARN },
        [PQPOOL_EVENT_EXHAUSTED]   = { "pool.exhausted",   LOG_WARN },
        [PQPOOL_EVENT_RELIEVED]    = { "pool.relieved",    LOG_INFO },
        [PQPOOL_EVENT_LEAK]        = { "pool.leak",        LOG_WARN },
        [PQPOOL_EVENT_NESTED]      = { "pool.nested",      LOG_WARN },
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
              log_str("error", err->text));
}

void events_of_http(void *service, const struct http_answered *answered)
{
    (void)service;
    int status = answered->status;
    enum log_level level = status < 400 ? LOG_DEBUG : status < 500 ? LOG_INFO : LOG_WARN;
    if (!log_enabled(level))
        return;
    log_event(level, "http.answer", log_str("request_id", answered->request_id),
              log_known("trace_id", answered->trace_id), log_str("method", answered->method),
              log_str("route", answered->route), log_known("key", answered->key),
              log_int("status", status), log_int("duration_us", answered->duration_ns / NS_PER_US));
}
