/* request_flow.c - see request_flow.h. */
#include "http/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/pieces.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/conn.h"
#include "http/loop.h"
#include "http/message/head.h"
#include "http/message/target.h"
#include "http/raw_reject.h"
#include "http/request_check.h"
#include "http/server.h"
#include "http/server_metrics.h"
#include "http/unpack.h"

enum { REQUEST_HEADERS_MAX_BYTES = 8 * 1024 };

static void list_deferred(struct http_request *req)
{
    req->prev = NULL;
    req->next = req->loop->deferred;
    if (req->next != NULL)
        req->next->prev = req;
    req->loop->deferred = req;
}

static void unlist_deferred(struct http_request *req)
{
    if (req->next != NULL)
        req->next->prev = req->prev;
    if (req->prev != NULL)
        req->prev->next = req->next;
    else
        req->loop->deferred = req->next;
}

static bool id_is_valid(const char *id)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
    size_t len = strlen(id);
    return len > 0 && len < HTTP_ID_SIZE && strspn(id, allowed) == len;
}

static void set_id(struct http_request *req, const char *given)
{
    if (given != NULL && id_is_valid(given))
        memcpy(req->id, given, strlen(given) + 1);
    else
        loop_random_id(req->loop, req->id);
}

/* NULL when out of memory. */
static struct http_request *request_new(struct http_loop *loop, struct MHD_Connection *mhd,
                                        const char *method, const char *url)
{
    struct conn *conn = conn_of(mhd);
    const char *path = target_path(url);
    size_t path_size = strlen(path) + 1;
    struct http_request *req = conn != NULL ? calloc(1, sizeof *req + path_size) : NULL;
    if (req == NULL)
        return NULL;
    memcpy(req->path, path, path_size);
    req->loop = loop;
    req->conn = conn;
    req->mhd = mhd;
    req->method = method;
    req->headers = BUF_INIT(REQUEST_HEADERS_MAX_BYTES);
    req->begun_at_ns = clock_now_ns();
    conn->req = req;
    conn_enter(conn, CONN_BODY);
    atomic_fetch_add_explicit(&loop->server->requests, 1, memory_order_relaxed);
    return req;
}

uint64_t request_body_max(const struct http_request *req)
{
    const struct http_options *options = &req->loop->server->options;
    const struct http_route *route = req->match.route;
    uint64_t max = options->max_body_bytes, of_document = options->max_document_bytes;
    bool is_document = route != NULL && route->body == HTTP_JSON_BODY && of_document > 0;
    return is_document && of_document < max ? of_document : max;
}

/* Hands the answer to libmicrohttpd. In the first call of the access handler that also closes the
 * connection, and no body is read. */
static enum MHD_Result send_answer(struct http_request *req)
{
    CHECK(req->state == REQUEST_ANSWERED);
    struct MHD_Response *response = req->response;
    if (response == NULL)
        return MHD_NO;
    bool last = req->close || req->loop->draining_since_ns != CLOCK_NEVER;
    if (last)
        (void)MHD_add_response_header(response, "Connection", "close");
    enum MHD_Result queued = MHD_queue_response(req->mhd, (unsigned)req->status, response);
    MHD_destroy_response(response);
    req->response = NULL;
    conn_enter(req->conn, CONN_SENDING);
    request_sent(req, req->status);
    return queued;
}

/* See body.h. */
static bool rejected_at_once(const struct http_request *req, const struct http_head *head)
{
    if (req->reject == REJECT_NONE)
        return false;
    bool end_unknown = req->reject == REJECT_FRAMING || req->reject == REJECT_NO_LENGTH;
    return end_unknown || head->expects_continue || head->content_length > BODY_DISCARD_MAX;
}

static enum MHD_Result begin(struct http_request *req, const char *version)
{
    struct http_head head;
    req->reject = request_check(req, version, &head);
    req->body.expected = head.content_length;
    set_id(req, head.request_id);
    if (head.traceparent != NULL && !trace_read(head.traceparent, req->trace_id))
        req->trace_id[0] = '\0';
    if (!rejected_at_once(req, &head))
        return MHD_YES;
    req->state = REQUEST_HANDLING;
    answer_rejected(req);
    return send_answer(req);
}

