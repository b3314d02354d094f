/* metrics.c - see metrics.h. Threads get their stripes round robin. Two threads may share a stripe,
 * so updates are atomic. They are relaxed, because no other data depends on a count. */
#include "base/metrics.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"

/* clang-format off */
const int64_t metric_latency_bounds_ns[] = {
     50 * NS_PER_US, 100 * NS_PER_US, 200 * NS_PER_US, 500 * NS_PER_US,
      1 * NS_PER_MS,   2 * NS_PER_MS,   5 * NS_PER_MS,
     10 * NS_PER_MS,  20 * NS_PER_MS,  50 * NS_PER_MS,
    100 * NS_PER_MS, 200 * NS_PER_MS, 500 * NS_PER_MS,
      1 * NS_PER_S,    2 * NS_PER_S,    5 * NS_PER_S,
     10 * NS_PER_S,   20 * NS_PER_S,   30 * NS_PER_S,
};
/* clang-format on */
const size_t metric_latency_n_bounds =
    sizeof metric_latency_bounds_ns / sizeof metric_latency_bounds_ns[0];

_Static_assert(sizeof metric_latency_bounds_ns / sizeof metric_latency_bounds_ns[0] <=
                   HISTOGRAM_BUCKETS_MAX,
               "a histogram has a bucket for every bound");

unsigned metric_stripe_index(void)
{
    static atomic_uint dealt;
    static _Thread_local unsigned mine; /* stripe index + 1; 0: none assigned yet */
    if (mine == 0)
        mine = atomic_fetch_add_explicit(&dealt, 1, memory_order_relaxed) % METRIC_STRIPES + 1;
    return mine - 1;
}

void counter_add(struct counter *counter, uint64_t n)
{
    atomic_fetch_add_explicit(&counter->stripe[metric_stripe_index()].value, n,
                              memory_order_relaxed);
}

uint64_t counter_read(const struct counter *counter)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < METRIC_STRIPES; i++)
        sum += atomic_load_explicit(&counter->stripe[i].value, memory_order_relaxed);
    return sum;
}

void gauge_set(struct gauge *gauge, int64_t value)
{
    atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
}

void gauge_add(struct gauge *gauge, int64_t n)
{
    atomic_fetch_add_explicit(&gauge->value, n, memory_order_relaxed);
}

int64_t gauge_read(const struct gauge *gauge)
{
    return atomic_load_explicit(&gauge->value, memory_order_relaxed);
}

void histogram_init(struct histogram *histogram, const int64_t *bounds, size_t n_bounds)
{
    CHECK(n_bounds <= HISTOGRAM_BUCKETS_MAX);
    *histogram = (struct histogram){ .bounds = bounds, .n_bounds = n_bounds };
}

void histogram_observe(struct histogram *histogram, int64_t value)
{
    struct histogram_stripe *stripe = &histogram->stripe[metric_stripe_index()];
    size_t i = 0;
    while (i < histogram->n_bounds && value > histogram->bounds[i])
        i++;
    atomic_fetch_add_explicit(&stripe->bucket[i], 1, memory_order_relaxed);
    if (value > 0) /* the sum of a Prometheus histogram must never fall */
        atomic_fetch_add_explicit(&stripe->sum, (uint64_t)value, memory_order_relaxed);
}

void histogram_read(const struct histogram *histogram, struct histogram_view *view)
{
    *view = (struct histogram_view){ .bounds = histogram->bounds, .n_bounds = histogram->n_bounds };
    for (size_t s = 0; s < METRIC_STRIPES; s++) {
        const struct histogram_stripe *stripe = &histogram->stripe[s];
        view->sum += atomic_load_explicit(&stripe->sum, memory_order_relaxed);
        for (size_t i = 0; i <= histogram->n_bounds; i++)
            view->bucket[i] += atomic_load_explicit(&stripe->bucket[i], memory_order_relaxed);
    }
    for (size_t i = 0; i <= histogram->n_bounds; i++)
        view->count += view->bucket[i];
}

void histogram_since(struct histogram_view *view, const struct histogram_view *before)
{
    for (size_t i = 0; i <= view->n_bounds; i++)
        view->bucket[i] -= before->bucket[i];
    view->count -= before->count;
    view->sum -= before->sum;
}

int64_t histogram_quantile(const struct histogram_view *view, unsigned permille)
{
    if (view->count == 0)
        return -1;
    double rank = (double)view->count * permille / 1000, below = 0;
    for (size_t i = 0; i < view->n_bounds; i++) {
        double here = (double)view->bucket[i];
        if (here > 0 && below + here >= rank) {
            int64_t low = i > 0 ? view->bounds[i - 1] : 0;
            return low + (int64_t)((double)(view->bounds[i] - low) * (rank - below) / here);
        }
        below += here;
    }
    return view->bounds[view->n_bounds - 1];
}

