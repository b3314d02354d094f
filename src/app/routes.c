/* routes.c - the table of design.md section 5: which path does what, and what it may answer. */
#include "app/routes.h"

static const int post_statuses[] = { 200, 201, 400, 403, 411, 413, 415, 422, 500, 503, 504, 0 };
static const int batch_statuses[] = {
    200, 201, 207, 400, 403, 411, 413, 415, 422, 500, 503, 504, 0
};
static const int read_statuses[] = { 200, 403, 404, 422, 500, 503, 0 };
static const int probe_statuses[] = { 200, 503, 0 };
static const int plain_statuses[] = { 200, 500, 0 };

/* clang-format off */
const struct http_route routes[] = {
    { "POST", "/v1/orders",            HTTP_JSON_BODY, HTTP_WITH_KEY, post_order,  post_statuses },
    { "POST", "/v1/orders/batch",      HTTP_LIST_BODY, HTTP_WITH_KEY, post_batch,  batch_statuses },
    { "GET",  "/v1/orders/{order_id}", HTTP_NO_BODY,   HTTP_WITH_KEY, get_order,   read_statuses },
    { "GET",  "/v1/orders",            HTTP_NO_BODY,   HTTP_WITH_KEY, get_orders,  read_statuses },
    { "GET",  "/health",               HTTP_NO_BODY,   HTTP_ANYONE,   get_health,  probe_statuses },
    { "GET",  "/health/live",          HTTP_NO_BODY,   HTTP_PROBE,    get_live,    probe_statuses },
    { "GET",  "/health/ready",         HTTP_NO_BODY,   HTTP_PROBE,    get_ready,   probe_statuses },
    { "GET",  "/health/startup",       HTTP_NO_BODY,   HTTP_PROBE,    get_startup, probe_statuses },
    { "GET",  "/metrics",              HTTP_NO_BODY,   HTTP_ANYONE,   get_metrics, plain_statuses },
    { "GET",  "/",                     HTTP_NO_BODY,   HTTP_ANYONE,   get_page,    plain_statuses },
    { "GET",  "/openapi.yaml",         HTTP_NO_BODY,   HTTP_ANYONE,   get_contract, plain_statuses },
    { "GET",  "/version",              HTTP_NO_BODY,   HTTP_ANYONE,   get_version, plain_statuses },
};
/* clang-format on */
const size_t routes_count = sizeof routes / sizeof routes[0];
