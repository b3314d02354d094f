/* conn.h - inside of the layer: one client connection, and the time it may take.
 *
 * One byte now and then satisfies libmicrohttpd's own timeout, so that timeout is off, and each
 * loop sweeps its connections a few times a second. A request has read_timeout for its headers and
 * body from its first byte on, and more time as bytes arrive at HTTP_CONN_PACE_BYTES_PER_S. A
 * client has the same time for reading its answer, and for a TLS handshake. While a memory budget
 * has no room, a connection that holds much of it has less time (sweep.c). A connection between
 * requests may be idle for idle_timeout. If a client closes its side before its request is
 * complete, the next sweep cuts the connection. A deferred request waits for this server, so it has
 * no such limit. The loop's thread only. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "http/message/reject.h"
#include "http/offload_thread.h"
#include "http/tls/transport.h"

struct address_count;
struct sockaddr;
struct http_loop;
struct http_request;

enum { HTTP_CONN_PACE_BYTES_PER_S = 10000 };

/* conn.c has the moves, and docs/ARCHITECTURE.md shows them with their meanings. */
enum http_conn_state {
    HTTP_CONN_HANDSHAKE, /* the TLS handshake is under way */
    HTTP_CONN_IDLE,      /* between requests */
    HTTP_CONN_HEAD,      /* bytes of a request came; the sweep sets this state */
    HTTP_CONN_BODY,      /* the headers of a request are complete, its body is being read */
    HTTP_CONN_DEFERRED,  /* the request is complete, suspended, and waits for its answer */
    HTTP_CONN_SENDING,   /* answered */
    HTTP_CONN_CUT,       /* shut down by us, for good; libmicrohttpd is about to notice */
};

/* The limit that a connection counts for. ADMITTED is final; IN_RESERVE may end as OUTSIDE. */
enum http_conn_place {
    HTTP_CONN_OUTSIDE,    /* none: the connection is about to be closed */
    HTTP_CONN_ADMITTED,   /* max_connections */
    HTTP_CONN_IN_RESERVE, /* the reserve of its loop, because it is beyond a limit */
};

struct http_conn {
    struct list_node link; /* of loop->conns */
    struct http_loop *loop;
    struct http_request *req; /* from its headers to the end of its answer; else NULL */
    struct MHD_Connection *mhd;
    const struct sockaddr *client; /* libmicrohttpd's */
    struct transport transport;
    enum http_conn_state state;
    enum http_conn_place place;
    enum reject_reason surplus;    /* the limit that the connection is beyond, see reserve.h */
    struct list_node reserve_link; /* of loop->reserve, while IN_RESERVE */
    int64_t opened_at_ns;
    struct address_count *address;   /* the count of its client's address; NULL: not counted */
    uint64_t address_hash;           /* of the address of its client; seeded */
    struct offload_turn turn;        /* of its requests at the offload thread */
    const char *target, *target_end; /* the target as it came, see raw_framing.h */
    const char *target_fault;        /* set before the headers are complete; NULL: none */
    bool client_ended;               /* at the last sweep the client had closed its side */
    int64_t since_ns;                /* the start of the state */
    int64_t bytes_before;            /* moved on the socket before the state; < 0: not asked yet */
    int64_t bytes_seen;              /* moved in the state, at the last sweep */
    int64_t moved_at_ns;             /* when a sweep last saw more of them */
};

/* NULL: there was no memory for the struct. */
struct http_conn *http_conn_of(struct MHD_Connection *mhd);

/* The only function that changes the state. */
void http_conn_move(struct http_conn *conn, enum http_conn_state to);

/* Shuts the connection down without an answer; libmicrohttpd notices and closes it. */
void http_conn_cut(struct http_conn *conn);

#endif