void prom_label(struct buf *labels, const char *name, const char *value)
{
    buf_printf(labels, "%s%s=\"", labels->len > 0 ? "," : "", name);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\\' || *c == '"' || *c == '\n')
            buf_add_char(labels, '\\');
        if (*c == '\n')
            buf_add_char(labels, 'n');
        else
            buf_add_char(labels, *c);
    }
    buf_add_char(labels, '"');
}

/* Adds value / scale as a decimal without trailing zeros, cut after nine decimal places. */
static void add_scaled(struct buf *out, uint64_t value, uint64_t scale)
{
    buf_printf(out, "%llu", (unsigned long long)(value / scale));
    uint64_t rest = value % scale;
    if (rest > 0)
        buf_add_char(out, '.');
    for (int place = 0; rest > 0 && place < 9; place++) {
        rest *= 10;
        buf_add_char(out, (char)('0' + rest / scale));
        rest %= scale;
    }
}

/* Adds `name`, `suffix` and {labels}, and a space. Empty labels get no braces. */
static void add_series(struct buf *out, const char *name, const char *suffix, const char *labels)
{
    buf_add_str(out, name);
    buf_add_str(out, suffix);
    if (labels[0] != '\0')
        buf_printf(out, "{%s}", labels);
    buf_add_char(out, ' ');
}

void prom_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void prom_uint(struct buf *out, const char *name, const char *labels, uint64_t value)
{
    add_series(out, name, "", labels);
    buf_printf(out, "%llu\n", (unsigned long long)value);
}

void prom_int(struct buf *out, const char *name, const char *labels, int64_t value)
{
    add_series(out, name, "", labels);
    buf_printf(out, "%lld\n", (long long)value);
}

void prom_seconds(struct buf *out, const char *name, const char *labels, int64_t value_ns)
{
    add_series(out, name, "", labels);
    if (value_ns < 0)
        buf_add_char(out, '-');
    add_scaled(out, value_ns < 0 ? -(uint64_t)value_ns : (uint64_t)value_ns, NS_PER_S);
    buf_add_char(out, '\n');
}

static void add_bucket(struct buf *out, const char *name, const char *labels)
{
    buf_printf(out, "%s_bucket{%s%sle=\"", name, labels, labels[0] != '\0' ? "," : "");
}

/* Adds the bound as a float ("1.0"), as OpenMetrics requires. Prometheus accepts that too. */
static void add_bound(struct buf *out, uint64_t bound, uint64_t scale)
{
    add_scaled(out, bound, scale);
    if (bound % scale == 0)
        buf_add_str(out, ".0");
}

void prom_histogram(struct buf *out, const char *name, const char *labels,
                    const struct histogram_view *view, int64_t scale)
{
    uint64_t below = 0;
    for (size_t i = 0; i < view->n_bounds; i++) {
        below += view->bucket[i];
        add_bucket(out, name, labels);
        add_bound(out, (uint64_t)view->bounds[i], (uint64_t)scale);
        buf_printf(out, "\"} %llu\n", (unsigned long long)below);
    }
    add_bucket(out, name, labels);
    buf_printf(out, "+Inf\"} %llu\n", (unsigned long long)view->count);

    add_series(out, name, "_sum", labels);
    add_scaled(out, view->sum, (uint64_t)scale);
    buf_add_char(out, '\n');
    add_series(out, name, "_count", labels);
    buf_printf(out, "%llu\n", (unsigned long long)view->count);
}

/* Returns the suffix _total of the family name in a HELP or TYPE line. Returns NULL for other lines
 * and for names without that suffix. */
static const char *total_of(const char *line, size_t len)
{
    bool names_family = strncmp(line, "# HELP ", 7) == 0 || strncmp(line, "# TYPE ", 7) == 0;
    if (!names_family)
        return NULL;
    size_t end = 7 + strcspn(line + 7, " \n");
    const char *total = line + end - strlen("_total");
    return end < len && total > line + 7 && strncmp(total, "_total", 6) == 0 ? total : NULL;
}

void prom_to_openmetrics(const char *text, struct buf *out)
{
    for (size_t len; *text != '\0'; text += len) {
        len = strcspn(text, "\n");
        len += text[len] == '\n';
        const char *total = total_of(text, len);
        if (total == NULL) {
            buf_add(out, text, len);
            continue;
        }
        buf_add(out, text, (size_t)(total - text));
        total += strlen("_total");
        buf_add(out, total, (size_t)(text + len - total));
    }
    buf_add_str(out, "# EOF\n");
}
