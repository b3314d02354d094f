/* transport.h - inside of the layer: the socket of a connection, plain or under TLS alike.
 *
 * libmicrohttpd reads requests from the socket and writes answers to it; this interface is for all
 * else. libmicrohttpd also owns the TLS session. We set the credentials of the session, before the
 * handshake begins, so that the server names the certificate authorities of the current set.
 *
 *     PLAIN
 *     HANDSHAKE -> CLIENT_FINISHED or SERVER_FINISHED -> OPEN -> VERIFIED
 *
 * The loop's thread only. */
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
    TRANSPORT_PLAIN,     /* no TLS */
    TRANSPORT_HANDSHAKE, /* neither side has finished */
    TRANSPORT_CLIENT_FINISHED,
    TRANSPORT_SERVER_FINISHED,
    TRANSPORT_OPEN,     /* the handshake is complete */
    TRANSPORT_VERIFIED, /* the client's certificate is good too, or none is needed */
};

struct transport {
    int fd; /* libmicrohttpd's */
    enum transport_state state;
    struct gnutls_session_int *session; /* borrowed; NULL: PLAIN */
    struct http_tls *tls;               /* borrowed; NULL: PLAIN */
    struct tls_set *set;                /* held */
    void (*on_open)(struct transport *transport);
};

/* The options of a daemon for such connections, which end with MHD_OPTION_END, and its flags. */
enum { TRANSPORT_OPTIONS = 3 };
unsigned transport_daemon(const struct http_tls *tls,
                          struct MHD_OptionItem options[TRANSPORT_OPTIONS]);

/* A new connection; on_open is called when its handshake is over. False: out of memory, and the
 * connection cannot be used. Call transport_end() either way. */
bool transport_begin(struct transport *transport, struct MHD_Connection *mhd, struct http_tls *tls,
                     void (*on_open)(struct transport *transport)) MUST_CHECK;
void transport_end(struct transport *transport);

/* True: plain, or the handshake is over. */
bool transport_is_open(const struct transport *transport) MUST_CHECK;

/* Checks the client's certificate, by the certificate authorities of this moment, until it has been
 * found good. If it is rejected, *why is a sentence for the client, or is left alone. */
enum reject_reason transport_check_client(struct transport *transport, const char **why) MUST_CHECK;

/* Has GnuTLS read bytes from the socket that libmicrohttpd has not read yet? */
bool transport_has_unread(const struct transport *transport) MUST_CHECK;

/* Sends the last bytes of a connection that is about to be shut down, best effort: the socket takes
 * them whole or not at all. During a handshake nothing is sent, since it would not be encrypted.
 * transport_close_notify() sends only the close_notify of TLS. */
void transport_send_last(struct transport *transport, const struct buf *head,
                         const struct buf *body);
void transport_close_notify(struct transport *transport);

#endif
