/* order_metrics.c - counts how orders ended. */
#include "handlers/order_metrics.h"

void order_metrics_init(struct order_metrics *metrics)
{
    histogram_init(&metrics->commit_duration, metric_latency_bounds_ns, metric_latency_n_bounds);
}

void order_metrics_count(struct order_metrics *metrics, enum order_result result, uint64_t orders)
{
    counter_add(&metrics->results[result], orders);
}
