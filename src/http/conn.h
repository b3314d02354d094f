/* conn.h - inside of the layer: one client connection, and the time it may take.
 *
 * libmicrohttpd's own timeout is satisfied by one byte now and then, so it is off, and each loop
 * sweeps its connections a few times a second. A request has read_timeout for its headers and body
 * from its first byte on, and more as bytes come in at HTTP_CONN_PACE_BYTES_PER_S; the same holds
 * for taking its answer, and for a TLS handshake. While a memory budget refuses requests, a
 * connection that holds much of it has less time: see sweep.c. What is between requests may idle
 * for idle_timeout. If a client has ended its side amid a request, the next sweep cuts its
 * connection. A deferred request is waiting for us, and is left alone. The loop's thread only. */
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

/*     HANDSHAKE -> IDLE, CUT                         DEFERRED  -> SENDING
 *     IDLE      -> HEAD, BODY, CUT                   SENDING   -> SENDING, IDLE, BODY, CUT
 *     HEAD      -> BODY, SENDING, CUT                CUT       -> none: it ignores all moves
 *     BODY      -> DEFERRED, SENDING, IDLE, CUT
 *
 * An answer is SENDING once when it is stored and once more when libmicrohttpd has it. HEAD leads
 * to SENDING when libmicrohttpd has answered by itself. */
enum http_conn_state {
    HTTP_CONN_HANDSHAKE, /* of TLS */
    HTTP_CONN_IDLE,      /* between requests */
    HTTP_CONN_HEAD,      /* bytes of a request came; the sweep finds out */
    HTTP_CONN_BODY,      /* the headers of a request are complete, its body is being read */
    HTTP_CONN_DEFERRED,  /* the request is complete, suspended, and waits for its answer */
    HTTP_CONN_SENDING,   /* answered */
    HTTP_CONN_CUT,       /* shut down by us, for good; libmicrohttpd is about to notice */
};

/* Where the connection counts: OUTSIDE -> ADMITTED, IN_RESERVE; IN_RESERVE -> OUTSIDE. */
enum http_conn_place {
    HTTP_CONN_OUTSIDE,    /* nowhere: it is about to be closed */
    HTTP_CONN_ADMITTED,   /* among max_connections */
    HTTP_CONN_IN_RESERVE, /* in the reserve of its loop, because it is beyond a limit */
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
    enum reject_reason surplus; /* the limit that it is beyond; most requests are rejected for it */
    struct list_node reserve_link; /* of loop->reserve, while IN_RESERVE */
    int64_t opened_at_ns;
    struct address_count *address;   /* its client's, counted; NULL: nobody counts */
    uint64_t address_hash;           /* of its client, seeded */
    struct offload_turn turn;        /* of its requests, at the offload thread */
    const char *target, *target_end; /* of the target as it came, see raw_framing.h */
    const char *target_fault;        /* of the request to come: set before its headers are there */
    bool client_ended;               /* its side of the connection, when the sweep last asked */
    int64_t since_ns;                /* when the state began */
    int64_t bytes_before; /* moved on the socket before it; < 0: the sweep has not asked yet */
    int64_t bytes_seen;   /* in the state, when the sweep last asked */
    int64_t moved_at_ns;  /* when the sweep last saw that there were more */
};

/* NULL when there was no memory for it. */
struct http_conn *http_conn_of(struct MHD_Connection *mhd);

/* The only place that changes the state. */
void http_conn_move(struct http_conn *conn, enum http_conn_state to);

/* Shuts the connection down without an answer; libmicrohttpd finds out and closes it. */
void http_conn_cut(struct http_conn *conn);

#endif
