/* tls_client.h - a TLS client that sends exactly the given bytes, for tests that an HTTP library
 * would not allow (GnuTLS). A wait of more than TLS_CLIENT_PATIENCE_S counts as the end of the
 * connection. Each client belongs to one thread. */
#ifndef SUPPORT_TLS_CLIENT_H
#define SUPPORT_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum { TLS_CLIENT_PATIENCE_S = 30 };

struct pki_cert;
struct tls_client; /* opaque */

struct tls_options {
    int port;                      /* on 127.0.0.1 */
    const char *priorities;        /* GnuTLS's priority string; NULL: its defaults */
    const struct pki_cert *cert;   /* client certificate, or NULL */
    bool only_if_wanted;           /* send `cert` only if the server's request names its issuer */
    int window_bytes;              /* receive buffer of the kernel; 0: its default */
    const struct pki_cert *issuer; /* must have signed the server's certificate; NULL: any */
};

/* Connects and makes the handshake. If that fails, returns NULL, and *why (may be NULL) is GnuTLS's
 * error code. */
struct tls_client *tls_dial(const struct tls_options *options, int *why) MUST_CHECK;
void tls_hang_up(struct tls_client **client); /* closes at once; NULL is a no-op */

int tls_client_fd(const struct tls_client *client);
const char *tls_server_serial(struct tls_client *client); /* hex digits; borrowed */
const char *tls_version(struct tls_client *client);       /* "TLS1.3" */
const char *tls_alpn(struct tls_client *client);          /* "" if none was negotiated */

/* Returns false if the server has closed the connection. */
bool tls_send(struct tls_client *client, const char *bytes, size_t len);
bool tls_send_text(struct tls_client *client, const char *text);

/* Reads the next answer. Returns its status, or 0 if none came. tls_body() has its body, as far as
 * it fits, and tls_head() the lines before it. `method` must be the request's, because HEAD has no
 * body. */
int tls_read_answer(struct tls_client *client, const char *method);
const char *tls_head(const struct tls_client *client);
const char *tls_body(const struct tls_client *client);
size_t tls_body_len(const struct tls_client *client); /* length as received */

/* Waits for the end of the connection, and returns how it ended. */
enum tls_end {
    TLS_END_SAID, /* with close_notify */
    TLS_END_CUT,  /* without close_notify */
    TLS_END_NOT,  /* it did not end: data came, or nothing */
};
enum tls_end tls_end(struct tls_client *client);

/* Asks for a renegotiation of TLS 1.2. Returns false if the server does not do it. */
bool tls_renegotiate(struct tls_client *client);

#endif
