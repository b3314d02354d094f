/* Bodies that come packed: the handler sees them plain, whatever the framing and the pieces; the
 * limits are those of what is unpacked; and a request under way ends well whatever ends it. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "unit/http/gzip_maker.h"
#include "unit/http/http_fixture.h"

static struct answer answer;

static void send_packed_to(int fd, const char *path, const char *headers,
                           const struct packed *packed)
{
    char head[512];
    int len = snprintf(head, sizeof head,
                       "POST %s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n%s"
                       "Content-Length: %zu\r\n\r\n",
                       path, headers, packed->len);
    send_bytes(fd, head, (size_t)len);
    send_bytes(fd, packed->data, packed->len);
}

static void send_packed(int fd, const struct packed *packed)
{
    send_packed_to(fd, "/echo/x", "Content-Encoding: gzip\r\n", packed);
}

static void expect_code(int status, const char *code)
{
    char want[64];
    (void)snprintf(want, sizeof want, "\"code\":\"%s\"", code);
    cr_expect_eq(answer.status, status, "%d %s", answer.status, answer.body);
    cr_expect_not_null(strstr(answer.body, want), "%s", answer.body);
}

Test(gzip, the_handler_sees_it_plain)
{
    static const char *const names[] = { "gzip", "GZIP", "x-gzip", "gzip  " };
    struct http_server *server = serve();
    struct packed packed = pack("{\"a\":1}", 7);
    int fd = dial(server);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char header[64];
        (void)snprintf(header, sizeof header, "Content-Encoding: %s\r\n", names[i]);
        send_packed_to(fd, "/echo/x?a=q", header, &packed);
        cr_assert(read_answer(fd, &answer));
        cr_expect_eq(answer.status, 200, "%s", names[i]);
        cr_expect_str_eq(answer.body, "x|q|{\"a\":1}");
    }
    free(packed.data);
    close(fd);
    http_server_close(&server);
}

Test(gzip, chunked_and_a_byte_at_a_time)
{
    struct http_server *server = serve();
    struct packed packed = pack("{\"a\":1}", 7);
    int fd = dial(server);
    send_text(fd, "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                  "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < packed.len; i++) {
        send_text(fd, "1\r\n");
        send_bytes(fd, &packed.data[i], 1);
        send_text(fd, "\r\n");
    }
    send_text(fd, "0\r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect_str_eq(answer.body, "x||{\"a\":1}");
    free(packed.data);
    close(fd);
    http_server_close(&server);
}

Test(gzip, the_limits_are_those_of_what_is_unpacked)
{
    struct http_server *server = serve();
    struct packed most = pack_bomb(64 * 1024), more = pack_bomb(64 * 1024 + 1),
                  bomb = pack_bomb(32 << 20);
    int fd = dial(server);
    send_packed(fd, &most);
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(answer.body_len, 64 * 1024 + 3);
    send_packed(fd, &more);
    cr_assert(read_answer(fd, &answer));
    expect_code(413, "body_too_large");
    cr_expect_not_null(strstr(answer.body, "65536 bytes"));
    cr_assert_lt(bomb.len, 64 * 1024);
    send_packed(fd, &bomb);
    cr_assert(read_answer(fd, &answer));
    expect_code(413, "body_too_large");
    free(most.data);
    free(more.data);
    free(bomb.data);
    close(fd);
    http_server_close(&server);
}

/* The packed body, what comes of it and what the unpacking takes count, and all are given back. */
Test(gzip, memory_counts_as_any_bodys)
{
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES };
    options.bodies_max_bytes = 80000;
    struct http_server *server = serve_with(&options);
    char noise[12000];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)('!' + rand() % 90);
    struct packed small = pack(noise, sizeof noise), large = pack_bomb(50000);
    int fd = dial(server);
    for (int i = 0; i < 5; i++) {
        send_packed(fd, &large);
        cr_assert(read_answer(fd, &answer));
        expect_code(503, "overloaded");
        cr_expect(answer_has(&answer, "Retry-After", "1"));
        send_packed(fd, &small);
        cr_assert(read_answer(fd, &answer));
        cr_expect_eq(answer.status, 200);
    }
    free(small.data);
    free(large.data);
    close(fd);
    http_server_close(&server);
}

Test(gzip, what_is_no_gzip_is_refused_and_the_connection_goes_on)
{
    struct http_server *server = serve();
    struct packed cut = pack("{\"a\":1}", 7), behind = pack("{\"a\":1}", 7), plain = { 0 };
    int fd = dial(server);
    cut.len--;
    packed_append(&behind, "x", 1);
    packed_append(&plain, "{\"a\":1}", 7);
    const struct packed empty = { .data = plain.data, .len = 0 };
    const struct packed *const all[] = { &cut, &behind, &plain, &empty };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        send_packed(fd, all[i]);
        cr_assert(read_answer(fd, &answer));
        expect_code(400, "invalid_gzip");
        cr_expect_not_null(strstr(answer.body, "\"outcome\":\"not_accepted\""));
    }
    send_get(fd, "/echo/y");
    cr_expect(read_answer(fd, &answer) && answer.status == 200);
    free(cut.data);
    free(behind.data);
    free(plain.data);
    close(fd);
    http_server_close(&server);
}

Test(gzip, other_codings_are_named_back)
{
    struct http_server *server = serve();
    struct packed packed = pack("{}", 2);
    int fd = dial(server);
    send_packed_to(fd, "/echo/x", "Content-Encoding: deflate\r\n", &packed);
    cr_assert(read_answer(fd, &answer));
    expect_code(415, "unsupported_content_encoding");
    cr_expect_not_null(strstr(answer.body, "gzip or identity"));
    cr_expect(answer_has(&answer, "Accept-Encoding", "gzip"));
    send_packed_to(fd, "/echo/x", "Content-Encoding: identity\r\n", &packed);
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 200);
    free(packed.data);
    close(fd);
    http_server_close(&server);
}

