/* pki.h - certificates for tests, made at run time with GnuTLS, and files for them. A failure ends
 * the process. One thread at a time. */
#ifndef SUPPORT_PKI_H
#define SUPPORT_PKI_H

#include <stdbool.h>

#include "base/attr.h"

struct pki_cert; /* opaque: a certificate and its key */

struct pki_options {
    const char *name;              /* the subject is CN=name */
    const struct pki_cert *issuer; /* NULL: self-signed */
    bool authority;                /* a certificate authority: may sign others */
    bool rsa;                      /* 2048 bits; otherwise the curve P-256, which is fast */
    const char *purpose;           /* GNUTLS_KP_TLS_WWW_CLIENT, ...; NULL: any */
    int from_days, to_days;        /* days from now; if both are 0: from a day ago to a day ahead */
};

/* Each certificate has a serial number of its own. Server certificates are valid for localhost and
 * 127.0.0.1. */
struct pki_cert *pki_make(const struct pki_options *options) MUST_CHECK;
struct pki_cert *pki_authority(const char *name) MUST_CHECK;
void pki_free(struct pki_cert **cert); /* NULL is a no-op */

/* Borrowed. The chain is the certificate and its issuers, without the root, which the peer must
 * know. */
const char *pki_chain_pem(const struct pki_cert *cert);
const char *pki_key_pem(const struct pki_cert *cert);
char *pki_locked_key_pem(const struct pki_cert *cert,
                         const char *passphrase) MUST_CHECK; /* owned */
const char *pki_serial(const struct pki_cert *cert);         /* hex digits */

/* A file without a name, which ends with this process. Other processes may open its path
 * meanwhile. */
struct pki_file {
    int fd;
    char path[40];
};
struct pki_file pki_file(const char *text) MUST_CHECK;
void pki_file_rewrite(const struct pki_file *file, const char *text);

#endif
