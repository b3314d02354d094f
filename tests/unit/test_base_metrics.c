#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <pthread.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/metrics.h"

Test(metrics, counter_and_gauge)
{
    static struct counter counter;
    static struct gauge gauge;
    cr_expect_eq(counter_read(&counter), 0);
    counter_add(&counter, 1);
    counter_add(&counter, UINT64_C(1) << 40);
    cr_expect_eq(counter_read(&counter), (UINT64_C(1) << 40) + 1);

    gauge_set(&gauge, 5);
    gauge_add(&gauge, -7);
    cr_expect_eq(gauge_read(&gauge), -2);
}

static void *ask_stripe(void *arg)
{
    unsigned *stripe = arg;
    *stripe = metric_stripe_index();
    if (metric_stripe_index() != *stripe)
        *stripe = METRIC_STRIPES; /* a thread keeps its stripe */
    return NULL;
}

Test(metrics, threads_are_spread_evenly)
{
    unsigned seen[METRIC_STRIPES] = { 0 };
    for (int i = 0; i < METRIC_STRIPES * 3; i++) {
        pthread_t thread;
        unsigned stripe;
        cr_assert_eq(pthread_create(&thread, NULL, ask_stripe, &stripe), 0);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        cr_assert_lt(stripe, METRIC_STRIPES);
        seen[stripe]++;
    }
    for (int i = 0; i < METRIC_STRIPES; i++)
        cr_expect_eq(seen[i], 3, "stripe %d has %u", i, seen[i]);
}

Test(metrics, latency_bounds_ascend_from_50_us_to_30_s)
{
    cr_expect_eq(metric_latency_bounds_ns[0], 50 * NS_PER_US);
    for (size_t i = 1; i < metric_latency_n_bounds; i++)
        cr_expect_lt(metric_latency_bounds_ns[i - 1], metric_latency_bounds_ns[i]);
    cr_expect_eq(metric_latency_bounds_ns[metric_latency_n_bounds - 1], 30 * NS_PER_S);
}

static const int64_t bounds[] = { 10, 20, 50 };

Test(metrics, a_bound_belongs_to_its_bucket)
{
    static const int64_t values[] = { -3, 0, 10, 11, 20, 50, 51, 1000 };
    static struct histogram histogram;
    histogram_init(&histogram, bounds, 3);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        histogram_observe(&histogram, values[i]);

    struct histogram_view view;
    histogram_read(&histogram, &view);
    cr_expect_eq(view.bucket[0], 3);
    cr_expect_eq(view.bucket[1], 2);
    cr_expect_eq(view.bucket[2], 1);
    cr_expect_eq(view.bucket[3], 2, "above every bound");
    cr_expect_eq(view.count, 8);
    cr_expect_eq(view.sum, 10 + 11 + 20 + 50 + 51 + 1000, "a negative value would lower the sum");
}

Test(metrics, as_many_bounds_as_there_is_room_for)
{
    static int64_t many[HISTOGRAM_BUCKETS_MAX];
    static struct histogram histogram;
    for (int i = 0; i < HISTOGRAM_BUCKETS_MAX; i++)
        many[i] = i;
    histogram_init(&histogram, many, HISTOGRAM_BUCKETS_MAX);
    histogram_observe(&histogram, INT64_MAX);

    struct histogram_view view;
    histogram_read(&histogram, &view);
    cr_expect_eq(view.bucket[HISTOGRAM_BUCKETS_MAX], 1);
}

Test(metrics, quantiles_of_what_came_between_two_views)
{
    static const int64_t steps[] = { 10, 20, 40 };
    static struct histogram histogram;
    struct histogram_view before, now;
    histogram_init(&histogram, steps, 3);
    histogram_observe(&histogram, 5);
    histogram_read(&histogram, &before);
    now = before;
    histogram_since(&now, &before);
    cr_expect_eq(histogram_quantile(&now, 500), -1, "nothing came");

    for (int i = 0; i < 10; i++)
        histogram_observe(&histogram, 15);
    histogram_read(&histogram, &now);
    histogram_since(&now, &before);
    cr_expect_eq(now.count, 10);
    cr_expect_eq(now.sum, 150);
    cr_expect_eq(histogram_quantile(&now, 500), 15, "half of the way through its bucket");
    cr_expect_eq(histogram_quantile(&now, 1000), 20);

    for (int i = 0; i < 90; i++)
        histogram_observe(&histogram, 1000);
    histogram_read(&histogram, &now);
    histogram_since(&now, &before);
    cr_expect_eq(histogram_quantile(&now, 100), 20);
    cr_expect_eq(histogram_quantile(&now, 990), 40, "above every bound: the last");
}

