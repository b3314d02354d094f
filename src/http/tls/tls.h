/* tls.h - TLS for the server: certificate, key and the authorities of client certificates, from
 * files that may be replaced while the server runs. Also one exchange over TLS as a client, for the
 * health check.
 *
 * TLS is 1.2 or 1.3, with forward secrecy and authenticated ciphers only; no session is resumed, so
 * each connection shows its certificate anew. With client_ca_file every request but those to
 * HTTP_PROBE routes needs a client certificate that an authority in that file has signed. The
 * certificate is checked once a connection, at the first such request, by the authorities that the
 * file has named last.
 * Threads    any thread; http_tls_open() and http_tls_close() as with any memory.
 * Errors     a bad file is named as the option that gave it: "TLS_KEY_FILE=/x/key.pem: ...". */
#ifndef HTTP_TLS_TLS_H
#define HTTP_TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct http_tls; /* opaque */

/* PEM files; borrowed, and read again by http_tls_reload(). */
struct http_tls_files {
    const char *cert_file;      /* the server's certificate and its chain */
    const char *key_file;       /* the key of the server's certificate; not encrypted */
    const char *client_ca_file; /* "": clients need no certificate */
};

/* Of the server's certificate. */
struct http_tls_info {
    char subject[200]; /* "CN=..."; cut when longer */
    char serial[64];   /* hex digits */
    int64_t not_before_us, not_after_us;
    uint32_t client_authorities; /* certificates in client_ca_file; 0: none asked for */
};

/* Reads and checks all three. A certificate that has expired, or is not valid yet, is taken: see
 * http_tls_info(). NULL: *err. */
struct http_tls *http_tls_open(const struct http_tls_files *files, struct err *err) MUST_CHECK;

/* Reads the files again, for new connections. False: *err says what is wrong with one of the files,
 * and nothing changes. Open connections go on either way. */
bool http_tls_reload(struct http_tls *tls, struct err *err) MUST_CHECK;

void http_tls_info(struct http_tls *tls, struct http_tls_info *info);

/* After the server that uses it was closed. NULL is a no-op. */
void http_tls_close(struct http_tls **tls);

/* One exchange over a connected blocking socket whose timeouts (SO_RCVTIMEO, SO_SNDTIMEO) are set,
 * as a client that does not verify the server: only for our own process on this machine. The bytes
 * that arrive before until_ns go to `answer`, without a NUL. Returns their number; 0: no answer. */
size_t http_tls_ask(int fd, const char *request, char *answer, size_t size, int64_t until_ns);

#endif
