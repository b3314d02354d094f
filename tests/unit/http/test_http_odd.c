/* Requests that are odd and good all the same, and targets, methods and lengths that are not: each
 * gets a status that says what it is, never a 500, and the server goes on. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/mhd.h"
#include "unit/http/http_fixture.h"

static struct answer answer;

struct odd_case {
    char request[300];
    int status;
    char want[64]; /* a part of the body */
    bool closes;
};

#define POST "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\nHost: t\r\n\r\n"

ParameterizedTestParameters(odd, requests)
{
    /* clang-format off */
    static struct odd_case cases[] = {
        /* good */
        { POST "Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",          200, "x||{}", true },
        { POST "Transfer-Encoding: \t chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",       200, "x||{}", true },
        { POST "Transfer-Encoding: chunked\r\n\r\n00002\r\n{}\r\n0000\r\n\r\n",   200, "x||{}", true },
        { POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",                     200, "x||", true },
        { POST "Content-Length: 00002\r\n\r\n{}",                                 200, "x||{}", false },
        { POST "Content-Length:2\r\n\r\n{}",                                      200, "x||{}", false },
        { POST "Content-Length:\t2\r\n\r\n{}",                                    200, "x||{}", false },
        { POST "Empty:\r\nBlank:  \r\nContent-Length: 2\r\nTrailing: a  \r\n\r\n{}", 200, "x||{}", false },
        { POST "X!#$%&'*+-.^_`|~: a\r\nContent-Length: 2\r\n\r\n{}",              200, "x||{}", false },
        { POST "Cookie: a=b; c=d\r\nContent-Length: 2\r\n\r\n{}",                 200, "x||{}", false },
        { "\r\nGET /echo/x HTTP/1.1\r\nHost: t\r\n\r\n",                          200, "x||", false },
        { "GET /echo/x HTTP/1.1\r\nHost:\r\n\r\n",                                200, "x||", false },
        { "GET /echo/x HTTP/1.1\r\nHost: t \t\r\n\r\n",                          200, "x||", false },
        { "GET /echo/x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",                       200, "x||", false },
        { "GET /echo/x HTTP/1.1\r\nHost: evil.test\r\nOrigin: null\r\n\r\n",      200, "x||", false },
        { "GET /echo/x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",         200, "x||", true },
        { "GET /echo/x HTTP/1.1\r\nHost: t\r\nConnection: close \r\n\r\n",        200, "x||", true },
        /* blanks behind a value are no part of it */
        { "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json \t\r\nContent-Length: 2\r\n\r\n{}",
                                                                                  200, "x||{}", false },
        { POST "Content-Encoding: identity \r\nContent-Length: 2\r\n\r\n{}",      200, "x||{}", false },
        /* hosts that are none */
        { "GET /echo/x HTTP/1.1\r\nHost: a b\r\n\r\n",                            400, "Host is \\\"a b\\\"; it must be one name", true },
        { "GET /echo/x HTTP/1.1\r\nHost: a/b\r\n\r\n",                            400, "Host is", true },
        { "GET /echo/x HTTP/1.1\r\nHost: localhost, localhost\r\n\r\n",           400, "Host is", true },
        { "GET /echo/x HTTP/1.1\r\nHost: user@localhost\r\n\r\n",                 400, "Host is", true },
        { "GET /echo/x HTTP/1.1\r\nHost: localhost:port\r\n\r\n",                 400, "Host is", true },
        { "GET /echo/x HTTP/1.1\r\nHost: :80\r\n\r\n",                            400, "Host is", true },
        { "GET /echo/x HTTP/1.1\r\nHost: [::1\r\n\r\n",                           400, "Host is", true },
        { "GET /echo/x HTTP/1.0\r\nHost: a b\r\n\r\n",                            400, "Host is", true },
        { "GET http://good/echo/x HTTP/1.1\r\nHost: a b\r\n\r\n",                 400, "Host is", true },
        { GET("http://a@b/echo/x"),                                               400, "The host of the request target", true },
        { GET("http:///echo/x"),                                                  400, "The host of the request target", true },
        { GET("http://a:x/echo/x"),                                               400, "The host of the request target", true },
        /* headers that may be there once */
        { POST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",         400, "Content-Type is given twice; give it once.", false },
        { POST "content-type: application/json\r\nContent-Length: 2\r\n\r\n{}",   400, "Content-Type is given twice", false },
        { POST "Idempotency-Key: k-1\r\nIdempotency-Key: k-2\r\nContent-Length: 2\r\n\r\n{}",
                                                                                  400, "Idempotency-Key is given twice", false },
        { POST "Idempotency-Key: k\r\nIDEMPOTENCY-KEY: k\r\nContent-Length: 2\r\n\r\n{}",
                                                                                  400, "Idempotency-Key is given twice", false },
        { POST "Origin: http://a\r\nOrigin: http://b\r\nContent-Length: 2\r\n\r\n{}",
                                                                                  400, "Origin is given twice", false },
        { POST "Content-Encoding: identity\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
                                                                                  415, "it must be gzip or identity, once", false },
        { "GET /echo/x HTTP/1.0\r\n\r\n",                                         200, "x||", true },
        /* what trailers say is nobody's concern, and what comes behind them neither */
        { POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nA: b\r\n\r\n",  200, "x||{}", true },
        /* targets */
        { GET("http://host:80/echo/x?a=1"),                                       200, "x|1|", false },
        { GET("HTTPS://host/echo/x"),                                             200, "x||", false },
        { GET("http://host"),                                                     404, "not_found", false },
        { GET("/echo/%41%20"),                                                    200, "A ||", false },
        { GET("/echo/x?a=%2F%3f&b"),                                              200, "x|/?|", false },
        { GET("/echo/x?a=1+2"),                                                   200, "x|1 2|", false },
        { GET("/echo/x?"),                                                        200, "x||", false },
        { GET("/echo/x?&&a&=1&a=2"),                                              200, "x||", false },
        { GET("/echo/x?a=\xff"),                                                  200, "x|\xff|", false },
        { GET("/echo/x#part"),                                                    200, "x#part||", false },
        { GET("/echo/../echo/x"),                                                 404, "not_found", false },
        { GET("//echo/x"),                                                        404, "not_found", false },
        { GET("/"),                                                               404, "not_found", false },
        { GET("echo/x"),                                                          404, "not_found", false },
        { GET("/echo/a%2Fb"),                                                     400, "%2F", true },
        { GET("/echo%2fx"),                                                       400, "%2F", true },
        { GET("/echo/x%00"),                                                      400, "%00", true },
        { GET("/echo/x?a=%00"),                                                   400, "%00", true },
        { GET("/echo/%zz"),                                                       400, "malformed_target", true },
        { GET("/echo/%4"),                                                        400, "malformed_target", true },
        { GET("/echo/x?a=%"),                                                     400, "malformed_target", true },
        /* methods */
        { "BREW /echo/x HTTP/1.1\r\nHost: t\r\n\r\n",                             405, "The method is BREW; this resource has POST, GET, HEAD.", false },
        { "BREW /nope HTTP/1.1\r\nHost: t\r\n\r\n",                               404, "not_found", false },
        { "get /echo/x HTTP/1.1\r\nHost: t\r\n\r\n",                              405, "POST, GET, HEAD", false },
        { "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n",                                404, "not_found", false },
        { "OPTIONS /echo/x HTTP/1.1\r\nHost: t\r\n\r\n",                          405, "POST, GET, HEAD", false },
        { "TRACE /echo/x HTTP/1.1\r\nHost: t\r\n\r\n",                            405, "method_not_allowed", false },
        { "CONNECT h:443 HTTP/1.1\r\nHost: t\r\n\r\n",                            404, "not_found", false },
        { "PRI * HTTP/1.1\r\nHost: t\r\n\r\n",                                    404, "not_found", false },
        /* bodies where there should be none */
        { "GET /echo/x HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}",       200, "x||", false },
        { "GET /echo/x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                                                                                  200, "x||", true },
        { "GET /echo/x HTTP/1.1\r\nHost: t\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
                                                                                  200, "x||", false },
        { "BREW /echo/x HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}",      405, "BREW", false },
        { POST "Expect: something\r\nContent-Length: 2\r\n\r\n{}",                200, "x||{}", false },
        /* what is wrong, and what would be right */
        { "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}",      415, "Content-Type is missing; it must be application/json.", false },
        { "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\n{}",
                                                                                  415, "Content-Type is \\\"a/b\\\"; it must be application/json.", false },
        { POST "Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",             415, "Content-Encoding is \\\"br\\\"; it must be gzip", false },
        { POST "\r\n",                                                            411, "Content-Length is missing", true },
        { POST "Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n",           413, "65536 bytes", true },
    };
    /* clang-format on */
    return cr_make_param_array(struct odd_case, cases, sizeof cases / sizeof cases[0]);
}

static void expect_answer(const struct odd_case *c)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd, c->request);
    cr_assert(read_answer(fd, &answer), "%s", c->request);
    cr_expect_eq(answer.status, c->status, "%d to %s", answer.status, c->request);
    cr_expect_not_null(strstr(answer.body, c->want), "%s to %s", answer.body, c->request);
    if (c->closes) {
        cr_expect(ends(fd), "%s", c->request);
        close(fd);
        fd = dial(server);
    }
    send_get(fd, "/echo/y");
    cr_expect(read_answer(fd, &answer) && answer.status == 200, "after %s", c->request);
    close(fd);
    http_server_close(&server);
}

ParameterizedTest(struct odd_case *c, odd, requests)
{
    expect_answer(c);
}

/* A chunk's extension, which 1.0.1 cannot read; and a trailer without a name. They are good
 * where libmicrohttpd does not refuse them by itself. */
ParameterizedTestParameters(odd, refused_by_some_libmicrohttpd)
{
    /* clang-format off */
    static struct odd_case cases[] = {
        { POST "Transfer-Encoding: chunked\r\n\r\n2;a=b;c=\"d\"\r\n{}\r\n0;e\r\n\r\n", 200, "x||{}", true },
        { POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nA: b\r\n: c\r\n\r\n", 200, "x||{}", true },
    };
    /* clang-format on */
    return cr_make_param_array(struct odd_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct odd_case *c, odd, refused_by_some_libmicrohttpd)
{
    if (mhd_refuses_malformed()) {
        c->status = 400;
        c->want[0] = '\0';
        c->closes = true;
    }
    expect_answer(c);
}

/* A header section in pieces, and so long that libmicrohttpd has to make room for it. */
Test(odd, headers_in_pieces)
{
    struct http_server *server = serve();
    int fd = dial(server);
    char line[600];
    for (int round = 0; round < 3; round++) {
        send_text(fd, "GET /echo/x?a=1 HTTP/1.1\r");
        send_text(fd, "\nHost: t\r\n");
        for (int i = 0; i < 16; i++) {
            int len = snprintf(line, sizeof line, "X-%d: %0500d\r\n", i, i);
            cr_assert(WAIT_UNTIL(send_bytes(fd, line, 7), 1));
            send_bytes(fd, line + 7, (size_t)len - 7);
        }
        send_text(fd, "\r\n");
        cr_assert(read_answer(fd, &answer), "round %d", round);
        cr_expect_eq(answer.status, 200, "%s", answer.body);
        cr_expect_str_eq(answer.body, "x|1|");
    }
    close(fd);
    http_server_close(&server);
}

static void expect_too_long(const char *start, const char *each, int n, int status)
{
    struct http_server *server = serve();
    int fd = dial(server);
    bool open = send_text(fd, start);
    for (int i = 0; open && i < n; i++)
        open = send_text(fd, each);
    if (open)
        send_text(fd, " HTTP/1.1\r\nHost: t\r\n\r\n");
    cr_assert(read_head(fd, &answer));
    cr_expect_eq(answer.status, status);
    char rest[4096];
    while (recv(fd, rest, sizeof rest, 0) > 0)
        continue;
    close(fd);
    http_server_close(&server);
}

Test(odd, a_target_that_is_too_long)
{
    expect_too_long("GET /echo/x?a=", "0123456789abcdef0123456789abcdef", 1000, 414);
}

Test(odd, headers_that_are_too_long)
{
    expect_too_long("GET /echo/x HTTP/1.1\r\nHost: t\r\n", "X: 0123456789abcdef0123456789ab\r\n",
                    1000, 431);
}

Test(odd, one_header_that_is_too_long)
{
    expect_too_long("GET /echo/x HTTP/1.1\r\nHost: t\r\nX: ", "0123456789abcdef0123456789abcdef",
                    1000, 431);
}

Test(odd, a_long_query_that_fits)
{
    static char target[8000];
    struct http_server *server = serve();
    int fd = dial(server);
    size_t len = (size_t)snprintf(target, sizeof target, "GET /echo/x?b=");
    memset(target + len, 'y', 6000);
    (void)snprintf(target + len + 6000, sizeof target - len - 6000,
                   "&a=z HTTP/1.1\r\nHost: t\r\n\r\n");
    send_text(fd, target);
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(answer.body, "x|z|");
    close(fd);
    http_server_close(&server);
}

/* Of two ids neither is more right than the other: the request gets one of ours. */
Test(odd, two_request_ids_are_none)
{
    char id[256];
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd, "GET /echo/x HTTP/1.1\r\nHost: t\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 200);
    cr_assert(answer_header(&answer, "X-Request-Id", id, sizeof id));
    cr_expect_eq(strlen(id), 32, "%s", id);
    send_text(fd, "GET /echo/x HTTP/1.1\r\nHost: t\r\nX-Request-Id: a \t \r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect(answer_has(&answer, "X-Request-Id", "a"), "%s", answer.head);
    close(fd);
    http_server_close(&server);
}

/* A list may stand in several lines. */
Test(odd, one_of_two_expectations_counts)
{
    struct http_server *server = serve();
    int fd = dial(server);
    send_text(fd,
              POST "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 413, "before the body: %d", answer.status);
    cr_expect(ends(fd));
    close(fd);
    http_server_close(&server);
}
