/* Connections and servers that end: slow and idle clients, drain, ports, several loops. The time
 * limits are short here, and the tests wait for what they bring about, not for them. */
#include <criterion/criterion.h>

#include "unit/http/http_fixture.h"

static struct answer answer;

static struct http_server *serve_impatiently(int64_t read_timeout_ns, int64_t idle_timeout_ns)
{
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES };
    options.read_timeout_ns = read_timeout_ns;
    options.idle_timeout_ns = idle_timeout_ns;
    return serve_with(&options);
}

/* A byte at a time, until the server has enough of it. */
static bool drip_until_cut(int fd, const char *start)
{
    bool open = send_text(fd, start);
    for (int64_t end_at_ns = wait_end_at_ns(PATIENCE_S); open && wait_more(end_at_ns);)
        open = send_text(fd, "x") && recv(fd, (char[1]){ 0 }, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
    return !open;
}

static void expect_timeout(int fd)
{
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 408);
    cr_expect_not_null(strstr(answer.body, "\"code\":\"request_timeout\""));
    cr_expect(answer_has(&answer, "Connection", "close"));
    cr_expect(ends(fd));
}

Test(life, dripping_headers_are_cut)
{
    struct http_server *server = serve_impatiently(200 * NS_PER_MS, 60 * NS_PER_S);
    int fd = dial(server);
    cr_assert(drip_until_cut(fd, "GET /echo/x HTTP/1.1\r\nHost: t\r\nX: "));
    expect_timeout(fd);
    cr_expect(WAIT_UNTIL(http_server_connections(server) == 0, PATIENCE_S));
    close(fd);
    http_server_close(&server);
}

Test(life, dripping_headers_are_cut_on_a_connection_that_was_good_before)
{
    struct http_server *server = serve_impatiently(200 * NS_PER_MS, 60 * NS_PER_S);
    int fd = dial(server);
    send_get(fd, "/echo/x");
    cr_assert(read_answer(fd, &answer));
    cr_assert(drip_until_cut(fd, "GET /echo/x HTTP/1.1\r\nHost: t\r\nX: "));
    expect_timeout(fd);
    close(fd);
    http_server_close(&server);
}

Test(life, a_dripping_body_is_cut)
{
    struct http_server *server = serve_impatiently(200 * NS_PER_MS, 60 * NS_PER_S);
    int fd = dial(server);
    cr_assert(drip_until_cut(fd,
                             "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json"
                             "\r\nContent-Length: 60000\r\n\r\n"));
    expect_timeout(fd);
    cr_expect(WAIT_UNTIL(http_server_in_flight(server) == 0, PATIENCE_S));
    close(fd);
    http_server_close(&server);
}

Test(life, a_refusal_that_drips_is_said_at_last)
{
    struct http_server *server = serve_impatiently(200 * NS_PER_MS, 60 * NS_PER_S);
    int fd = dial(server);
    cr_assert(
        drip_until_cut(fd, "POST /nope HTTP/1.1\r\nHost: t\r\nContent-Length: 60000\r\n\r\n"));
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 404);
    close(fd);
    http_server_close(&server);
}

/* A connection that was good. On a busy machine it may be idle for too long before it asks. */
static int dial_and_ask(const struct http_server *server)
{
    int fd = dial(server);
    int64_t end_at_ns = wait_end_at_ns(PATIENCE_S);
    while (!send_get(fd, "/echo/x") || !read_answer(fd, &answer)) {
        cr_assert(wait_more(end_at_ns));
        close(fd);
        fd = dial(server);
    }
    return fd;
}

Test(life, an_idle_connection_is_closed_without_a_word)
{
    struct http_server *server = serve_impatiently(60 * NS_PER_S, 100 * NS_PER_MS);
    int fresh = dial(server), used = dial_and_ask(server);
    cr_expect(ends(fresh));
    cr_expect(ends(used));
    close(fresh);
    close(used);
    http_server_close(&server);
}

/* The text, and the end of the client's side in the same segment. */
static void send_last(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_MORE | MSG_NOSIGNAL), (ssize_t)strlen(text));
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
}

Test(life, a_client_that_ended_its_side_is_not_kept)
{
    struct http_server *server = serve(); /* its timeouts are longer than our patience */
    int whole = dial(server), part = dial(server);
    send_last(whole, "GET /echo/x HTTP/1.1\r\nHost: t\r\n\r\n");
    send_last(part, "GET /echo/x HTTP/1.1\r\nHo");
    cr_expect(read_answer(whole, &answer) && answer.status == 200);
    cr_expect(ends(whole));
    cr_expect(ends(part));
    close(whole);
    close(part);
    http_server_close(&server);
}

/* What a request is answered that goes on for longer than the limits; 0 when it was cut. On a busy
 * machine we may be slower than a limit ourselves: then it is tried again with longer ones. */
static int status_at_last(int (*status_with)(int64_t limit_ns))
{
    int status = 0;
    for (int64_t ns = 20 * NS_PER_MS; status != 200 && ns <= 1280 * NS_PER_MS; ns *= 2)
        status = status_with(ns);
    return status;
}

