/* request_check.c - see request_check.h. */
#include "http/request_check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/check.h"
#include "http/auth/credentials.h"
#include "http/conn.h"
#include "http/hosts.h"
#include "http/loop.h"
#include "http/message/head.h"
#include "http/message/host.h"
#include "http/message/problem.h"
#include "http/message/raw_framing.h"
#include "http/request.h"
#include "http/reserve.h"
#include "http/server.h"

enum { MEDIA_TYPE_SIZE = 80 };

static bool has_text(const char *text, size_t len, const char *want)
{
    return strlen(want) == len && strncasecmp(text, want, len) == 0;
}

static bool has_type(const struct http_head *head, const char *want)
{
    const char *type = head->content_type;
    return type != NULL && has_text(type, strcspn(type, "; \t"), want);
}

static bool type_fits(enum http_body body, const struct http_head *head)
{
    switch (body) {
    case HTTP_NO_BODY:
        return true;
    case HTTP_JSON_BODY:
        return has_type(head, "application/json");
    case HTTP_LIST_BODY:
        return has_type(head, "application/json") || has_type(head, "application/x-ndjson");
    }
    return false;
}

/* Returns true if Content-Encoding is absent, or is one coding that we know. Sets *is_gzip. A list
 * of codings is not supported. */
static bool encoding_fits(const struct http_head *head, bool *is_gzip)
{
    const char *encoding = head->content_encoding;
    if (encoding == NULL)
        return true;
    size_t len = strcspn(encoding, " \t");
    if (encoding[len + strspn(encoding + len, " \t")] != '\0' || head->encoding_repeated)
        return false;
    *is_gzip = has_text(encoding, len, "gzip") || has_text(encoding, len, "x-gzip");
    return *is_gzip || has_text(encoding, len, "identity");
}

/* Returns true if Accept allows one of the media types in `produces`, or problem documents. Every
 * route can answer with a problem document, so a client that accepts only those is not rejected. */
static bool accepts_any_of(struct http_request *req, const char *produces)
{
    const char *at = produces;
    while (*(at += strspn(at, ", ")) != '\0') {
        char type[MEDIA_TYPE_SIZE];
        size_t len = strcspn(at, ",");
        CHECK(len < sizeof type);
        memcpy(type, at, len);
        type[len] = '\0';
        if (http_accepts(req, type))
            return true;
        at += len;
    }
    return http_accepts(req, PROBLEM_CONTENT_TYPE);
}

static bool acceptable(struct http_request *req, const struct http_head *head)
{
    const char *produces = req->match.route->produces;
    return !head->has_accept || produces == NULL || accepts_any_of(req, produces);
}

static enum reject_reason check_length(const struct http_request *req, const struct http_head *head)
{
    if (req->match.route->body != HTTP_NO_BODY && !head->has_length && !head->chunked)
        return REJECT_NO_LENGTH;
    return head->content_length > request_body_max(req) ? REJECT_TOO_LARGE : REJECT_NONE;
}

static enum reject_reason check_body(struct http_request *req, const struct http_head *head)
{
    const struct http_route *route = req->match.route;
    if (!type_fits(route->body, head))
        return REJECT_CONTENT_TYPE;
    req->body.is_lines = has_type(head, "application/x-ndjson");
    if (route->body != HTTP_NO_BODY && !encoding_fits(head, &req->body.is_gzip))
        return REJECT_CONTENT_ENCODING;
    if (!acceptable(req, head))
        return REJECT_NOT_ACCEPTABLE;
    return check_length(req, head);
}

static enum reject_reason check_route(struct http_request *req)
{
    const struct http_options *options = &req->loop->server->options;
    switch (router_find(options->routes, options->n_routes, req->method, req->path, &req->match)) {
    case ROUTE_NO_PATH:
        return REJECT_NOT_FOUND;
    case ROUTE_NO_METHOD:
        return REJECT_METHOD;
    case ROUTE_FOUND:
        break;
    }
    return REJECT_NONE;
}

static enum reject_reason check_target(struct http_request *req)
{
    const char *fault = req->conn->target_fault;
    if (fault == NULL)
        return REJECT_NONE;
    (void)snprintf(req->fault, sizeof req->fault, "%s", fault);
    return REJECT_TARGET;
}

static enum reject_reason check_repeated(struct http_request *req, const struct http_head *head)
{
    if (head->repeated == NULL)
        return REJECT_NONE;
    (void)snprintf(req->fault, sizeof req->fault, "%s is given twice; give it once.",
                   head->repeated);
    return REJECT_REPEATED;
}

