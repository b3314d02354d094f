/* gate_conn.c - see gate_conn.h. Each direction has a buffer, which is filled only when it is empty
 * and is sent as far as the receiver takes it. So in every mode no byte is lost or reordered. */
#include "support/gate_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "support/pg_frames.h"

enum { BUFFER_BYTES = 16 << 10 };

struct stream {
    int from, to;
    size_t off, len; /* the unsent bytes in the buffer */
    bool eof, shut;  /* eof: `from` has ended; shut: `to` was told so */
    char buffer[BUFFER_BYTES];
};

struct gate_conn {
    struct stream to_server, to_client;
    struct pg_frames frames; /* position in the bytes that the client got */
    bool forgotten;
    int64_t next_drip_at_ns;
};

static int dial(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    const struct sockaddr_in addr = { .sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    (void)connect(fd, (const struct sockaddr *)&addr, sizeof addr); /* recv() returns any error */
    return fd;
}

struct gate_conn *gate_conn_open(int client_fd, int server_port)
{
    struct gate_conn *conn = calloc(1, sizeof *conn);
    CHECK(conn != NULL);
    int server_fd = dial(server_port);
    conn->to_server = (struct stream){ .from = client_fd, .to = server_fd };
    conn->to_client = (struct stream){ .from = server_fd, .to = client_fd };
    int on = 1;
    (void)setsockopt(client_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(server_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return conn;
}

static void close_side(int fd, bool reset)
{
    const struct linger at_once = { .l_onoff = 1 };
    if (reset)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

void gate_conn_close(struct gate_conn *conn, bool reset)
{
    close_side(conn->to_server.from, reset);
    close_side(conn->to_server.to, reset);
    free(conn);
}

void gate_conn_forget(struct gate_conn *conn)
{
    conn->forgotten = true;
}

/* ---- pumping ---- */

/* Returns false if the connection is broken. A connection that is still being dialled gives
 * EAGAIN. */
static bool fill(struct stream *s)
{
    if (s->len > 0 || s->eof)
        return true;
    ssize_t got = recv(s->from, s->buffer, sizeof s->buffer, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    s->off = 0;
    s->len = (size_t)got;
    s->eof = got == 0;
    return true;
}

static bool drain(struct stream *s, size_t limit, int64_t *sent)
{
    *sent = 0;
    if (s->len > 0 && limit > 0) {
        ssize_t put =
            send(s->to, s->buffer + s->off, s->len < limit ? s->len : limit, MSG_NOSIGNAL);
        if (put < 0)
            return errno == EAGAIN || errno == EINTR;
        s->off += (size_t)put;
        s->len -= (size_t)put;
        *sent = put;
    }
    if (s->len > 0 || !s->eof || s->shut)
        return true;
    s->shut = shutdown(s->to, SHUT_WR) == 0;
    return s->shut; /* false: it was reset, which poll would not report again */
}

static size_t client_limit(const struct gate_conn *conn, const struct gate_flow *flow,
                           int64_t now_ns)
{
    size_t limit = BUFFER_BYTES;
    if (flow->drip)
        limit = now_ns >= conn->next_drip_at_ns ? 1 : 0;
    if (flow->bytes_to_cut >= 0 && (int64_t)limit > flow->bytes_to_cut)
        limit = (size_t)flow->bytes_to_cut;
    return limit;
}

static char stop_after(const struct gate_flow *flow)
{
    return flow->inject.left > 0 ? flow->inject.after : '\0';
}

/* Limits the bytes so that they end with a counted message. */
static size_t message_limit(const struct gate_conn *conn, const struct gate_flow *flow,
                            size_t limit)
{
    const struct stream *down = &conn->to_client;
    struct pg_frames ahead = conn->frames;
    bool stopped;
    return pg_frames_walk(&ahead, down->buffer + down->off, limit < down->len ? limit : down->len,
                          stop_after(flow), &stopped);
}

/* Injects our message if the bytes just sent to the client were the last ones before it. */
static bool is_injected(struct gate_conn *conn, struct gate_flow *flow, const char *bytes,
                        int64_t sent)
{
    bool counts;
    (void)pg_frames_walk(&conn->frames, bytes, (size_t)sent, stop_after(flow), &counts);
    if (!counts || --flow->inject.left > 0)
        return false;
    ssize_t put = send(conn->to_client.to, flow->inject.message, flow->inject.len, MSG_NOSIGNAL);
    return put == (ssize_t)flow->inject.len; /* false: nobody reads, and no test would see it */
}

enum gate_conn_rc gate_conn_pump(struct gate_conn *conn, struct gate_flow *flow, int64_t now_ns)
{
    struct stream *up = &conn->to_server, *down = &conn->to_client;
    int64_t sent;
    if (conn->forgotten)
        return GATE_CONN_LIVES;
    if (!fill(up) || !drain(up, BUFFER_BYTES, &sent))
        return GATE_CONN_BROKEN;
    flow->to_server_bytes += sent;

    if (!fill(down))
        return GATE_CONN_BROKEN;
    if (down->len > 0 && flow->bytes_to_cut == 0)
        return GATE_CONN_CUT;
    const char *bytes = down->buffer + down->off;
    if (!drain(down, message_limit(conn, flow, client_limit(conn, flow, now_ns)), &sent))
        return GATE_CONN_BROKEN;
    if (is_injected(conn, flow, bytes, sent))
        return GATE_CONN_INJECTED;
    flow->to_client_bytes += sent;
    if (flow->bytes_to_cut > 0)
        flow->bytes_to_cut -= sent;
    if (flow->drip && sent > 0)
        conn->next_drip_at_ns = now_ns + GATE_DRIP_MS * NS_PER_MS;
    return up->shut && down->shut ? GATE_CONN_ENDED : GATE_CONN_LIVES;
}

static short events(const struct stream *in, const struct stream *out, bool may_send)
{
    bool wants_in = in->len == 0 && !in->eof, wants_out = out->len > 0 && may_send;
    return (short)((wants_in ? POLLIN : 0) | (wants_out ? POLLOUT : 0));
}

/* A side without events gets no entry, because poll would report its end again and again. */
static struct pollfd entry(int fd, short events)
{
    return (struct pollfd){ .fd = events != 0 ? fd : -1, .events = events };
}

void gate_conn_poll(const struct gate_conn *conn, const struct gate_flow *flow,
                    struct pollfd entries[2], int64_t *wake_at_ns)
{
    const struct stream *up = &conn->to_server, *down = &conn->to_client;
    const bool stalled = flow->stalled || conn->forgotten;
    entries[0] = entry(up->from, stalled ? 0 : events(up, down, !flow->drip));
    entries[1] = entry(up->to, stalled ? 0 : events(down, up, true));
    if (flow->drip && !stalled && down->len > 0)
        *wake_at_ns = clock_min(*wake_at_ns, conn->next_drip_at_ns);
}
