/* pki.h - certificates for tests, made while they run (GnuTLS), and files for them. What does not
 * work ends the process. One thread at a time. */
#ifndef SUPPORT_PKI_H
#define SUPPORT_PKI_H

#include <stdbool.h>

#include "base/attr.h"

struct pki_cert; /* opaque: a certificate and its key */

struct pki_wish {
    const char *name;              /* the subject is CN=name */
    const struct pki_cert *issuer; /* NULL: signed by itself */
    bool authority;                /* may sign others */
    bool rsa;                      /* 2048 bits; else the curve P-256, which takes no time */
    const char *purpose;           /* GNUTLS_KP_TLS_WWW_CLIENT, ...; NULL: any */
    int from_days, to_days;        /* from now; 0 and 0: a day before and a day after */
};

/* Each has a serial number of its own. A server's is good for localhost and 127.0.0.1. */
struct pki_cert *pki_make(const struct pki_wish *wish) MUST_CHECK;
struct pki_cert *pki_authority(const char *name) MUST_CHECK;
void pki_free(struct pki_cert **cert); /* NULL is a no-op */

/* Borrowed. The chain is the certificate, then its issuers but for the last, whom others know. */
const char *pki_chain_pem(const struct pki_cert *cert);
const char *pki_key_pem(const struct pki_cert *cert);
char *pki_locked_key_pem(const struct pki_cert *cert,
                         const char *passphrase) MUST_CHECK; /* owned */
const char *pki_serial(const struct pki_cert *cert);         /* hex digits */

/* A file without a name, gone with this process; other processes may open the path while it
 * lives. */
struct pki_file {
    int fd;
    char path[40];
};
struct pki_file pki_file(const char *text) MUST_CHECK;
void pki_file_rewrite(const struct pki_file *file, const char *text);

#endif
