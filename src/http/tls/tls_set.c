/* tls_set.c - see tls_set.h. It makes a set of credentials from the PEM files. If a file is bad,
 * the error names the file and what is wrong with it. */
#include "http/tls/tls_set.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

enum { FILE_MAX_BYTES = 1 << 20, SERIAL_MAX_BYTES = 31 };

/* A PEM file, and the name of the option that gave its path. */
struct pem {
    const char *option, *path;
    gnutls_datum_t text; /* owned */
};

/* Writes into *err what is wrong with the file, and returns false. A long path is cut, so that the
 * reason fits. */
static bool pem_fault(const struct pem *pem, const char *why, struct err *err)
{
    err_set(err, 0, "%s=%.120s: %s", pem->option, pem->path, why);
    return false;
}

static bool pem_fault_rc(const struct pem *pem, int rc, struct err *err)
{
    switch (rc) {
    case GNUTLS_E_NO_CERTIFICATE_FOUND:
    case GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR:
    case GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE:
        return pem_fault(pem, "holds no such PEM block", err);
    case GNUTLS_E_DECRYPTION_FAILED:
        return pem_fault(pem, "the key is encrypted; it must be given without a passphrase", err);
    default:
        return pem_fault(pem, gnutls_strerror(rc), err);
    }
}

/* ---- files ---- */

/* Reads at most `size` bytes. Returns their number, or -1. */
static ssize_t read_all(int fd, unsigned char *out, size_t size)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, out + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static bool read_open_file(int fd, off_t size, struct pem *pem, struct err *err)
{
    if (size > FILE_MAX_BYTES)
        return pem_fault(pem, "is larger than 1 MiB", err);
    pem->text.data = malloc((size_t)size + 1);
    if (pem->text.data == NULL)
        return pem_fault(pem, "out of memory", err);
    pem->text.size = (unsigned)size;
    ssize_t got = read_all(fd, pem->text.data, (size_t)size);
    if (got < 0)
        return pem_fault(pem, strerrordesc_np(errno), err);
    pem->text.size = (unsigned)got;
    return got > 0 || pem_fault(pem, "is empty", err);
}

static bool pem_read(struct pem *pem, struct err *err)
{
    struct stat file;
    const char *why;
    int fd = file_open(pem->path, &file, &why);
    if (fd < 0)
        return pem_fault(pem, why, err);
    bool ok = read_open_file(fd, file.st_size, pem, err);
    (void)close(fd);
    return ok;
}

static void pem_fini(struct pem *pem)
{
    if (pem->text.data != NULL)
        explicit_bzero(pem->text.data, pem->text.size); /* the text may be the private key */
    free(pem->text.data);
}

/* ---- certificate and key ---- */

static int64_t us_of(time_t seconds)
{
    return (int64_t)seconds * (NS_PER_S / NS_PER_US);
}

static void describe(struct http_tls_info *info, gnutls_x509_crt_t crt)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char serial[SERIAL_MAX_BYTES];
    size_t subject_size = sizeof info->subject, serial_size = sizeof serial;
    if (gnutls_x509_crt_get_dn(crt, info->subject, &subject_size) != 0)
        info->subject[0] = '\0'; /* the subject is too long for info->subject */
    if (gnutls_x509_crt_get_serial(crt, serial, &serial_size) != 0)
        serial_size = 0;
    for (size_t i = 0; i < serial_size; i++) {
        info->serial[2 * i] = digits[serial[i] >> 4];
        info->serial[2 * i + 1] = digits[serial[i] & 15];
    }
    info->serial[2 * serial_size] = '\0';
    info->not_before_us = us_of(gnutls_x509_crt_get_activation_time(crt));
    info->not_after_us = us_of(gnutls_x509_crt_get_expiration_time(crt));
}

static bool pair_up(struct tls_set *set, struct pem *cert, struct pem *key, struct err *err)
{
    gnutls_x509_crt_t *chain = NULL;
    gnutls_x509_privkey_t private = NULL;
    unsigned n = 0;
    bool ok = false;
    int rc = gnutls_x509_crt_list_import2(&chain, &n, &cert->text, GNUTLS_X509_FMT_PEM,
                                          GNUTLS_X509_CRT_LIST_SORT);
    if (rc < 0) {
        (void)pem_fault_rc(cert, rc, err);
        goto out;
    }
    if ((rc = gnutls_x509_privkey_init(&private)) < 0 ||
        (rc = gnutls_x509_privkey_import2(private, &key->text, GNUTLS_X509_FMT_PEM, NULL, 0)) < 0) {
        (void)pem_fault_rc(key, rc, err);
        goto out;
    }
    rc = gnutls_certificate_set_x509_key(set->credentials, chain, (int)n, private);
    if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        (void)pem_fault(key, "the key does not belong to the certificate in TLS_CERT_FILE", err);
    else if (rc < 0)
        (void)pem_fault_rc(cert, rc, err);
    else
        describe(&set->info, chain[0]);
    ok = rc >= 0;

out:
    gnutls_x509_privkey_deinit(private);
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(chain[i]);
    gnutls_free(chain);
    return ok;
}

static bool add_identity(struct tls_set *set, const struct http_tls_files *files, struct err *err)
{
    struct pem cert = { .option = "TLS_CERT_FILE", .path = files->cert_file };
    struct pem key = { .option = "TLS_KEY_FILE", .path = files->key_file };
    bool ok = pem_read(&cert, err) && pem_read(&key, err) && pair_up(set, &cert, &key, err);
    pem_fini(&cert);
    pem_fini(&key);
    return ok;
}

static bool add_authorities(struct tls_set *set, const char *path, struct err *err)
{
    struct pem ca = { .option = "TLS_CLIENT_CA_FILE", .path = path };
    bool ok = pem_read(&ca, err);
    if (ok) {
        int n =
            gnutls_certificate_set_x509_trust_mem(set->credentials, &ca.text, GNUTLS_X509_FMT_PEM);
        ok = n > 0 || pem_fault_rc(&ca, n < 0 ? n : GNUTLS_E_NO_CERTIFICATE_FOUND, err);
        set->info.client_authorities = ok ? (uint32_t)n : 0;
    }
    pem_fini(&ca);
    return ok;
}

struct tls_set *tls_set_new(const struct http_tls_files *files, struct err *err)
{
    struct tls_set *set = calloc(1, sizeof *set);
    if (set == NULL || gnutls_certificate_allocate_credentials(&set->credentials) < 0) {
        err_set(err, ERR_RETRYABLE, "out of memory");
        free(set);
        return NULL;
    }
    set->holders = 1;
    if (add_identity(set, files, err) &&
        (files->client_ca_file[0] == '\0' || add_authorities(set, files->client_ca_file, err)))
        return set;
    tls_set_free(set);
    return NULL;
}

void tls_set_free(struct tls_set *set)
{
    gnutls_certificate_free_credentials(set->credentials);
    free(set);
}
