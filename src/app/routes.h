/* routes.h - the HTTP face of the service: the only place that sees both HTTP and orders. */
#ifndef APP_ROUTES_H
#define APP_ROUTES_H

#include <stddef.h>

#include "http/http.h"

struct fifo;

extern const struct http_route routes[];
extern const size_t routes_count;

/* For ingest_options: gives each item back to the loop that its request belongs to. */
void routes_on_done(void *service, struct fifo *items);

/* Handlers; ctx is the struct service. */
void post_order(struct http_request *req, void *ctx);
void post_batch(struct http_request *req, void *ctx);
void get_order(struct http_request *req, void *ctx);
void get_orders(struct http_request *req, void *ctx);
void get_health(struct http_request *req, void *ctx);
void get_live(struct http_request *req, void *ctx);
void get_ready(struct http_request *req, void *ctx);
void get_startup(struct http_request *req, void *ctx);
void get_metrics(struct http_request *req, void *ctx);
void get_status(struct http_request *req, void *ctx);
void get_page(struct http_request *req, void *ctx);
void get_asset(struct http_request *req, void *ctx);
void get_contract(struct http_request *req, void *ctx);
void get_version(struct http_request *req, void *ctx);

#endif
