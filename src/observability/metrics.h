/* metrics.h - makes the text of /metrics. Its handler is in observability.h. Threads: any. */
#ifndef OBSERVABILITY_METRICS_H
#define OBSERVABILITY_METRICS_H

#include <stddef.h>

struct buf;
struct http_route;

/* Writes the text of /metrics for the manual, without a service: every family, with every value
 * that a label can have. The figures mean nothing. */
void metrics_blank(const struct http_route *routes, size_t n_routes, struct buf *out);

#endif
