/* observability.h - declares the handlers of health, metrics, status, the page and the contract,
 * and their context: the parts of the service that they observe, and the records that they show.
 *
 * Every answer is made on the loop from figures in memory. No handler waits for the queue, a
 * connection or the database, so an answer can neither hang nor add to an overload.
 *
 * Threads    A handler runs on the loop of its request. Only main uses `sampler`. The headers of
 *            the other structs state their threads. The pointers and numbers of the context do not
 *            change after the first request.
 * Ownership  The context borrows what its pointers point to, and outlives every request. */
#ifndef OBSERVABILITY_OBSERVABILITY_H
#define OBSERVABILITY_OBSERVABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "observability/database_check.h"
#include "observability/history.h"
#include "observability/last_errors.h"
#include "observability/nodes.h"
#include "observability/readiness.h"
#include "observability/sampler.h"

struct budget;
struct http_request;
struct ingest;
struct order_metrics;
struct pqpool;
struct store;

struct observability {
    struct pqpool *pool;
    struct store *store;
    struct ingest *ingest;
    const struct order_metrics *orders;
    const struct budget *memory; /* memory that clients make the service hold */
    uint64_t memory_max_bytes;   /* limit of the whole process */
    uint32_t group_max;          /* most orders in one group */
    bool disclose_all;           /* every caller may read every text: see disclosure.h */
    int64_t started_at_ns, started_at_us;
    char host[65]; /* the name of this machine or container */

    struct readiness readiness;
    struct database_check check;
    struct nodes nodes;
    struct history history;
    struct sampler sampler;
    struct last_errors last_errors;
};

/* The functions are callbacks for http_route.handle. `ctx` is a struct observability. */
void observability_get_health(struct http_request *req, void *ctx);
void observability_get_live(struct http_request *req, void *ctx);
void observability_get_ready(struct http_request *req, void *ctx);
void observability_get_startup(struct http_request *req, void *ctx);
void observability_get_metrics(struct http_request *req, void *ctx);
void observability_get_status(struct http_request *req, void *ctx);
void observability_get_page(struct http_request *req, void *ctx);
void observability_get_asset(struct http_request *req, void *ctx);
void observability_get_contract(struct http_request *req, void *ctx);
void observability_get_reference(struct http_request *req, void *ctx);
void observability_get_version(struct http_request *req, void *ctx);

#endif
