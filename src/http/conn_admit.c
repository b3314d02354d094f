/* conn_admit.c - see conn_admit.h. */
#include "http/conn_admit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/check.h"
#include "http/conn.h"
#include "http/loop.h"
#include "http/reserve.h"
#include "http/server.h"

enum { UNSENT_MAX = 128 * 1024 };

/* Counts the connection for its client's address, and sets `surplus` if the address now exceeds its
 * limit. Returns false if memory is out. */
static bool count_address(struct http_conn *conn, const struct sockaddr *client)
{
    struct http_server *server = conn->loop->server;
    uint32_t max = server->options.max_connections_per_address, count = 0;
    if (max == 0)
        return true;
    conn->address = addresses_add(&server->addresses, client, &count);
    if (count > max)
        conn->surplus = REJECT_ADDRESS;
    return conn->address != NULL;
}

static void count_connection(struct http_conn *conn)
{
    struct http_server *server = conn->loop->server;
    uint64_t before = atomic_fetch_add_explicit(&server->admitted, 1, memory_order_relaxed);
    if (before < server->options.max_connections) {
        conn->place = HTTP_CONN_ADMITTED;
        return;
    }
    atomic_fetch_sub_explicit(&server->admitted, 1, memory_order_relaxed);
    conn->surplus = REJECT_CONNECTIONS;
}

/* Admits the connection within the limits or into the reserve. Returns false if the connection must
 * be closed. */
static bool admit(struct http_conn *conn, const struct sockaddr *client)
{
    if (!count_address(conn, client))
        return false;
    if (conn->surplus == REJECT_NONE)
        count_connection(conn);
    return conn->place == HTTP_CONN_ADMITTED || reserve_enter(conn);
}

static struct http_conn *conn_new(struct http_loop *loop, struct MHD_Connection *mhd)
{
    if (!heap_reserve(&loop->deadlines, loop->conns.count + 1))
        return NULL;
    struct http_conn *conn = malloc(sizeof *conn);
    if (conn == NULL)
        return NULL;
    atomic_fetch_add_explicit(&loop->server->connections, 1, memory_order_relaxed);
    bool tls = loop->server->options.tls != NULL;
    *conn = (struct http_conn){
        .loop = loop,
        .mhd = mhd,
        .state = tls ? HTTP_CONN_HANDSHAKE : HTTP_CONN_IDLE,
        .surplus = REJECT_NONE,
        .since_ns = loop->now_ns,
        .bytes_before = tls ? -1 : 0,
        .opened_at_ns = loop->now_ns,
    };
    list_push_front(&loop->conns, &conn->link);
    return conn;
}

static void conn_free(struct http_conn *conn)
{
    struct http_loop *loop = conn->loop;
    CHECK(conn->req == NULL);
    if (!transport_is_open(&conn->transport))
        atomic_fetch_add_explicit(&loop->server->handshakes_failed, 1, memory_order_relaxed);
    transport_end(&conn->transport);
    reserve_leave(conn);
    list_remove(&loop->conns, &conn->link);
    http_conn_move(conn, HTTP_CONN_CUT); /* subtracts it from n_sending */
    addresses_remove(&loop->server->addresses, conn->address);
    atomic_fetch_sub_explicit(&loop->server->connections, 1, memory_order_relaxed);
    if (conn->place == HTTP_CONN_ADMITTED)
        atomic_fetch_sub_explicit(&loop->server->admitted, 1, memory_order_relaxed);
    free(conn);
}

/* Limits how many unsent bytes of an answer the kernel buffers. Without the limit it would buffer
 * megabytes. The bytes beyond the limit wait in this process, where the memory budget counts them.
 * Bytes that are sent but not yet acknowledged do not count towards the limit. */
static void bound_unsent(int fd)
{
    int bytes = UNSENT_MAX;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

static void on_open(struct transport *transport)
{
    struct http_conn *conn = CONTAINER_OF(transport, struct http_conn, transport);
    if (conn->state == HTTP_CONN_HANDSHAKE)
        http_conn_move(conn, HTTP_CONN_IDLE);
}

void conn_admit_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                       enum MHD_ConnectionNotificationCode code)
{
    struct http_conn *conn = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (conn != NULL)
            conn_free(conn);
        return;
    }
    ((struct http_loop *)cls)->starved = false;
    int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sockaddr *client =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    conn = conn_new(cls, mhd);
    if (conn != NULL) {
        conn->client = client;
        conn->address_hash = addresses_hash(&conn->loop->server->addresses, client);
    }
    if (conn == NULL ||
        !transport_begin(&conn->transport, mhd, conn->loop->server->options.tls, on_open) ||
        !admit(conn, client))
        (void)shutdown(fd, SHUT_RDWR);
    bound_unsent(fd);
    *socket_context = conn;
}
