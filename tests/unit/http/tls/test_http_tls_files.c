/* The three files of TLS: what is wrong with one is said by the name of its option. */
#include <criterion/criterion.h>
#include <sys/stat.h>

#include "unit/http/tls_fixture.h"

static struct pki_cert *ca, *cert, *other;

static void make_certificates(void)
{
    ca = pki_authority("the authority");
    cert = pki_make(&(struct pki_options){ .name = "good", .issuer = ca });
    other = pki_make(&(struct pki_options){ .name = "other", .issuer = ca });
}

static void free_certificates(void)
{
    pki_free(&other);
    pki_free(&cert);
    pki_free(&ca);
}

TestSuite(tls_files, .init = make_certificates, .fini = free_certificates);

static void expect_bad(const char *cert_file, const char *key_file, const char *ca_file,
                       const char *option, const char *why)
{
    const struct http_tls_files files = { .cert_file = cert_file,
                                          .key_file = key_file,
                                          .client_ca_file = ca_file };
    struct err err = { 0 };
    struct http_tls *tls = http_tls_open(&files, &err);
    cr_expect_null(tls, "%s: %s", option, why);
    cr_expect_eq(strncmp(err.text, option, strlen(option)), 0, "%s: %s", option, err.text);
    cr_expect_not_null(strstr(err.text, why), "%s: %s", why, err.text);
    http_tls_close(&tls);
}

Test(tls_files, a_good_set_is_described)
{
    struct pki_file cert_file = pki_file(pki_chain_pem(cert));
    struct pki_file key_file = pki_file(pki_key_pem(cert));
    struct pki_file ca_file = pki_file(pki_chain_pem(ca));
    const struct http_tls_files files = { cert_file.path, key_file.path, ca_file.path };
    struct http_tls_info info;
    struct err err;
    struct http_tls *tls = http_tls_open(&files, &err);
    cr_assert_not_null(tls, "%s", err.text);
    http_tls_info(tls, &info);
    cr_expect_str_eq(info.subject, "CN=good");
    cr_expect_str_eq(info.serial, pki_serial(cert));
    cr_expect_eq(info.client_authorities, 1);
    int64_t day_us = INT64_C(86400) * 1000000;
    cr_expect_leq(info.not_after_us, clock_wall_us() + day_us);
    cr_expect_gt(info.not_after_us, clock_wall_us() + day_us / 2);
    cr_expect_leq(info.not_before_us, clock_wall_us() - day_us / 2);
    http_tls_close(&tls);
}

Test(tls_files, bad_certificates)
{
    struct pki_file key = pki_file(pki_key_pem(cert)), empty = pki_file("");
    struct pki_file words = pki_file("not PEM\n"), broken = pki_file("");
    struct pki_file large = pki_file("");
    cr_assert_eq(ftruncate(large.fd, (1 << 20) + 1), 0);
    char text[512];
    (void)snprintf(text, sizeof text, "%.300s\n-----END CERTIFICATE-----\n", pki_chain_pem(cert));
    pki_file_rewrite(&broken, text);
    expect_bad("/nowhere/cert.pem", key.path, "",
               "TLS_CERT_FILE=/nowhere/cert.pem: ", "No such file");
    expect_bad("/tmp", key.path, "", "TLS_CERT_FILE=/tmp: ", "no regular file");
    expect_bad("/dev/zero", key.path, "", "TLS_CERT_FILE=/dev/zero: ", "no regular file");
    expect_bad(empty.path, key.path, "", "TLS_CERT_FILE=", "is empty");
    expect_bad(large.path, key.path, "", "TLS_CERT_FILE=", "larger than 1 MiB");
    expect_bad(words.path, key.path, "", "TLS_CERT_FILE=", "no such PEM block");
    expect_bad(key.path, key.path, "", "TLS_CERT_FILE=", "no such PEM block");
    expect_bad(broken.path, key.path, "", "TLS_CERT_FILE=", ": ");
}

Test(tls_files, bad_keys)
{
    struct pki_file chain = pki_file(pki_chain_pem(cert)), wrong = pki_file(pki_key_pem(other));
    struct pki_file words = pki_file("not PEM\n"), locked = pki_file("");
    char *locked_pem = pki_locked_key_pem(cert, "passphrase");
    pki_file_rewrite(&locked, locked_pem);
    free(locked_pem);
    expect_bad(chain.path, "/nowhere/key.pem", "",
               "TLS_KEY_FILE=/nowhere/key.pem: ", "No such file");
    expect_bad(chain.path, words.path, "", "TLS_KEY_FILE=", "no such PEM block");
    expect_bad(chain.path, chain.path, "", "TLS_KEY_FILE=", "no such PEM block");
    expect_bad(chain.path, wrong.path, "", "TLS_KEY_FILE=", "does not belong to the certificate");
    expect_bad(chain.path, locked.path, "", "TLS_KEY_FILE=", "without a passphrase");
}

Test(tls_files, bad_authorities)
{
    struct pki_file chain = pki_file(pki_chain_pem(cert)), key = pki_file(pki_key_pem(cert));
    struct pki_file words = pki_file("not PEM\n");
    expect_bad(chain.path, key.path, "/nowhere/ca.pem",
               "TLS_CLIENT_CA_FILE=/nowhere/ca.pem: ", "No such file");
    expect_bad(chain.path, key.path, words.path, "TLS_CLIENT_CA_FILE=", "no such PEM block");
    expect_bad(chain.path, key.path, key.path, "TLS_CLIENT_CA_FILE=", "no such PEM block");
}

Test(tls_files, the_reason_is_not_cut_by_a_long_path)
{
    struct pki_file key = pki_file(pki_key_pem(cert));
    char path[1024];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    expect_bad(path, key.path, "", "TLS_CERT_FILE=/xxx", "too long");
}

/* An expired certificate is better than no service: who starts it is warned. */
Test(tls_files, an_expired_certificate_is_taken)
{
    struct pki_cert *old = pki_make(
        &(struct pki_options){ .name = "old", .issuer = ca, .from_days = -9, .to_days = -1 });
    struct pki_file chain = pki_file(pki_chain_pem(old)), key = pki_file(pki_key_pem(old));
    const struct http_tls_files files = { chain.path, key.path, "" };
    struct http_tls_info info;
    struct err err;
    struct http_tls *tls = http_tls_open(&files, &err);
    cr_assert_not_null(tls, "%s", err.text);
    http_tls_info(tls, &info);
    cr_expect_lt(info.not_after_us, clock_wall_us());
    http_tls_close(&tls);
    pki_free(&old);
}
