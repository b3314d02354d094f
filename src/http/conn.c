/* conn.c - see conn.h. Bodies are counted as they come; what else has moved on a socket is asked of
 * the kernel (TCP_INFO), since libmicrohttpd does not say when the first byte of a request came.
 * The sweep asks, and only about connections that have been in their phase for a while, so a busy
 * one never costs a system call. What moved before that first question is not seen: between
 * requests, idle_timeout bounds it. */
#include "http/conn.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/budget.h"
#include "base/check.h"
#include "base/clock.h"
#include "http/loop.h"
#include "http/request.h"
#include "http/reserve.h"
#include "http/server.h"

#define SWEEP_MAX_NS (500 * NS_PER_MS)
#define SWEEP_MIN_NS (10 * NS_PER_MS)
#define SWEEP_DRAINING_NS (50 * NS_PER_MS)
#define DRAIN_IDLE_NS NS_PER_S

/* While a budget refuses requests, and for a moment after, a connection that holds much of that
 * budget must make progress: at PRESSED_PACE_BYTES_PER_S on average, and an answer must not stall.
 * So a client that does not read cannot keep the memory from other clients for long. */
#define PRESSED_NS (5 * NS_PER_S)
#define PRESSED_STALL_NS (2 * NS_PER_S)
enum { PRESSED_PACE_BYTES_PER_S = 100 * 1000, UNSENT_MAX = 128 * 1024 };

enum {
    CLOSED = 7,
    CLOSE_WAIT = 8
}; /* TCP_CLOSE and TCP_CLOSE_WAIT of <netinet/tcp.h>, which <linux/tcp.h> excludes */

struct conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* Counts the connection for its client's address. False: out of memory. */
static bool count_address(struct conn *conn, const struct sockaddr *client)
{
    struct http_server *server = conn->loop->server;
    uint32_t max = server->options.max_connections_per_address, count = 0;
    if (max == 0)
        return true;
    conn->address = addresses_add(&server->addresses, client, &count);
    if (count > max)
        conn->surplus = REFUSAL_ADDRESS;
    return conn->address != NULL;
}

static void count_connection(struct conn *conn)
{
    struct http_server *server = conn->loop->server;
    uint64_t before = atomic_fetch_add_explicit(&server->admitted, 1, memory_order_relaxed);
    conn->admitted = before < server->options.max_connections;
    if (conn->admitted)
        return;
    atomic_fetch_sub_explicit(&server->admitted, 1, memory_order_relaxed);
    conn->surplus = REFUSAL_CONNECTIONS;
}

/* Admits the connection within the limits or into the reserve. False: the connection is to be
 * closed. */
static bool admit(struct conn *conn, const struct sockaddr *client)
{
    if (!count_address(conn, client))
        return false;
    if (conn->surplus == REFUSAL_NONE)
        count_connection(conn);
    return conn->admitted || reserve_enter(conn);
}

static void list(struct conn *conn)
{
    struct http_loop *loop = conn->loop;
    conn->next = loop->conns;
    if (conn->next != NULL)
        conn->next->prev = conn;
    loop->conns = conn;
    loop->n_conns++;
}

static struct conn *conn_new(struct http_loop *loop, struct MHD_Connection *mhd, int fd)
{
    if (!deadlines_reserve(&loop->deadlines, loop->n_conns + 1))
        return NULL;
    struct conn *conn = malloc(sizeof *conn);
    if (conn == NULL)
        return NULL;
    atomic_fetch_add_explicit(&loop->server->connections, 1, memory_order_relaxed);
    *conn = (struct conn){
        .loop = loop,
        .mhd = mhd,
        .fd = fd,
        .phase = CONN_IDLE,
        .surplus = REFUSAL_NONE,
        .since_ns = loop->now_ns,
        .opened_at_ns = loop->now_ns,
    };
    list(conn);
    return conn;
}

static void conn_free(struct conn *conn)
{
    struct http_loop *loop = conn->loop;
    CHECK(conn->req == NULL);
    conn_tls_end(conn);
    reserve_leave(conn);
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        loop->conns = conn->next;
    loop->n_conns--;
    conn_enter(conn, CONN_CUT); /* if it was sending, it is counted no more */
    addresses_remove(&loop->server->addresses, conn->address);
    atomic_fetch_sub_explicit(&loop->server->connections, 1, memory_order_relaxed);
    if (conn->admitted)
        atomic_fetch_sub_explicit(&loop->server->admitted, 1, memory_order_relaxed);
    free(conn);
}

