/* events.h - writes the events that the pool, the ingest and HTTP report to the log: libraries do
 * not log by themselves. The functions have the types of the callbacks that they are for.
 *
 * Threads    any. */
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
