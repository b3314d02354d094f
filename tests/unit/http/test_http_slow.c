/* Hundreds of clients that each send a byte now and then, in any part of a request: all are told
 * that they are too slow and cut, while others are served as if they were not there. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "unit/http/http_fixture.h"

enum { SLOW = 500, BURST = 20 };

static struct answer answer;

static void raise_limit_of_files(void)
{
    struct rlimit files;
    CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
}

#define HEAD "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"

static const struct start {
    const char *text, *drip;
    int status; /* heard at last */
} starts[] = {
    { "GET /ec", "h", 408 },
    { "GET /echo/x HTTP/1.1\r\nHost: t\r\nX: ", "x", 408 },
    { HEAD "Content-Length: 60000\r\n\r\n", "x", 408 },
    { HEAD "Content-Encoding: gzip\r\nContent-Length: 60000\r\n\r\n", "x", 408 },
    { HEAD "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 408 },
    { "POST /nope HTTP/1.1\r\nHost: t\r\nContent-Length: 60000\r\n\r\n", "x", 404 },
};
enum { STARTS = sizeof starts / sizeof starts[0] };

/* False once there is an answer, or the end. */
static bool still_taken(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && (errno == EAGAIN || errno == EINTR);
}

/* One byte more for each; how many still listen. */
static int drip_all(const int *fds)
{
    int open = 0;
    for (int i = 0; i < SLOW; i++) {
        const struct start *start = &starts[i % STARTS];
        if (!still_taken(fds[i]))
            continue;
        (void)send_text(fds[i], start->drip);
        open++;
    }
    return open;
}

static void serve_others(int fd)
{
    for (int i = 0; i < BURST; i++) {
        send_post(fd, "/echo/x", "{}");
        cr_assert(read_answer(fd, &answer), "the others are served");
        cr_assert_eq(answer.status, 200);
    }
}

Test(slow, senders_are_cut_and_cost_nobody_else, .timeout = 120)
{
    static int fds[SLOW];
    raise_limit_of_files();
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES };
    options.read_timeout_ns = 500 * NS_PER_MS;
    options.bodies_max_bytes = 64 << 20;
    struct http_server *server = serve_with(&options);
    int other = dial(server);
    for (int i = 0; i < SLOW; i++) {
        fds[i] = dial(server);
        (void)send_text(fds[i], starts[i % STARTS].text);
    }
    int64_t end_at_ns = wait_end_at_ns(100);
    while (drip_all(fds) > 0) {
        serve_others(other);
        cr_assert(wait_more(end_at_ns), "some are never cut");
    }
    for (int i = 0; i < SLOW; i++) {
        int want = starts[i % STARTS].status;
        cr_assert(read_answer(fds[i], &answer), "%d: %s", i, starts[i % STARTS].text);
        cr_expect_eq(answer.status, want, "%d, not %d: %s", answer.status, want,
                     starts[i % STARTS].text);
        cr_expect(ends(fds[i]));
        close(fds[i]);
    }
    serve_others(other);
    cr_expect(WAIT_UNTIL(http_server_connections(server) == 1, PATIENCE_S));
    cr_expect(WAIT_UNTIL(http_server_in_flight(server) == 0, PATIENCE_S));
    close(other);
    http_server_close(&server);
}

/* Ten bytes a round are far less than 10 kB/s, and far more than one byte a timeout. */
Test(slow, a_body_below_the_pace_is_cut_however_steady)
{
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES };
    options.read_timeout_ns = 300 * NS_PER_MS;
    struct http_server *server = serve_with(&options);
    int fd = dial(server);
    send_text(fd, HEAD "Content-Length: 60000\r\n\r\n");
    int64_t end_at_ns = wait_end_at_ns(PATIENCE_S);
    while (still_taken(fd) && send_text(fd, "0123456789"))
        cr_assert(wait_more(end_at_ns), "never cut");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 408);
    close(fd);
    http_server_close(&server);
}

