/* server_metrics.h - counts requests and durations by route, method and status. Internal to http.
 *
 * Each combination of the three has a slot. The slots of the statuses that a route declares are
 * made at the start. The slot of any other combination is made when the combination first occurs.
 * There are at most METRICS_EXTRA such slots, so that no client can make the scrape grow without
 * limit.
 *
 * Threads    any thread may observe and render. */
#ifndef HTTP_SERVER_METRICS_H
#define HTTP_SERVER_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct http_route;
struct server_metrics; /* opaque */

enum {
    METRICS_EXTRA = 128,
    METRICS_DECLARED_MAX = 100, /* most statuses of all routes together, for HTTP_METRICS_MAX */
};

/* Makes the slots of the routes, which are borrowed. Returns NULL if memory is out. */
struct server_metrics *server_metrics_open(const struct http_route *routes,
                                           size_t n_routes) MUST_CHECK;
void server_metrics_close(struct server_metrics *metrics); /* NULL is a no-op */

/* Counts one request that took duration_ns. `route` is NULL if no route matched. */
void server_metrics_observe(struct server_metrics *metrics, const struct http_route *route,
                            const char *method, int status, int64_t duration_ns);

void server_metrics_render(struct server_metrics *metrics, struct buf *out);

#endif
