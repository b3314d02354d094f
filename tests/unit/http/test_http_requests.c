/* What handlers see and clients get, on one keep-alive connection or several. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "unit/http/http_fixture.h"

static struct answer answer;

Test(requests, get_with_part_and_query)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_get(fd, "/echo/x%20y?a=1%2B2&b=3");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(answer.body, "x y|1+2|");
    cr_expect(answer_has(&answer, "Content-Type", "text/plain"));
    cr_expect(answer_has(&answer, "Cache-Control", "no-store"));
    close(fd);
    http_server_close(&server);
}

Test(requests, a_body_on_a_get_is_ignored)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd, "GET /echo/x HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello");
    cr_assert(read_answer(fd, &answer));
    cr_expect_str_eq(answer.body, "x||");
    send_get(fd, "/echo/y");
    cr_assert(read_answer(fd, &answer), "the connection goes on");
    cr_expect_str_eq(answer.body, "y||");
    close(fd);
    http_server_close(&server);
}

Test(requests, head_is_a_get_without_the_body)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd, "HEAD /echo/xyz HTTP/1.1\r\nHost: t\r\n\r\n");
    cr_assert(read_answer_to(fd, "HEAD", &answer));
    cr_expect_eq(answer.status, 200);
    cr_expect(answer_has(&answer, "Content-Length", "5"));
    send_get(fd, "/echo/y");
    cr_assert(read_answer(fd, &answer));
    cr_expect_str_eq(answer.body, "y||");
    close(fd);
    http_server_close(&server);
}

Test(requests, chunked_body_is_put_together)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd,
              "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json; charset=utf-8"
              "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect_str_eq(answer.body, "x||hello, world");
    close(fd);
    http_server_close(&server);
}

Test(requests, an_empty_body_is_a_body)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_post(fd, "/echo/x", "");
    cr_assert(read_answer(fd, &answer));
    cr_expect_str_eq(answer.body, "x||");
    close(fd);
    http_server_close(&server);
}

Test(requests, sixteen_in_one_write_are_answered_in_order)
{
    struct http_server *server = serve();
    int fd = dial(server);
    char text[8192] = "", want[32];
    size_t len = 0;
    for (int i = 0; i < 16; i++)
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "POST /echo/%d HTTP/1.1\r\nHost: t\r\nContent-Type: "
                                "application/json\r\nContent-Length: 2\r\n\r\n{}",
                                i);
    send_bytes(fd, text, len);
    for (int i = 0; i < 16; i++) {
        cr_assert(read_answer(fd, &answer), "answer %d", i);
        (void)snprintf(want, sizeof want, "%d||{}", i);
        cr_expect_str_eq(answer.body, want);
    }
    close(fd);
    http_server_close(&server);
}

struct id_case {
    char given[160];
    bool kept;
};

ParameterizedTestParameters(requests, request_id)
{
#define CHARS_64 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-"
    static struct id_case cases[] = {
        { "a", true },
        { "Az09._:-", true },
        { CHARS_64 CHARS_64, true },
        { CHARS_64 CHARS_64 "x", false },
        { "with space", false },
        { "semi;colon", false },
        { "quote\"", false },
        { "", false },
    };
    return cr_make_param_array(struct id_case, cases, sizeof cases / sizeof cases[0]);
}

static bool is_made(const char *id)
{
    return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

ParameterizedTest(struct id_case *c, requests, request_id)
{
    struct http_server *server = serve();
    int fd = dial(server);
    char text[512], id[256], last[256] = "";
    (void)snprintf(text, sizeof text, "GET /echo/x HTTP/1.1\r\nHost: t\r\nX-Request-Id: %s\r\n\r\n",
                   c->given);
    for (int i = 0; i < 2; i++) {
        send_text(fd, text);
        cr_assert(read_answer(fd, &answer));
        cr_assert(answer_header(&answer, "X-Request-Id", id, sizeof id));
        if (c->kept) {
            cr_expect_str_eq(id, c->given);
        } else {
            cr_expect(is_made(id), "%s", id);
            cr_expect_str_neq(id, last, "made twice");
        }
        memcpy(last, id, sizeof id);
    }
    close(fd);
    http_server_close(&server);
}

static void handle_faces(struct http_request *req, void *ctx)
{
    const char *face = http_path_part(req, 0);
    struct buf out = BUF_INIT(10);
    size_t count;
    cr_assert_eq(ctx, (const void *)fixture_routes);
    if (strcmp(face, "too-long") == 0)
        buf_add_str(&out, "more than ten bytes");
    if (strcmp(face, "split") == 0)
        http_add_header(req, "X-Evil", "a\r\nb");
    if (strcmp(face, "extra") == 0) {
        http_add_header(req, "Location", "/there");
        http_add_header(req, "Idempotent-Replayed", "true");
        (void)http_query(req, "q", &count);
        buf_printf(&out, "%zu %s", count, http_header(req, "x-face"));
    }
    http_answer(req, 200, strcmp(face, "empty") == 0 ? NULL : "text/plain", &out);
}

static const struct http_route face_routes[] = {
    { "GET", "/{face}", HTTP_NO_BODY, HTTP_ANYONE, handle_faces, fixture_statuses, NULL },
};

static struct http_server *serve_faces(void)
{
    return serve_with(&(struct http_options){ SERVE_OPTIONS, .routes = face_routes, .n_routes = 1,
                                              .ctx = (void *)(intptr_t)fixture_routes });
}

Test(requests, headers_go_both_ways_and_parameters_are_counted)
{
    struct http_server *server = serve_faces();
    int fd = dial(server);
    send_text(fd, "GET /extra?q=1&q=2&q HTTP/1.1\r\nHost: t\r\nX-Face: :-)\r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect_str_eq(answer.body, "3 :-)");
    cr_expect(answer_has(&answer, "Location", "/there"));
    cr_expect(answer_has(&answer, "Idempotent-Replayed", "true"));
    close(fd);
    http_server_close(&server);
}

Test(requests, an_answer_may_be_empty)
{
    struct http_server *server = serve_faces();
    int fd = dial(server);
    send_get(fd, "/empty");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(answer.body_len, 0);
    close(fd);
    http_server_close(&server);
}

Test(requests, an_answer_that_cannot_be_made_is_a_500)
{
    static const char *const faces[] = { "/too-long", "/split" };
    struct http_server *server = serve_faces();
    int fd = dial(server);
    for (size_t i = 0; i < 2; i++) {
        send_get(fd, faces[i]);
        cr_assert(read_answer(fd, &answer));
        cr_expect_eq(answer.status, 500, "%s", faces[i]);
        cr_expect_not_null(strstr(answer.body, "\"code\":\"internal_error\""));
        cr_expect_not_null(strstr(answer.body, "\"outcome\":\"unknown\""));
    }
    close(fd);
    http_server_close(&server);
}

static char logged[512];
static _Atomic unsigned n_logged;

static void log_answer(void *ctx, const struct http_answered *answered)
{
    (void)ctx;
    char client[HTTP_CLIENT_SIZE];
    http_client_text(answered->client, client);
    (void)snprintf(logged, sizeof logged, "%s %s %s %d %s %s %d", answered->request_id,
                   answered->method, answered->route, answered->status, answered->code, client,
                   answered->duration_ns >= 0);
    n_logged++;
}

Test(requests, are_reported_and_counted)
{
    struct http_server *server =
        serve_with(&(struct http_options){ SERVE_OPTIONS, SERVE_ROUTES, .on_answer = log_answer });
    struct buf text = BUF_INIT(1 << 20);
    http_server_metrics(server, &text);
    cr_expect_not_null(strstr(text.data, "_count{http_request_method=\"POST\",http_route=\"/echo/"
                                         "{part}\",http_response_status_code=\"503\"} 0\n"));
    cr_expect_null(strstr(text.data, "http_route=\"\""));
    buf_clear(&text);

    int fd = dial(server);
    send_text(fd, "PUT /nowhere HTTP/1.1\r\nHost: t\r\nX-Request-Id: a\r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect_str_eq(logged, "a PUT  404 not_found 127.0.0.1 1");
    send_text(fd, "HEAD /echo/1 HTTP/1.1\r\nHost: t\r\nX-Request-Id: b\r\n\r\n");
    cr_assert(read_answer_to(fd, "HEAD", &answer));
    cr_expect_str_eq(logged, "b HEAD /echo/{part} 200  127.0.0.1 1");

    http_server_metrics(server, &text);
    cr_assert_not(text.failed);
    cr_expect_not_null(strstr(text.data, "_count{http_request_method=\"_OTHER\",http_route=\"\","
                                         "http_response_status_code=\"404\"} 1\n"));
    cr_expect_not_null(strstr(text.data, "_count{http_request_method=\"HEAD\",http_route=\"/echo/"
                                         "{part}\",http_response_status_code=\"200\"} 1\n"));
    cr_expect_not_null(strstr(text.data, "\nhttp_server_open_connections 1\n"));
    cr_expect(WAIT_UNTIL(http_server_in_flight(server) == 0, PATIENCE_S));
    buf_fini(&text);
    close(fd);
    cr_expect(WAIT_UNTIL(http_server_connections(server) == 0, PATIENCE_S));
    http_server_close(&server);
}

/* A body that is longer than its Content-Length is read as the next request. Its content must not
 * be logged. */
