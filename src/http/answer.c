/* answer.c - http_answer(), http_problem() and the other functions that answer a request. They make
 * an MHD_Response from the status, headers and body that a handler gives. */
#include "http/answer.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/budget.h"
#include "base/check.h"
#include "base/pieces.h"
#include "http/conn.h"
#include "http/http.h"
#include "http/loop.h"
#include "http/message/problem.h"
#include "http/message/reject.h"
#include "http/reject_detail.h"
#include "http/request.h"
#include "http/server.h"

enum { HTTP_BLOCK_MIN = 1024 };

/* req->headers holds the added headers one behind the other: name, NUL, value, NUL. Sets *value to
 * the value of the header that begins at `at`, and returns the end of that header. Returns NULL if
 * `at` is the end of the last header. */
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

/* Adds the headers of the answer to `response`, and returns it. Returns NULL if `response` is NULL.
 * If memory is out or a header cannot be sent, destroys `response` and returns NULL. */
static struct MHD_Response *with_headers(struct MHD_Response *response, struct http_request *req,
                                         const char *content_type)
{
    if (response == NULL || add_headers(response, req, content_type))
        return response;
    MHD_destroy_response(response);
    return NULL;
}

/* ---- memory for the answer ---- */

/* Returns the budget that counts the answer. Routes of health and metrics have a budget of their
 * own, so that they can be answered when orders have used up the memory budget. */
static struct budget *budget_of(const struct http_request *req)
{
    const struct http_route *route = req->match.route;
    bool figures = route != NULL && (route->access == HTTP_PROBE || route->access == HTTP_HEALTH ||
                                     route->access == HTTP_FIGURES);
    return figures ? &req->loop->server->figures : req->loop->server->options.memory;
}

bool http_reserve(struct http_request *req, size_t bytes)
{
    size_t want = bytes > HTTP_ANSWER_FREE ? bytes - HTTP_ANSWER_FREE : 0;
    if (req->held.bytes == 0)
        req->held.budget = budget_of(req);
    return want <= req->held.bytes || budget_share_take(&req->held, want - req->held.bytes);
}

/* Takes bytes from the budget, or gives surplus bytes back, so that req->held is what an answer of
 * `bytes` bytes needs. Returns false if the budget has no room. */
static bool hold(struct http_request *req, size_t bytes)
{
    size_t want = bytes > HTTP_ANSWER_FREE ? bytes - HTTP_ANSWER_FREE : 0;
    if (!http_reserve(req, bytes))
        return false;
    budget_share_give(&req->held, req->held.bytes - want);
    return true;
}

static void drop_headers(struct http_request *req)
{
    buf_fini(&req->headers);
    req->headers.failed = false;
}

/* ---- answers ---- */

/* Makes a response with the bytes of *body, which is empty afterwards in any case. Returns NULL if
 * *body has failed, memory is out or a header cannot be sent. */
static struct MHD_Response *make_response(struct http_request *req, const char *content_type,
                                          struct buf *body)
{
    size_t len = 0;
    bool failed = body->failed;
    char *bytes = buf_steal(body, &len);
    if (failed)
        return NULL;
    if (len > HTTP_ANSWER_FREE) { /* free the unused part: a buffer grows by doubling */
        char *fitted = realloc(bytes, len);
        bytes = fitted != NULL ? fitted : bytes;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(bytes);
    return with_headers(response, req, content_type);
}

/* Stores the answer in the request, and resumes its connection if the request is suspended.
 * request_flow.c then hands the answer to libmicrohttpd. */
static void store(struct http_request *req, int status, struct MHD_Response *response)
{
    bool suspended = request_is_suspended(req);
    heap_remove(&req->loop->deadlines, &req->deadline);
    http_body_done(req);
    req->status = status;
    req->response = response;
    request_move(req, REQUEST_ANSWERED);
    if (!suspended)
        return;
    http_conn_move(req->conn, HTTP_CONN_SENDING);
    MHD_resume_connection(req->mhd);
}

/* Answers with `response`. If `response` is NULL, because it could not be made, answers with
 * 500. */
static void answer_with(struct http_request *req, int status, struct MHD_Response *response)
{
    if (response == NULL) {
        drop_headers(req);
        struct buf body = problem_render(&problem_no_answer, req->id);
        response = make_response(req, PROBLEM_CONTENT_TYPE, &body);
        status = 500;
        req->code = problem_no_answer.code;
    }
    store(req, status, response);
}

static void begin_answer(struct http_request *req)
{
    CHECK(pthread_equal(req->loop->self, pthread_self()));
    CHECK(req->state == REQUEST_HANDLING || req->state == REQUEST_DEFERRED);
    struct rate_headers rate;
    if (credentials_rate(&req->credentials, req->begun_at_ns, &rate)) {
        http_add_header(req, "RateLimit-Policy", rate.policy);
        http_add_header(req, "RateLimit", rate.limit);
    }
}

void http_note_code(struct http_request *req, const char *code)
{
    req->code = code;
}

void http_answer(struct http_request *req, int status, const char *content_type, struct buf *body)
{
    if (!body->failed && !hold(req, body->len)) {
        buf_fini(body);
        drop_headers(req);
        req->reject = REJECT_OVERLOADED;
        answer_rejected(req);
        return;
    }
    begin_answer(req);
    answer_with(req, status, make_response(req, content_type, body));
}

void http_answer_static(struct http_request *req, int status, const char *content_type,
                        const char *bytes, size_t len)
{
    begin_answer(req);
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): -Wcast-qual forbids a direct cast */
    void *borrowed = (void *)(uintptr_t)bytes;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, borrowed, MHD_RESPMEM_PERSISTENT);
    answer_with(req, status, with_headers(response, req, content_type));
}

