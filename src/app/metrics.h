/* metrics.h - /metrics, but for the handler (routes.h). */
#ifndef APP_METRICS_H
#define APP_METRICS_H

struct buf;

/* The text of /metrics without a service: every family with every value that a label can have, and
 * no figure that means anything. For the manual. */
void metrics_blank(struct buf *out);

#endif
