/* refusal.c - see refusal.h. One row a refusal; what is particular to this one is said by a
 * function of its own. */
#include "http/refusal.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/auth/credentials.h"
#include "http/body.h"
#include "http/conn.h"
#include "http/loop.h"
#include "http/message/head.h"
#include "http/message/problem.h"
#include "http/request.h"
#include "http/server.h"
#include "http/server_metrics.h"

enum { DETAIL_SIZE = 512, ALLOW_SIZE = 128, HEAD_SIZE = 512, GIVEN_MAX = 60 };

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
    [REFUSAL_LENGTH] =           { 400, false, true,  "malformed_request", "Bad Request",
        "The request cannot be read", "Content-Length is no number: it must be decimal digits, with no sign, blank or comma." },
    [REFUSAL_REPEATED] =         { 400, false, false, "malformed_request", "Bad Request",
        "The request cannot be read", NULL },
    [REFUSAL_COOKIES] =          { 400, false, true,  "malformed_request", "Bad Request",
        "The request cannot be read", "Cookie does not fit into HTTP_HEADER_MAX beside the other headers; leave it out, as no cookie is read here." },
    [REFUSAL_TARGET] =           { 400, false, true,  "malformed_target", "Bad Request",
        "The request target cannot be read", NULL },
    [REFUSAL_GZIP] =             { 400, false, false, "invalid_gzip", "Bad Request",
        "The body is not what Content-Encoding says",
        "Content-Encoding is gzip, and the body is not: it is no gzip stream, is cut short or damaged, or has more behind it." },
    [REFUSAL_NO_CLIENT_CERTIFICATE] = { 403, false, true, "client_certificate_required", "Forbidden",
        "A client certificate is needed", "This server asks every client for a TLS certificate, and none was shown." },
    [REFUSAL_CLIENT_CERTIFICATE] = { 403, false, true, "client_certificate_refused", "Forbidden",
        "The client certificate is refused", NULL },
    [REFUSAL_HOST] =             { 421, false, false, "host_not_allowed", "Misdirected Request",
        "This server does not answer to that host", NULL },
    [REFUSAL_ORIGIN] =           { 403, false, false, "origin_not_allowed", "Forbidden",
        "Pages of that origin may not ask this server", NULL },
    [REFUSAL_NOT_FOUND] =        { 404, false, false, "not_found", "Not Found",
        "Nothing is here", "No resource has this path." },
    [REFUSAL_METHOD] =           { 405, false, false, "method_not_allowed", "Method Not Allowed",
        "The method does not fit the resource", NULL },
    [REFUSAL_NOT_ACCEPTABLE] =   { 406, false, false, "not_acceptable", "Not Acceptable",
        "Nothing that Accept asks for can be had here", NULL },
    [REFUSAL_KEY_MISSING] =      { 401, false, false, "key_missing", "Unauthorized",
        "A key is needed", "Send a key: Authorization: Bearer KEY." },
    [REFUSAL_KEY_MALFORMED] =    { 401, false, false, "key_malformed", "Unauthorized",
        "What was sent is no key", "Send Authorization once, as Bearer and a key of at most 512 characters A-Z a-z 0-9 - . _ ~ + / =." },
    [REFUSAL_KEY_UNKNOWN] =      { 401, false, false, "key_unknown", "Unauthorized",
        "The key is not known", "The key is none of this server's, or is no longer." },
    [REFUSAL_RATE] =             { 429, true,  false, "rate_limited", "Too Many Requests",
        "The key's rate is used up", "Come again after Retry-After; RateLimit-Policy has the rate." },
    [REFUSAL_TIMEOUT] =          { 408, true,  true,  "request_timeout", "Request Timeout",
        "The request took too long to arrive", "Headers and body did not arrive in time." },
    [REFUSAL_NO_LENGTH] =        { 411, false, true,  "length_required", "Length Required",
        "The length of the body is not given", "Content-Length is missing; send it, or Transfer-Encoding: chunked." },
    [REFUSAL_TOO_LARGE] =        { 413, false, false, "body_too_large", "Content Too Large",
        "The body is too large", NULL },
    [REFUSAL_CONTENT_TYPE] =     { 415, false, false, "unsupported_media_type", "Unsupported Media Type",
        "The body has the wrong type", NULL },
    [REFUSAL_CONTENT_ENCODING] = { 415, false, false, "unsupported_content_encoding", "Unsupported Media Type",
        "The body is encoded", NULL },
    [REFUSAL_ADDRESS] =          { 429, true,  true,  "too_many_connections_of_address", "Too Many Requests",
        "Too many connections of one address", NULL },
    [REFUSAL_CONNECTIONS] =      { 503, true,  true,  "too_many_connections", "Service Unavailable",
        "Too many connections", "All connections that this server may have are in use." },
    [REFUSAL_OVERLOADED] =       { 503, true,  false, "overloaded", "Service Unavailable",
        "The server is overloaded", "All the memory that requests and their answers may take is in use." },
    [REFUSAL_OFFLOAD_LATE] =     { 503, true,  false, "overloaded", "Service Unavailable",
        "The server is overloaded", "The request waited too long for its turn to be read." },
    [REFUSAL_CLOSING] =          { 503, true,  true,  "shutting_down", "Service Unavailable",
        "The service is shutting down", "The server no longer takes requests." },
};
/* clang-format on */

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
    bool come_again = row->status == 503 || row->status == 429;
    return (struct http_problem){
        .status = row->status,
        .code = row->code,
        .title = row->title,
        .detail = row->detail,
        .outcome = "not_accepted",
        .retryable = row->retryable,
        .retry_after_ns = come_again ? NS_PER_S : 0,
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

/* ---- what is wrong this time, and what would be right ---- */

static void add_methods(struct http_request *req, struct buf *out)
{
    const struct http_options *options = &req->loop->server->options;
    router_allow(out, options->routes, options->n_routes, req->path);
}

/* "Content-Type is text/plain; " */
static void add_given(struct http_request *req, const char *name, struct buf *out)
{
    const char *value = http_header(req, name);
    if (value == NULL)
        buf_printf(out, "%s is missing; ", name);
    else
        buf_printf(out, "%s is \"%.*s\"; ", name, GIVEN_MAX, value);
}

static void say_content_type(struct http_request *req, struct buf *out)
{
    bool lines = req->match.route->body == HTTP_LIST_BODY;
    add_given(req, "Content-Type", out);
    buf_printf(out, "it must be application/json%s.", lines ? " or application/x-ndjson" : "");
}

static void say_encoding(struct http_request *req, struct buf *out)
{
    add_given(req, "Content-Encoding", out);
    buf_add_str(out, "it must be gzip or identity, once, or absent.");
}

static void say_acceptable(struct http_request *req, struct buf *out)
{
    add_given(req, "Accept", out);
    buf_printf(out, "it must have room for one of %s.", req->match.route->produces);
}

static void say_methods(struct http_request *req, struct buf *out)
{
    char text[ALLOW_SIZE];
    struct buf allow = BUF_OVER(text);
    add_methods(req, &allow);
    buf_printf(out, "The method is %.*s; this resource has %s.", GIVEN_MAX, req->method, text);
}

static void say_too_large(struct http_request *req, struct buf *out)
{
    buf_printf(out, "A body may have %llu bytes at most, as sent and unpacked.",
               (unsigned long long)request_body_max(req));
}

static void say_address(struct http_request *req, struct buf *out)
{
    buf_printf(out, "One client address may have %u connections at most.",
               req->loop->server->options.max_connections_per_address);
}

static void say_host(struct http_request *req, struct buf *out)
{
    add_given(req, "Host", out);
    buf_add_str(out, "this server answers only to localhost, its own address and the names in "
                     "HTTP_ALLOWED_HOSTS.");
}

static void say_origin(struct http_request *req, struct buf *out)
{
    add_given(req, "Origin", out);
    buf_add_str(out, "pages may ask only from localhost, the address of this server and the names "
                     "in HTTP_ALLOWED_HOSTS.");
}

static void say_fault(struct http_request *req, struct buf *out)
{
    buf_add_str(out, req->fault);
}

static void (*const say[REFUSALS])(struct http_request *req, struct buf *out) = {
    [REFUSAL_FRAMING] = say_fault,
    [REFUSAL_TARGET] = say_fault,
    [REFUSAL_REPEATED] = say_fault,
    [REFUSAL_CLIENT_CERTIFICATE] = say_fault,
    [REFUSAL_HOST] = say_host,
    [REFUSAL_ORIGIN] = say_origin,
    [REFUSAL_METHOD] = say_methods,
    [REFUSAL_CONTENT_TYPE] = say_content_type,
    [REFUSAL_CONTENT_ENCODING] = say_encoding,
    [REFUSAL_NOT_ACCEPTABLE] = say_acceptable,
    [REFUSAL_TOO_LARGE] = say_too_large,
    [REFUSAL_ADDRESS] = say_address,
};

/* `text` holds the detail for as long as the problem is used. */
static struct http_problem problem_of(struct http_request *req, char text[DETAIL_SIZE])
{
    struct http_problem problem = problem_of_row(req->refusal);
    if (strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0)
        problem.outcome = NULL;
    if (say[req->refusal] != NULL) {
        struct buf detail = { .data = text, .cap = DETAIL_SIZE, .max = DETAIL_SIZE - 1 };
        say[req->refusal](req, &detail);
        problem.detail = text;
    }
    return problem;
}

/* What RFC 9110 wants beside the status. */
static void add_hints(struct http_request *req)
{
    if (req->refusal == REFUSAL_METHOD) {
        char text[ALLOW_SIZE];
        struct buf allow = BUF_OVER(text);
        add_methods(req, &allow);
        http_add_header(req, "Allow", text);
    }
    if (req->refusal == REFUSAL_CONTENT_ENCODING)
        http_add_header(req, "Accept-Encoding", "gzip");
}

void refusal_answer(struct http_request *req)
{
    char text[DETAIL_SIZE];
    struct http_problem problem = problem_of(req, text);
    req->close = req->close || rows[req->refusal].close;
    add_hints(req);
    authorize_explain(req, &problem);
    http_problem(req, &problem);
}

void http_not_found(struct http_request *req)
{
    req->refusal = REFUSAL_NOT_FOUND;
    refusal_answer(req);
}

void http_overloaded(struct http_request *req)
{
    req->refusal = REFUSAL_OFFLOAD_LATE;
    refusal_answer(req);
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

/* Only the client is known of such a request. */
static void report_cut_head(const struct conn *conn, const struct http_problem *problem,
                            const char *id)
{
    const struct http_options *options = &conn->loop->server->options;
    const struct http_answered answered = {
        .request_id = id,
        .trace_id = "",
        .method = router_method_name(""),
        .route = "",
        .key = "",
        .code = problem->code,
        .client = conn->client,
        .status = problem->status,
        .duration_ns = conn->loop->now_ns - conn->since_ns,
    };
    if (options->on_answer != NULL)
        options->on_answer(options->ctx, &answered);
}

static void cut_head(struct conn *conn, enum refusal refusal)
{
    char id[LOOP_ID_SIZE];
    struct http_problem problem = problem_of_row(refusal);
    loop_random_id(conn->loop, id);
    write_raw(conn, &problem, rows[refusal].reason, id);
    server_metrics_observe(conn->loop->server->metrics, NULL, "", problem.status, 0);
    report_cut_head(conn, &problem, id);
}

static void cut_body(struct http_request *req, enum refusal refusal)
{
    char text[DETAIL_SIZE];
    req->refusal = refusal;
    struct http_problem problem = problem_of(req, text);
    write_raw(req->conn, &problem, rows[refusal].reason, req->id);
    req->code = problem.code;
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
