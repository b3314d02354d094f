/* refusal.c - see refusal.h. One row a refusal. */
#include "http/refusal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/body.h"
#include "http/conn.h"
#include "http/head.h"
#include "http/loop.h"
#include "http/problem.h"
#include "http/request.h"
#include "http/server.h"
#include "http/server_metrics.h"

enum { DETAIL_SIZE = 160, ALLOW_SIZE = 128, HEAD_SIZE = 512 };

struct refusal_row {
    int status;
    bool retryable;
    bool close; /* the connection is of no more use */
    const char *code;
    const char *reason; /* of the status line, where we write that */
    const char *title;
    const char *detail; /* NULL: made for each */
};

/* clang-format off */
static const struct refusal_row rows[] = {
    [REFUSAL_FRAMING] =          { 400, false, true,  "malformed_request", "Bad Request",
        "The request cannot be read", NULL },
    [REFUSAL_NO_CLIENT_CERTIFICATE] = { 403, false, true, "client_certificate_required", "Forbidden",
        "A client certificate is needed", "This server asks every client for a TLS certificate, and none was shown." },
    [REFUSAL_CLIENT_CERTIFICATE] = { 403, false, true, "client_certificate_refused", "Forbidden",
        "The client certificate is refused", NULL },
    [REFUSAL_NOT_FOUND] =        { 404, false, false, "not_found", "Not Found",
        "Nothing is here", "No resource has this path." },
    [REFUSAL_METHOD] =           { 405, false, false, "method_not_allowed", "Method Not Allowed",
        "The method does not fit the resource", "The header Allow lists the methods of this resource." },
    [REFUSAL_TIMEOUT] =          { 408, true,  true,  "request_timeout", "Request Timeout",
        "The request took too long to arrive", "Headers and body did not arrive in time." },
    [REFUSAL_NO_LENGTH] =        { 411, false, true,  "length_required", "Length Required",
        "The length of the body is not given", "Send Content-Length, or Transfer-Encoding: chunked." },
    [REFUSAL_TOO_LARGE] =        { 413, false, false, "body_too_large", "Content Too Large",
        "The body is too large", NULL },
    [REFUSAL_CONTENT_TYPE] =     { 415, false, false, "unsupported_media_type", "Unsupported Media Type",
        "The body has the wrong type", "Content-Type must be application/json." },
    [REFUSAL_CONTENT_ENCODING] = { 415, false, false, "unsupported_content_encoding", "Unsupported Media Type",
        "The body is encoded", "Content-Encoding must be absent or identity." },
    [REFUSAL_CONNECTIONS] =      { 503, true,  true,  "too_many_connections", "Service Unavailable",
        "Too many connections", "All connections that this server may have are in use." },
    [REFUSAL_OVERLOADED] =       { 503, true,  false, "overloaded", "Service Unavailable",
        "The server is overloaded", "All memory for the bodies of requests is in use." },
    [REFUSAL_CLOSING] =          { 503, true,  true,  "shutting_down", "Service Unavailable",
        "The service is shutting down", "The server no longer takes requests." },
};
/* clang-format on */

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

static enum refusal judge_body(struct http_request *req, const struct http_head *head)
{
    const struct http_route *route = req->match.route;
    uint64_t max_bytes = req->loop->server->options.max_body_bytes;
    if (!type_fits(route->body, head))
        return REFUSAL_CONTENT_TYPE;
    req->body.is_lines = has_type(head, "application/x-ndjson");
    if (route->body != HTTP_NO_BODY && head->content_encoding != NULL &&
        strcasecmp(head->content_encoding, "identity") != 0)
        return REFUSAL_CONTENT_ENCODING;
    if (route->body != HTTP_NO_BODY && !head->has_length && !head->chunked)
        return REFUSAL_NO_LENGTH;
    return head->content_length > max_bytes ? REFUSAL_TOO_LARGE : REFUSAL_NONE;
}

static enum refusal judge(struct http_request *req, const struct http_head *head)
{
    const struct http_options *options = &req->loop->server->options;
    if (req->fault != NULL)
        return REFUSAL_FRAMING;
    if (req->conn->surplus)
        return REFUSAL_CONNECTIONS;
    switch (router_find(options->routes, options->n_routes, req->method, req->path, &req->match)) {
    case ROUTE_NO_PATH:
        return REFUSAL_NOT_FOUND;
    case ROUTE_NO_METHOD:
        return REFUSAL_METHOD;
    case ROUTE_FOUND:
        break;
    }
    if (req->match.route->access != HTTP_PROBE) {
        enum refusal refusal = conn_tls_judge(req->conn, &req->fault);
        if (refusal != REFUSAL_NONE)
            return refusal;
    }
    return judge_body(req, head);
}