Test(gzip, pipelined_with_plain_ones_in_order)
{
    struct http_server *server = serve();
    struct packed packed = pack("{\"a\":1}", 7);
    int fd = dial(server);
    for (int i = 0; i < 8; i++) {
        send_packed(fd, &packed);
        send_post(fd, "/echo/y", "{}");
    }
    for (int i = 0; i < 8; i++) {
        cr_assert(read_answer(fd, &answer));
        cr_expect_str_eq(answer.body, "x||{\"a\":1}");
        cr_assert(read_answer(fd, &answer));
        cr_expect_str_eq(answer.body, "y||{}");
    }
    free(packed.data);
    close(fd);
    http_server_close(&server);
}

/* The handler defers what it got unpacked, as any other. */
Test(gzip, deferred_by_its_handler)
{
    struct http_server *server = serve();
    struct packed packed = pack("{}", 2);
    int fd = dial(server);
    for (int i = 0; i < 3; i++) {
        n_held = 0;
        send_packed_to(fd, "/hold", "Content-Encoding: gzip\r\n", &packed);
        cr_assert(WAIT_UNTIL(n_held == 1, PATIENCE_S));
        release_held(0, 1, 200);
        cr_assert(read_answer(fd, &answer));
        cr_expect_str_eq(answer.body, "held 200");
    }
    free(packed.data);
    close(fd);
    http_server_close(&server);
}

/* ---- with the offload thread held up, so that bodies wait to be unpacked ---- */

struct plug {
    struct http_work work;
    struct http_request *req;
};

static _Atomic bool plugged, pull;

static bool plug_run(struct http_work *work)
{
    (void)work;
    plugged = true;
    CHECK(WAIT_UNTIL(pull, PATIENCE_S));
    return true;
}

static void plug_finish(struct http_completion *completion)
{
    struct plug *plug = (struct plug *)completion;
    http_answer(plug->req, 200, NULL, &BUF_INIT(1));
    free(plug);
}

static void handle_plug(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct plug *plug = calloc(1, sizeof *plug);
    CHECK(plug != NULL);
    plug->work.do_slice = plug_run;
    plug->work.done.finish = plug_finish;
    plug->req = req;
    http_offload(req, &plug->work);
}

/* clang-format off */
static const struct http_route plug_routes[] = {
    { "POST", "/echo/{part}", HTTP_JSON_BODY, HTTP_ANYONE, handle_echo, fixture_statuses, NULL },
    { "GET",  "/plug",        HTTP_NO_BODY,   HTTP_ANYONE, handle_plug, fixture_statuses, NULL },
};
/* clang-format on */

/* A server whose offload thread does nothing until `pull`, and `n` packed requests that wait for
 * it. */
static struct http_server *serve_plugged(int *plug_fd, int *fds, int n)
{
    struct http_server *server =
        serve_with(&(struct http_options){ SERVE_OPTIONS, .routes = plug_routes, .n_routes = 2 });
    struct packed packed = pack("{\"a\":1}", 7);
    *plug_fd = dial(server);
    send_get(*plug_fd, "/plug");
    cr_assert(WAIT_UNTIL(plugged, PATIENCE_S));
    for (int i = 0; i < n; i++) {
        fds[i] = dial(server);
        send_packed(fds[i], &packed);
    }
    free(packed.data);
    cr_assert(WAIT_UNTIL(http_server_in_flight(server) == (uint64_t)n + 1, PATIENCE_S));
    return server;
}

Test(gzip, clients_that_are_gone_before_it_is_unpacked)
{
    enum { N = 20 };
    int plug, fds[N];
    struct http_server *server = serve_plugged(&plug, fds, N);
    const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    for (int i = 0; i < N - 1; i++) {
        if (i % 2 == 0)
            cr_assert_eq(setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        close(fds[i]);
    }
    pull = true;
    cr_assert(read_answer(plug, &answer));
    cr_assert(read_answer(fds[N - 1], &answer));
    cr_expect_str_eq(answer.body, "x||{\"a\":1}");
    cr_expect(WAIT_UNTIL(http_server_in_flight(server) == 0, PATIENCE_S));
    cr_expect(WAIT_UNTIL(http_server_connections(server) == 2, PATIENCE_S));
    close(fds[N - 1]);
    close(plug);
    http_server_close(&server);
}

static void *pull_it(void *arg)
{
    (void)arg;
    pull = true;
    return NULL;
}

/* Nothing was begun for them, and that is what they hear. */
Test(gzip, the_end_of_the_server_before_it_is_unpacked)
{
    enum { N = 5 };
    int plug, fds[N];
    struct http_server *server = serve_plugged(&plug, fds, N);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, pull_it, NULL) == 0);
    http_server_close(&server);
    CHECK(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < N; i++) {
        cr_assert(read_answer(fds[i], &answer));
        if (answer.status != 200) /* there was time for it after all */
            expect_code(503, "shutting_down");
        cr_expect(answer.status == 200 ||
                  strstr(answer.body, "\"outcome\":\"not_accepted\"") != NULL);
        close(fds[i]);
    }
    close(plug);
}

Test(gzip, a_drain_waits_for_it)
{
    int plug, fd;
    struct http_server *server = serve_plugged(&plug, &fd, 1);
    http_server_drain(server);
    cr_expect_eq(http_server_in_flight(server), 2);
    pull = true;
    cr_assert(read_answer(fd, &answer));
    cr_expect_str_eq(answer.body, "x||{\"a\":1}");
    cr_expect(answer_has(&answer, "Connection", "close"));
    close(fd);
    close(plug);
    http_server_close(&server);
}
