/* conn.h - inside of the layer: one client connection, and the time it may take.
 *
 * Each byte that a client sends starts libmicrohttpd's own timeout anew, so a slow client would
 * never reach it. That timeout is off, and each loop sweeps its connections a few times a second. A
 * request has read_timeout for its headers and body from its first byte on, and more time as bytes
 * arrive at HTTP_CONN_PACE_BYTES_PER_S. A client has the same time for reading its answer, and for
 * a TLS handshake. While a memory budget has no room, a connection that holds much of it has less
 * time (sweep.c). A connection between requests may be idle for idle_timeout. If a client closes
 * its side before its request is complete, the next sweep cuts the connection. A deferred request
 * waits for this server, so it has no such limit. Called by the loop's thread only. */
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
    HTTP_CONN_CUT,       /* we have shut the connection down; libmicrohttpd is about to notice */
};

/* Says towards which limit a connection counts. An ADMITTED connection stays ADMITTED until it is
 * closed. An IN_RESERVE connection becomes OUTSIDE when it leaves the reserve. */
enum http_conn_place {
    HTTP_CONN_OUTSIDE,    /* no limit, because the connection is about to be closed */
    HTTP_CONN_ADMITTED,   /* the connection counts towards max_connections */
    HTTP_CONN_IN_RESERVE, /* the reserve of its loop, because the connection is beyond a limit */
};

struct http_conn {
    struct list_node link; /* in loop->conns */
    struct http_loop *loop;
    struct http_request *req; /* from the end of its headers to the end of its answer; else NULL */
    struct MHD_Connection *mhd;
    const struct sockaddr *client; /* the client's address; owned by libmicrohttpd */
    struct transport transport;
    enum http_conn_state state;
    enum http_conn_place place;
    enum reject_reason surplus;    /* the limit that the connection is beyond, or REJECT_NONE */
    struct list_node reserve_link; /* in loop->reserve, while the place is IN_RESERVE */
    int64_t opened_at_ns;
    struct address_count *address;   /* the count of the client's address; NULL: not counted */
    uint64_t address_hash;           /* addresses_hash() of the client's address */
    struct offload_turn turn;        /* the place of its work in the queue of the offload thread */
    const char *target, *target_end; /* the request target as the client sent it */
    const char *target_fault;        /* what is wrong with the target; NULL: nothing */
    bool client_ended;               /* the last sweep saw that the client had closed its side */
    int64_t since_ns;                /* when the clock of the state started */
    int64_t bytes_before; /* bytes moved on the socket before the state; < 0: not known yet */
    int64_t bytes_seen;   /* bytes moved in the state, as the last sweep saw them */
    int64_t moved_at_ns;  /* when a sweep last saw bytes_seen grow */
};

/* Returns our struct of a libmicrohttpd connection, or NULL if there was no memory for the struct
 * when the connection was accepted. */
struct http_conn *http_conn_of(struct MHD_Connection *mhd);

/* Moves the connection into the state `to`. Aborts if conn.c does not allow the move. A connection
 * that is CUT stays CUT. No other function changes the state. */
void http_conn_move(struct http_conn *conn, enum http_conn_state to);

/* Shuts the connection down without an answer. libmicrohttpd then notices the end and closes the
 * connection. */
void http_conn_cut(struct http_conn *conn);

#endif
