/* Requests over TLS: what libmicrohttpd and our loop make of them when bytes come in records, some
 * of which wait in GnuTLS and not in the socket. */
#include <criterion/criterion.h>

#include "unit/http/tls_fixture.h"

#define PLAIN                                                                                      \
    (struct http_options)                                                                          \
    {                                                                                              \
        TLS_SERVE_OPTIONS                                                                          \
    }

static struct tls_rig rig;

static void open_rig(void)
{
    tls_rig_open(&rig, PLAIN, false);
}

static void close_rig(void)
{
    tls_rig_close(&rig);
}

TestSuite(tls, .init = open_rig, .fini = close_rig);

/* ---- the handshake ---- */

static const char *serial_of_files(void)
{
    static struct http_tls_info info;
    http_tls_info(rig.tls, &info);
    return info.serial;
}

Test(tls, both_versions_are_spoken)
{
    static const char *const versions[] = { "TLS1.2", "TLS1.3" };
    for (size_t i = 0; i < 2; i++) {
        char priorities[64];
        (void)snprintf(priorities, sizeof priorities, "NORMAL:-VERS-ALL:+VERS-%s", versions[i]);
        struct tls_client *client = tls_dial(&(struct tls_options){ .port = tls_rig_port(&rig),
                                                                    .priorities = priorities,
                                                                    .issuer = rig.ca },
                                             NULL);
        cr_assert_not_null(client, "%s", versions[i]);
        cr_expect_str_eq(tls_version(client), versions[i]);
        cr_expect_str_eq(tls_alpn(client), "http/1.1");
        cr_expect_str_eq(tls_server_serial(client), pki_serial(rig.server_cert));
        cr_expect_str_eq(serial_of_files(), pki_serial(rig.server_cert));
        cr_expect_eq(tls_get(client, "/echo/x"), 200);
        cr_expect_str_eq(tls_body(client), "x||");
        tls_hang_up(&client);
    }
}

/* A server with GnuTLS's defaults would accept each of these but the first, which it accepts only
 * when told to. */
Test(tls, old_versions_and_ciphers_are_refused)
{
    static const char *const priorities[] = {
        "NORMAL:-VERS-ALL:+VERS-TLS1.0:+VERS-TLS1.1",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA",
    };
    for (size_t i = 0; i < sizeof priorities / sizeof priorities[0]; i++) {
        struct tls_client *client = tls_dial(
            &(struct tls_options){ .port = tls_rig_port(&rig), .priorities = priorities[i] }, NULL);
        cr_expect_null(client, "%s", priorities[i]);
        tls_hang_up(&client);
    }
    cr_expect(WAIT_UNTIL(http_server_connections(rig.server) == 0, PATIENCE_S));
}