Test(prom, families_and_plain_samples)
{
    struct buf out = BUF_INIT(10000);
    prom_family(&out, "a_total", "counter", "Things done.");
    prom_uint(&out, "a_total", "", UINT64_MAX);
    prom_uint(&out, "a_total", "kind=\"x\"", 0);
    prom_int(&out, "b", "", INT64_MIN);
    cr_expect_str_eq(out.data, "# HELP a_total Things done.\n"
                               "# TYPE a_total counter\n"
                               "a_total 18446744073709551615\n"
                               "a_total{kind=\"x\"} 0\n"
                               "b -9223372036854775808\n");
    buf_fini(&out);
}

struct seconds_case {
    int64_t ns;
    char want[40];
};

ParameterizedTestParameters(prom, seconds)
{
    /* clang-format off */
    static struct seconds_case cases[] = {
        { 0, "s 0\n" },
        { 1, "s 0.000000001\n" },
        { 50 * NS_PER_US, "s 0.00005\n" },
        { 2500 * NS_PER_MS, "s 2.5\n" },
        { NS_PER_S, "s 1\n" },
        { NS_PER_S - 1, "s 0.999999999\n" },
        { -1500 * NS_PER_MS, "s -1.5\n" },
        { INT64_MAX, "s 9223372036.854775807\n" },
        { INT64_MIN, "s -9223372036.854775808\n" },
    };
    /* clang-format on */
    return cr_make_param_array(struct seconds_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct seconds_case *c, prom, seconds, .timeout = 60)
{
    struct buf out = BUF_INIT(100);
    prom_seconds(&out, "s", "", c->ns);
    cr_expect_str_eq(out.data, c->want);
    buf_fini(&out);
}

Test(prom, histogram_in_seconds_is_cumulative)
{
    static const int64_t ns[] = { 50 * NS_PER_US, NS_PER_MS, 2500 * NS_PER_MS };
    static struct histogram histogram;
    histogram_init(&histogram, ns, 3);
    histogram_observe(&histogram, 1);
    histogram_observe(&histogram, NS_PER_MS);
    histogram_observe(&histogram, 3 * NS_PER_S);
    struct histogram_view view;
    histogram_read(&histogram, &view);

    struct buf out = BUF_INIT(10000);
    prom_histogram(&out, "h", "route=\"/\"", &view, NS_PER_S);
    cr_expect_str_eq(out.data, "h_bucket{route=\"/\",le=\"0.00005\"} 1\n"
                               "h_bucket{route=\"/\",le=\"0.001\"} 2\n"
                               "h_bucket{route=\"/\",le=\"2.5\"} 2\n"
                               "h_bucket{route=\"/\",le=\"+Inf\"} 3\n"
                               "h_sum{route=\"/\"} 3.001000001\n"
                               "h_count{route=\"/\"} 3\n");
    buf_fini(&out);
}

Test(prom, label_values_are_escaped)
{
    struct buf labels = BUF_INIT(100);
    prom_label(&labels, "a", "x.y:z/1-_");
    cr_expect_str_eq(labels.data, "a=\"x.y:z/1-_\"");
    prom_label(&labels, "b", "\\ \" \n}");
    cr_expect_str_eq(labels.data, "a=\"x.y:z/1-_\",b=\"\\\\ \\\" \\n}\"");
    prom_label(&labels, "c", "");
    cr_expect_str_eq(labels.data + labels.len - 5, ",c=\"\"");
    buf_fini(&labels);
}

Test(prom, openmetrics_differs_in_the_names_of_counters_and_the_end)
{
    struct buf out = BUF_INIT(10000);
    prom_to_openmetrics("# HELP a_total Things in total.\n"
                        "# TYPE a_total counter\n"
                        "a_total{kind=\"# TYPE x_total\"} 3\n"
                        "# HELP b Of a_total.\n"
                        "# TYPE b gauge\n"
                        "b -1\n",
                        &out);
    cr_expect_str_eq(out.data, "# HELP a Things in total.\n"
                               "# TYPE a counter\n"
                               "a_total{kind=\"# TYPE x_total\"} 3\n"
                               "# HELP b Of a_total.\n"
                               "# TYPE b gauge\n"
                               "b -1\n"
                               "# EOF\n");
    buf_clear(&out);
    prom_to_openmetrics("", &out);
    cr_expect_str_eq(out.data, "# EOF\n");
    buf_fini(&out);
}

Test(prom, histogram_without_labels_or_scale)
{
    static struct histogram histogram;
    histogram_init(&histogram, bounds, 2);
    histogram_observe(&histogram, 15);
    struct histogram_view view;
    histogram_read(&histogram, &view);

    struct buf out = BUF_INIT(10000);
    prom_histogram(&out, "g", "", &view, 1);
    cr_expect_str_eq(out.data, "g_bucket{le=\"10.0\"} 0\n"
                               "g_bucket{le=\"20.0\"} 1\n"
                               "g_bucket{le=\"+Inf\"} 1\n"
                               "g_sum 15\n"
                               "g_count 1\n");
    buf_fini(&out);
}
