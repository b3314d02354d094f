/* metrics.h - /metrics, but for its handler (observability.h).
 *
 * Threads    any. */
#ifndef OBSERVABILITY_METRICS_H
#define OBSERVABILITY_METRICS_H

#include <stddef.h>

struct buf;
struct http_route;

/* The text of /metrics without a service: every family with every value that a label can have, and
 * no figure that means anything. For the manual. */
void metrics_blank(const struct http_route *routes, size_t n_routes, struct buf *out);

#endif
