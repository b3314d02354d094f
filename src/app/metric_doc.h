/* metric_doc.h - the manual's page about metrics (docs/METRICS.md), made from the text of /metrics
 * itself, so that neither can have what the other has not. */
#ifndef APP_METRIC_DOC_H
#define APP_METRIC_DOC_H

struct buf;

void metric_doc(struct buf *out);

#endif
