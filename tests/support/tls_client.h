/* tls_client.h - a client that speaks TLS and sends exactly the bytes that it is told: for tests of
 * what an HTTP library would hide (GnuTLS). Every wait ends after TLS_CLIENT_PATIENCE_S, as an end
 * of the connection. One thread a client. */
#ifndef SUPPORT_TLS_CLIENT_H
#define SUPPORT_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum { TLS_CLIENT_PATIENCE_S = 30 };

struct pki_cert;
struct tls_client; /* opaque */

struct tls_wish {
    int port;                      /* on 127.0.0.1 */
    const char *priorities;        /* GnuTLS's; NULL: its defaults */
    const struct pki_cert *cert;   /* to show when asked; NULL: none */
    bool only_if_wanted;           /* show it only where the server names its issuer */
    int window_bytes;              /* how much the kernel takes for us; 0: as it likes */
    const struct pki_cert *issuer; /* that must vouch for the server; NULL: any will do */
};

/* Dials and shakes hands; NULL when that failed: `why` (may be NULL) is GnuTLS's error code. */
struct tls_client *tls_dial(const struct tls_wish *wish, int *why) MUST_CHECK;
void tls_hang_up(struct tls_client **client); /* at once; NULL is a no-op */

int tls_client_fd(const struct tls_client *client);
const char *tls_server_serial(struct tls_client *client); /* hex digits; borrowed */
const char *tls_version(struct tls_client *client);       /* "TLS1.3" */
const char *tls_alpn(struct tls_client *client);          /* "" when none was agreed on */

/* False when the server has closed. */
bool tls_send(struct tls_client *client, const char *bytes, size_t len);
bool tls_send_text(struct tls_client *client, const char *text);

/* The next answer: its status, 0 when there was none to come. The body is kept, as far as it fits,
 * in tls_body(), the lines before it in tls_head(). `method`: HEAD has no body. */
int tls_read_answer(struct tls_client *client, const char *method);
const char *tls_head(const struct tls_client *client);
const char *tls_body(const struct tls_client *client);
size_t tls_body_len(const struct tls_client *client); /* as it came */

/* How does it end, if nothing more is said? Waits for it. */
enum tls_end {
    TLS_END_SAID, /* close_notify */
    TLS_END_CUT,  /* without */
    TLS_END_NOT,  /* more was said, or nothing happened */
};
enum tls_end tls_end(struct tls_client *client);

/* Asks for new keys as TLS 1.2 had it; false when the server does not go along. */
bool tls_renegotiate(struct tls_client *client);

#endif
