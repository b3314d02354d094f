/* A full server: idle or slow connections take all that it may have, and more. Probes and metrics
 * are answered; every other request is refused, since there are too many connections. */
#include <criterion/criterion.h>

#include "unit/http/http_fixture.h"

enum { MOST = 4, RESERVE = 64, OF_ADDRESS = 16, FLOOD_BYTES = 2 << 20 };

static struct answer answer;

static void handle_flood(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct buf out = BUF_INIT(FLOOD_BYTES + 16);
    while (out.len < FLOOD_BYTES)
        buf_add(&out, "0123456789abcdef", 16);
    http_answer(req, 200, "text/plain", &out);
}

/* clang-format off */
static const struct http_route full_routes[] = {
    { "GET",  "/live/{part}",    HTTP_NO_BODY,   HTTP_PROBE,   handle_echo,  fixture_statuses, NULL },
    { "GET",  "/health/{part}",  HTTP_NO_BODY,   HTTP_HEALTH,  handle_echo,  fixture_statuses, NULL },
    { "GET",  "/metrics/{part}", HTTP_NO_BODY,   HTTP_FIGURES, handle_echo,  fixture_statuses, NULL },
    { "GET",  "/flood/{part}",   HTTP_NO_BODY,   HTTP_FIGURES, handle_flood, fixture_statuses, NULL },
    { "GET",  "/echo/{part}",    HTTP_NO_BODY,   HTTP_ANYONE,  handle_echo,  fixture_statuses, NULL },
    { "POST", "/echo/{part}",    HTTP_JSON_BODY, HTTP_ANYONE,  handle_echo,  fixture_statuses, NULL },
};
/* clang-format on */

static struct http_server *serve_few(uint32_t threads, uint32_t of_address)
{
    struct http_options options = { SERVE_OPTIONS, .routes = full_routes,
                                    .n_routes = sizeof full_routes / sizeof full_routes[0] };
    options.max_connections = MOST;
    options.max_connections_per_address = of_address;
    options.threads = threads;
    return serve_with(&options);
}

static void dial_all(const struct http_server *server, int *fds, int n)
{
    for (int i = 0; i < n; i++)
        fds[i] = dial(server);
}

static void close_all(const int *fds, int n)
{
    for (int i = 0; i < n; i++)
        close(fds[i]);
}

/* Those within the limit, all of which idle. */
static void fill(const struct http_server *server, int fds[MOST])
{
    for (int i = 0; i < MOST; i++) {
        fds[i] = dial(server);
        cr_assert(send_get(fds[i], "/echo/x") && read_answer(fds[i], &answer));
        cr_assert_eq(answer.status, 200);
    }
}

static void expect_served(const struct http_server *server, const char *path)
{
    int fd = dial(server);
    cr_assert(send_get(fd, path) && read_answer(fd, &answer), "no answer to %s", path);
    cr_expect_eq(answer.status, 200, "%d to %s", answer.status, path);
    cr_expect(answer_has(&answer, "Connection", "close"), "it is for one request: %s", answer.head);
    cr_expect(ends(fd));
    close(fd);
}

static void expect_probes_served(const struct http_server *server)
{
    expect_served(server, "/live/x");
    expect_served(server, "/health/x");
    expect_served(server, "/metrics/x");
}

static void expect_refused(const struct http_server *server, int status, const char *code)
{
    char want[64];
    int fd = dial(server);
    (void)snprintf(want, sizeof want, "\"code\":\"%s\"", code);
    cr_assert(send_post(fd, "/echo/x", "{}") && read_answer(fd, &answer));
    cr_expect_eq(answer.status, status);
    cr_expect_not_null(strstr(answer.body, want), "%s", answer.body);
    cr_expect(answer_has(&answer, "Retry-After", "1"));
    cr_expect(ends(fd));
    close(fd);
}

Test(reserve, probes_are_answered_when_the_server_is_full, .timeout = 60)
{
    struct http_server *server = serve_few(1, 0);
    int good[MOST];
    fill(server, good);
    expect_probes_served(server);
    expect_refused(server, 503, "too_many_connections");
    cr_expect(send_get(good[0], "/echo/x") && read_answer(good[0], &answer));
    cr_expect_eq(answer.status, 200);
    close_all(good, MOST);
    http_server_close(&server);
}