/* ---- in pieces ---- */

/* Called by libmicrohttpd for the next bytes of the answer. libmicrohttpd asks for each byte once,
 * from the first to the last, so `at` is not needed. */
static ssize_t read_pieces(void *cls, uint64_t at, char *out, size_t max)
{
    (void)at;
    size_t n = pieces_read(cls, out, max);
    return n > 0 ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void free_pieces(void *cls)
{
    pieces_fini(cls);
    free(cls);
}

/* Returns the size of the block into which libmicrohttpd copies the pieces: HTTP_BLOCK_BYTES if the
 * budget has room for such a block, else the number of reserved bytes that the pieces have not
 * used. The size is HTTP_BLOCK_MIN at least. */
static size_t block_size(struct pieces *pieces)
{
    size_t in_last = pieces_room(pieces) - pieces->reserved;
    bool enough = pieces_reserve(pieces, in_last + HTTP_BLOCK_BYTES);
    size_t block = enough ? (size_t)HTTP_BLOCK_BYTES : pieces->reserved;
    budget_share_give(&pieces->share, pieces->reserved - block);
    pieces->reserved = 0; /* pieces->share still counts the block, until the answer is sent */
    return block > HTTP_BLOCK_MIN ? block : HTTP_BLOCK_MIN;
}

/* Makes a response of one buffer, for an answer of at most HTTP_ANSWER_FREE bytes. The buffer takes
 * nothing from the budget: http_fixed_bytes() counts HTTP_ANSWER_FREE for each connection. */
static struct MHD_Response *make_small_response(struct pieces *body)
{
    size_t len = body->len;
    char *bytes = malloc(len > 0 ? len : 1);
    if (bytes == NULL)
        return NULL;
    (void)pieces_read(body, bytes, len);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(bytes);
    return response;
}

static struct MHD_Response *make_response_of_pieces(struct http_request *req,
                                                    const char *content_type, struct pieces *body)
{
    if (!body->failed && body->len <= HTTP_ANSWER_FREE)
        return with_headers(make_small_response(body), req, content_type);
    struct pieces *pieces = body->failed ? NULL : malloc(sizeof *pieces);
    if (pieces == NULL)
        return NULL;
    *pieces = *body;
    *body = (struct pieces){ 0 };
    struct MHD_Response *response = MHD_create_response_from_callback(
        pieces->len, block_size(pieces), read_pieces, pieces, free_pieces);
    if (response == NULL)
        free_pieces(pieces);
    response = with_headers(response, req, content_type);
    req->pieces = response != NULL ? pieces : NULL;
    return response;
}

void http_answer_pieces(struct http_request *req, int status, const char *content_type,
                        struct pieces *body)
{
    begin_answer(req);
    budget_share_end(&req->held);
    struct MHD_Response *response = make_response_of_pieces(req, content_type, body);
    pieces_fini(body);
    answer_with(req, status, response);
}

/* ---- problems ---- */

static void add_retry_after(struct http_request *req, const struct http_problem *problem)
{
    char retry_after[RETRY_AFTER_SIZE];
    if (problem->retry_after_ns <= 0)
        return;
    problem_retry_after(problem->retry_after_ns, retry_after);
    http_add_header(req, "Retry-After", retry_after);
}

void http_problem(struct http_request *req, const struct http_problem *problem)
{
    add_retry_after(req, problem);
    req->code = problem->code;
    struct buf body = problem_render(problem, req->id);
    http_answer(req, problem->status, PROBLEM_CONTENT_TYPE, &body);
}

void http_problem_open(struct http_request *req, const struct http_problem *problem,
                       struct pieces *out)
{
    struct buf head = problem_render_open(problem, req->id);
    pieces_add(out, head.data, head.len);
    out->failed = out->failed || head.failed;
    buf_fini(&head);
}

void http_problem_pieces(struct http_request *req, const struct http_problem *problem,
                         struct pieces *body)
{
    add_retry_after(req, problem);
    req->code = problem->code;
    http_answer_pieces(req, problem->status, PROBLEM_CONTENT_TYPE, body);
}

/* ---- rejections ---- */

void answer_rejected(struct http_request *req)
{
    char text[REJECT_DETAIL_SIZE];
    struct http_problem problem = reject_detail(req, text);
    req->close = req->close || reject_closes(req->reject);
    reject_add_headers(req);
    if (req->reject == REJECT_RATE)
        problem.retry_after_ns = req->credentials.wait_ns;
    http_problem(req, &problem);
}

void http_not_found(struct http_request *req)
{
    req->reject = REJECT_NOT_FOUND;
    answer_rejected(req);
}

void http_overloaded(struct http_request *req)
{
    req->reject = REJECT_OFFLOAD_LATE;
    answer_rejected(req);
}
