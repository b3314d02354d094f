/* metric_doc.h - makes docs/METRICS.md from the text of /metrics, so that the manual and the
 * program list the same metrics. */
#ifndef OBSERVABILITY_METRIC_DOC_H
#define OBSERVABILITY_METRIC_DOC_H

#include <stddef.h>

struct buf;
struct http_route;

void metric_doc(const struct http_route *routes, size_t n_routes, struct buf *out);

#endif