static atomic_bool stalled, go_on;

/* Holds the loop up. */
static void handle_stall(struct http_request *req, void *ctx)
{
    stalled = true;
    CHECK(WAIT_UNTIL(go_on, PATIENCE_S));
    handle_echo(req, ctx);
}

/* clang-format off */
static const struct http_route stall_routes[] = {
    { "POST", "/echo/{part}",  HTTP_JSON_BODY, HTTP_ANYONE, handle_echo,  fixture_statuses, NULL },
    { "GET",  "/stall/{part}", HTTP_NO_BODY,   HTTP_ANYONE, handle_stall, fixture_statuses, NULL },
};
/* clang-format on */

/* What libmicrohttpd refuses by itself came in time, and is looked at when that is over. So the
 * sweep comes between its answer and the end of the connection: it has nothing to add. */
Test(slow, a_refusal_of_the_library_is_the_only_answer, .timeout = 60)
{
    static const char *const halves[][2] = {
        { HEAD "Transfer-Encoding: chunked\r\n\r\n", "no size\r\n" },
        { "POST /echo/x HTTP/1.", "11.1\r\n" },
    };
    enum { HALVES = sizeof halves / sizeof halves[0] };
    struct http_options options = { SERVE_OPTIONS, .routes = stall_routes, .n_routes = 2 };
    options.read_timeout_ns = 300 * NS_PER_MS;
    struct http_server *server = serve_with(&options);
    int staller = dial(server), fds[HALVES];
    for (int i = 0; i < HALVES; i++) {
        fds[i] = dial(server);
        cr_assert(send_text(fds[i], halves[i][0]));
    }
    cr_assert(WAIT_UNTIL(http_server_in_flight(server) == 1, PATIENCE_S));
    cr_assert(send_get(staller, "/stall/x"));
    cr_assert(WAIT_UNTIL(stalled, PATIENCE_S));
    for (int i = 0; i < HALVES; i++)
        cr_assert(send_text(fds[i], halves[i][1]));
    int64_t late_at_ns = clock_now_ns() + options.read_timeout_ns;
    cr_assert(WAIT_UNTIL(clock_now_ns() > late_at_ns, PATIENCE_S));
    go_on = true;
    for (int i = 0; i < HALVES; i++) {
        cr_assert(read_answer(fds[i], &answer), "%s", halves[i][0]);
        cr_expect_eq(answer.status, 400, "%d: %s", answer.status, halves[i][0]);
        cr_expect(ends(fds[i]));
        close(fds[i]);
    }
    close(staller);
    http_server_close(&server);
}

/* The end of the client comes together with data, so that libmicrohttpd does not see it. The time
 * for the body is 60 s here. */
Test(slow, who_goes_away_amid_a_body_is_let_go, .timeout = 60)
{
    struct http_options options = { SERVE_OPTIONS, .routes = stall_routes, .n_routes = 2 };
    struct http_server *server = serve_with(&options);
    int staller = dial(server), fds[BURST];
    for (int i = 0; i < BURST; i++)
        fds[i] = dial(server);
    cr_assert(WAIT_UNTIL(http_server_connections(server) == BURST + 1, PATIENCE_S));
    cr_assert(send_get(staller, "/stall/x"));
    cr_assert(WAIT_UNTIL(stalled, PATIENCE_S));
    for (int i = 0; i < BURST; i++) {
        cr_assert(send_text(fds[i], HEAD "Content-Length: 60000\r\n\r\n{\"a\":"));
        close(fds[i]);
    }
    go_on = true;
    cr_assert(read_answer(staller, &answer) && answer.status == 200);
    cr_expect(WAIT_UNTIL(http_server_in_flight(server) == 0, PATIENCE_S));
    cr_expect(WAIT_UNTIL(http_server_connections(server) == 1, PATIENCE_S));
    close(staller);
    http_server_close(&server);
}
