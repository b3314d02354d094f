/* tls_fixture.h - a server of http/ that speaks TLS, its certificate in files that a test may
 * rewrite, and clients that talk to it. */
#ifndef UNIT_TLS_FIXTURE_H
#define UNIT_TLS_FIXTURE_H

#include <gnutls/x509.h>

#include "http/tls/tls.h"
#include "support/pki.h"
#include "support/tls_client.h"
#include "unit/http/http_fixture.h"

struct tls_rig {
    struct pki_cert *ca, *server_cert; /* the server's, and its issuer, which vouches for clients */
    struct pki_file cert, key, client_ca;
    struct http_tls_files files;
    struct http_tls *tls;
    struct http_server *server;
};

/* Says how long the body was. */
UNUSED static void handle_count(struct http_request *req, void *ctx)
{
    (void)ctx;
    size_t len;
    (void)http_body(req, &len);
    struct buf out = BUF_INIT(100);
    buf_printf(&out, "%zu bytes", len);
    http_answer(req, 200, "text/plain", &out);
}

/* As many bytes as the path says. */
UNUSED static void handle_flood(struct http_request *req, void *ctx)
{
    (void)ctx;
    size_t len = strtoul(http_path_part(req, 0), NULL, 10);
    struct buf out = BUF_INIT(64 << 20);
    while (out.len < len)
        buf_add(&out, "0123456789abcdef", 16);
    http_answer(req, 200, "text/plain", &out);
}

/* clang-format off */
static const struct http_route tls_routes[] = {
    { "POST", "/echo/{part}",  HTTP_JSON_BODY, HTTP_WITH_KEY, handle_echo,  fixture_statuses, NULL },
    { "GET",  "/echo/{part}",  HTTP_NO_BODY,   HTTP_ANYONE,   handle_echo,  fixture_statuses, NULL },
    { "POST", "/hold",         HTTP_JSON_BODY, HTTP_WITH_KEY, handle_hold,  fixture_statuses, NULL },
    { "POST", "/count",        HTTP_JSON_BODY, HTTP_WITH_KEY, handle_count, fixture_statuses, NULL },
    { "GET",  "/flood/{part}", HTTP_NO_BODY,   HTTP_ANYONE,   handle_flood, fixture_statuses, NULL },
    { "GET",  "/probe/{part}", HTTP_NO_BODY,   HTTP_PROBE,    handle_echo,  fixture_statuses, NULL },
};
/* clang-format on */

#define TLS_SERVE_OPTIONS                                                                          \
    SERVE_OPTIONS, .routes = tls_routes, .n_routes = sizeof tls_routes / sizeof tls_routes[0]

/* `clients`: must they show a certificate? */
UNUSED static void tls_rig_open(struct tls_rig *rig, struct http_options options, bool clients)
{
    struct err err;
    rig->ca = pki_authority("the authority");
    rig->server_cert = pki_make(&(struct pki_options){
        .name = "the server", .issuer = rig->ca, .purpose = GNUTLS_KP_TLS_WWW_SERVER });
    rig->cert = pki_file(pki_chain_pem(rig->server_cert));
    rig->key = pki_file(pki_key_pem(rig->server_cert));
    rig->client_ca = pki_file(pki_chain_pem(rig->ca));
    rig->files = (struct http_tls_files){ .cert_file = rig->cert.path,
                                          .key_file = rig->key.path,
                                          .client_ca_file = clients ? rig->client_ca.path : "" };
    rig->tls = http_tls_open(&rig->files, &err);
    CHECK(rig->tls != NULL);
    options.tls = rig->tls;
    rig->server = serve_with(&options);
}

UNUSED static void tls_rig_close(struct tls_rig *rig)
{
    http_server_close(&rig->server);
    http_tls_close(&rig->tls);
    close(rig->cert.fd);
    close(rig->key.fd);
    close(rig->client_ca.fd);
    pki_free(&rig->server_cert);
    pki_free(&rig->ca);
}

UNUSED static int tls_rig_port(const struct tls_rig *rig)
{
    return (int)http_server_port(rig->server);
}

/* Trusts the rig's authority; shows `cert` unless it is NULL. */
UNUSED static struct tls_client *tls_rig_dial(const struct tls_rig *rig,
                                              const struct pki_cert *cert)
{
    struct tls_client *client = tls_dial(
        &(struct tls_options){ .port = tls_rig_port(rig), .cert = cert, .issuer = rig->ca }, NULL);
    CHECK(client != NULL);
    return client;
}

UNUSED static int tls_get(struct tls_client *client, const char *path)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
    return tls_send_text(client, text) ? tls_read_answer(client, "GET") : 0;
}

UNUSED static bool tls_post(struct tls_client *client, const char *path, const char *body,
                            size_t len)
{
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "POST %s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   path, len);
    return tls_send_text(client, text) && tls_send(client, body, len);
}

#endif
