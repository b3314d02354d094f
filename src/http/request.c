/* request.c - see request.h. */
#include "http/request.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/pieces.h"
#include "http/auth/key_figures.h"
#include "http/auth/keys.h"
#include "http/conn.h"
#include "http/loop.h"
#include "http/server.h"
#include "http/server_metrics.h"

#define TO(state) (1u << REQUEST_##state)

/* clang-format off */
static const unsigned allowed[] = {
    [REQUEST_READING] =    TO(DISCARDING) | TO(UNPACKING) | TO(HANDLING) | TO(SENT),
    [REQUEST_DISCARDING] = TO(HANDLING) | TO(SENT),
    [REQUEST_UNPACKING] =  TO(DEFERRED),
    [REQUEST_HANDLING] =   TO(DEFERRED) | TO(ANSWERED),
    [REQUEST_DEFERRED] =   TO(ANSWERED),
    [REQUEST_ANSWERED] =   TO(SENT),
    [REQUEST_SENT] =       0,
};
/* clang-format on */

bool request_is_suspended(const struct http_request *req)
{
    return req->state == REQUEST_UNPACKING || req->state == REQUEST_DEFERRED;
}

/* Returns true if the members have values that the request's state allows. */
static bool is_sound(const struct http_request *req)
{
    switch (req->state) {
    case REQUEST_READING:
        return req->reject == REJECT_NONE;
    case REQUEST_DISCARDING:
        return req->reject != REJECT_NONE && req->response == NULL;
    case REQUEST_UNPACKING:
        return req->reject == REJECT_NONE && req->body.is_gzip && req->response == NULL;
    case REQUEST_HANDLING:
    case REQUEST_DEFERRED:
        return req->response == NULL;
    case REQUEST_ANSWERED:
        return req->status > 0;
    case REQUEST_SENT:
        return req->response == NULL;
    }
    return false;
}

void request_move(struct http_request *req, enum request_state to)
{
    bool was_suspended = request_is_suspended(req);
    CHECK((allowed[req->state] & 1u << to) != 0);
    req->state = to;
    CHECK(is_sound(req));
    if (!was_suspended && request_is_suspended(req))
        list_push_front(&req->loop->suspended, &req->link);
    if (was_suspended && !request_is_suspended(req))
        list_remove(&req->loop->suspended, &req->link);
}

void request_reject(struct http_request *req, enum reject_reason reason)
{
    req->reject = reason;
    if (req->state == REQUEST_READING)
        request_move(req, REQUEST_DISCARDING);
}

void http_add_header(struct http_request *req, const char *name, const char *value)
{
    buf_add(&req->headers, name, strlen(name) + 1);
    buf_add(&req->headers, value, strlen(value) + 1);
}

uint64_t request_body_max(const struct http_request *req)
{
    const struct http_options *options = &req->loop->server->options;
    const struct http_route *route = req->match.route;
    uint64_t max = options->max_body_bytes, of_document = options->max_document_bytes;
    bool is_document = route != NULL && route->body == HTTP_JSON_BODY && of_document > 0;
    return is_document && of_document < max ? of_document : max;
}

uint64_t request_unsent_bytes(const struct http_request *req)
{
    return req->held.bytes + (req->pieces != NULL ? req->pieces->share.bytes : 0);
}

void request_sent(struct http_request *req, int status)
{
    const struct http_server *server = req->loop->server;
    const struct http_options *options = &server->options;
    const struct http_route *route = req->match.route;
    const struct key *key = req->credentials.key;
    int64_t duration_ns = clock_now_ns() - req->begun_at_ns;
    request_move(req, REQUEST_SENT);
    server_metrics_observe(server->metrics, route, req->method, status, duration_ns);
    if (key != NULL)
        key_figures_count_request(key->figures, req->code);
    if (options->on_answer == NULL)
        return;
    const struct http_answered answered = {
        .request_id = req->id,
        .trace_id = req->trace_id,
        .method = router_method_name(req->method),
        .route = route != NULL ? route->path : "",
        .key = key != NULL ? key->name : "",
        .code = req->code != NULL ? req->code : "",
        .client = req->conn->client,
        .status = status,
        .duration_ns = duration_ns,
    };
    options->on_answer(options->ctx, &answered);
}
