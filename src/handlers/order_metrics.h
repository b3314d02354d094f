/* order_metrics.h - counts how orders ended, and how long commits took. The handlers write the
 * counters; /metrics, GET /health and the sampler read them.
 *
 * Threads    Call order_metrics_init() before the first request. Any thread may use the members,
 *            through the functions of base/metrics.h. */
#ifndef HANDLERS_ORDER_METRICS_H
#define HANDLERS_ORDER_METRICS_H

#include <stdint.h>

#include "base/metrics.h"

/* How an order ended. Each order of a request body is counted at most once. A batch that is
 * rejected before its orders are read, or as an invalid document, is counted as one order. */
enum order_result {
    RESULT_CREATED,
    RESULT_REPLAYED,
    RESULT_INVALID,
    RESULT_REUSED,
    RESULT_STALE,
    RESULT_REFUSED,       /* rejected by the database */
    RESULT_BATCH_REFUSED, /* valid, and another order of its atomic batch was rejected */
    /* The queue or the memory budget was full, the wait would have been too long, or the service
     * was draining. */
    RESULT_REFUSED_FULL,
    RESULT_UNAVAILABLE, /* not sent by the deadline, or the database is down or at fault */
    RESULT_UNKNOWN,     /* answered 504, and no later verdict says that it is stored */
    RESULT_FAILED,
    RESULT_LATE, /* answered 504, and later found to be stored */
};
enum { ORDER_RESULTS = RESULT_LATE + 1 };

/* What http_key_count() counts: the orders of each key that were answered as new, or as replays. */
enum key_orders { KEY_ORDERS_CREATED, KEY_ORDERS_REPLAYED };

struct order_metrics {
    struct counter results[ORDER_RESULTS];
    struct histogram commit_duration; /* of created orders, from receipt to commit */
};

void order_metrics_init(struct order_metrics *metrics);

void order_metrics_count(struct order_metrics *metrics, enum order_result result, uint64_t orders);

#endif
