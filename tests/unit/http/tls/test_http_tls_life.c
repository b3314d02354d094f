/* How connections end under TLS: what is said to whom, and that nothing is ever said in the clear.
 * The time limits are short here, and the tests wait for what they bring about, not for them. */
#include <criterion/criterion.h>

#include "support/self.h"
#include "unit/http/tls_fixture.h"

static struct tls_rig rig;

static void open_rig(int64_t read_timeout_ns, int64_t idle_timeout_ns)
{
    struct http_options options = { TLS_SERVE_OPTIONS };
    options.read_timeout_ns = read_timeout_ns;
    options.idle_timeout_ns = idle_timeout_ns;
    tls_rig_open(&rig, options, true);
}

static void close_rig(void)
{
    tls_rig_close(&rig);
}

TestSuite(tls_life, .fini = close_rig);

/* Do the bytes that come until the end hold anything but TLS records? Waits for the end. */
static bool ends_in_secret(int fd)
{
    static char all[1 << 16];
    size_t len = 0;
    ssize_t n;
    while (len < sizeof all && (n = recv(fd, all + len, sizeof all - len, 0)) > 0)
        len += (size_t)n;
    cr_expect(n == 0 || errno == ECONNRESET, "the server closes");
    cr_expect_null(memmem(all, len, "HTTP", 4), "it says HTTP in the clear");
    return len == 0 || (all[0] >= 20 && all[0] <= 23); /* the types of records */
}

/* ---- handshakes that are none ---- */

Test(tls_life, plain_http_hears_nothing_in_the_clear)
{
    open_rig(60 * NS_PER_S, 60 * NS_PER_S);
    int fd = dial(rig.server);
    send_get(fd, "/probe/x");
    cr_expect(ends_in_secret(fd));
    cr_expect(WAIT_UNTIL(http_server_connections(rig.server) == 0, PATIENCE_S));
    close(fd);
    struct buf metrics = BUF_INIT(1 << 16);
    http_server_metrics(rig.server, &metrics);
    buf_add_char(&metrics, '\0');
    cr_expect_not_null(strstr(metrics.data, "\nhttp_server_tls_handshakes_failed_total 1\n"));
    buf_fini(&metrics);
}

Test(tls_life, a_client_that_says_nothing_is_cut)
{
    open_rig(200 * NS_PER_MS, 60 * NS_PER_S);
    int fd = dial(rig.server);
    cr_expect(ends_in_secret(fd));
    close(fd);
}

/* The beginning of a ClientHello of 512 bytes. */
static const char hello[] = { 22, 3, 1, 2, 0, 1, 0, 1, (char)252, 3, 3 };

Test(tls_life, a_handshake_that_stops_is_cut)
{
    open_rig(200 * NS_PER_MS, 60 * NS_PER_S);
    int fd = dial(rig.server);
    cr_assert(send_bytes(fd, hello, sizeof hello));
    cr_expect(ends_in_secret(fd));
    close(fd);
}

Test(tls_life, a_handshake_that_drips_is_cut)
{
    open_rig(200 * NS_PER_MS, 60 * NS_PER_S);
    int fd = dial(rig.server);
    bool open = send_bytes(fd, hello, sizeof hello);
    for (int64_t end_at_ns = wait_end_at_ns(PATIENCE_S); open && wait_more(end_at_ns);)
        open = send_bytes(fd, "x", 1) && recv(fd, (char[1]){ 0 }, 1, MSG_DONTWAIT | MSG_PEEK) < 0 &&
               errno == EAGAIN;
    cr_expect_not(open, "dripping bought all the time there is");
    cr_expect(ends_in_secret(fd));
    cr_expect(WAIT_UNTIL(http_server_connections(rig.server) == 0, PATIENCE_S));
    close(fd);
}

Test(tls_life, a_plain_port_knows_no_tls)
{
    open_rig(200 * NS_PER_MS, 60 * NS_PER_S);
    struct http_options options = { TLS_SERVE_OPTIONS };
    options.read_timeout_ns = 200 * NS_PER_MS;
    struct http_server *plain = serve_with(&options);
    struct tls_client *client =
        tls_dial(&(struct tls_options){ .port = (int)http_server_port(plain) }, NULL);
    cr_expect_null(client);
    cr_expect(WAIT_UNTIL(http_server_connections(plain) == 0, PATIENCE_S));
    tls_hang_up(&client);
    int fd = dial(plain);
    static struct answer answer;
    send_get(fd, "/probe/x");
    cr_expect(read_answer(fd, &answer) && answer.status == 200, "and goes on");
    close(fd);
    http_server_close(&plain);
}

/* ---- time limits behind the handshake ---- */

