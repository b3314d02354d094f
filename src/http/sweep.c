/* sweep.c - see sweep.h. A connection gets more time for each byte that has moved since it entered
 * its state. body.c counts the bytes of a body. For all other bytes the sweep asks the kernel
 * (TCP_INFO), because libmicrohttpd does not report the first byte of a request. The sweep asks
 * only about connections that have been in their state for a while, so a busy connection costs no
 * system call. Bytes that arrive before the sweep first asks in a state are not counted. So a
 * connection may count as idle although the first bytes of a request have arrived, but for no
 * longer than idle_timeout. */
#include "http/sweep.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/budget.h"
#include "base/clock.h"
#include "http/body.h"
#include "http/conn.h"
#include "http/loop.h"
#include "http/raw_reject.h"
#include "http/request.h"
#include "http/reserve.h"
#include "http/server.h"

#define SWEEP_MAX_NS (500 * NS_PER_MS)
#define SWEEP_MIN_NS (10 * NS_PER_MS)
#define SWEEP_DRAINING_NS (50 * NS_PER_MS)
#define DRAIN_IDLE_NS NS_PER_S

/* A budget is under pressure for PRESSED_NS after it had no room for a request. Meanwhile stricter
 * limits apply to a connection that holds BUDGET_LARGE_BYTES or more of that budget. Its pace must
 * be at least PRESSED_PACE_BYTES_PER_S instead of HTTP_CONN_PACE_BYTES_PER_S. It is closed if the
 * client acknowledges no byte of an answer for PRESSED_STALL_NS. So a client that does not read
 * cannot keep the memory from other clients for long. */
#define PRESSED_NS (5 * NS_PER_S)
#define PRESSED_STALL_NS (2 * NS_PER_S)
enum { PRESSED_PACE_BYTES_PER_S = 100 * 1000 };

/* TCP_CLOSE and TCP_CLOSE_WAIT. Their header, <netinet/tcp.h>, cannot be included together with
 * <linux/tcp.h>. */
enum { CLOSED = 7, CLOSE_WAIT = 8 };

/* Returns how many bytes have moved on the socket since it was opened: in the state SENDING the
 * bytes that the client has acknowledged, else the bytes received. Returns 0 if the kernel does not
 * tell: then the connection gets no more time. Also notes in conn->client_ended whether the client
 * has closed its side. */
static int64_t bytes_moved(struct http_conn *conn)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    (void)getsockopt(conn->transport.fd, IPPROTO_TCP, TCP_INFO, &info, &len);
    conn->client_ended = info.tcpi_state == CLOSE_WAIT || info.tcpi_state == CLOSED;
    uint64_t bytes =
        conn->state == HTTP_CONN_SENDING ? info.tcpi_bytes_acked : info.tcpi_bytes_received;
    return (int64_t)bytes;
}

static int64_t bytes_in_phase(struct http_conn *conn)
{
    if (conn->state == HTTP_CONN_BODY)
        return (int64_t)(conn->req->body.bytes.len + conn->req->body.discarded);
    int64_t bytes = bytes_moved(conn);
    if (conn->bytes_before < 0)
        conn->bytes_before = bytes;
    return bytes - conn->bytes_before;
}

static int64_t idle_until_ns(const struct http_conn *conn)
{
    const struct http_loop *loop = conn->loop;
    const struct http_options *options = &loop->server->options;
    int64_t until_ns =
        reserve_until_ns(conn, clock_after(conn->since_ns, options->idle_timeout_ns));
    if (loop->draining_since_ns == CLOCK_NEVER)
        return until_ns;
    int64_t since_ns =
        conn->since_ns > loop->draining_since_ns ? conn->since_ns : loop->draining_since_ns;
    return clock_min(until_ns, since_ns + DRAIN_IDLE_NS);
}

/* Returns true if the connection holds BUDGET_LARGE_BYTES or more of a budget under pressure. */
static bool is_pressed(const struct http_conn *conn)
{
    const struct http_loop *loop = conn->loop;
    const struct http_request *req = conn->req;
    if (req == NULL)
        return false;
    bool figures = req->held.budget == &loop->server->figures;
    const struct pressure *pressure = figures ? &loop->figures_pressure : &loop->memory_pressure;
    if (loop->now_ns >= pressure->until_ns)
        return false;
    return req->body.bytes.cap + request_unsent_bytes(req) >= BUDGET_LARGE_BYTES;
}

static int64_t paced_until_ns(const struct http_conn *conn, int64_t bytes)
{
    int64_t read_timeout_ns = conn->loop->server->options.read_timeout_ns;
    int64_t until_ns = clock_after(conn->since_ns, read_timeout_ns);
    int pace = is_pressed(conn) ? PRESSED_PACE_BYTES_PER_S : HTTP_CONN_PACE_BYTES_PER_S;
    return clock_after(until_ns, bytes * (NS_PER_S / pace));
}

/* Returns the moment by which a request or a TLS handshake must be complete. Each byte received
 * makes that moment later. But a connection in the reserve has at most RESERVE_SPAN_NS,
 * counted from the moment at which it was opened. */
static int64_t request_until_ns(const struct http_conn *conn, int64_t bytes)
{
    return reserve_until_ns(conn, paced_until_ns(conn, bytes));
}

static int64_t body_until_ns(const struct http_conn *conn, int64_t bytes)
{
    int64_t until_ns = request_until_ns(conn, bytes);
    if (conn->req->state != REQUEST_DISCARDING)
        return until_ns;
    return clock_min(until_ns, conn->req->begun_at_ns + BODY_DISCARD_NS);
}

