/* Requests that are answered later: by another thread, by their deadline, or by the end. */
#include <criterion/criterion.h>

#include "unit/http/http_fixture.h"

enum { MANY = 300 };

static struct answer answer;

static void hold(const struct http_server *server, int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        fds[i] = dial(server);
        send_post(fds[i], "/hold", "{}");
    }
    cr_assert(WAIT_UNTIL(n_held == n, PATIENCE_S));
}

static void close_all(const int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        close(fds[i]);
}

Test(deferred, many_are_answered_from_another_thread_again_and_again)
{
    struct http_server *server = serve();
    static int fds[MANY];
    hold(server, fds, MANY);
    for (int round = 0; round < 5; round++) {
        cr_expect_eq(http_server_in_flight(server), MANY);
        n_held = 0;
        release_held(0, MANY / 3, 200);
        release_held(MANY / 3, MANY, 200);
        for (unsigned i = 0; i < MANY; i++) {
            cr_assert(read_answer(fds[i], &answer), "round %d connection %u", round, i);
            cr_assert_str_eq(answer.body, "held 200");
        }
        for (unsigned i = 0; i < MANY; i++)
            send_post(fds[i], "/hold", "{}");
        cr_assert(WAIT_UNTIL(n_held == MANY, PATIENCE_S));
    }
    release_held(0, MANY, 200);
    close_all(fds, MANY);
    http_server_close(&server);
}

Test(deferred, a_client_that_vanished_does_no_harm)
{
    struct http_server *server = serve();
    int fds[3];
    hold(server, fds, 3);
    close(fds[1]);
    release_held(0, 3, 200);
    cr_expect(read_answer(fds[0], &answer));
    cr_expect(read_answer(fds[2], &answer));
    cr_expect(WAIT_UNTIL(http_server_connections(server) == 2, PATIENCE_S));
    cr_expect(WAIT_UNTIL(http_server_in_flight(server) == 0, PATIENCE_S));
    close(fds[0]);
    close(fds[2]);
    http_server_close(&server);
}

Test(deferred, what_is_left_at_the_end_is_unknown)
{
    struct http_server *server = serve();
    int fds[3];
    hold(server, fds, 3);
    http_server_close(&server);
    for (size_t i = 0; i < 3; i++) {
        cr_assert(read_answer(fds[i], &answer));
        cr_expect_eq(answer.status, 503);
        cr_expect_not_null(strstr(answer.body, "\"code\":\"shutting_down\""));
        cr_expect_not_null(strstr(answer.body, "\"outcome\":\"unknown\""));
        cr_expect(answer_has(&answer, "Connection", "close"));
        cr_expect(ends(fds[i]));
    }
    close_all(fds, 3);
    cr_expect_null(server);
}

Test(deferred, completions_before_the_end_are_answered)
{
    struct http_server *server = serve();
    int fds[3];
    hold(server, fds, 3);
    release_held(0, 3, 200);
    http_server_close(&server);
    for (size_t i = 0; i < 3; i++) {
        cr_assert(read_answer(fds[i], &answer));
        cr_expect_eq(answer.status, 200);
    }
    close_all(fds, 3);
}

/* ---- deadlines ---- */

static void on_deadline(struct http_request *req, void *arg)
{
    struct buf out = BUF_INIT(64);
    buf_add_str(&out, arg);
    http_answer(req, 504, "text/plain", &out);
}

static void postpone(struct http_request *req, void *arg)
{
    http_deadline(req, clock_now_ns(), on_deadline, arg);
}

/* Of the two deadlines the second counts. */
static void handle_wait(struct http_request *req, void *ctx)
{
    int64_t now_ns = clock_now_ns();
    http_deadline(req, CLOCK_NEVER, NULL, NULL);
    if (strcmp(http_path_part(req, 0), "now") == 0)
        http_deadline(req, now_ns, on_deadline, ctx);
    if (strcmp(http_path_part(req, 0), "soon") == 0)
        http_deadline(req, now_ns + 20 * NS_PER_MS, on_deadline, ctx);
    if (strcmp(http_path_part(req, 0), "twice") == 0)
        http_deadline(req, now_ns, postpone, ctx);
    if (strcmp(http_path_part(req, 0), "answered") == 0)
        on_deadline(req, ctx);
}

static const struct http_route wait_routes[] = {
    { "GET", "/{how}", HTTP_NO_BODY, HTTP_ANYONE, handle_wait, fixture_statuses, NULL },
};

Test(deferred, deadlines_are_kept)
{
    static const char *const paths[] = { "/now", "/soon", "/twice", "/answered" };
    static char late[] = "late";
    struct http_server *server = serve_with(
        &(struct http_options){ SERVE_OPTIONS, .routes = wait_routes, .n_routes = 1, .ctx = late });
    int fd = dial(server);
    for (size_t i = 0; i < 4; i++) {
        send_get(fd, paths[i]);
        cr_assert(read_answer(fd, &answer), "%s", paths[i]);
        cr_expect_eq(answer.status, 504);
        cr_expect_str_eq(answer.body, "late");
    }
    close(fd);
    http_server_close(&server);
}
