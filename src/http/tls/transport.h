/* transport.h - inside of the layer: the TLS side of a connection.
 *
 * The session is libmicrohttpd's; credentials are ours, given to it before the handshake begins, so
 * that the names of the client authorities that it sends are those of now too. The loop's thread
 * only, and a no-op for a plain connection. */
#ifndef HTTP_TLS_TRANSPORT_H
#define HTTP_TLS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "http/message/reject.h"

struct buf;
struct conn;
struct gnutls_session_int; /* gnutls_session_t is a pointer to it */
struct MHD_Connection;
struct tls_set;

struct conn_tls {
    struct gnutls_session_int *session; /* borrowed; NULL: a plain connection */
    struct tls_set *set;                /* held */
    bool finished_in, finished_out;     /* both: the handshake is over */
    bool client_good;                   /* judged already */
};

/* A new connection. False when out of memory: then it is of no use. */
bool conn_tls_begin(struct conn *conn, struct MHD_Connection *mhd) MUST_CHECK;
void conn_tls_end(struct conn *conn);

/* Of the client's certificate. When it is refused, *why is a sentence for the client. */
enum reject_reason conn_tls_judge(struct conn *conn, const char **why);

/* Are bytes left that have been read from the socket and not by libmicrohttpd? */
bool conn_tls_has_unread(const struct conn *conn) MUST_CHECK;

/* For a connection that is about to be shut: the last words, and that there will be no more. Says
 * nothing at all while the handshake is not over, since it would be readable on the way. */
void conn_tls_last_words(struct conn *conn, const struct buf *head, const struct buf *body);
void conn_tls_bye(struct conn *conn);

#endif
