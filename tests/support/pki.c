/* pki.c - see pki.h. */
#include "support/pki.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "support/process.h"

enum { SERIAL_BYTES = 16, DAY_S = 24 * 3600, RSA_BITS = 2048 };

struct pki_cert {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
    bool by_itself; /* self-signed */
    char *chain_pem, *key_pem;
    char serial[2 * SERIAL_BYTES + 1];
};

static void must(int rc, const char *what)
{
    if (rc < 0)
        support_fail("%s: %s", what, gnutls_strerror(rc));
}

/* ---- making one ---- */

static void make_key(struct pki_cert *cert, bool rsa)
{
    must(gnutls_x509_privkey_init(&cert->key), "a key");
    must(rsa ? gnutls_x509_privkey_generate(cert->key, GNUTLS_PK_RSA, RSA_BITS, 0)
             : gnutls_x509_privkey_generate(cert->key, GNUTLS_PK_ECDSA,
                                            GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
         "a key");
}

/* The first bit is 0, because the number must not be negative. The first byte is not 0. */
static void set_serial(struct pki_cert *cert)
{
    unsigned char serial[SERIAL_BYTES];
    CHECK(getrandom(serial, sizeof serial, 0) == sizeof serial);
    serial[0] = 0x40;
    must(gnutls_x509_crt_set_serial(cert->crt, serial, sizeof serial), "a serial number");
    for (size_t i = 0; i < sizeof serial; i++)
        (void)snprintf(cert->serial + 2 * i, 3, "%02x", serial[i]);
}

static void set_dates(struct pki_cert *cert, const struct pki_options *options)
{
    time_t now = time(NULL);
    bool given = options->from_days != 0 || options->to_days != 0;
    int from_days = given ? options->from_days : -1, to_days = given ? options->to_days : 1;
    must(gnutls_x509_crt_set_activation_time(cert->crt, now + from_days * DAY_S), "dates");
    must(gnutls_x509_crt_set_expiration_time(cert->crt, now + to_days * DAY_S), "dates");
}

static void set_use(struct pki_cert *cert, const struct pki_options *options)
{
    static const unsigned char loopback[] = { 127, 0, 0, 1 };
    unsigned usage = GNUTLS_KEY_DIGITAL_SIGNATURE;
    if (options->authority)
        usage |= GNUTLS_KEY_KEY_CERT_SIGN;
    must(gnutls_x509_crt_set_basic_constraints(cert->crt, options->authority, -1), "constraints");
    must(gnutls_x509_crt_set_key_usage(cert->crt, usage), "a usage");
    if (options->purpose != NULL)
        must(gnutls_x509_crt_set_key_purpose_oid(cert->crt, options->purpose, 0), "a purpose");
    must(gnutls_x509_crt_set_subject_alt_name(cert->crt, GNUTLS_SAN_DNSNAME, "localhost", 9,
                                              GNUTLS_FSAN_SET),
         "a name");
    must(gnutls_x509_crt_set_subject_alt_name(cert->crt, GNUTLS_SAN_IPADDRESS, loopback,
                                              sizeof loopback, GNUTLS_FSAN_APPEND),
         "a name");
}

/* Some clients require key ids. */
static void set_key_ids(struct pki_cert *cert, const struct pki_cert *signer)
{
    unsigned char id[20];
    size_t size = sizeof id;
    must(gnutls_x509_crt_get_key_id(cert->crt, GNUTLS_KEYID_USE_SHA1, id, &size), "a key id");
    must(gnutls_x509_crt_set_subject_key_id(cert->crt, id, size), "a key id");
    size = sizeof id;
    must(gnutls_x509_crt_get_key_id(signer->crt, GNUTLS_KEYID_USE_SHA1, id, &size), "a key id");
    must(gnutls_x509_crt_set_authority_key_id(cert->crt, id, size), "a key id");
}

static char *text_of(const gnutls_datum_t *pem, const char *more)
{
    char *text = support_text("%.*s%s", (int)pem->size, (const char *)pem->data, more);
    gnutls_free(pem->data);
    return text;
}

static void write_down(struct pki_cert *cert, const struct pki_cert *issuer)
{
    gnutls_datum_t pem;
    must(gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_PEM, &pem), "export");
    cert->chain_pem = text_of(&pem, issuer == NULL || issuer->by_itself ? "" : issuer->chain_pem);
    must(gnutls_x509_privkey_export2(cert->key, GNUTLS_X509_FMT_PEM, &pem), "export");
    cert->key_pem = text_of(&pem, "");
}

struct pki_cert *pki_make(const struct pki_options *options)
{
    struct pki_cert *cert = calloc(1, sizeof *cert);
    CHECK(cert != NULL);
    cert->by_itself = options->issuer == NULL;
    make_key(cert, options->rsa);
    must(gnutls_x509_crt_init(&cert->crt), "a certificate");
    must(gnutls_x509_crt_set_version(cert->crt, 3), "a version");
    must(gnutls_x509_crt_set_dn_by_oid(cert->crt, GNUTLS_OID_X520_COMMON_NAME, 0, options->name,
                                       (unsigned)strlen(options->name)),
         "a name");
    set_serial(cert);
    set_dates(cert, options);
    set_use(cert, options);
    must(gnutls_x509_crt_set_key(cert->crt, cert->key), "a key");
    const struct pki_cert *signer = options->issuer != NULL ? options->issuer : cert;
    set_key_ids(cert, signer);
    must(gnutls_x509_crt_sign2(cert->crt, signer->crt, signer->key, GNUTLS_DIG_SHA256, 0),
         "a signature");
    write_down(cert, options->issuer);
    return cert;
}

struct pki_cert *pki_authority(const char *name)
{
    return pki_make(&(struct pki_options){ .name = name, .authority = true });
}

void pki_free(struct pki_cert **cert_inout)
{
    struct pki_cert *cert = *cert_inout;
    if (cert == NULL)
        return;
    *cert_inout = NULL;
    gnutls_x509_crt_deinit(cert->crt);
    gnutls_x509_privkey_deinit(cert->key);
    free(cert->chain_pem);
    free(cert->key_pem);
    free(cert);
}

const char *pki_chain_pem(const struct pki_cert *cert)
{
    return cert->chain_pem;
}

const char *pki_key_pem(const struct pki_cert *cert)
{
    return cert->key_pem;
}

char *pki_locked_key_pem(const struct pki_cert *cert, const char *passphrase)
{
    gnutls_datum_t pem;
    must(gnutls_x509_privkey_export2_pkcs8(cert->key, GNUTLS_X509_FMT_PEM, passphrase,
                                           GNUTLS_PKCS_PBES2_AES_256, &pem),
         "export");
    return text_of(&pem, "");
}

const char *pki_serial(const struct pki_cert *cert)
{
    return cert->serial;
}

/* ---- files ---- */

struct pki_file pki_file(const char *text)
{
    struct pki_file file = { .fd = memfd_create("pem", MFD_CLOEXEC) };
    CHECK(file.fd >= 0);
    (void)snprintf(file.path, sizeof file.path, "/proc/%d/fd/%d", (int)getpid(), file.fd);
    pki_file_rewrite(&file, text);
    return file;
}

void pki_file_rewrite(const struct pki_file *file, const char *text)
{
    size_t len = strlen(text);
    CHECK(ftruncate(file->fd, 0) == 0);
    CHECK(pwrite(file->fd, text, len, 0) == (ssize_t)len);
}
