/* request_flow.c - see request_flow.h. */
#include "http/request_flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/conn.h"
#include "http/loop.h"
#include "http/message/head.h"
#include "http/message/target.h"
#include "http/request.h"
#include "http/request_check.h"
#include "http/server.h"
#include "http/unpack.h"

enum { REQUEST_HEADERS_MAX_BYTES = 8 * 1024 };

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

/* Makes the struct of a new request, when the headers of the request are complete. Returns NULL if
 * memory is out. */
static struct http_request *request_new(struct http_loop *loop, struct MHD_Connection *mhd,
                                        const char *method, const char *url)
{
    struct http_conn *conn = http_conn_of(mhd);
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
    http_conn_move(conn, HTTP_CONN_BODY);
    atomic_fetch_add_explicit(&loop->server->requests, 1, memory_order_relaxed);
    return req;
}

/* Hands the answer to libmicrohttpd. In the first call of request_flow_access(), no body has been
 * read yet. If the answer is handed over in that call, libmicrohttpd reads no body, and closes the
 * connection after the answer. */
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
    http_conn_move(req->conn, HTTP_CONN_SENDING);
    request_sent(req, req->status);
    return queued;
}

/* Returns true if a rejected request is answered without reading its body first, see body.h. */
static bool rejected_at_once(const struct http_request *req, const struct http_head *head)
{
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
    if (req->reject == REJECT_NONE)
        return MHD_YES;
    bool at_once = rejected_at_once(req, &head);
    request_move(req, at_once ? REQUEST_HANDLING : REQUEST_DISCARDING);
    if (!at_once)
        return MHD_YES;
    answer_rejected(req);
    return send_answer(req);
}

/* Calls the handler, or answers the request if it is rejected. Called in the states HANDLING and
 * DEFERRED, when the request is complete and its body is unpacked. */
static void call_handler(struct http_request *req)
{
    if (req->reject == REJECT_NONE && req->loop->closing)
        req->reject = REJECT_CLOSING;
    if (req->reject != REJECT_NONE)
        answer_rejected(req);
    else
        req->match.route->handle(req, req->loop->server->options.ctx);
}

static void suspend(struct http_request *req, enum request_state state)
{
    request_move(req, state);
    http_conn_move(req->conn, HTTP_CONN_DEFERRED);
    MHD_suspend_connection(req->mhd);
}

static void on_unpacked(struct http_request *req, enum reject_reason reason)
{
    req->reject = reason;
    request_move(req, REQUEST_DEFERRED);
    call_handler(req);
}

/* Called when the whole request has been read. */
static enum MHD_Result finish_reading(struct http_request *req)
{
    req->received_at_ns = clock_now_ns();
    bool unpack = req->reject == REJECT_NONE && req->body.is_gzip && !req->loop->closing;
    if (unpack && unpack_start(req, on_unpacked)) {
        suspend(req, REQUEST_UNPACKING);
        return MHD_YES;
    }
    if (unpack)
        req->reject = REJECT_OVERLOADED;
    request_move(req, REQUEST_HANDLING);
    call_handler(req);
    if (req->state == REQUEST_ANSWERED)
        return send_answer(req);
    suspend(req, REQUEST_DEFERRED);
    return MHD_YES;
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd's parameters */
enum MHD_Result request_flow_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_len, void **ctx)
{
    struct http_request *req = *ctx;
    if (req == NULL) {
        *ctx = req = request_new(cls, mhd, method, url);
        return req != NULL ? begin(req, version) : MHD_NO;
    }
    if (req->state == REQUEST_SENT) /* raw_reject() has answered the request */
        return MHD_NO;
    if (req->state == REQUEST_ANSWERED) /* the connection was resumed */
        return send_answer(req);
    size_t len = *upload_len;
    *upload_len = 0;
    if (len > 0)
        return body_add(req, upload, len) ? MHD_YES : MHD_NO;
    return finish_reading(req);
}

void request_flow_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                            enum MHD_RequestTerminationCode why)
{
    (void)mhd;
    (void)why;
    struct http_loop *loop = cls;
    struct http_request *req = *ctx;
    if (req == NULL)
        return;
    CHECK(!request_is_suspended(req));
    heap_remove(&loop->deadlines, &req->deadline);
    req->conn->req = NULL;
    http_conn_move(req->conn, HTTP_CONN_IDLE);
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