/* Bytes that the client's window has no room for wait in this process, where they are counted, and
 * not in the kernel, which would take megabytes. Bytes in flight are not bounded by this. */
static void bound_unsent(int fd)
{
    int bytes = UNSENT_MAX;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

void conn_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                 enum MHD_ConnectionNotificationCode code)
{
    struct conn *conn = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (conn != NULL)
            conn_free(conn);
        return;
    }
    ((struct http_loop *)cls)->starved = false;
    int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sockaddr *client =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    conn = conn_new(cls, mhd, fd);
    if (conn != NULL) {
        conn->client = client;
        conn->address_hash = addresses_hash(&conn->loop->server->addresses, client);
    }
    if (conn == NULL || !conn_tls_begin(conn, mhd) || !admit(conn, client))
        (void)shutdown(fd, SHUT_RDWR);
    bound_unsent(fd);
    *socket_context = conn;
}

void conn_enter(struct conn *conn, enum conn_phase phase)
{
    struct http_loop *loop = conn->loop;
    loop->n_sending += phase == CONN_SENDING;
    loop->n_sending -= conn->phase == CONN_SENDING;
    bool same_clock = conn->phase == CONN_HEAD && phase == CONN_BODY;
    conn->phase = phase;
    if (same_clock)
        return;
    conn->since_ns = conn->moved_at_ns = loop->now_ns;
    conn->bytes_before = -1;
    conn->bytes_seen = 0;
}

/* On the socket, since it was opened. 0 where the kernel does not say: then the pace gives no time.
 * Notes by the way whether the client has ended its side. */
static int64_t bytes_moved(struct conn *conn)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    (void)getsockopt(conn->fd, IPPROTO_TCP, TCP_INFO, &info, &len);
    conn->client_ended = info.tcpi_state == CLOSE_WAIT || info.tcpi_state == CLOSED;
    uint64_t bytes = conn->phase == CONN_SENDING ? info.tcpi_bytes_acked : info.tcpi_bytes_received;
    return (int64_t)bytes;
}

static int64_t bytes_in_phase(struct conn *conn)
{
    if (conn->phase == CONN_BODY)
        return (int64_t)(conn->req->body.bytes.len + conn->req->body.discarded);
    int64_t bytes = bytes_moved(conn);
    if (conn->bytes_before < 0)
        conn->bytes_before = bytes;
    return bytes - conn->bytes_before;
}

static int64_t idle_until_ns(const struct conn *conn)
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

/* Does the connection hold much of a budget that refuses other requests? */
static bool is_pressed(const struct conn *conn)
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

static int64_t paced_until_ns(const struct conn *conn, int64_t bytes)
{
    int64_t read_timeout_ns = conn->loop->server->options.read_timeout_ns;
    int64_t until_ns = clock_after(conn->since_ns, read_timeout_ns);
    int pace = is_pressed(conn) ? PRESSED_PACE_BYTES_PER_S : CONN_PACE_BYTES_PER_S;
    return clock_after(until_ns, bytes * (NS_PER_S / pace));
}

/* A request, or a handshake, has the time of its pace, and less in the reserve. */
static int64_t request_until_ns(const struct conn *conn, int64_t bytes)
{
    return reserve_until_ns(conn, paced_until_ns(conn, bytes));
}

static int64_t body_until_ns(const struct conn *conn, int64_t bytes)
{
    int64_t until_ns = request_until_ns(conn, bytes);
    if (conn->req->refusal == REFUSAL_NONE)
        return until_ns;
    return clock_min(until_ns, conn->req->begun_at_ns + REFUSAL_READ_NS);
}

void conn_cut(struct conn *conn)
{
    if (conn->phase == CONN_IDLE)
        conn_tls_bye(conn);
    (void)shutdown(conn->fd, SHUT_RDWR);
    conn_enter(conn, CONN_CUT);
}

/* No more will come. libmicrohttpd overlooks an end that arrives together with data: it would keep
 * the connection for idle_timeout, or wait for the rest of the headers or of the body. */
static bool is_done_with(const struct conn *conn)
{
    int unread = 0;
    return conn->client_ended && ioctl(conn->fd, FIONREAD, &unread) == 0 && unread == 0 &&
           !conn_tls_has_unread(conn);
}