Test(tls, a_client_cannot_ask_for_new_keys)
{
    struct tls_client *client = tls_dial(
        &(struct tls_options){ .port = tls_rig_port(&rig),
                               .priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.2:%SAFE_RENEGOTIATION" },
        NULL);
    cr_assert_not_null(client);
    cr_assert_eq(tls_get(client, "/echo/x"), 200);
    cr_expect_not(tls_renegotiate(client));
    cr_expect_eq(tls_get(client, "/echo/x"), 0);
    tls_hang_up(&client);
}

Test(tls, keys_may_be_of_rsa)
{
    struct pki_cert *cert =
        pki_make(&(struct pki_options){ .name = "rsa", .issuer = rig.ca, .rsa = true });
    struct err err;
    pki_file_rewrite(&rig.cert, pki_chain_pem(cert));
    pki_file_rewrite(&rig.key, pki_key_pem(cert));
    cr_assert(http_tls_reload(rig.tls, &err), "%s", err.text);
    struct tls_client *client = tls_rig_dial(&rig, NULL);
    cr_expect_eq(tls_get(client, "/echo/x"), 200);
    cr_expect_str_eq(tls_server_serial(client), pki_serial(cert));
    tls_hang_up(&client);
    pki_free(&cert);
}

/* ---- requests ---- */

Test(tls, a_connection_is_kept)
{
    struct tls_client *client = tls_rig_dial(&rig, NULL);
    for (int i = 0; i < 100; i++) {
        cr_assert(tls_post(client, "/echo/x", "{}", 2));
        cr_assert_eq(tls_read_answer(client, "POST"), 200);
        cr_assert_str_eq(tls_body(client), "x||{}");
    }
    cr_expect_eq(http_server_connections(rig.server), 1);
    tls_hang_up(&client);
}

Test(tls, requests_may_be_pipelined)
{
    enum { N = 64 };
    static const char one[] = "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json"
                              "\r\nContent-Length: 2\r\n\r\n{}";
    static char all[N * sizeof one];
    for (int i = 0; i < N; i++)
        memcpy(all + (size_t)i * (sizeof one - 1), one, sizeof one - 1);
    struct tls_client *client = tls_rig_dial(&rig, NULL);
    cr_assert(tls_send(client, all, N * (sizeof one - 1)), "in one record");
    for (int i = 0; i < N; i++)
        cr_assert_eq(tls_read_answer(client, "POST"), 200, "answer %d", i);
    for (size_t i = 0; i < N * (sizeof one - 1); i++)
        cr_assert(tls_send(client, all + i, 1), "each byte in a record of its own");
    for (int i = 0; i < N; i++)
        cr_assert_eq(tls_read_answer(client, "POST"), 200, "answer %d", i);
    tls_hang_up(&client);
}

Test(tls, head_has_no_body)
{
    struct tls_client *client = tls_rig_dial(&rig, NULL);
    tls_send_text(client, "HEAD /echo/x HTTP/1.1\r\nHost: t\r\n\r\n");
    cr_expect_eq(tls_read_answer(client, "HEAD"), 200);
    cr_expect_eq(tls_get(client, "/echo/y"), 200);
    cr_expect_str_eq(tls_body(client), "y||");
    tls_hang_up(&client);
}

Test(tls, under_expect_a_client_is_told_to_go_on)
{
    struct tls_client *client = tls_rig_dial(&rig, NULL);
    tls_send_text(client, "POST /count HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                          "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    cr_assert_eq(tls_read_answer(client, "POST"), 100);
    tls_send_text(client, "{}");
    cr_expect_eq(tls_read_answer(client, "POST"), 200);
    cr_expect_str_eq(tls_body(client), "2 bytes");
    tls_hang_up(&client);
}

static char *body_of(size_t len)
{
    char *body = malloc(len);
    CHECK(body != NULL);
    memset(body, 'x', len);
    return body;
}

/* After a body that is too large: read for 5 s, so that a busy machine may need several tries. */
static bool goes_on_after(const struct tls_rig *large, const char *body, size_t len)
{
    struct tls_client *client = tls_rig_dial(large, NULL);
    bool goes_on = tls_post(client, "/count", body, len) &&
                   tls_read_answer(client, "POST") == 413 &&
                   tls_get(client, "/flood/4194304") == 200 && tls_body_len(client) == 4194304;
    tls_hang_up(&client);
    return goes_on;
}

Test(tls, bodies_may_be_large)
{
    enum { LEN = 4 << 20 };
    struct http_options options = PLAIN;
    options.max_body_bytes = LEN;
    options.bodies_max_bytes = 4 * LEN;
    struct tls_rig large;
    tls_rig_open(&large, options, false);
    struct tls_client *client = tls_rig_dial(&large, NULL);
    char *body = body_of(LEN + 1);
    cr_assert(tls_post(client, "/count", body, LEN));
    cr_expect_eq(tls_read_answer(client, "POST"), 200);
    cr_expect_str_eq(tls_body(client), "4194304 bytes");
    tls_hang_up(&client);
    bool goes_on = false;
    for (int i = 0; i < 4 && !goes_on; i++)
        goes_on = goes_on_after(&large, body, LEN + 1);
    cr_expect(goes_on);
    free(body);
    tls_rig_close(&large);
}

Test(tls, a_chunked_body_comes_whole)
{
    struct tls_client *client = tls_rig_dial(&rig, NULL);
    tls_send_text(client, "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n");
    tls_send_text(client, "3\r\n,2]\r\n0\r\n\r\n");
    cr_expect_eq(tls_read_answer(client, "POST"), 200);
    cr_expect_str_eq(tls_body(client), "x||[1,2]");
    tls_hang_up(&client);
}

/* Under TLS nobody between us and the client sees the framing of the chunks. */
Test(tls, nothing_is_served_behind_a_chunked_body)
{
    struct tls_client *client = tls_rig_dial(&rig, NULL);
    tls_send_text(client, "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
                          "GET /echo/smuggled HTTP/1.1\r\nHost: t\r\n\r\n");
    cr_expect_eq(tls_read_answer(client, "POST"), 200);
    cr_expect_str_eq(tls_body(client), "x||{}");
    cr_expect_neq(tls_end(client), TLS_END_NOT);
    tls_hang_up(&client);
}

Test(tls, a_malformed_length_is_answered_once)
{
    struct tls_client *client = tls_rig_dial(&rig, NULL);
    tls_send_text(client, "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                          "Content-Length: two\r\n\r\n{}");
    cr_expect_eq(tls_read_answer(client, "POST"), 400);
    cr_expect_neq(tls_end(client), TLS_END_NOT);
    tls_hang_up(&client);
}

/* More than the 128 that are one round of libmicrohttpd's epoll, all waiting for us at once. */
Test(tls, hundreds_may_wait_for_their_answers, .timeout = 60)
{
    enum { N = 300 };
    static struct tls_client *clients[N];
    for (int i = 0; i < N; i++)
        clients[i] = tls_rig_dial(&rig, NULL);
    for (unsigned round = 0; round < 2; round++) {
        n_held = 0;
        for (int i = 0; i < N; i++)
            cr_assert(tls_post(clients[i], "/hold", "{}", 2));
        cr_assert(WAIT_UNTIL(n_held == N, PATIENCE_S), "%u are held", (unsigned)n_held);
        release_held(0, N / 2, 200);
        release_held(N / 2, N, 503);
        for (int i = 0; i < N; i++) {
            int status = tls_read_answer(clients[i], "POST");
            cr_assert(status == 200 || status == 503, "%d for %d in round %u", status, i, round);
        }
    }
    for (int i = 0; i < N; i++)
        tls_hang_up(&clients[i]);
}

/* The second request is in GnuTLS's buffer while the first is suspended. */
Test(tls, what_follows_a_suspended_request_is_not_forgotten)
{
    static const char two[] = "POST /hold HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                              "Content-Length: 2\r\n\r\n{}"
                              "GET /echo/next HTTP/1.1\r\nHost: t\r\n\r\n";
    struct tls_client *client = tls_rig_dial(&rig, NULL);
    cr_assert(tls_send_text(client, two));
    cr_assert(WAIT_UNTIL(n_held == 1, PATIENCE_S));
    release_held(0, 1, 200);
    cr_expect_eq(tls_read_answer(client, "POST"), 200);
    cr_expect_eq(tls_read_answer(client, "GET"), 200);
    cr_expect_str_eq(tls_body(client), "next||");
    tls_hang_up(&client);
}

/* ---- the health check's question ---- */

Test(tls, our_own_process_can_be_asked)
{
    static const char request[] =
        "GET /echo/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char answer[2048] = "";
    int fd = dial(rig.server);
    size_t got =
        http_tls_ask(fd, request, answer, sizeof answer - 1, clock_now_ns() + 20 * NS_PER_S);
    cr_expect_gt(got, 0);
    cr_expect_eq(strncmp(answer, "HTTP/1.1 200 ", 13), 0, "%s", answer);
    cr_expect_not_null(strstr(answer, "\r\n\r\nx||"));
    close(fd);
    fd = dial(rig.server);
    cr_expect_eq(http_tls_ask(fd, request, answer, 5, clock_now_ns() + 20 * NS_PER_S), 5,
                 "never more than there is room for");
    close(fd);
}
