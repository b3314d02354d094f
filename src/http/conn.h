/* conn.h - one client connection, and the limits of its time. Internal to http, called by the
 * loop's thread only.
 *
 * libmicrohttpd's own timeout is off: each byte that a client sends would restart it, so a slow
 * client would never time out. Instead each loop checks its connections a few times a second
 * (sweep.h). A request must be complete read_timeout after its first byte, plus the time that the
 * received bytes take at HTTP_CONN_PACE_BYTES_PER_S. The same limit holds for a TLS handshake, and
 * for a client that reads its answer. The limit is shorter for a connection that holds much of a
 * memory budget under pressure (sweep.c). Between two requests a connection may be idle for
 * idle_timeout. If a client closes its side before its request is complete, the connection is
 * closed. A deferred request has no limit here, because it waits for this server. */
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

/* The states of a connection. conn.c has the table of allowed moves. docs/ARCHITECTURE.md shows the
 * moves and what each state means. */
enum http_conn_state {
    HTTP_CONN_HANDSHAKE, /* the TLS handshake is under way */
    HTTP_CONN_IDLE,      /* the connection is between two requests */
    HTTP_CONN_HEAD,      /* the sweep has seen the first bytes of a request */
    HTTP_CONN_BODY,      /* a request's headers are complete, and its body is being read */
    HTTP_CONN_DEFERRED,  /* the request is complete, suspended, and waits for its answer */
    HTTP_CONN_SENDING,   /* the request is answered, and the answer is being sent */
    HTTP_CONN_CUT,       /* we have shut the socket down, and libmicrohttpd will close it */
};

/* The limit towards which a connection counts. An ADMITTED connection stays ADMITTED until it is
 * closed. An IN_RESERVE connection becomes OUTSIDE when it leaves the reserve. */
enum http_conn_place {
    HTTP_CONN_OUTSIDE,    /* none: the connection is about to be closed */
    HTTP_CONN_ADMITTED,   /* http_options.max_connections */
    HTTP_CONN_IN_RESERVE, /* the limit of the loop's reserve (reserve.h) */
};

struct http_conn {
    struct list_node link; /* in loop->conns */
    struct http_loop *loop;
    /* The request whose headers are complete and whose answer is not sent yet. NULL: none. */
    struct http_request *req;
    struct MHD_Connection *mhd;
    const struct sockaddr *client; /* the client's address; owned by libmicrohttpd */
    struct transport transport;
    enum http_conn_state state;
    enum http_conn_place place;
    enum reject_reason surplus;    /* the limit that the connection exceeds, or REJECT_NONE */
    struct list_node reserve_link; /* in loop->reserve, while the place is IN_RESERVE */
    int64_t opened_at_ns;
    struct address_count *address;   /* the count of the client's address; NULL: not counted */
    uint64_t address_hash;           /* addresses_hash() of the client's address */
    struct offload_turn turn;        /* the connection's entry in the queue of the offload thread */
    const char *target, *target_end; /* the request target as the client sent it */
    const char *target_fault;        /* what is wrong with the target; NULL: nothing */
    bool client_ended;               /* the last sweep saw that the client had closed its side */
    int64_t since_ns;                /* when the clock of the state started */
    int64_t bytes_before;            /* bytes moved before the state began; < 0: not known yet */
    int64_t bytes_seen;              /* bytes moved in the state, as the last sweep saw them */
    int64_t moved_at_ns;             /* when a sweep last saw bytes_seen grow */
};

/* Returns our struct of a libmicrohttpd connection, or NULL if there was no memory for it. */
struct http_conn *http_conn_of(struct MHD_Connection *mhd);

/* Moves the connection into the state `to`. Aborts if conn.c does not allow the move. A connection
 * that is CUT stays CUT. No other function changes the state. */
void http_conn_move(struct http_conn *conn, enum http_conn_state to);

/* Shuts the socket down without an answer. libmicrohttpd then notices the shutdown and closes
 * the connection. */
void http_conn_cut(struct http_conn *conn);

#endif
