/* handlers.h - the handlers of /v1/orders, and the context that they share: all that they need of
 * the service. Only these handlers see both HTTP and orders.
 *
 * Threads    a handler runs on the loop of its request. `metrics`: any thread; the other members
 *            do not change after the first request.
 * Ownership  the context borrows what its pointers name, and outlives every request.
 * Errors     a handler answers its request in every case, now or later. */
#ifndef HANDLERS_HANDLERS_H
#define HANDLERS_HANDLERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "handlers/order_metrics.h"

struct budget;
struct http_request;
struct ingest;
struct pqpool;
struct reader;

struct handlers {
    struct ingest *ingest;
    struct reader *reader;
    struct pqpool *pool;             /* asked only whether the database is down */
    struct budget *memory;           /* of posts, batches, lookups and their answers */
    const atomic_bool *schema_ready; /* until it is set no order is accepted */
    struct order_metrics metrics;
    size_t batch_max;          /* orders in one batch, at most the capacity of the queue */
    int64_t commit_timeout_ns; /* from the receipt of a request to the verdict of its orders */
    int64_t lookup_timeout_ns;
};

/* `ctx` is a struct handlers; the type is that of http_route.handle. */
void handlers_post_order(struct http_request *req, void *ctx);
void handlers_post_batch(struct http_request *req, void *ctx);
void handlers_get_order(struct http_request *req, void *ctx);
void handlers_get_orders(struct http_request *req, void *ctx);

#endif
