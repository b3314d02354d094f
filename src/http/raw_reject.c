/* raw_reject.c - see raw_reject.h. */
#include "http/raw_reject.h"

#include <sys/socket.h>

#include "base/buf.h"
#include "http/conn.h"
#include "http/http.h"
#include "http/loop.h"
#include "http/message/router.h"
#include "http/reject_detail.h"
#include "http/request.h"
#include "http/server.h"
#include "http/server_metrics.h"

enum { HEAD_SIZE = 512 };

static void write_raw(struct http_conn *conn, const struct http_problem *problem,
                      enum reject_reason reason, const char *id)
{
    char text[HEAD_SIZE];
    struct buf head = BUF_OVER(text), body = problem_render(problem, id);
    buf_printf(&head,
               "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: " PROBLEM_CONTENT_TYPE
               "\r\nCache-Control: no-store\r\nX-Request-Id: %s\r\nContent-Length: %zu\r\n\r\n",
               problem->status, reject_phrase(reason), id, body.len);
    if (!head.failed && !body.failed)
        transport_send_last(&conn->transport, &head, &body);
    buf_fini(&body);
}

/* Calls on_answer() for a request whose headers were not complete. Of such a request only the
 * client is known. */
static void report_cut_head(const struct http_conn *conn, const struct http_problem *problem,
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

static void cut_head(struct http_conn *conn, enum reject_reason reason)
{
    char id[LOOP_ID_SIZE];
    struct http_problem problem = reject_problem(reason);
    loop_random_id(conn->loop, id);
    write_raw(conn, &problem, reason, id);
    server_metrics_observe(conn->loop->server->metrics, NULL, "", problem.status, 0);
    report_cut_head(conn, &problem, id);
}

static void cut_body(struct http_request *req, enum reject_reason reason)
{
    char text[REJECT_DETAIL_SIZE];
    request_reject(req, reason);
    struct http_problem problem = reject_detail(req, text);
    write_raw(req->conn, &problem, reason, req->id);
    req->code = problem.code;
    request_sent(req, problem.status);
}

void raw_reject(struct http_conn *conn, enum reject_reason reason)
{
    if (conn->req != NULL)
        cut_body(conn->req, reason);
    else
        cut_head(conn, reason);
    (void)shutdown(conn->transport.fd, SHUT_RDWR);
    http_conn_move(conn, HTTP_CONN_CUT);
}
