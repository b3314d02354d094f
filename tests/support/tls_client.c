/* tls_client.c - see tls_client.h. */
#include "support/tls_client.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/check.h"
#include "support/pki.h"
#include "support/process.h"

enum { HEAD_MAX = 4096, BODY_KEPT = 4096, SERIAL_MAX_BYTES = 31 };

struct tls_client {
    int fd;
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    char serial[2 * SERIAL_MAX_BYTES + 1];
    char alpn[32];
    char head[HEAD_MAX], body[BODY_KEPT + 1];
    size_t body_len;
};

static gnutls_datum_t datum_of(const char *text)
{
    union {
        const char *in;
        unsigned char *out;
    } cast = { .in = text };
    return (gnutls_datum_t){ .data = cast.out, .size = (unsigned)strlen(text) };
}

static void must(int rc, const char *what)
{
    if (rc < 0)
        support_fail("%s: %s", what, gnutls_strerror(rc));
}

/* ---- dialling ---- */

/* A small window keeps the kernel from buffering what the client does not read. */
static int dial(const struct tls_options *options)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)options->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = TLS_CLIENT_PATIENCE_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)) == 0);
    if (options->window_bytes > 0)
        CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options->window_bytes, sizeof(int)) == 0);
    CHECK(connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static void set_credentials(struct tls_client *client, const struct tls_options *options)
{
    must(gnutls_certificate_allocate_credentials(&client->credentials), "credentials");
    if (options->cert != NULL) {
        gnutls_datum_t cert = datum_of(pki_chain_pem(options->cert));
        gnutls_datum_t key = datum_of(pki_key_pem(options->cert));
        must(gnutls_certificate_set_x509_key_mem(client->credentials, &cert, &key,
                                                 GNUTLS_X509_FMT_PEM),
             "the client's certificate");
    }
    if (options->issuer != NULL) {
        gnutls_datum_t issuer = datum_of(pki_chain_pem(options->issuer));
        must(gnutls_certificate_set_x509_trust_mem(client->credentials, &issuer,
                                                   GNUTLS_X509_FMT_PEM),
             "the server's issuer");
    }
}

static void open_session(struct tls_client *client, const struct tls_options *options)
{
    static const unsigned char http[] = "http/1.1";
    union {
        const unsigned char *in;
        unsigned char *out;
    } cast = { .in = http };
    gnutls_datum_t alpn = { .data = cast.out, .size = sizeof http - 1 };
    unsigned flags = GNUTLS_CLIENT | GNUTLS_NO_SIGNAL;
    if (!options->only_if_wanted)
        flags |= GNUTLS_FORCE_CLIENT_CERT;
    must(gnutls_init(&client->session, flags), "a session");
    if (options->priorities != NULL)
        must(gnutls_priority_set_direct(client->session, options->priorities, NULL), "priorities");
    else
        must(gnutls_set_default_priority(client->session), "priorities");
    must(gnutls_alpn_set_protocols(client->session, &alpn, 1, 0), "ALPN");
    must(gnutls_credentials_set(client->session, GNUTLS_CRD_CERTIFICATE, client->credentials),
         "credentials");
    if (options->issuer != NULL)
        gnutls_session_set_verify_cert(client->session, NULL, 0);
    gnutls_transport_set_int(client->session, client->fd);
}

static int shake_hands(struct tls_client *client)
{
    int rc;
    do
        rc = gnutls_handshake(client->session);
    while (rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED);
    return rc;
}

struct tls_client *tls_dial(const struct tls_options *options, int *why)
{
    struct tls_client *client = calloc(1, sizeof *client);
    CHECK(client != NULL);
    client->fd = dial(options);
    set_credentials(client, options);
    open_session(client, options);
    int rc = shake_hands(client);
    if (rc == 0)
        return client;
    if (why != NULL)
        *why = rc;
    tls_hang_up(&client);
    return NULL;
}

void tls_hang_up(struct tls_client **client_inout)
{
    struct tls_client *client = *client_inout;
    if (client == NULL)
        return;
    *client_inout = NULL;
    gnutls_deinit(client->session);
    gnutls_certificate_free_credentials(client->credentials);
    close(client->fd);
    free(client);
}

/* ---- the negotiated session ---- */

int tls_client_fd(const struct tls_client *client)
{
    return client->fd;
}

const char *tls_server_serial(struct tls_client *client)
{
    unsigned n = 0;
    gnutls_x509_crt_t crt;
    unsigned char serial[SERIAL_MAX_BYTES];
    size_t size = sizeof serial;
    const gnutls_datum_t *peers = gnutls_certificate_get_peers(client->session, &n);
    CHECK(peers != NULL && n > 0);
    must(gnutls_x509_crt_init(&crt), "a certificate");
    must(gnutls_x509_crt_import(crt, &peers[0], GNUTLS_X509_FMT_DER), "the server's certificate");
    must(gnutls_x509_crt_get_serial(crt, serial, &size), "its serial number");
    gnutls_x509_crt_deinit(crt);
    for (size_t i = 0; i < size; i++)
        (void)snprintf(client->serial + 2 * i, 3, "%02x", serial[i]);
    return client->serial;
}

const char *tls_version(struct tls_client *client)
{
    return gnutls_protocol_get_name(gnutls_protocol_get_version(client->session));
}

const char *tls_alpn(struct tls_client *client)
{
    gnutls_datum_t chosen = { .size = 0 };
    (void)gnutls_alpn_get_selected_protocol(client->session, &chosen);
    (void)snprintf(client->alpn, sizeof client->alpn, "%.*s", (int)chosen.size,
                   chosen.size > 0 ? (const char *)chosen.data : "");
    return client->alpn;
}

/* ---- data ---- */

bool tls_send(struct tls_client *client, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = gnutls_record_send(client->session, bytes, len);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

bool tls_send_text(struct tls_client *client, const char *text)
{
    return tls_send(client, text, strlen(text));
}

static bool read_exactly(struct tls_client *client, char *out, size_t len)
{
    while (len > 0) {
        ssize_t n = gnutls_record_recv(client->session, out, len);
        if (n == GNUTLS_E_INTERRUPTED)
            continue;
        if (n <= 0)
            return false;
        out += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_head(struct tls_client *client)
{
    for (size_t len = 0; len < HEAD_MAX - 1;) {
        if (!read_exactly(client, client->head + len, 1))
            return false;
        client->head[++len] = '\0';
        if (len >= 4 && strcmp(client->head + len - 4, "\r\n\r\n") == 0)
            return true;
    }
    return false;
}

static bool read_body(struct tls_client *client, size_t len)
{
    static const size_t piece_max = 16384;
    char piece[16384];
    while (len > 0) {
        size_t want = len < piece_max ? len : piece_max;
        if (!read_exactly(client, piece, want))
            return false;
        size_t kept = client->body_len < BODY_KEPT ? client->body_len : BODY_KEPT;
        size_t keep = want < BODY_KEPT - kept ? want : BODY_KEPT - kept;
        memcpy(client->body + kept, piece, keep);
        client->body[kept + keep] = '\0';
        client->body_len += want;
        len -= want;
    }
    return true;
}

static size_t length_in(const char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length: ");
    return at != NULL ? strtoul(at + strlen("\r\nContent-Length: "), NULL, 10) : 0;
}

int tls_read_answer(struct tls_client *client, const char *method)
{
    int status = 0;
    client->body_len = 0;
    client->body[0] = client->head[0] = '\0';
    if (!read_head(client) || sscanf(client->head, "HTTP/1.1 %d", &status) != 1)
        return 0;
    size_t len = strcmp(method, "HEAD") == 0 || status == 100 ? 0 : length_in(client->head);
    return read_body(client, len) ? status : 0;
}

const char *tls_head(const struct tls_client *client)
{
    return client->head;
}

const char *tls_body(const struct tls_client *client)
{
    return client->body;
}

size_t tls_body_len(const struct tls_client *client)
{
    return client->body_len;
}

enum tls_end tls_end(struct tls_client *client)
{
    char byte;
    ssize_t n = gnutls_record_recv(client->session, &byte, 1);
    if (n == 0)
        return TLS_END_SAID;
    return n > 0 || n == GNUTLS_E_AGAIN ? TLS_END_NOT : TLS_END_CUT;
}

bool tls_renegotiate(struct tls_client *client)
{
    return shake_hands(client) == 0;
}
