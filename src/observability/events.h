/* events.h - callbacks that write the events of the pool, the ingest and HTTP to the log, because
 * libraries do not log. Threads: any. */
#ifndef OBSERVABILITY_EVENTS_H
#define OBSERVABILITY_EVENTS_H

#include <stddef.h>

struct err;
struct http_answered;
struct pqpool_event;

void events_of_pool(void *service, const struct pqpool_event *event);
void events_of_ingest(void *service, const char *event, const struct err *err, size_t orders);
void events_of_http(void *service, const struct http_answered *answered);

#endif
