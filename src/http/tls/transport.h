/* transport.h - one interface to the socket of a connection, whether plain or TLS. Internal to
 * http; called by the loop's thread only.
 *
 * libmicrohttpd reads requests from the socket and writes answers to it, and owns the TLS session.
 * This interface does all else that differs between plain and TLS. transport_begin() sets the
 * credentials of the session before the handshake begins, so that the handshake tells the client
 * the certificate authorities of the files that were read last (struct tls_set). The allowed moves
 * between states:
 *
 *     PLAIN
 *     HANDSHAKE -> CLIENT_FINISHED or SERVER_FINISHED -> OPEN -> VERIFIED */
#ifndef HTTP_TLS_TRANSPORT_H
#define HTTP_TLS_TRANSPORT_H

#include <microhttpd.h>
#include <stdbool.h>

#include "base/attr.h"
#include "http/message/reject.h"

struct buf;
struct gnutls_session_int; /* gnutls_session_t is a pointer to it */
struct http_tls;
struct tls_set;

enum transport_state {
    TRANSPORT_PLAIN,           /* no TLS */
    TRANSPORT_HANDSHAKE,       /* neither side has finished the handshake */
    TRANSPORT_CLIENT_FINISHED, /* only the client has finished */
    TRANSPORT_SERVER_FINISHED, /* only the server has finished */
    TRANSPORT_OPEN,            /* the handshake is complete */
    TRANSPORT_VERIFIED,        /* open, and the client's certificate is valid or not needed */
};

struct transport {
    int fd; /* owned by libmicrohttpd */
    enum transport_state state;
    struct gnutls_session_int *session; /* borrowed; NULL in the state PLAIN */
    struct http_tls *tls;               /* borrowed; NULL in the state PLAIN */
    struct tls_set *set;                /* held by tls_hold(); NULL in the state PLAIN */
    void (*on_open)(struct transport *transport);
};

/* Writes the options that a libmicrohttpd daemon needs for TLS, and MHD_OPTION_END behind them.
 * Returns the flags that the daemon needs. If `tls` is NULL, writes MHD_OPTION_END only, and
 * returns 0. */
enum { TRANSPORT_OPTIONS = 3 };
unsigned transport_daemon(const struct http_tls *tls,
                          struct MHD_OptionItem options[TRANSPORT_OPTIONS]);

/* Begins a new connection, which is plain if `tls` is NULL. on_open is called when the TLS
 * handshake is complete. Returns false if memory is out: then the connection cannot be used. Call
 * transport_end() in either case. */
bool transport_begin(struct transport *transport, struct MHD_Connection *mhd, struct http_tls *tls,
                     void (*on_open)(struct transport *transport)) MUST_CHECK;
void transport_end(struct transport *transport);

/* Returns true if the connection is plain, or if its TLS handshake is complete. */
bool transport_is_open(const struct transport *transport) MUST_CHECK;

/* Checks the client's certificate against the current certificate authorities, unless an earlier
 * call has found it valid. Returns REJECT_NONE, or the reason to reject the request. With a reason,
 * *why may be set to a sentence for the client. */
enum reject_reason transport_check_client(struct transport *transport, const char **why) MUST_CHECK;

/* Returns true if GnuTLS holds bytes that it has read from the socket, and that libmicrohttpd has
 * not read from GnuTLS yet. */
bool transport_has_unread(const struct transport *transport) MUST_CHECK;

/* Sends the last bytes of a connection that is about to be shut down, in one attempt: bytes for
 * which the socket has no room are lost. During a TLS handshake nothing is sent, since the bytes
 * would not be encrypted. transport_close_notify() sends only the close_notify of TLS. */
void transport_send_last(struct transport *transport, const struct buf *head,
                         const struct buf *body);
void transport_close_notify(struct transport *transport);

#endif