Test(requests, no_byte_of_a_client_is_reported_as_a_method)
{
    struct http_server *server =
        serve_with(&(struct http_options){ SERVE_OPTIONS, SERVE_ROUTES, .on_answer = log_answer });
    int fd = dial(server);
    send_text(fd, "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                  "Content-Length: 2\r\n\r\n{}ACCOUNT-7 /echo/y HTTP/1.1\r\nHost: t\r\n"
                  "X-Request-Id: c\r\n\r\n");
    cr_assert(read_answer(fd, &answer) && answer.status == 200);
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 405);
    cr_expect_str_eq(logged, "c _OTHER  405 method_not_allowed 127.0.0.1 1");
    close(fd);
    http_server_close(&server);
}

/* What is refused before there is a request has an author too. */
Test(requests, a_head_that_is_cut_is_reported)
{
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES, .on_answer = log_answer };
    options.read_timeout_ns = 200 * NS_PER_MS;
    struct http_server *server = serve_with(&options);
    int fd = dial(server);
    do {
        close(fd);
        fd = dial(server);
        send_text(fd, "GET /echo/x HTTP/1.1\r\nHost: t\r\n");
    } while (!read_answer(fd, &answer)); /* on a busy machine it may have been idle for too long */
    cr_expect_eq(answer.status, 408);
    cr_expect(WAIT_UNTIL(n_logged >= 1, PATIENCE_S));
    cr_expect_not_null(strstr(logged, " _OTHER  408 request_timeout 127.0.0.1 1"), "%s", logged);
    close(fd);
    http_server_close(&server);
}

Test(requests, clients_are_named_by_their_address)
{
    char text[HTTP_CLIENT_SIZE];
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    struct sockaddr other = { .sa_family = AF_UNIX };
    cr_assert_eq(inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr), 1);
    http_client_text((const struct sockaddr *)&v6, text);
    cr_expect_str_eq(text, "2001:db8::7");
    cr_assert_eq(inet_pton(AF_INET6, "::ffff:192.0.2.7", &v6.sin6_addr), 1);
    http_client_text((const struct sockaddr *)&v6, text);
    cr_expect_str_eq(text, "192.0.2.7");
    http_client_text(&other, text);
    cr_expect_str_eq(text, "");
}
