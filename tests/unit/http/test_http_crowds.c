/* Too many connections of one client address. A test may choose any address of loopback. */
#include <criterion/criterion.h>

#include "unit/http/http_fixture.h"

enum { MOST = 3, SPARE = 16 };

static struct answer answer;

static struct http_server *serve_few(uint32_t max_connections, uint32_t threads)
{
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES };
    options.max_connections_per_address = MOST;
    options.max_connections = max_connections;
    options.threads = threads;
    return serve_with(&options);
}

static int dial_from(const struct http_server *server, uint32_t last_byte)
{
    struct sockaddr_in from = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(0x7f000000 + last_byte) };
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)http_server_port(server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = PATIENCE_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    CHECK(bind(fd, (const struct sockaddr *)&from, sizeof from) == 0);
    CHECK(connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static bool served(int fd)
{
    return send_get(fd, "/echo/x") && read_answer(fd, &answer) && answer.status == 200;
}

static void expect_too_many(int fd)
{
    send_post(fd, "/echo/x", "{}");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 429);
    cr_expect_not_null(strstr(answer.body, "\"code\":\"too_many_connections_of_address\""));
    cr_expect_not_null(strstr(answer.body, "3 connections at most"));
    cr_expect_not_null(strstr(answer.body, "\"retryable\":true"));
    cr_expect_not_null(strstr(answer.body, "\"outcome\":\"not_accepted\""));
    cr_expect(answer_has(&answer, "Retry-After", "1"));
    cr_expect(ends(fd));
}

static void fill(const struct http_server *server, int fds[MOST], uint32_t from)
{
    for (int i = 0; i < MOST; i++) {
        fds[i] = dial_from(server, from);
        cr_assert(served(fds[i]));
    }
}

static void close_all(const int *fds, int n)
{
    for (int i = 0; i < n; i++)
        close(fds[i]);
}

Test(crowds, one_address_too_many_hears_a_429, .timeout = 60)
{
    struct http_server *server = serve_few(1000, 1);
    int fds[MOST], others[MOST];
    fill(server, fds, 1);
    fill(server, others, 2);
    int surplus = dial_from(server, 1);
    expect_too_many(surplus);
    close(surplus);
    cr_assert(WAIT_UNTIL(http_server_connections(server) == 2 * MOST, PATIENCE_S));

    close(fds[0]);
    cr_assert(WAIT_UNTIL(http_server_connections(server) == 2 * MOST - 1, PATIENCE_S));
    fds[0] = dial_from(server, 1);
    cr_expect(served(fds[0]), "room is found again");
    surplus = dial_from(server, 1);
    expect_too_many(surplus);
    close(surplus);
    cr_expect(served(fds[1]) && served(others[1]));
    close_all(fds, MOST);
    close_all(others, MOST);
    http_server_close(&server);
}

/* Counted over all loops, and to the end of each connection, however it ends. */
Test(crowds, counts_are_exact_over_loops_and_time, .timeout = 60)
{
    struct http_server *server = serve_few(1000, 3);
    const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    for (int round = 0; round < 20; round++) {
        int fds[MOST];
        fill(server, fds, 1);
        int surplus = dial_from(server, 1);
        expect_too_many(surplus);
        for (int i = 0; round % 2 == 0 && i < MOST; i++)
            cr_assert_eq(setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        close_all(fds, MOST);
        close(surplus);
        cr_assert(WAIT_UNTIL(http_server_connections(server) == 0, PATIENCE_S));
    }
    http_server_close(&server);
}

/* Being refused is no way to take all that the server has either. */
Test(crowds, an_address_that_goes_on_is_shut_out, .timeout = 60)
{
    enum { ALL = MOST + SPARE };
    struct http_server *server = serve_few(ALL + 1, 1);
    int fds[ALL + 5];
    fill(server, fds, 1);
    for (int i = MOST; i < ALL + 5; i++)
        fds[i] = dial_from(server, 1);
    for (int i = MOST; i < MOST + 5; i++)
        cr_expect(ends(fds[i]), "its oldest go, without a word");
    cr_assert(WAIT_UNTIL(http_server_connections(server) == ALL, PATIENCE_S));
    int other = dial_from(server, 2);
    cr_expect(served(other), "there is room for others");
    cr_expect(served(fds[0]));
    expect_too_many(fds[ALL]);
    close(other);
    close_all(fds, ALL + 5);
    http_server_close(&server);
}

Test(crowds, no_limit_is_no_limit, .timeout = 60)
{
    enum { MANY = 100 };
    struct http_server *server = serve();
    int fds[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial(server);
        cr_assert(served(fds[i]));
    }
    close_all(fds, MANY);
    http_server_close(&server);
}