/* Twice as many as the reserve holds. */
static void expect_probes_beside(const char *bytes, uint32_t threads)
{
    struct http_server *server = serve_few(threads, 0);
    int good[MOST], others[2 * RESERVE];
    fill(server, good);
    dial_all(server, others, 2 * RESERVE);
    for (int i = 0; i < 2 * RESERVE; i++)
        (void)send_text(others[i], bytes);
    for (int i = 0; i < 4; i++)
        expect_probes_served(server);
    expect_refused(server, 503, "too_many_connections");
    cr_expect(http_server_connections(server) <= http_sockets_max(MOST, threads));
    for (int i = 0; i < MOST; i++)
        cr_expect(send_get(good[i], "/echo/x") && read_answer(good[i], &answer) &&
                      answer.status == 200,
                  "one within the limit was closed");
    close_all(good, MOST);
    close_all(others, 2 * RESERVE);
    http_server_close(&server);
}

Test(reserve, probes_are_answered_beside_connections_that_say_nothing, .timeout = 60)
{
    expect_probes_beside("", 1);
}

Test(reserve, probes_are_answered_beside_headers_that_do_not_end, .timeout = 60)
{
    expect_probes_beside("GET /echo/x HTTP/1.1\r\nHost: t\r\nX: ", 1);
}

Test(reserve, probes_are_answered_beside_bodies_that_do_not_end, .timeout = 60)
{
    expect_probes_beside("GET /live/x HTTP/1.1\r\nHost: t\r\nContent-Length: 60000\r\n\r\nx", 1);
}

Test(reserve, each_loop_has_its_own, .timeout = 60)
{
    expect_probes_beside("GET /", 3);
}

/* Answers that nobody reads are the last to go, and they go too. */
Test(reserve, probes_are_answered_beside_answers_that_are_not_read, .timeout = 60)
{
    struct http_server *server = serve_few(1, 0);
    int good[MOST], others[RESERVE], window = 4096;
    fill(server, good);
    for (int i = 0; i < RESERVE; i++) {
        others[i] = dial(server);
        cr_assert_eq(setsockopt(others[i], SOL_SOCKET, SO_RCVBUF, &window, sizeof window), 0);
        (void)send_get(others[i], "/flood/x");
    }
    for (int i = 0; i < 4; i++)
        expect_probes_served(server);
    close_all(good, MOST);
    close_all(others, RESERVE);
    http_server_close(&server);
}

/* The read timeout of this server is 60 s: the reserve has less. */
Test(reserve, nobody_holds_a_connection_of_it_for_long, .timeout = 60)
{
    struct http_server *server = serve_few(1, 0);
    int good[MOST], silent, half;
    fill(server, good);
    silent = dial(server);
    half = dial(server);
    send_text(half, "GET /live/x HTTP/1.1\r\nHost: t\r\nX: ");
    cr_expect(ends(silent));
    cr_expect(read_answer(half, &answer) && answer.status == 408, "%d", answer.status);
    cr_expect(ends(half));
    close(silent);
    close(half);
    close_all(good, MOST);
    http_server_close(&server);
}

/* Connections of the reserve take no room within the limit. */
Test(reserve, room_within_the_limit_is_found_beside_it, .timeout = 60)
{
    struct http_server *server = serve_few(1, 0);
    int good[MOST], others[2 * MOST];
    fill(server, good);
    dial_all(server, others, 2 * MOST);
    cr_assert(WAIT_UNTIL(http_server_connections(server) == 3 * MOST, PATIENCE_S));
    close(good[0]);
    cr_assert(WAIT_UNTIL(http_server_connections(server) < 3 * MOST, PATIENCE_S));
    good[0] = dial(server);
    cr_assert(send_get(good[0], "/echo/x") && read_answer(good[0], &answer));
    cr_expect_eq(answer.status, 200);
    close_all(others, 2 * MOST);
    close_all(good, MOST);
    http_server_close(&server);
}

/* A probe may come from the address that has too many: behind a proxy, or from the same node. */
Test(reserve, an_address_beyond_its_limit_can_still_probe, .timeout = 60)
{
    struct http_server *server = serve_few(1, 2);
    int all[2 + 2 * OF_ADDRESS];
    dial_all(server, all, 2 + 2 * OF_ADDRESS);
    for (int i = 0; i < 4; i++)
        expect_probes_served(server);
    expect_refused(server, 429, "too_many_connections_of_address");
    close_all(all, 2 + 2 * OF_ADDRESS);
    http_server_close(&server);
}

/* Connections of the reserve have as much memory as any other. */
Test(reserve, its_memory_is_counted)
{
    const struct http_options options = { .max_connections = MOST,
                                          .threads = 2,
                                          .header_max_bytes = 1 << 20 };
    uint64_t most = http_sockets_max(options.max_connections, options.threads);
    cr_expect_eq(most, MOST + 2 * 128);
    cr_expect_geq(http_fixed_bytes(&options, false), most * options.header_max_bytes);
}
