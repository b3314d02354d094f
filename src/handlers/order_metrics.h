/* order_metrics.h - how many orders ended in which way, and how long commits took. The handlers
 * count; /metrics, GET /health and the sampler read.
 *
 * Threads    order_metrics_init(): before the first request. The members: any thread, by the
 *            functions of base/metrics.h. */
#ifndef HANDLERS_ORDER_METRICS_H
#define HANDLERS_ORDER_METRICS_H

#include <stdint.h>

#include "base/metrics.h"

/* How an order ended. Each order that was read is counted once. */
enum order_result {
    RESULT_CREATED,
    RESULT_REPLAYED,
    RESULT_INVALID,
    RESULT_REUSED,
    RESULT_STALE,
    RESULT_REFUSED,       /* by the database */
    RESULT_BATCH_REFUSED, /* valid, and another order of its atomic batch was rejected */
    RESULT_REFUSED_FULL,  /* queue full, too slow, or draining */
    RESULT_UNAVAILABLE,   /* no database, not sent by the deadline, or the database cannot store */
    RESULT_UNKNOWN,       /* answered 504, and no verdict ever came */
    RESULT_FAILED,
    RESULT_LATE, /* answered 504, and found stored afterwards */
};
enum { ORDER_RESULTS = RESULT_LATE + 1 };

struct order_metrics {
    struct counter results[ORDER_RESULTS];
    struct histogram commit_duration; /* from receipt to commit, of orders that were created */
};

void order_metrics_init(struct order_metrics *metrics);

void order_metrics_count(struct order_metrics *metrics, enum order_result result, uint64_t orders);

#endif
