/* tls_set.h - the credentials for TLS handshakes, read from the files once and never changed. A
 * reload makes a new set; a connection holds the set with which it began. Internal to http.
 *
 * Threads    any thread may read a set. The holders are counted under http_tls.mu. */
#ifndef HTTP_TLS_TLS_SET_H
#define HTTP_TLS_TLS_SET_H

#include <gnutls/gnutls.h>

#include "base/attr.h"
#include "http/tls/tls.h"

struct tls_set {
    unsigned holders;                             /* guarded by http_tls.mu */
    gnutls_certificate_credentials_t credentials; /* certificate, key, and client authorities */
    struct http_tls_info info;
};

/* Reads the files into a new set, which has one holder. Returns NULL on failure: then *err says
 * why. */
struct tls_set *tls_set_new(const struct http_tls_files *files, struct err *err) MUST_CHECK;
void tls_set_free(struct tls_set *set);

/* Returns the current set, and counts one holder more. For each call there must be one
 * tls_release(). */
struct tls_set *tls_hold(struct http_tls *tls) MUST_CHECK;
void tls_release(struct http_tls *tls, struct tls_set *set);

/* The value of MHD_OPTION_HTTPS_PRIORITIES: the versions and ciphers of TLS that are allowed. */
extern const char tls_priorities[];

#endif