/* Returns true if the client has closed its side, and all bytes that it sent have been read.
 * libmicrohttpd overlooks a close that arrives together with data. Without this check
 * libmicrohttpd would keep the connection for idle_timeout, or wait for the rest of a request. */
static bool is_done_with(const struct http_conn *conn)
{
    int unread = 0;
    return conn->client_ended && ioctl(conn->transport.fd, FIONREAD, &unread) == 0 && unread == 0 &&
           !transport_has_unread(&conn->transport);
}

static void sweep_idle(struct http_conn *conn, int64_t bytes)
{
    bool done = is_done_with(conn);
    if (bytes > 0 && !done) {
        http_conn_move(conn, HTTP_CONN_HEAD);
    } else if (done || conn->loop->now_ns >= idle_until_ns(conn)) {
        http_conn_cut(conn);
    }
}

static void sweep_body(struct http_conn *conn)
{
    enum reject_reason reason = conn->req->reject;
    (void)bytes_moved(conn);
    if (conn->loop->now_ns >= body_until_ns(conn, bytes_in_phase(conn)))
        raw_reject(conn, reason != REJECT_NONE ? reason : REJECT_TIMEOUT);
    else if (is_done_with(conn))
        http_conn_cut(conn);
}

static bool stands_still(struct http_conn *conn, int64_t bytes)
{
    int64_t now_ns = conn->loop->now_ns;
    if (bytes > conn->bytes_seen)
        conn->moved_at_ns = now_ns;
    conn->bytes_seen = bytes;
    return is_pressed(conn) && now_ns >= clock_after(conn->moved_at_ns, PRESSED_STALL_NS);
}

static void sweep_sending(struct http_conn *conn, int64_t bytes)
{
    bool still = stands_still(conn, bytes);
    if (still || conn->loop->now_ns >= paced_until_ns(conn, bytes))
        http_conn_cut(conn);
}

/* Sets turn.gone if the client is gone, so that the offload thread drops the work for that client.
 * Checks only a connection that waits for the offload thread. A client that has closed only its
 * sending side looks the same, so that client counts as gone too. */
static void sweep_deferred(struct http_conn *conn)
{
    if (!atomic_load_explicit(&conn->turn.waiting, memory_order_relaxed))
        return;
    (void)bytes_moved(conn);
    if (is_done_with(conn))
        atomic_store_explicit(&conn->turn.gone, true, memory_order_relaxed);
}

/* Returns true if libmicrohttpd has an answer to send. If a request is still being read,
 * libmicrohttpd itself has made that answer, to reject the request. */
static bool is_answered(const struct http_conn *conn)
{
    return MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_HTTP_STATUS) != NULL;
}

static void sweep_one(struct http_conn *conn)
{
    int64_t now_ns = conn->loop->now_ns;
    bool reading = conn->state == HTTP_CONN_HEAD || conn->state == HTTP_CONN_BODY;
    if (reading && is_answered(conn))
        http_conn_move(conn, HTTP_CONN_SENDING);
    switch (conn->state) {
    case HTTP_CONN_IDLE:
        sweep_idle(conn, bytes_in_phase(conn));
        break;
    case HTTP_CONN_HEAD:
        if (now_ns >= request_until_ns(conn, bytes_in_phase(conn)))
            raw_reject(conn, REJECT_TIMEOUT);
        else if (is_done_with(conn))
            http_conn_cut(conn);
        break;
    case HTTP_CONN_BODY:
        sweep_body(conn);
        break;
    case HTTP_CONN_HANDSHAKE:
        if (now_ns >= request_until_ns(conn, bytes_in_phase(conn)))
            http_conn_cut(conn);
        break;
    case HTTP_CONN_SENDING:
        sweep_sending(conn, bytes_in_phase(conn));
        break;
    case HTTP_CONN_DEFERRED:
        sweep_deferred(conn);
        break;
    case HTTP_CONN_CUT:
        break;
    }
}

int64_t sweep_interval_ns(const struct http_loop *loop)
{
    const struct http_options *options = &loop->server->options;
    int64_t shorter_ns = clock_min(options->read_timeout_ns, options->idle_timeout_ns);
    bool draining = loop->draining_since_ns != CLOCK_NEVER; /* then sweep more often */
    int64_t interval_ns = clock_min(shorter_ns / 8, draining ? SWEEP_DRAINING_NS : SWEEP_MAX_NS);
    return interval_ns > SWEEP_MIN_NS ? interval_ns : SWEEP_MIN_NS;
}

static void note_pressure(struct pressure *pressure, const struct budget *budget, int64_t now_ns)
{
    uint64_t refused = budget != NULL ? budget_refused(budget) : 0;
    if (refused != pressure->refusals_seen)
        pressure->until_ns = clock_after(now_ns, PRESSED_NS);
    pressure->refusals_seen = refused;
}

void sweep_conns(struct http_loop *loop)
{
    note_pressure(&loop->memory_pressure, loop->server->options.memory, loop->now_ns);
    note_pressure(&loop->figures_pressure, &loop->server->figures, loop->now_ns);
    int64_t settled_ns = loop->now_ns - sweep_interval_ns(loop) / 2;
    LIST_EACH (conn, &loop->conns, struct http_conn, link)
        if (conn->since_ns <= settled_ns)
            sweep_one(conn);
}

void sweep_make_room(struct http_loop *loop)
{
    struct http_conn *longest = NULL;
    LIST_EACH (conn, &loop->conns, struct http_conn, link) {
        if (conn->state == HTTP_CONN_CUT)
            return;
        if (conn->state == HTTP_CONN_IDLE &&
            (longest == NULL || conn->since_ns < longest->since_ns))
            longest = conn;
    }
    if (longest != NULL)
        http_conn_cut(longest);
}