/* On a busy machine a handshake may take longer than it may: then there is another. */
static struct tls_client *dial_good_with_window(int window_bytes)
{
    struct pki_cert *cert = pki_make(&(struct pki_options){ .name = "client", .issuer = rig.ca });
    const struct tls_options wish = {
        .port = tls_rig_port(&rig), .cert = cert, .issuer = rig.ca, .window_bytes = window_bytes
    };
    struct tls_client *client = NULL;
    cr_assert(WAIT_UNTIL((client = tls_dial(&wish, NULL)) != NULL, PATIENCE_S));
    pki_free(&cert);
    return client;
}

static struct tls_client *dial_good(void)
{
    return dial_good_with_window(0);
}

static void expect_timeout(struct tls_client *client)
{
    cr_expect_eq(tls_read_answer(client, "GET"), 408);
    cr_expect_not_null(strstr(tls_body(client), "\"code\":\"request_timeout\""));
    cr_expect_eq(tls_end(client), TLS_END_SAID);
    tls_hang_up(&client);
}

static void drip_until_cut(struct tls_client *client, const char *start)
{
    bool open = tls_send_text(client, start);
    int fd = tls_client_fd(client);
    for (int64_t end_at_ns = wait_end_at_ns(PATIENCE_S); open && wait_more(end_at_ns);)
        open =
            tls_send_text(client, "x") && recv(fd, (char[1]){ 0 }, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
    cr_assert_not(open, "dripping bought all the time there is");
}

Test(tls_life, slow_headers_are_cut_with_a_word)
{
    open_rig(200 * NS_PER_MS, 60 * NS_PER_S);
    struct tls_client *client = dial_good();
    drip_until_cut(client, "GET /echo/x HTTP/1.1\r\nHost: t\r\nX: ");
    expect_timeout(client);
}

Test(tls_life, a_slow_body_is_cut_with_a_word)
{
    open_rig(200 * NS_PER_MS, 60 * NS_PER_S);
    struct tls_client *client = dial_good();
    drip_until_cut(client, "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                           "Content-Length: 60000\r\n\r\n");
    expect_timeout(client);
    cr_expect(WAIT_UNTIL(http_server_in_flight(rig.server) == 0, PATIENCE_S));
}

Test(tls_life, a_body_that_is_refused_while_it_comes_is_cut_with_a_word)
{
    struct http_options options = { TLS_SERVE_OPTIONS };
    options.bodies_max_bytes = 10;
    tls_rig_open(&rig, options, true);
    struct tls_client *client = dial_good();
    cr_assert(tls_post(client, "/echo/x", "[1,2,3,4,5,6]", 13));
    cr_expect_eq(tls_read_answer(client, "POST"), 503);
    cr_expect_not_null(strstr(tls_body(client), "\"code\":\"overloaded\""));
    tls_hang_up(&client);
}

static int status_after_silence(int64_t read_timeout_ns)
{
    open_rig(read_timeout_ns, 20 * read_timeout_ns);
    struct tls_client *client = dial_good();
    for (int i = 0; i < 2; i++) {
        int witness = dial(rig.server);
        cr_assert(ends_in_secret(witness), "the time for a handshake has passed");
        close(witness);
    }
    int status = tls_get(client, "/echo/x");
    tls_hang_up(&client);
    return status;
}

/* The bytes of the handshake are no request: what counts is the time for idle connections. On a
 * busy machine that may be over too: then it is tried again with more of it. */
Test(tls_life, who_is_silent_behind_the_handshake_is_idle)
{
    int status = status_after_silence(100 * NS_PER_MS);
    for (int64_t ns = 200 * NS_PER_MS; status != 200 && ns <= 1600 * NS_PER_MS; ns *= 2) {
        close_rig();
        status = status_after_silence(ns);
    }
    cr_expect_eq(status, 200);
}

Test(tls_life, idle_connections_are_closed_by_the_book)
{
    open_rig(60 * NS_PER_S, 200 * NS_PER_MS);
    struct tls_client *fresh = dial_good(), *used = dial_good();
    int64_t end_at_ns = wait_end_at_ns(PATIENCE_S);
    while (tls_get(used, "/echo/x") != 200) { /* idle for too long before it asked */
        cr_assert(wait_more(end_at_ns));
        tls_hang_up(&used);
        used = dial_good();
    }
    cr_expect_eq(tls_end(fresh), TLS_END_SAID);
    cr_expect_eq(tls_end(used), TLS_END_SAID);
    tls_hang_up(&fresh);
    tls_hang_up(&used);
}

Test(tls_life, a_client_that_does_not_take_its_answer_is_cut)
{
    open_rig(200 * NS_PER_MS, 60 * NS_PER_S);
    struct tls_client *client = dial_good_with_window(4096);
    tls_send_text(client, "GET /flood/33554432 HTTP/1.1\r\nHost: t\r\n\r\n");
    cr_expect(WAIT_UNTIL(http_server_connections(rig.server) == 0, PATIENCE_S));
    tls_hang_up(&client);
}

Test(tls_life, the_surplus_hears_why)
{
    struct http_options options = { TLS_SERVE_OPTIONS };
    options.max_connections = 1;
    tls_rig_open(&rig, options, true);
    struct tls_client *first = dial_good(), *surplus = dial_good();
    cr_expect_eq(tls_get(first, "/echo/x"), 200);
    cr_expect_eq(tls_get(surplus, "/echo/x"), 503);
    cr_expect_not_null(strstr(tls_body(surplus), "too_many_connections"));
    tls_hang_up(&first);
    tls_hang_up(&surplus);
}

/* ---- ends ---- */

/* Connections that do not even shake hands cannot take the reserve. */
Test(tls_life, a_full_server_answers_its_probes)
{
    enum { SILENT = 70 };
    int silent[SILENT];
    struct http_options options = { TLS_SERVE_OPTIONS };
    options.max_connections = 1;
    tls_rig_open(&rig, options, false);
    for (int i = 0; i < SILENT; i++)
        silent[i] = dial(rig.server);
    struct tls_client *client = dial_good();
    cr_expect_eq(tls_get(client, "/probe/x"), 200);
    cr_expect_str_eq(tls_body(client), "x||");
    tls_hang_up(&client);
    for (int i = 0; i < SILENT; i++)
        close(silent[i]);
}

Test(tls_life, a_drain_ends_idle_connections_and_answers_the_others)
{
    open_rig(60 * NS_PER_S, 60 * NS_PER_S);
    struct tls_client *idle = dial_good(), *busy = dial_good();
    int silent = dial(rig.server);
    cr_assert_eq(tls_get(idle, "/echo/x"), 200);
    cr_assert(tls_post(busy, "/hold", "{}", 2));
    cr_assert(WAIT_UNTIL(n_held == 1, PATIENCE_S));
    http_server_drain(rig.server);
    cr_expect_eq(tls_end(idle), TLS_END_SAID);
    release_held(0, 1, 200);
    cr_expect_eq(tls_read_answer(busy, "POST"), 200);
    cr_expect_not_null(strstr(tls_head(busy), "Connection: close"));
    cr_expect_eq(tls_end(busy), TLS_END_SAID);
    tls_hang_up(&idle);
    tls_hang_up(&busy);
    close(silent);
}

Test(tls_life, what_is_deferred_at_the_end_is_answered)
{
    open_rig(60 * NS_PER_S, 60 * NS_PER_S);
    struct tls_client *client = dial_good();
    cr_assert(tls_post(client, "/hold", "{}", 2));
    cr_assert(WAIT_UNTIL(n_held == 1, PATIENCE_S));
    http_server_close(&rig.server);
    cr_expect_eq(tls_read_answer(client, "POST"), 503);
    cr_expect_not_null(strstr(tls_body(client), "shutting_down"));
    tls_hang_up(&client);
}

/* In every way that a client may leave; LeakSanitizer looks for the memory. */
Test(tls_life, a_thousand_handshakes_leave_nothing, .timeout = 60)
{
    open_rig(60 * NS_PER_S, 60 * NS_PER_S);
    struct pki_cert *cert = pki_make(&(struct pki_options){ .name = "client", .issuer = rig.ca });
    struct err err;
    int fds = self_fds();
    for (int i = 0; i < 1000; i++) {
        bool shows = i % 10 == 0;
        struct tls_client *client = tls_dial(
            &(struct tls_options){ .port = tls_rig_port(&rig), .cert = shows ? cert : NULL }, NULL);
        cr_assert_not_null(client);
        if (i % 3 == 0)
            cr_assert_eq(tls_get(client, "/echo/x"), shows ? 200 : 403);
        if (i % 3 == 1)
            tls_send_text(client, "GET /ec");
        if (i % 100 == 0)
            cr_assert(http_tls_reload(rig.tls, &err), "%s", err.text);
        tls_hang_up(&client);
        int fd = dial(rig.server);
        send_bytes(fd, hello, (size_t)i % sizeof hello);
        close(fd);
    }
    cr_expect(WAIT_UNTIL(http_server_connections(rig.server) == 0, PATIENCE_S));
    cr_expect(WAIT_UNTIL(self_fds() == fds, PATIENCE_S), "%d were open, %d are", fds, self_fds());
    pki_free(&cert);
}
