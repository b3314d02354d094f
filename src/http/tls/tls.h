/* tls.h - TLS for the server: certificate, key and the authorities of client certificates, from
 * files that may be replaced while the server runs. http_tls_ask() sends one request over TLS as a
 * client, for the health check.
 *
 * TLS is 1.2 or 1.3, with forward secrecy and authenticated ciphers only. No session is resumed, so
 * a client presents its certificate in each connection anew. If client_ca_file is set, every
 * request except those to HTTP_PROBE routes needs a client certificate that an authority in that
 * file has signed. The certificate is checked when such a request arrives, against the authorities
 * that were last read from the file. A certificate that was found valid is not checked again on
 * that connection.
 *
 * Threads    any; nobody may use a struct http_tls that http_tls_close() is freeing.
 * Errors     *err names a bad file by its option and path: "TLS_KEY_FILE=/x/key.pem: ...". */
#ifndef HTTP_TLS_TLS_H
#define HTTP_TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct http_tls; /* opaque */

/* The paths of PEM files. The strings are borrowed, and http_tls_reload() reads the files again. */
struct http_tls_files {
    const char *cert_file;      /* the server's certificate and its chain */
    const char *key_file;       /* the key of the server's certificate; not encrypted */
    const char *client_ca_file; /* "": clients need no certificate */
};

/* Describes the server's certificate. */
struct http_tls_info {
    char subject[200]; /* "CN=..."; "" if it is longer */
    char serial[64];   /* hex digits */
    int64_t not_before_us, not_after_us;
    uint32_t client_authorities; /* how many are in client_ca_file; 0: clients need none */
};

/* Reads and checks the files. A certificate that has expired, or is not valid yet, is accepted: see
 * http_tls_info(). Returns NULL on failure: then *err says why. */
struct http_tls *http_tls_open(const struct http_tls_files *files, struct err *err) MUST_CHECK;

/* Reads the files again, for new connections. Returns false if one of the files is bad: then *err
 * says what is wrong with it, and nothing changes. Open connections go on in either case. */
bool http_tls_reload(struct http_tls *tls, struct err *err) MUST_CHECK;

void http_tls_info(struct http_tls *tls, struct http_tls_info *info);

/* Frees `*tls` and sets it to NULL. Called after the server that uses it was closed. A NULL `*tls`
 * is a no-op. */
void http_tls_close(struct http_tls **tls);

/* Sends a request over TLS and reads the answer, as a client that does not verify the server. So
 * `fd` must be connected to this machine. `fd` is a blocking socket with both timeouts set
 * (SO_RCVTIMEO, SO_SNDTIMEO). The bytes that arrive before until_ns go to `answer`, without a NUL.
 * Returns their number, or 0 if there was no answer. */
size_t http_tls_ask(int fd, const char *request, char *answer, size_t size, int64_t until_ns);

#endif
