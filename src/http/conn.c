/* conn.c - see conn.h. */
#include "http/conn.h"

#include <sys/socket.h>

#include "base/check.h"
#include "http/loop.h"

#define TO(state) (1u << HTTP_CONN_##state)

/* clang-format off */
static const unsigned allowed[] = {
    [HTTP_CONN_HANDSHAKE] = TO(IDLE) | TO(CUT),
    [HTTP_CONN_IDLE] =      TO(HEAD) | TO(BODY) | TO(CUT),
    [HTTP_CONN_HEAD] =      TO(BODY) | TO(SENDING) | TO(CUT),
    [HTTP_CONN_BODY] =      TO(DEFERRED) | TO(SENDING) | TO(IDLE) | TO(CUT),
    [HTTP_CONN_DEFERRED] =  TO(SENDING),
    [HTTP_CONN_SENDING] =   TO(SENDING) | TO(IDLE) | TO(BODY) | TO(CUT),
    [HTTP_CONN_CUT] =       0,
};
/* clang-format on */

struct http_conn *http_conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* Starts the clock of the connection's new state, and the count of the bytes moved in that state. A
 * move from HEAD to BODY restarts neither the clock nor the count, because the headers and the body
 * of a request share one time limit. A move from IDLE to HEAD restarts only the clock: a sweep
 * makes this move after the first bytes of a request have arrived, and the count of HEAD includes
 * these bytes. */
static void start_clock(struct http_conn *conn, enum http_conn_state from)
{
    if (from == HTTP_CONN_HEAD && conn->state == HTTP_CONN_BODY)
        return;
    conn->since_ns = conn->moved_at_ns = conn->loop->now_ns;
    if (from == HTTP_CONN_IDLE && conn->state == HTTP_CONN_HEAD)
        return;
    conn->bytes_before = -1;
    conn->bytes_seen = 0;
}

void http_conn_move(struct http_conn *conn, enum http_conn_state to)
{
    enum http_conn_state from = conn->state;
    if (from == HTTP_CONN_CUT)
        return;
    CHECK((allowed[from] & 1u << to) != 0);
    conn->loop->n_sending += to == HTTP_CONN_SENDING;
    conn->loop->n_sending -= from == HTTP_CONN_SENDING;
    conn->state = to;
    start_clock(conn, from);
}

void http_conn_cut(struct http_conn *conn)
{
    if (conn->state == HTTP_CONN_IDLE)
        transport_close_notify(&conn->transport);
    (void)shutdown(conn->transport.fd, SHUT_RDWR);
    http_conn_move(conn, HTTP_CONN_CUT);
}