static enum MHD_Result take_body(struct http_request *req, const char *piece, size_t len)
{
    if (body_add(req, piece, len))
        return MHD_YES;
    raw_reject(req->conn, req->reject);
    return MHD_NO;
}

/* All of the request is here, and its body as the handler wants it. Handling, or deferred. */
static void call_handler(struct http_request *req)
{
    if (req->reject == REJECT_NONE && req->loop->closing)
        req->reject = REJECT_CLOSING;
    if (req->reject != REJECT_NONE)
        answer_rejected(req);
    else
        req->match.route->handle(req, req->loop->server->options.ctx);
}

/* Not answered by the end of it: it is to be deferred. */
static void handle(struct http_request *req)
{
    req->received_at_ns = clock_now_ns();
    req->state = REQUEST_HANDLING;
    bool unpack = req->reject == REJECT_NONE && req->body.is_gzip && !req->loop->closing;
    if (unpack && unpack_start(req))
        return;
    if (unpack)
        req->reject = REJECT_OVERLOADED;
    call_handler(req);
}

void request_unpacked(struct http_request *req, enum reject_reason reason)
{
    req->reject = reason;
    call_handler(req);
}

static void defer(struct http_request *req)
{
    req->state = REQUEST_DEFERRED;
    list_deferred(req);
    conn_enter(req->conn, CONN_DEFERRED);
    MHD_suspend_connection(req->mhd);
}

static enum MHD_Result handle_or_send(struct http_request *req)
{
    if (req->state == REQUEST_READING)
        handle(req);
    if (req->state == REQUEST_ANSWERED)
        return send_answer(req);
    defer(req);
    return MHD_YES;
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd's parameters */
enum MHD_Result request_access(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_len, void **ctx)
{
    struct http_request *req = *ctx;
    if (req == NULL) {
        *ctx = req = request_new(cls, mhd, method, url);
        return req != NULL ? begin(req, version) : MHD_NO;
    }
    if (req->state == REQUEST_SENT) /* cut while it was being read */
        return MHD_NO;
    size_t len = *upload_len;
    *upload_len = 0;
    return len > 0 ? take_body(req, upload, len) : handle_or_send(req);
}

void request_answered(struct http_request *req, int status, struct MHD_Response *response)
{
    bool deferred = req->state == REQUEST_DEFERRED;
    deadlines_remove(&req->loop->deadlines, &req->deadline);
    http_body_done(req);
    req->status = status;
    req->response = response;
    req->state = REQUEST_ANSWERED;
    if (!deferred)
        return;
    unlist_deferred(req);
    conn_enter(req->conn, CONN_SENDING);
    MHD_resume_connection(req->mhd);
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
    const char *key = http_key_name(req);
    int64_t duration_ns = clock_now_ns() - req->begun_at_ns;
    req->state = REQUEST_SENT;
    server_metrics_observe(server->metrics, route, req->method, status, duration_ns);
    if (options->on_answer == NULL)
        return;
    const struct http_answered answered = {
        .request_id = req->id,
        .trace_id = req->trace_id,
        .method = router_method_name(req->method),
        .route = route != NULL ? route->path : "",
        .key = key != NULL ? key : "",
        .code = req->code != NULL ? req->code : "",
        .client = req->conn->client,
        .status = status,
        .duration_ns = duration_ns,
    };
    options->on_answer(options->ctx, &answered);
}

void request_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                       enum MHD_RequestTerminationCode why)
{
    (void)mhd;
    (void)why;
    struct http_loop *loop = cls;
    struct http_request *req = *ctx;
    if (req == NULL)
        return;
    CHECK(req->state != REQUEST_DEFERRED);
    deadlines_remove(&loop->deadlines, &req->deadline);
    req->conn->req = NULL;
    conn_enter(req->conn, CONN_IDLE);
    if (req->response != NULL)
        MHD_destroy_response(req->response);
    body_fini(req);
    budget_share_end(&req->held);
    credentials_fini(&req->credentials);
    buf_fini(&req->headers);
    free(req);
    *ctx = NULL;
    atomic_fetch_sub_explicit(&loop->server->requests, 1, memory_order_relaxed);
}
