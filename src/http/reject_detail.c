/* reject_detail.c - see reject_detail.h. Each say_*() function writes what is wrong with the
 * request, and what would be right. */
#include "http/reject_detail.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "http/http.h"
#include "http/loop.h"
#include "http/message/reject.h"
#include "http/request.h"
#include "http/server.h"

enum { ALLOW_SIZE = 128, GIVEN_MAX = 60 };

static void add_methods(struct http_request *req, struct buf *out)
{
    const struct http_options *options = &req->loop->server->options;
    router_allow(out, options->routes, options->n_routes, req->path);
}

/* Adds the header as the client sent it, such as: Content-Type is "text/plain"; */
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
    buf_printf(out, "it must allow one of %s.", req->match.route->produces);
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

static void (*const say[REJECT_REASONS])(struct http_request *req, struct buf *out) = {
    [REJECT_FRAMING] = say_fault,
    [REJECT_TARGET] = say_fault,
    [REJECT_REPEATED] = say_fault,
    [REJECT_CLIENT_CERTIFICATE] = say_fault,
    [REJECT_HOST] = say_host,
    [REJECT_ORIGIN] = say_origin,
    [REJECT_METHOD] = say_methods,
    [REJECT_CONTENT_TYPE] = say_content_type,
    [REJECT_CONTENT_ENCODING] = say_encoding,
    [REJECT_NOT_ACCEPTABLE] = say_acceptable,
    [REJECT_TOO_LARGE] = say_too_large,
    [REJECT_ADDRESS] = say_address,
};

struct http_problem reject_detail(struct http_request *req, char text[REJECT_DETAIL_SIZE])
{
    struct http_problem problem = reject_problem(req->reject);
    if (strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0)
        problem.outcome = NULL;
    if (say[req->reject] != NULL) {
        struct buf detail = { .data = text,
                              .cap = REJECT_DETAIL_SIZE,
                              .max = REJECT_DETAIL_SIZE - 1 };
        say[req->reject](req, &detail);
        problem.detail = text;
    }
    return problem;
}

void reject_add_headers(struct http_request *req)
{
    if (req->reject == REJECT_METHOD) {
        char text[ALLOW_SIZE];
        struct buf allow = BUF_OVER(text);
        add_methods(req, &allow);
        http_add_header(req, "Allow", text);
    }
    if (req->reject == REJECT_KEY_MISSING || req->reject == REJECT_KEY_MALFORMED ||
        req->reject == REJECT_KEY_UNKNOWN)
        http_add_header(req, "WWW-Authenticate", credentials_challenge(&req->credentials));
    if (req->reject == REJECT_CONTENT_ENCODING)
        http_add_header(req, "Accept-Encoding", "gzip");
}