static void sweep_idle(struct conn *conn, int64_t bytes)
{
    bool done = is_done_with(conn);
    if (bytes > 0 && !done) {
        conn->phase = CONN_HEAD; /* the count goes on, so not by conn_enter() */
        conn->since_ns = conn->loop->now_ns;
    } else if (done || conn->loop->now_ns >= idle_until_ns(conn)) {
        conn_cut(conn);
    }
}

static void sweep_body(struct conn *conn)
{
    enum refusal refusal = conn->req->refusal;
    (void)bytes_moved(conn);
    if (conn->loop->now_ns >= body_until_ns(conn, bytes_in_phase(conn)))
        refusal_cut(conn, refusal != REFUSAL_NONE ? refusal : REFUSAL_TIMEOUT);
    else if (is_done_with(conn))
        conn_cut(conn);
}

static bool stands_still(struct conn *conn, int64_t bytes)
{
    int64_t now_ns = conn->loop->now_ns;
    if (bytes > conn->bytes_seen)
        conn->moved_at_ns = now_ns;
    conn->bytes_seen = bytes;
    return is_pressed(conn) && now_ns >= clock_after(conn->moved_at_ns, PRESSED_STALL_NS);
}

static void sweep_sending(struct conn *conn, int64_t bytes)
{
    bool still = stands_still(conn, bytes);
    if (still || conn->loop->now_ns >= paced_until_ns(conn, bytes))
        conn_cut(conn);
}

/* Checks only connections that wait for the offload thread, which drops the work of a client that
 * is gone. A client that has only closed its sending side looks the same, so it counts as gone,
 * too. */
static void sweep_deferred(struct conn *conn)
{
    if (!atomic_load_explicit(&conn->turn.waiting, memory_order_relaxed))
        return;
    (void)bytes_moved(conn);
    if (is_done_with(conn))
        atomic_store_explicit(&conn->turn.gone, true, memory_order_relaxed);
}

/* Is the answer on its way? While a request is still being read, that means that libmicrohttpd has
 * refused it by itself. */
static bool is_answered(const struct conn *conn)
{
    return MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_HTTP_STATUS) != NULL;
}

static void sweep_one(struct conn *conn)
{
    int64_t now_ns = conn->loop->now_ns;
    bool reading = conn->phase == CONN_HEAD || conn->phase == CONN_BODY;
    if (reading && is_answered(conn))
        conn_enter(conn, CONN_SENDING);
    switch (conn->phase) {
    case CONN_IDLE:
        sweep_idle(conn, bytes_in_phase(conn));
        break;
    case CONN_HEAD:
        if (now_ns >= request_until_ns(conn, bytes_in_phase(conn)))
            refusal_cut(conn, REFUSAL_TIMEOUT);
        else if (is_done_with(conn))
            conn_cut(conn);
        break;
    case CONN_BODY:
        sweep_body(conn);
        break;
    case CONN_HANDSHAKE:
        if (now_ns >= request_until_ns(conn, bytes_in_phase(conn)))
            conn_cut(conn);
        break;
    case CONN_SENDING:
        sweep_sending(conn, bytes_in_phase(conn));
        break;
    case CONN_DEFERRED:
        sweep_deferred(conn);
        break;
    case CONN_CUT:
        break;
    }
}

int64_t conns_sweep_interval_ns(const struct http_loop *loop)
{
    const struct http_options *options = &loop->server->options;
    int64_t shorter_ns = clock_min(options->read_timeout_ns, options->idle_timeout_ns);
    bool draining = loop->draining_since_ns != CLOCK_NEVER; /* the end waits for idle clients */
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

void conns_sweep(struct http_loop *loop)
{
    note_pressure(&loop->memory_pressure, loop->server->options.memory, loop->now_ns);
    note_pressure(&loop->figures_pressure, &loop->server->figures, loop->now_ns);
    int64_t settled_ns = loop->now_ns - conns_sweep_interval_ns(loop) / 2;
    for (struct conn *conn = loop->conns; conn != NULL; conn = conn->next)
        if (conn->since_ns <= settled_ns)
            sweep_one(conn);
}

void conns_make_room(struct http_loop *loop)
{
    struct conn *longest = NULL;
    for (struct conn *conn = loop->conns; conn != NULL; conn = conn->next) {
        if (conn->phase == CONN_CUT)
            return;
        if (conn->phase == CONN_IDLE && (longest == NULL || conn->since_ns < longest->since_ns))
            longest = conn;
    }
    if (longest != NULL)
        conn_cut(longest);
}