static enum reject_reason check_certificate(struct http_request *req)
{
    const char *why = NULL;
    if (req->match.route->access == HTTP_PROBE)
        return REJECT_NONE;
    enum reject_reason reason = transport_check_client(&req->conn->transport, &why);
    if (why != NULL)
        (void)snprintf(req->fault, sizeof req->fault, "%s", why);
    return reason;
}

/* Checks the target and finds the route. If the connection exceeds a limit (conn->surplus), the
 * request is rejected because of that limit, unless reserve_serves() returns true for its route. */
static enum reject_reason check_place(struct http_request *req)
{
    enum reject_reason reason = check_target(req), surplus = req->conn->surplus;
    if (reason == REJECT_NONE)
        reason = check_route(req);
    bool reserved = reason == REJECT_NONE && reserve_serves(req->match.route);
    return surplus == REJECT_NONE || reserved ? reason : surplus;
}

/* Checks the host that the request names, and the origin of the web page that sent it. If the
 * target is in absolute form, the host in the target is checked instead of the Host header (RFC
 * 9112, 3.2.2). A request of HTTP/1.0 that names no host passes, because no browser sends such a
 * request. */
static enum reject_reason check_host(const struct http_request *req, const struct http_head *head)
{
    const struct hosts *hosts = &req->loop->server->hosts;
    size_t len = 0;
    struct host host;
    if (!hosts->checked || req->match.route->access == HTTP_PROBE)
        return REJECT_NONE;
    const char *named = host_of_target(req->conn->target, &len);
    if (named == NULL && head->host != NULL) {
        named = head->host;
        len = strlen(named);
    }
    if (named != NULL && !(host_read(named, len, &host) && hosts_allow(hosts, &host)))
        return REJECT_HOST;
    bool foreign = head->origin != NULL && !hosts_allow_origin(hosts, head->origin);
    return foreign ? REJECT_ORIGIN : REJECT_NONE;
}

static bool requires_key(const struct http_request *req)
{
    switch (req->match.route->access) {
    case HTTP_ANYONE:
    case HTTP_PROBE:
    case HTTP_HEALTH:
        return false;
    case HTTP_FIGURES:
        return req->loop->server->options.guard_figures;
    case HTTP_WITH_KEY:
        break;
    }
    return true;
}

static enum reject_reason check_credentials(struct http_request *req, const struct http_head *head)
{
    struct keys *keys = active_keys_look(&req->loop->server->active_keys, &req->loop->keys);
    return credentials_check(&req->credentials, keys, head, requires_key(req));
}

static enum reject_reason check_all(struct http_request *req, const struct http_head *head)
{
    enum reject_reason reason = check_place(req);
    if (reason == REJECT_NONE)
        reason = check_host(req, head);
    if (reason == REJECT_NONE)
        reason = check_repeated(req, head);
    if (reason == REJECT_NONE)
        reason = check_certificate(req);
    if (reason == REJECT_NONE)
        reason = check_credentials(req, head);
    if (reason == REJECT_NONE)
        reason = check_body(req, head);
    return reason == REJECT_NONE ? credentials_spend(&req->credentials, req->begun_at_ns) : reason;
}

/* Returns true if a proxy in front of us may see the end of this request at another byte than we
 * do. Then the connection is closed after the answer, so that no byte behind the request is read as
 * another request. A proxy may expect a body after a POST without a length. A proxy may also see
 * another end of a chunked request: we do not see the framing of chunks, and
 * libmicrohttpd 0.9.75 accepts a bare LF where RFC 9112, 7.1 requires CRLF. */
static bool end_is_unsure(const struct http_request *req, const struct http_head *head)
{
    return head->chunked || (!head->has_length && strcmp(req->method, "POST") == 0);
}

enum reject_reason request_check(struct http_request *req, const char *version,
                                 struct http_head *head)
{
    struct buf fault = BUF_OVER(req->fault);
    const struct raw_framing_line line = { req->method, req->conn->target, req->conn->target_end,
                                           version };
    struct raw_framing raw = raw_framing_begin(req->mhd, &line);
    bool sound = head_read(req->mhd, &raw, version, head, &fault);
    enum reject_reason reason = sound ? check_all(req, head) : REJECT_FRAMING;
    req->close = end_is_unsure(req, head) || req->conn->surplus != REJECT_NONE;
    return reason;
}
