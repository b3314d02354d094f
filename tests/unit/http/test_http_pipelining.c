/* Many requests in one write: all are answered, each by its own answer, in the order they came,
 * however long each takes and in whatever order several connections are served. */
#include <criterion/criterion.h>

#include "unit/http/http_fixture.h"

enum { DEEP = 16, CLIENTS = 5 };

static struct answer answer;

/* DEEP requests with ids "NAME-0" and so on; in a path a % stands for the number. */
static void send_deep(int fd, const char *method, const char *path, const char *name)
{
    static char text[DEEP * 256];
    size_t len = 0;
    bool body = strcmp(method, "POST") == 0;
    for (int i = 0; i < DEEP; i++)
        len += (size_t)snprintf(
            text + len, sizeof text - len, "%s %s HTTP/1.1\r\nHost: t\r\nX-Request-Id: %s-%d\r\n%s",
            method, path, name, i,
            body ? "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}" : "\r\n");
    CHECK(len < sizeof text);
    cr_assert(send_bytes(fd, text, len));
}

static void expect_next(int fd, const char *method, const char *name, int i)
{
    char id[64];
    (void)snprintf(id, sizeof id, "%s-%d", name, i);
    cr_assert(read_answer_to(fd, method, &answer), "%s", id);
    cr_expect_eq(answer.status, 200);
    cr_expect(answer_has(&answer, "X-Request-Id", id), "not %s: %s", id, answer.head);
}

static void expect_deep(int fd, const char *method, const char *name)
{
    for (int i = 0; i < DEEP; i++)
        expect_next(fd, method, name, i);
}

Test(pipelining, of_each_method)
{
    struct http_server *server = serve();
    int fd = dial(server);
    for (int round = 0; round < 3; round++) {
        send_deep(fd, "GET", "/echo/x", "get");
        expect_deep(fd, "GET", "get");
        send_deep(fd, "POST", "/echo/x", "post");
        expect_deep(fd, "POST", "post");
        send_deep(fd, "HEAD", "/echo/x", "head");
        expect_deep(fd, "HEAD", "head");
    }
    close(fd);
    http_server_close(&server);
}

/* The next request waits in libmicrohttpd's buffer while the one before it is deferred. */
Test(pipelining, of_deferred_requests_that_end_in_another_order)
{
    static const char *const names[CLIENTS] = { "a", "b", "c", "d", "e" };
    struct http_server *server = serve();
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(server);
        send_deep(fds[i], "POST", "/hold", names[i]);
    }
    for (unsigned round = 0; round < DEEP; round++) {
        unsigned from = round * CLIENTS, to = from + CLIENTS;
        cr_assert(WAIT_UNTIL(n_held == to, PATIENCE_S), "round %u: %u", round, n_held);
        for (unsigned i = to; i-- > from;)
            release_held(i, i + 1, 200);
    }
    for (int i = 0; i < CLIENTS; i++) {
        expect_deep(fds[i], "POST", names[i]);
        close(fds[i]);
    }
    cr_expect(WAIT_UNTIL(http_server_in_flight(server) == 0, PATIENCE_S));
    http_server_close(&server);
}

/* A refusal in the middle is one answer among the others, where its body is known to end. */
Test(pipelining, goes_on_behind_a_refusal)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd, "GET /echo/1 HTTP/1.1\r\nHost: t\r\n\r\n"
                  "POST /echo/2 HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nGET /"
                  "GET /nope HTTP/1.1\r\nHost: t\r\n\r\n"
                  "GET /echo/4 HTTP/1.1\r\nHost: t\r\n\r\n");
    static const int want[] = { 200, 415, 404, 200 };
    for (size_t i = 0; i < 4; i++) {
        cr_assert(read_answer(fd, &answer));
        cr_expect_eq(answer.status, want[i]);
    }
    close(fd);
    http_server_close(&server);
}

/* What was deferred is answered; what had not begun when the drain did is not. */
Test(pipelining, ends_with_a_drain)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_deep(fd, "POST", "/hold", "a");
    cr_assert(WAIT_UNTIL(n_held == 1, PATIENCE_S));
    http_server_drain(server);
    release_held(0, 1, 200);
    cr_assert(read_answer(fd, &answer));
    cr_expect(answer_has(&answer, "X-Request-Id", "a-0"));
    cr_expect(answer_has(&answer, "Connection", "close"));
    cr_expect(ends(fd));
    cr_expect_eq(n_held, 1);
    close(fd);
    http_server_close(&server);
}

Test(pipelining, of_a_client_that_vanishes)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_deep(fd, "POST", "/hold", "a");
    cr_assert(WAIT_UNTIL(n_held == 1, PATIENCE_S));
    const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(fd);
    for (unsigned done = 0; http_server_connections(server) > 0;) {
        cr_assert(WAIT_UNTIL(n_held > done || http_server_connections(server) == 0, PATIENCE_S));
        if (n_held > done)
            release_held(done, done + 1, 200);
        done = n_held > done ? done + 1 : done;
    }
    cr_expect_eq(http_server_in_flight(server), 0);
    http_server_close(&server);
}