static int status_of_late_byte(int64_t limit_ns)
{
    static char body[60000]; /* all of it buys 6 s */
    memset(body, 'x', sizeof body);
    struct http_server *server = serve_impatiently(limit_ns, 5 * limit_ns);
    int fd = dial(server), witness = dial(server);
    send_text(fd, "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                  "Content-Length: 60000\r\n\r\n");
    send_bytes(fd, body, sizeof body - 1);
    cr_assert(ends(witness), "more than the time for a body of no bytes has passed");
    send_bytes(fd, body, 1);
    int status = read_answer(fd, &answer) ? answer.status : 0;
    close(fd);
    close(witness);
    http_server_close(&server);
    return status;
}

Test(life, bytes_that_come_buy_time)
{
    cr_expect_eq(status_at_last(status_of_late_byte), 200);
}

static int status_when_held(int64_t limit_ns)
{
    struct http_server *server = serve_impatiently(limit_ns, 3 * limit_ns);
    int fd = dial(server), status = 0;
    n_held = 0;
    if (send_post(fd, "/hold", "{}") && WAIT_UNTIL(n_held == 1, 1)) {
        int witness = dial(server);
        cr_assert(ends(witness), "time enough has passed");
        close(witness);
        release_held(0, 1, 200);
        status = read_answer(fd, &answer) ? answer.status : 0;
    }
    close(fd);
    http_server_close(&server);
    return status;
}

Test(life, a_deferred_request_is_not_timed_out)
{
    cr_expect_eq(status_at_last(status_when_held), 200);
}

static void answer_again(struct http_request *req, void *arg)
{
    (void)arg;
    http_answer(req, 504, NULL, &BUF_INIT(1));
}

/* The deadline is over with the answer, though that takes a while to be sent. */
static void handle_flood(struct http_request *req, void *ctx)
{
    (void)ctx;
    http_deadline(req, clock_now_ns() + NS_PER_MS, answer_again, NULL);
    struct buf out = BUF_INIT(32 << 20);
    if (buf_reserve(&out, out.max)) {
        memset(out.data, 'x', out.max);
        out.len = out.max;
    }
    http_answer(req, 200, "text/plain", &out);
}

static const struct http_route flood_routes[] = {
    { "GET", "/flood", HTTP_NO_BODY, HTTP_ANYONE, handle_flood, fixture_statuses, NULL },
};

Test(life, a_client_that_does_not_take_its_answer_is_cut)
{
    struct http_options options = { SERVE_OPTIONS, .routes = flood_routes, .n_routes = 1 };
    options.read_timeout_ns = 100 * NS_PER_MS;
    struct http_server *server = serve_with(&options);
    int fd = dial(server), small = 4096;
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    cr_assert(WAIT_UNTIL(http_server_connections(server) == 1, PATIENCE_S));
    send_get(fd, "/flood");
    cr_expect(WAIT_UNTIL(http_server_connections(server) == 0, PATIENCE_S));
    close(fd);
    http_server_close(&server);
}

static bool refuses_dials(const struct http_server *server)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)http_server_port(server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = connect(fd, (const struct sockaddr *)&to, sizeof to) != 0;
    close(fd);
    return refused;
}

/* Asks on and on: the answer that says so is the last one. On a slow machine the connection may be
 * ended as an idle one between two of them. */
static bool asks_until_closed(int fd)
{
    bool last = false;
    while (!last) {
        send_get(fd, "/echo/x");
        if (!read_answer(fd, &answer))
            return true;
        cr_expect_eq(answer.status, 200);
        last = answer_has(&answer, "Connection", "close");
    }
    return ends(fd);
}

Test(life, drain_ends_what_is_idle_and_finishes_what_is_not)
{
    struct http_server *server = serve();
    int idle = dial(server), busy = dial(server), late = dial(server);
    cr_assert(WAIT_UNTIL(http_server_connections(server) == 3, PATIENCE_S));
    send_post(busy, "/hold", "{}");
    cr_assert(WAIT_UNTIL(n_held == 1, PATIENCE_S));

    http_server_drain(server);
    cr_expect(asks_until_closed(late), "answered, and not closed");
    cr_expect(WAIT_UNTIL(refuses_dials(server), PATIENCE_S));
    cr_expect(ends(idle));
    release_held(0, 1, 200);
    cr_assert(read_answer(busy, &answer));
    cr_expect_eq(answer.status, 200);
    cr_expect(answer_has(&answer, "Connection", "close"));
    cr_expect(ends(busy));
    cr_expect(WAIT_UNTIL(http_server_connections(server) == 0, PATIENCE_S));
    close(idle);
    close(busy);
    close(late);
    http_server_close(&server);
}

Test(life, close_cuts_a_request_that_is_only_half_here)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd, "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                  "Content-Length: 10\r\n\r\nabc");
    cr_assert(WAIT_UNTIL(http_server_in_flight(server) == 1, PATIENCE_S));
    http_server_close(&server);
    cr_expect(ends(fd));
    close(fd);
}

Test(life, a_port_in_use_is_named)
{
    struct http_server *server = serve();
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES };
    options.port = http_server_port(server);
    struct err err = { 0 };
    char want[64];
    (void)snprintf(want, sizeof want, "cannot listen on 127.0.0.1 port %u: Address already in use",
                   options.port);
    cr_expect_null(http_server_open(&options, &err));
    cr_expect_str_eq(err.text, want);
    http_server_close(&server);
    server = serve_with(&options);
    cr_expect_eq(http_server_port(server), options.port, "free again at once");
    http_server_close(&server);
}

Test(life, an_address_that_is_none_is_named)
{
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES };
    options.address = "localhost";
    struct err err = { 0 };
    cr_expect_null(http_server_open(&options, &err));
    cr_expect_str_eq(err.text, "\"localhost\" is no numeric IPv4 or IPv6 address");
}

Test(life, several_loops_share_a_port)
{
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES };
    options.threads = 3;
    struct http_server *server = serve_with(&options);
    cr_expect_eq(http_server_loops(server), 3);
    for (int i = 0; i < 50; i++) {
        int fd = dial(server);
        send_get(fd, "/echo/x");
        cr_assert(read_answer(fd, &answer));
        cr_expect_eq(answer.status, 200);
        close(fd);
    }
    http_server_drain(server);
    cr_expect(WAIT_UNTIL(refuses_dials(server), PATIENCE_S));
    http_server_close(&server);
}
