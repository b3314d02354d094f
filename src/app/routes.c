/* routes.c - the table of routes of api/openapi.yaml, with the handler and the possible statuses of
 * each route. The HTTP server passes the same `ctx` to every handler: the member `handlers` of
 * struct service. The handlers of orders use this `ctx` directly. The handlers of observability
 * need the member `observability` of struct service, so a function in this file finds that member
 * and calls the handler. */
#include "app/routes.h"

#include "app/service.h"
#include "base/list.h"
#include "handlers/handlers.h"
#include "observability/observability.h"

/* `ctx` is the `handlers` of a struct service. */
static struct observability *observability_of(void *ctx)
{
    struct handlers *handlers = ctx;
    return &CONTAINER_OF(handlers, struct service, handlers)->observability;
}

static void get_health(struct http_request *req, void *ctx)
{
    observability_get_health(req, observability_of(ctx));
}

static void get_ready(struct http_request *req, void *ctx)
{
    observability_get_ready(req, observability_of(ctx));
}

static void get_startup(struct http_request *req, void *ctx)
{
    observability_get_startup(req, observability_of(ctx));
}

static void get_metrics(struct http_request *req, void *ctx)
{
    observability_get_metrics(req, observability_of(ctx));
}

static void get_status(struct http_request *req, void *ctx)
{
    observability_get_status(req, observability_of(ctx));
}

/* clang-format off */
static const int post_statuses[] = { 200, 201, 400, 401, 403, 406, 411, 413, 415, 422, 429, 500, 503, 504, 0 };
static const int batch_statuses[] = { 200, 201, 207, 400, 401, 403, 406, 411, 413, 415, 422, 429, 500, 503, 504, 0 };
/* clang-format on */
static const int read_statuses[] = { 200, 401, 403, 404, 406, 422, 429, 500, 503, 0 };
static const int query_statuses[] = { 200, 400, 401, 403, 406, 422, 429, 500, 503, 0 };
static const int probe_statuses[] = { 200, 503, 0 };
static const int figures_statuses[] = { 200, 401, 429, 500, 0 };
static const int asset_statuses[] = { 200, 404, 500, 0 };
static const int plain_statuses[] = { 200, 500, 0 };

#define JSON "application/json"
#define JSON_OR_LINES JSON ", application/x-ndjson"

/* The routes of the service. A probe ignores Accept. */
/* clang-format off */
const struct http_route routes[] = {
    { "POST", "/v1/orders",            HTTP_JSON_BODY, HTTP_WITH_KEY, handlers_post_order,  post_statuses,  JSON },
    { "POST", "/v1/orders/batch",      HTTP_LIST_BODY, HTTP_WITH_KEY, handlers_post_batch,  batch_statuses, JSON_OR_LINES },
    { "GET",  "/v1/orders/{order_id}", HTTP_NO_BODY,   HTTP_WITH_KEY, handlers_get_order,   read_statuses,  JSON },
    { "GET",  "/v1/orders",            HTTP_NO_BODY,   HTTP_WITH_KEY, handlers_get_orders,  query_statuses, JSON_OR_LINES },
    { "GET",  "/health",               HTTP_NO_BODY,   HTTP_HEALTH,   get_health,  probe_statuses, NULL },
    { "GET",  "/health/live",          HTTP_NO_BODY,   HTTP_PROBE,    observability_get_live,    probe_statuses, NULL },
    { "GET",  "/health/ready",         HTTP_NO_BODY,   HTTP_PROBE,    get_ready,   probe_statuses, NULL },
    { "GET",  "/health/startup",       HTTP_NO_BODY,   HTTP_PROBE,    get_startup, probe_statuses, NULL },
    { "GET",  "/metrics",              HTTP_NO_BODY,   HTTP_FIGURES,  get_metrics, figures_statuses, NULL },
    { "GET",  "/status",               HTTP_NO_BODY,   HTTP_FIGURES,  get_status,  figures_statuses, JSON },
    { "GET",  "/",                     HTTP_NO_BODY,   HTTP_ANYONE,   observability_get_page,    plain_statuses, NULL },
    { "GET",  "/assets/{version}/{name}", HTTP_NO_BODY, HTTP_ANYONE,  observability_get_asset,   asset_statuses, NULL },
    { "GET",  "/openapi.yaml",         HTTP_NO_BODY,   HTTP_ANYONE,   observability_get_contract, plain_statuses, NULL },
    { "GET",  "/docs",                 HTTP_NO_BODY,   HTTP_ANYONE,   observability_get_reference, asset_statuses, NULL },
    { "GET",  "/version",              HTTP_NO_BODY,   HTTP_ANYONE,   observability_get_version, plain_statuses, NULL },
};
/* clang-format on */
const size_t routes_count = sizeof routes / sizeof routes[0];
