/* key_metrics.h - writes the metrics of API keys. Only callers with a key get them, because the
 * name of a key may be that of a customer. Threads: any. */
#ifndef OBSERVABILITY_KEY_METRICS_H
#define OBSERVABILITY_KEY_METRICS_H

#include <stddef.h>

struct buf;
struct http_key_figures;

/* The most bytes that key_metrics_render() writes: HTTP_KEYS_SHOWN keys with the longest names and
 * codes, and the largest counts. A part of the bound of /metrics (metrics.c). */
enum { KEY_METRICS_MAX = 384 * 1024 };

/* The codes that each key has a count of from the start: http_options.key_codes. */
extern const char *const key_metrics_codes[];

/* Writes the metrics of n keys. If n is 0, writes nothing. */
void key_metrics_render(struct buf *out, const struct http_key_figures *keys, size_t n);

/* Writes the metrics of a key for the manual. */
void key_metrics_blank(struct buf *out);

#endif
