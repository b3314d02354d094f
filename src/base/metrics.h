/* metrics.h - counts in counters, gauges and histograms, and prints them as Prometheus text.
 *
 * Writers    counter_add() and histogram_observe() add to the calling thread's stripe, by relaxed
 *            atomics without a lock. Stripes share no cache line. Any thread.
 * Readers    counter_read() and histogram_read() sum the stripes. The sum never falls, and it is
 *            exact when no thread is writing. Any thread.
 * Units      durations are observed in nanoseconds and shown in seconds. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum { METRIC_STRIPES = 8, HISTOGRAM_BUCKETS_MAX = 24 };

struct metric_stripe {
    _Alignas(64) atomic_uint_fast64_t value;
};

struct counter {
    struct metric_stripe stripe[METRIC_STRIPES];
};

struct gauge {
    atomic_int_fast64_t value;
};

struct histogram_stripe {
    _Alignas(64) atomic_uint_fast64_t sum;
    atomic_uint_fast64_t bucket[HISTOGRAM_BUCKETS_MAX + 1]; /* the last bucket: above every bound */
};

struct histogram {
    const int64_t *bounds; /* ascending upper bounds, inclusive; borrowed, static data */
    size_t n_bounds;       /* <= HISTOGRAM_BUCKETS_MAX */
    struct histogram_stripe stripe[METRIC_STRIPES];
};

struct histogram_view {
    const int64_t *bounds;
    size_t n_bounds;
    uint64_t bucket[HISTOGRAM_BUCKETS_MAX + 1]; /* not cumulative */
    uint64_t count, sum;
};

/* Bounds from 50 us to 30 s, each about twice the one before, for histograms of latencies. */
extern const int64_t metric_latency_bounds_ns[];
extern const size_t metric_latency_n_bounds;

/* Returns the stripe of the calling thread, from 0 to METRIC_STRIPES - 1. */
unsigned metric_stripe_index(void);

void counter_add(struct counter *counter, uint64_t n);
uint64_t counter_read(const struct counter *counter);

void gauge_set(struct gauge *gauge, int64_t value);
void gauge_add(struct gauge *gauge, int64_t n);
int64_t gauge_read(const struct gauge *gauge);

void histogram_init(struct histogram *histogram, const int64_t *bounds, size_t n_bounds);
void histogram_observe(struct histogram *histogram, int64_t value);
void histogram_read(const struct histogram *histogram, struct histogram_view *view);

/* Subtracts `before`, an earlier view of the same histogram. Then *view has only the values that
 * were observed after `before`. */
void histogram_since(struct histogram_view *view, const struct histogram_view *before);
/* Estimates the quantile inside its bucket, as Prometheus does. Values above the last bound count
 * as the last bound. Returns -1 if nothing was observed. */
int64_t histogram_quantile(const struct histogram_view *view, unsigned permille);

/* Adds the label `name` to `labels`, after a comma if there are others. Any text may be the value:
 * a backslash, a quote and a line feed in it are escaped. */
void prom_label(struct buf *labels, const char *name, const char *value);

/* These print the Prometheus text format 0.0.4. `labels` is written as given, without braces; ""
 * means no labels. */
void prom_family(struct buf *out, const char *name, const char *type, const char *help);
void prom_uint(struct buf *out, const char *name, const char *labels, uint64_t value);
void prom_int(struct buf *out, const char *name, const char *labels, int64_t value);
void prom_seconds(struct buf *out, const char *name, const char *labels, int64_t value_ns);
/* Prints a histogram. Its bounds and its sum are divided by `scale`: NS_PER_S for durations, 1 for
 * sizes. */
void prom_histogram(struct buf *out, const char *name, const char *labels,
                    const struct histogram_view *view, int64_t scale);

/* Converts Prometheus text to OpenMetrics 1.0.0. There, the name of a counter's family has no
 * suffix _total, although the names of its samples have it, and the text ends with "# EOF". */
void prom_to_openmetrics(const char *text, struct buf *out);

#endif