enum refusal refusal_judge(struct http_request *req, const char *version, struct http_head *head)
{
    req->fault = head_read(req->mhd, version, head);
    enum refusal refusal = judge(req, head);
    if (strcmp(req->method, "POST") == 0 && !head->has_length && !head->chunked)
        req->close = true; /* whatever it is refused for: a body may follow */
    return refusal;
}

bool refusal_at_once(const struct http_request *req, const struct http_head *head)
{
    if (req->refusal == REFUSAL_NONE)
        return false;
    bool end_unknown = req->refusal == REFUSAL_FRAMING || req->refusal == REFUSAL_NO_LENGTH;
    return end_unknown || head->expects_continue || head->content_length > BODY_DISCARD_MAX;
}

static struct http_problem problem_of_row(enum refusal refusal)
{
    const struct refusal_row *row = &rows[refusal];
    return (struct http_problem){
        .status = row->status,
        .code = row->code,
        .title = row->title,
        .detail = row->detail,
        .outcome = "not_accepted",
        .retryable = row->retryable,
        .retry_after_ns = row->status == 503 ? NS_PER_S : 0,
        .offset = -1,
    };
}

bool http_own_problem(size_t i, struct http_problem *out)
{
    static const struct http_problem *const others[] = { &problem_no_answer, &problem_cut_short };
    const size_t n_rows = sizeof rows / sizeof rows[0] - 1; /* the first is REFUSAL_NONE */
    if (i < n_rows)
        *out = problem_of_row((enum refusal)(i + 1));
    else if (i - n_rows < sizeof others / sizeof others[0])
        *out = *others[i - n_rows];
    else
        return false;
    return true;
}

/* `text` holds the detail for as long as the problem is used. */
static struct http_problem problem_of(const struct http_request *req, char text[DETAIL_SIZE])
{
    struct http_problem problem = problem_of_row(req->refusal);
    if (strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0)
        problem.outcome = NULL;
    if (req->refusal == REFUSAL_FRAMING || req->refusal == REFUSAL_CLIENT_CERTIFICATE)
        problem.detail = req->fault;
    if (req->refusal == REFUSAL_TOO_LARGE) {
        (void)snprintf(text, DETAIL_SIZE, "A body may have %llu bytes at most.",
                       (unsigned long long)req->loop->server->options.max_body_bytes);
        problem.detail = text;
    }
    return problem;
}

static void add_allow(struct http_request *req)
{
    const struct http_options *options = &req->loop->server->options;
    char text[ALLOW_SIZE];
    struct buf allow = BUF_OVER(text);
    router_allow(&allow, options->routes, options->n_routes, req->path);
    http_add_header(req, "Allow", text);
}

void refusal_answer(struct http_request *req)
{
    char text[DETAIL_SIZE];
    struct http_problem problem = problem_of(req, text);
    req->close = req->close || rows[req->refusal].close;
    if (req->refusal == REFUSAL_METHOD)
        add_allow(req);
    http_problem(req, &problem);
}

/* Best effort: the socket takes it whole or not at all. */
static void write_raw(struct conn *conn, const struct http_problem *problem, const char *reason,
                      const char *id)
{
    char text[HEAD_SIZE];
    struct buf head = BUF_OVER(text), body = problem_render(problem, id);
    buf_printf(&head,
               "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: " PROBLEM_CONTENT_TYPE
               "\r\nCache-Control: no-store\r\nX-Request-Id: %s\r\nContent-Length: %zu\r\n\r\n",
               problem->status, reason, id, body.len);
    struct iovec parts[] = {
        { .iov_base = head.data, .iov_len = head.len },
        { .iov_base = body.data, .iov_len = body.len },
    };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    bool whole = !head.failed && !body.failed;
    if (whole && conn->tls.session != NULL)
        conn_tls_last_words(conn, &head, &body);
    else if (whole)
        (void)sendmsg(conn->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_fini(&body);
}

static void cut_head(struct conn *conn, enum refusal refusal)
{
    char id[LOOP_ID_SIZE];
    struct http_problem problem = problem_of_row(refusal);
    loop_random_id(conn->loop, id);
    write_raw(conn, &problem, rows[refusal].reason, id);
    server_metrics_observe(conn->loop->server->metrics, NULL, "", problem.status, 0);
}

static void cut_body(struct http_request *req, enum refusal refusal)
{
    char text[DETAIL_SIZE];
    req->refusal = refusal;
    struct http_problem problem = problem_of(req, text);
    write_raw(req->conn, &problem, rows[refusal].reason, req->id);
    request_sent(req, problem.status);
}

void refusal_cut(struct conn *conn, enum refusal refusal)
{
    if (conn->req != NULL)
        cut_body(conn->req, refusal);
    else
        cut_head(conn, refusal);
    (void)shutdown(conn->fd, SHUT_RDWR);
    conn_enter(conn, CONN_CUT);
}
