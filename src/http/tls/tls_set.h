/* tls_set.h - inside of the layer: the credentials for handshakes, read from the files once and
 * never changed. A reload makes a new set; a connection holds the set with which it began.
 *
 * Threads    a set may be read by any; the holders are counted under http_tls.mu. */
#ifndef HTTP_TLS_TLS_SET_H
#define HTTP_TLS_TLS_SET_H

#include <gnutls/gnutls.h>

#include "base/attr.h"
#include "http/tls/tls.h"

struct tls_set {
    unsigned holders;                             /* tls.c's */
    gnutls_certificate_credentials_t credentials; /* certificate, key, and client authorities */
    struct http_tls_info info;
};

/* With one holder. NULL: *err. */
struct tls_set *tls_set_new(const struct http_tls_files *files, struct err *err) MUST_CHECK;
void tls_set_free(struct tls_set *set);

/* The current set, with one holder more; for each call one tls_release(). */
struct tls_set *tls_hold(struct http_tls *tls) MUST_CHECK;
void tls_release(struct http_tls *tls, struct tls_set *set);

/* For MHD_OPTION_HTTPS_PRIORITIES. */
extern const char tls_priorities[];

#endif
