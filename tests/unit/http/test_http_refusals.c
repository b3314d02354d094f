/* What is refused before a handler sees it, and what becomes of the connection. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/mhd.h"
#include "unit/http/http_fixture.h"

static struct answer answer;

#define JSON "Content-Type: application/json\r\n"
#define TWO "Content-Length: 2\r\n"

struct refusal_case {
    char request[256];
    int status;
    char code[32];
    bool closes;
};

ParameterizedTestParameters(refusals, table)
{
#define POST_ECHO "POST /echo/x HTTP/1.1\r\nHost: t\r\n"
    /* clang-format off */
    static struct refusal_case cases[] = {
        { "GET /nope HTTP/1.1\r\nHost: t\r\n\r\n",                          404, "not_found", false },
        { "POST /nope HTTP/1.1\r\nHost: t\r\n" TWO "\r\n{}",                404, "not_found", false },
        { "POST /nope HTTP/1.1\r\nHost: t\r\n\r\n",                         404, "not_found", true },
        { "PUT /hold HTTP/1.1\r\nHost: t\r\n" TWO "\r\n{}",                 405, "method_not_allowed", false },
        { POST_ECHO TWO "\r\n{}",                                           415, "unsupported_media_type", false },
        { POST_ECHO "Content-Type: text/plain\r\n" TWO "\r\n{}",            415, "unsupported_media_type", false },
        { POST_ECHO "Content-Type: application/jsonx\r\n" TWO "\r\n{}",     415, "unsupported_media_type", false },
        { POST_ECHO JSON "Content-Encoding: br\r\n" TWO "\r\n{}",           415, "unsupported_content_encoding", false },
        { POST_ECHO JSON "Content-Encoding: gzip, gzip\r\n" TWO "\r\n{}",   415, "unsupported_content_encoding", false },
        { POST_ECHO JSON "Content-Encoding: gzip\r\nContent-Encoding: identity\r\n" TWO "\r\n{}",
                                                                            415, "unsupported_content_encoding", false },
        { POST_ECHO JSON "Content-Encoding: gzip\r\n" TWO "\r\n{}",         400, "invalid_gzip", false },
        { POST_ECHO JSON "\r\n",                                            411, "length_required", true },
        { POST_ECHO JSON TWO "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "malformed_request", true },
        { POST_ECHO JSON TWO TWO "\r\n{}",                                  400, "malformed_request", true },
        { POST_ECHO JSON TWO "Content-Length: 3\r\n\r\n{}",                 400, "malformed_request", true },
        { POST_ECHO JSON "Transfer-Encoding: gzip, chunked\r\n\r\n",        400, "malformed_request", true },
        { POST_ECHO JSON "Transfer-Encoding: identity\r\n\r\n",             400, "malformed_request", true },
        { POST_ECHO JSON "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                                                            400, "malformed_request", true },
        { "POST /echo/x HTTP/1.0\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                                                            400, "malformed_request", true },
        { "GET /echo/x HTTP/1.1\r\n\r\n",                                   400, "malformed_request", true },
        { "GET /echo/x HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n",             400, "malformed_request", true },
        { POST_ECHO JSON TWO "Content-Length : 3\r\n\r\n{}",                400, "malformed_request", true },
        { POST_ECHO JSON TWO "Transfer-Encoding-X: chunked\r\n\r\n{}",      400, "malformed_request", true },
        { POST_ECHO JSON TWO "Bad(name): 1\r\n\r\n{}",                      400, "malformed_request", true },
        { POST_ECHO JSON TWO "A: b\rc\r\n\r\n{}",                           400, "malformed_request", true },
    };
    /* clang-format on */
    return cr_make_param_array(struct refusal_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct refusal_case *c, refusals, table)
{
    struct http_server *server = serve();
    int fd = dial(server);
    char code[64];
    (void)snprintf(code, sizeof code, "\"code\":\"%s\"", c->code);
    send_text(fd, c->request);
    cr_assert(read_answer(fd, &answer), "%s", c->request);
    cr_expect_eq(answer.status, c->status, "%d to %s", answer.status, c->request);
    if (mhd_answered(answer.head)) {
        cr_expect_str_eq(c->code, "malformed_request", "%s to %s", answer.body, c->request);
    } else {
        cr_expect_not_null(strstr(answer.body, code), "%s to %s", answer.body, c->request);
        cr_expect(answer_has(&answer, "Content-Type", "application/problem+json"));
    }
    cr_expect_eq(answer_has(&answer, "Connection", "close"), c->closes, "%s", c->request);
    if (c->closes) {
        cr_expect(ends(fd), "%s", c->request);
    } else {
        send_get(fd, "/echo/y");
        cr_expect(read_answer(fd, &answer) && answer.status == 200, "after %s", c->request);
    }
    close(fd);
    http_server_close(&server);
}

Test(refusals, http_1_0_needs_no_host)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd, "GET /echo/x HTTP/1.0\r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 200);
    cr_expect(ends(fd));
    close(fd);
    http_server_close(&server);
}

Test(refusals, allow_names_the_methods)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd, "DELETE /echo/x HTTP/1.1\r\nHost: t\r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 405);
    cr_expect(answer_has(&answer, "Allow", "POST, GET, HEAD"));
    close(fd);
    http_server_close(&server);
}

/* What is refused is read for 5 s: a busy machine may need several tries to send it by then. */
enum { TRIES = 4 };

/* False: the server stopped reading. */
static bool post_big(int fd, const char *framing, size_t len)
{
    char *body = malloc(len);
    CHECK(body != NULL);
    memset(body, 'x', len);
    send_text(fd, "POST /echo/x HTTP/1.1\r\nHost: t\r\n" JSON);
    send_text(fd, framing);
    bool sent = send_bytes(fd, body, len);
    free(body);
    return sent;
}

/* And the connection goes on. */
static bool hears_why(const struct http_server *server)
{
    int fd = dial(server);
    bool heard = post_big(fd, "Content-Length: 8000000\r\n\r\n", 8000000) &&
                 read_answer(fd, &answer) && answer.status == 413 &&
                 strstr(answer.body, "65536 bytes") != NULL && send_get(fd, "/echo/y") &&
                 read_answer(fd, &answer) && answer.status == 200;
    close(fd);
    return heard;
}

Test(refusals, a_client_that_sends_all_of_a_body_too_large_hears_why)
{
    struct http_server *server = serve();
    bool heard = false;
    for (int i = 0; i < TRIES && !heard; i++)
        heard = hears_why(server);
    cr_expect(heard);
    http_server_close(&server);
}

Test(refusals, bounds_of_a_body)
{
    static char body[65536 + 1];
    memset(body, 'x', sizeof body);
    static const struct {
        size_t len;
        int status;
    } cases[] = { { 65536, 200 }, { 65537, 413 } };
    struct http_server *server = serve();
    int fd = dial(server);
    for (size_t i = 0; i < 2; i++) {
        char head[128];
        (void)snprintf(head, sizeof head,
                       "POST /echo/x HTTP/1.1\r\nHost: t\r\n" JSON "Content-Length: %zu\r\n\r\n",
                       cases[i].len);
        send_text(fd, head);
        send_bytes(fd, body, cases[i].len);
        cr_assert(read_answer(fd, &answer));
        cr_expect_eq(answer.status, cases[i].status, "%zu bytes", cases[i].len);
    }
    close(fd);
    http_server_close(&server);
}

Test(refusals, a_chunked_body_too_large_is_read_to_its_end)
{
    struct http_server *server = serve();
    int fd = dial(server);
    cr_expect(post_big(fd, "Transfer-Encoding: chunked\r\n\r\n30D40\r\n", 200000));
    send_text(fd, "\r\n0\r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 413);
    cr_expect(ends(fd), "as behind every chunked body");
    close(fd);
    http_server_close(&server);
}

/* Returns how many chunks of 64 KiB were taken. */
static int send_without_end(const struct http_server *server)
{
    int fd = dial(server);
    static char chunk[65536 + 16];
    size_t head_len = (size_t)snprintf(chunk, sizeof chunk, "10000\r\n");
    memset(chunk + head_len, 'x', 65536);
    memcpy(chunk + head_len + 65536, "\r\n", 2);
    send_text(fd, "POST /nope HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    int sent = 0;
    while (sent < 10000 && send_bytes(fd, chunk, head_len + 65536 + 2))
        sent++;
    close(fd);
    return sent;
}

Test(refusals, an_endless_body_is_cut)
{
    struct http_server *server = serve();
    int sent = 0;
    for (int i = 0; i < TRIES && sent < 256; i++)
        sent = send_without_end(server);
    cr_expect_lt(sent, 10000);
    cr_expect_geq(sent, 256, "16 MiB are read");
    http_server_close(&server);
}

Test(refusals, under_expect_no_body_is_asked_for)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd, "POST /echo/x HTTP/1.1\r\nHost: t\r\n" JSON
                  "Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 413);
    cr_expect(answer_has(&answer, "Connection", "close"));
    cr_expect(ends(fd));
    close(fd);
    http_server_close(&server);
}

Test(refusals, under_expect_a_good_request_is_told_to_go_on)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd, "POST /echo/x HTTP/1.1\r\nHost: t\r\n" JSON TWO "Expect: 100-continue\r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 100);
    send_text(fd, "{}");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(answer.body, "x||{}");
    close(fd);
    http_server_close(&server);
}

Test(refusals, bodies_have_a_bound_in_all)
{
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES };
    options.bodies_max_bytes = 10;
    struct http_server *server = serve_with(&options);
    int first = dial(server), second = dial(server);
    send_post(first, "/hold", "12345678");
    cr_assert(WAIT_UNTIL(n_held == 1, PATIENCE_S));
    send_post(second, "/echo/x", "123");
    cr_assert(read_answer(second, &answer));
    cr_expect_eq(answer.status, 503);
    cr_expect_not_null(strstr(answer.body, "\"code\":\"overloaded\""));
    cr_expect_not_null(strstr(answer.body, "\"outcome\":\"not_accepted\""));
    cr_expect(answer_has(&answer, "Retry-After", "1"));
    release_held(0, 1, 200);
    cr_assert(read_answer(first, &answer));
    cr_expect(WAIT_UNTIL(http_server_in_flight(server) == 0, PATIENCE_S));
    send_post(second, "/echo/x", "1234567890");
    cr_assert(read_answer(second, &answer));
    cr_expect_eq(answer.status, 200, "all of it is free again");
    close(first);
    close(second);
    http_server_close(&server);
}

Test(refusals, surplus_connections_hear_a_503)
{
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES };
    options.max_connections = 2;
    struct http_server *server = serve_with(&options);
    int good[2] = { dial(server), dial(server) };
    cr_assert(WAIT_UNTIL(http_server_connections(server) == 2, PATIENCE_S));
    int surplus = dial(server);
    send_get(surplus, "/echo/x");
    cr_assert(read_answer(surplus, &answer));
    cr_expect_eq(answer.status, 503);
    cr_expect_not_null(strstr(answer.body, "\"code\":\"too_many_connections\""));
    cr_expect(answer_has(&answer, "Retry-After", "1"));
    cr_expect(ends(surplus));
    send_get(good[0], "/echo/x");
    cr_expect(read_answer(good[0], &answer) && answer.status == 200);
    close(good[1]);
    close(surplus);
    cr_assert(WAIT_UNTIL(http_server_connections(server) == 1, PATIENCE_S));
    int again = dial(server);
    send_get(again, "/echo/x");
    cr_expect(read_answer(again, &answer) && answer.status == 200, "room is found again");
    close(again);
    close(good[0]);
    http_server_close(&server);
}
