/* conn.h - inside of the layer: one client connection, and the time it may take.
 *
 * libmicrohttpd's own timeout is satisfied by one byte now and then, so it is off, and each loop
 * sweeps its connections a few times a second. A request has read_timeout for its headers and body
 * from its first byte on, and more as bytes come in at CONN_PACE_BYTES_PER_S; the same holds for
 * taking its answer, and for a TLS handshake. While a memory budget refuses requests, a connection
 * that holds much of it has less time: see conn.c. What is between requests may idle for
 * idle_timeout. If a client has ended its side amid a request, the next sweep cuts its connection.
 * A deferred request is waiting for us, and is left alone. The loop's thread only. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/conn_tls.h"
#include "http/parser.h"
#include "http/refusal.h"

struct address_count;
struct sockaddr;
struct http_loop;
struct http_request;

enum { CONN_PACE_BYTES_PER_S = 10000 };

enum conn_phase {
    CONN_HANDSHAKE, /* of TLS */
    CONN_IDLE,      /* between requests */
    CONN_HEAD,      /* bytes of a request came; set by the sweep, which is who finds out */
    CONN_BODY,      /* headers complete, body to come */
    CONN_DEFERRED,  /* waiting for us */
    CONN_SENDING,   /* answered */
    CONN_CUT,       /* shut down by us; libmicrohttpd is about to notice */
};

struct conn {
    struct conn *next, *prev; /* of loop->conns */
    struct http_loop *loop;
    struct http_request *req; /* from its headers to the end of its answer; else NULL */
    struct MHD_Connection *mhd;
    const struct sockaddr *client; /* libmicrohttpd's */
    int fd;                        /* libmicrohttpd's */
    struct conn_tls tls;
    enum conn_phase phase;
    /* How most requests are refused on a connection beyond a limit; NONE within the limits. */
    enum refusal surplus;
    bool admitted; /* counts against max_connections */
    bool in_reserve;
    struct conn *reserve_next, *reserve_prev;
    int64_t opened_at_ns;
    struct address_count *address;   /* its client's, counted; NULL: nobody counts */
    uint64_t address_hash;           /* of its client, seeded */
    struct offload_turn turn;        /* of its requests, at the offload thread */
    const char *target, *target_end; /* of the target as it came, see wire.h */
    const char *target_fault;        /* of the request to come: set before its headers are there */
    bool client_ended;               /* its side of the connection, when the sweep last asked */
    int64_t since_ns;                /* when the phase began */
    int64_t bytes_before; /* moved on the socket before it; < 0: the sweep has not asked yet */
    int64_t bytes_seen;   /* in the phase, when the sweep last asked */
    int64_t moved_at_ns;  /* when the sweep last saw that there were more */
};

/* MHD_NotifyConnectionCallback; cls is the loop. */
void conn_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                 enum MHD_ConnectionNotificationCode code);

/* NULL when there was no memory for it. */
struct conn *conn_of(struct MHD_Connection *mhd);

void conn_enter(struct conn *conn, enum conn_phase phase);

/* Shuts the connection down without an answer; libmicrohttpd finds out and closes it. */
void conn_cut(struct conn *conn);

/* No descriptor is left, and libmicrohttpd accepts no connection until one of its own has closed:
 * so the one that has been idle for longest is closed. A no-op while one is on its way out. */
void conns_make_room(struct http_loop *loop);

/* Ends what has used up its time. */
void conns_sweep(struct http_loop *loop);

/* How often that is worth doing. */
int64_t conns_sweep_interval_ns(const struct http_loop *loop);

#endif
