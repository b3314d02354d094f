/* handlers.h - declares the handlers of /v1/orders, and the context that they share: the parts of
 * the service that they use. Only these handlers know both HTTP and orders.
 *
 * Threads    A handler runs on the loop of its request. Of the context, any thread may update
 *            `metrics`; the other members do not change after the first request.
 * Ownership  The context borrows what its pointers name, and outlives every request.
 * Errors     A handler always answers its request, at once or later. */
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
    struct pqpool *pool;             /* used only to see whether the database is down */
    struct budget *memory;           /* for posts, batches, lookups and their answers */
    const atomic_bool *schema_ready; /* while it is false, no order is accepted */
    /* While it is true, no order is accepted: DATABASE_REQUIRE_SYNC_STANDBY is set, and no
     * synchronous standby is known. */
    const atomic_bool *lacks_standby;
    struct order_metrics metrics;
    size_t batch_max;          /* most orders in one batch; at most the capacity of the queue */
    int64_t commit_timeout_ns; /* most time from the receipt of a request to its verdicts */
    int64_t lookup_timeout_ns;
};

/* `ctx` is a struct handlers. The functions are http_route.handle callbacks. handlers_get_orders()
 * calls handlers_list_orders() if the query has no client_order_id. */
void handlers_post_order(struct http_request *req, void *ctx);
void handlers_post_batch(struct http_request *req, void *ctx);
void handlers_get_order(struct http_request *req, void *ctx);
void handlers_get_orders(struct http_request *req, void *ctx);
void handlers_list_orders(struct http_request *req, void *ctx);

#endif
