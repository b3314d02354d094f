/* answer.c - http_add_header(), http_answer(), http_problem(): from a handler's words to a response
 * of libmicrohttpd's. */
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "http/authorize.h"
#include "http/http.h"
#include "http/loop.h"
#include "http/problem.h"
#include "http/request.h"

void http_add_header(struct http_request *req, const char *name, const char *value)
{
    buf_add(&req->headers, name, strlen(name) + 1);
    buf_add(&req->headers, value, strlen(value) + 1);
}

/* The names and values that a handler added: past the last one NULL. */
static const char *next_header(const struct http_request *req, const char *at, const char **value)
{
    if (req->headers.data == NULL || at == req->headers.data + req->headers.len)
        return NULL;
    *value = at + strlen(at) + 1;
    return *value + strlen(*value) + 1;
}

static bool has_header(const struct http_request *req, const char *name)
{
    const char *value, *next, *at = req->headers.data;
    for (; (next = next_header(req, at, &value)) != NULL; at = next)
        if (strcasecmp(at, name) == 0)
            return true;
    return false;
}

static bool add_headers(struct MHD_Response *response, const struct http_request *req,
                        const char *content_type)
{
    bool ok = MHD_add_response_header(response, "X-Request-Id", req->id) == MHD_YES;
    if (!has_header(req, "Cache-Control"))
        ok = ok && MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES;
    if (content_type != NULL)
        ok = ok && MHD_add_response_header(response, "Content-Type", content_type) == MHD_YES;
    const char *value, *next, *at = req->headers.data;
    for (; ok && (next = next_header(req, at, &value)) != NULL; at = next)
        ok = MHD_add_response_header(response, at, value) == MHD_YES;
    return ok && !req->headers.failed;
}

/* NULL when memory ran out, or a header cannot be sent; the bytes of *body are gone either way. */
static struct MHD_Response *make_response(struct http_request *req, const char *content_type,
                                          struct buf *body)
{
    size_t len = 0;
    bool failed = body->failed;
    char *bytes = buf_steal(body, &len);
    if (failed)
        return NULL;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(bytes);
        return NULL;
    }
    if (!add_headers(response, req, content_type)) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

static struct MHD_Response *make_failure(struct http_request *req)
{
    buf_fini(&req->headers);
    req->headers.failed = false;
    struct buf body = problem_render(&problem_no_answer, req->id);
    return make_response(req, PROBLEM_CONTENT_TYPE, &body);
}

void http_answer(struct http_request *req, int status, const char *content_type, struct buf *body)
{
    CHECK(pthread_equal(req->loop->self, pthread_self()));
    CHECK(req->state == REQUEST_HANDLING || req->state == REQUEST_DEFERRED);
    authorize_show_rate(req);
    struct MHD_Response *response = make_response(req, content_type, body);
    if (response == NULL) {
        response = make_failure(req);
        status = 500;
    }
    request_answered(req, status, response);
}

void http_problem(struct http_request *req, const struct http_problem *problem)
{
    if (problem->retry_after_ns > 0) {
        char retry_after[RETRY_AFTER_SIZE];
        problem_retry_after(problem->retry_after_ns, retry_after);
        http_add_header(req, "Retry-After", retry_after);
    }
    struct buf body = problem_render(problem, req->id);
    http_answer(req, problem->status, PROBLEM_CONTENT_TYPE, &body);
}
