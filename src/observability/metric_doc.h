/* metric_doc.h - the manual's page about metrics (docs/METRICS.md), made from the text of /metrics
 * itself, so that neither can have what the other has not. */
#ifndef OBSERVABILITY_METRIC_DOC_H
#define OBSERVABILITY_METRIC_DOC_H

#include <stddef.h>

struct buf;
struct http_route;

void metric_doc(const struct http_route *routes, size_t n_routes, struct buf *out);

#endif
