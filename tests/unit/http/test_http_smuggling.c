/* Requests that two servers in a row could read differently. Each is sent with a good request
 * behind it in the same write: whatever is answered, the connection ends, and that second one,
 * which might be another client's, is never served. Some of them libmicrohttpd refuses by itself,
 * with a body of its own; then the status counts, and the end (support/mhd.h). */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/mhd.h"
#include "unit/http/http_fixture.h"

enum { HEARD_MAX = 1 << 16 };

static char heard[HEARD_MAX];
static _Atomic unsigned n_handled;

static void handle_count(struct http_request *req, void *ctx)
{
    n_handled++;
    handle_echo(req, ctx);
}

/* clang-format off */
static const struct http_route counted_routes[] = {
    { "POST", "/echo/{part}", HTTP_JSON_BODY, HTTP_ANYONE, handle_count, fixture_statuses, NULL },
    { "GET",  "/echo/{part}", HTTP_NO_BODY,   HTTP_ANYONE, handle_count, fixture_statuses, NULL },
};
/* clang-format on */

static struct http_server *serve_counted(void)
{
    return serve_with(
        &(struct http_options){ SERVE_OPTIONS, .routes = counted_routes, .n_routes = 2 });
}

/* Everything until the connection ends, which it must. */
static void hear_out(int fd)
{
    size_t len = 0;
    ssize_t n;
    while ((n = recv(fd, heard + len, sizeof heard - 1 - len, 0)) > 0)
        len += (size_t)n;
    cr_expect(n == 0 || errno == ECONNRESET, "the connection stays open");
    heard[len] = '\0';
}

/* Heads of answers. */
static unsigned answers_heard(void)
{
    unsigned n = 0;
    for (const char *at = heard; (at = strstr(at, "HTTP/1.1 ")) != NULL; at++)
        n += at[9] >= '0' && at[9] <= '9';
    return n;
}

#define BEHIND "GET /echo/smuggled HTTP/1.1\r\nHost: t\r\n\r\n"

struct smuggling_case {
    char request[300];
    size_t len;    /* with what NULs it has */
    char want[48]; /* of the detail; "": it may be libmicrohttpd that refuses */
};

#define REQUEST(...) .request = __VA_ARGS__, .len = sizeof(__VA_ARGS__) - 1
#define POST "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
#define POST_1_0 "POST /echo/x HTTP/1.0\r\nContent-Type: application/json\r\n"
#define CL_2 "Content-Length: 2\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define END_CHUNKS "0\r\n\r\n"

ParameterizedTestParameters(smuggling, refused)
{
    /* clang-format off */
    static struct smuggling_case cases[] = {
        /* two framings */
        { REQUEST(POST CL_2 CHUNKED "\r\n" END_CHUNKS),                        "both given" },
        { REQUEST(POST CHUNKED CL_2 "\r\n" END_CHUNKS),                        "both given" },
        { REQUEST(POST CL_2 "transfer-encoding: Chunked\r\n\r\n" END_CHUNKS),  "both given" },
        { REQUEST(POST CL_2 "Transfer-Encoding: identity\r\n\r\n{}"),          "both given" },
        { REQUEST(POST CL_2 CL_2 "\r\n{}"),                                    "Content-Length is given twice" },
        { REQUEST(POST CL_2 "Content-Length: 3\r\n\r\n{}"),                    "Content-Length is given twice" },
        { REQUEST(POST CL_2 "content-LENGTH: 40\r\n\r\n{}"),                   "Content-Length is given twice" },
        { REQUEST(POST CHUNKED CHUNKED "\r\n" END_CHUNKS),                     "Transfer-Encoding is given twice" },
        { REQUEST(POST CHUNKED "Transfer-Encoding: identity\r\n\r\n" END_CHUNKS), "Transfer-Encoding is given twice" },
        { REQUEST(POST "Host: t\r\n" CL_2 "\r\n{}"),                           "Host is given twice" },
        { REQUEST("GET /echo/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),       "Host is given twice" },
        { REQUEST("GET /echo/x HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),       "Host is given twice" },
        { REQUEST("GET /echo/x HTTP/1.1\r\n\r\n"),                             "Host is missing" },
        /* codings that someone else may take for chunked, or not */
        { REQUEST(POST "Transfer-Encoding: chunked, identity\r\n\r\n" END_CHUNKS), "Transfer-Encoding is \\\"chunked, identity" },
        { REQUEST(POST "Transfer-Encoding: identity, chunked\r\n\r\n" END_CHUNKS), "the only one taken is chunked" },
        { REQUEST(POST "Transfer-Encoding: gzip, chunked\r\n\r\n" END_CHUNKS), "the only one taken is chunked" },
        { REQUEST(POST "Transfer-Encoding: identity\r\n\r\n" END_CHUNKS),      "the only one taken is chunked" },
        { REQUEST(POST "Transfer-Encoding: xchunked\r\n\r\n" END_CHUNKS),      "the only one taken is chunked" },
        { REQUEST(POST "Transfer-Encoding: chunkedx\r\n\r\n" END_CHUNKS),      "the only one taken is chunked" },
        { REQUEST(POST "Transfer-Encoding: \"chunked\"\r\n\r\n" END_CHUNKS),   "the only one taken is chunked" },
        { REQUEST(POST "Transfer-Encoding: \x0b" "chunked\r\n\r\n" END_CHUNKS), "the only one taken is chunked" },
        { REQUEST(POST "Transfer-Encoding: chunked;q=1\r\n\r\n" END_CHUNKS),   "the only one taken is chunked" },
        { REQUEST(POST "Transfer-Encoding: chunked,\r\n\r\n" END_CHUNKS),      "the only one taken is chunked" },
        { REQUEST(POST "Transfer-Encoding:\r\n\r\n" END_CHUNKS),               "the only one taken is chunked" },
        { REQUEST(POST_1_0 CHUNKED "\r\n" END_CHUNKS),                         "HTTP/1.0" },
        { REQUEST(POST_1_0 "Connection: keep-alive\r\n" CHUNKED "\r\n" END_CHUNKS), "HTTP/1.0" },
        /* names that are nearly one of the three */
        { REQUEST(POST CL_2 "Content-Length : 3\r\n\r\n{}"),                   "is no token" },
        { REQUEST(POST "Content-Length : 2\r\n\r\n{}"),                        "is no token" },
        { REQUEST(POST CL_2 "Transfer-Encoding : chunked\r\n\r\n{}"),          "is no token" },
        { REQUEST(POST CL_2 "Transfer-Encoding\t: chunked\r\n\r\n{}"),         "is no token" },
        { REQUEST(POST CL_2 "Content-Length-X: 3\r\n\r\n{}"),                  "begins like Content-Length" },
        { REQUEST(POST CL_2 "transfer-encoding-x: chunked\r\n\r\n{}"),         "begins like Transfer-Encoding" },
        { REQUEST(POST CL_2 "Hosts: t\r\n\r\n{}"),                             "begins like Host" },
        { REQUEST(POST CL_2 "Transfer Encoding: chunked\r\n\r\n{}"),           "is no token" },
        { REQUEST(POST CL_2 "X(y): 1\r\n\r\n{}"),                              "is no token" },
        { REQUEST(POST CL_2 "\xc3\xa9: 1\r\n\r\n{}"),                          "is no token" },
        /* line breaks where there should be none */
        { REQUEST(POST CL_2 "A: b\rTransfer-Encoding: chunked\r\n\r\n{}"),     "holds a CR" },
        { REQUEST(POST CL_2 "A: b\r\r\n\r\n{}"),                               "" },
        { REQUEST(POST "Transfer-Encoding: chunked\r\n identity\r\n\r\n" END_CHUNKS), "" },
        { REQUEST(POST "Content-Length: 2\r\n 0\r\n\r\n{}"),                   "" },
        { REQUEST(POST CL_2 "Host:\r\n t\r\n\r\n{}"),                          "" },
        { REQUEST(POST " " CL_2 "\r\n{}"),                                     "" },
        { REQUEST("POST /echo/x HTTP/1.1\r\n Content-Length: 2\r\nHost: t\r\n\r\n{}"), "" },
        { REQUEST(POST CL_2 "no colon here\r\n\r\n{}"),                        "" },
        { REQUEST(POST CL_2 ": no name\r\n\r\n{}"),                            "" },
        /* lengths that are none */
        { REQUEST(POST "Content-Length: -2\r\n\r\n{}"),                        "" },
        { REQUEST(POST "Content-Length: +2\r\n\r\n{}"),                        "" },
        { REQUEST(POST "Content-Length: 0x2\r\n\r\n{}"),                       "" },
        { REQUEST(POST "Content-Length: 2,2\r\n\r\n{}"),                       "" },
        { REQUEST(POST "Content-Length: 2, 2\r\n\r\n{}"),                      "" },
        { REQUEST(POST "Content-Length: 2 2\r\n\r\n{}"),                       "" },
        { REQUEST(POST "Content-Length: 2x\r\n\r\n{}"),                        "" },
        { REQUEST(POST "Content-Length: 2.0\r\n\r\n{}"),                       "" },
        { REQUEST(POST "Content-Length: \r\n\r\n{}"),                          "" },
        { REQUEST(POST "Content-Length: two\r\n\r\n{}"),                       "" },
        { REQUEST(POST "Content-Length: 18446744073709551618\r\n\r\n{}"),      "" },
        { REQUEST(POST "Content-Length: 99999999999999999999999999\r\n\r\n{}"), "" },
        /* chunks that are none */
        { REQUEST(POST CHUNKED "\r\nx\r\n{}\r\n" END_CHUNKS),                  "" },
        { REQUEST(POST CHUNKED "\r\n-2\r\n{}\r\n" END_CHUNKS),                 "" },
        { REQUEST(POST CHUNKED "\r\n+2\r\n{}\r\n" END_CHUNKS),                 "" },
        { REQUEST(POST CHUNKED "\r\n0x2\r\n{}\r\n" END_CHUNKS),                "" },
        { REQUEST(POST CHUNKED "\r\n 2\r\n{}\r\n" END_CHUNKS),                 "" },
        { REQUEST(POST CHUNKED "\r\n\r\n{}\r\n" END_CHUNKS),                   "" },
        { REQUEST(POST CHUNKED "\r\n2\r\n{}xx" END_CHUNKS),                    "" },
        { REQUEST(POST CHUNKED "\r\n10000000000000002\r\n{}\r\n" END_CHUNKS),  "" },
        { REQUEST(POST CHUNKED "\r\nffffffffffffffffff\r\n{}\r\n" END_CHUNKS), "" },
        /* neither framing, so there is no telling what the rest is */
        { REQUEST(POST "\r\n{}"),                                              "Content-Length is missing" },
        { REQUEST("POST /nope HTTP/1.1\r\nHost: t\r\n\r\n"),                   "No resource" },
        /* what libmicrohttpd does not show */
        { REQUEST(POST CL_2 "A: b\0c\r\n\r\n{}"),                            "has a NUL" },
        { REQUEST(POST CL_2 "A: \0\r\n\r\n{}"),                              "has a NUL" },
        { REQUEST(POST CL_2 "A: b\0\r\n\r\n{}"),                             "has a NUL" },
        { REQUEST(POST CL_2 "A\0B: b\r\n\r\n{}"),                            "" },
        { REQUEST(POST CL_2 "Content-Length\0: 5\r\n\r\n{}"),                "" },
        { REQUEST(POST "Content-Length: 2\0" "0\r\n\r\n{}"),                  "has a NUL" },
        { REQUEST(POST "A: b\nContent-Length: 2\r\n\r\n{}"),                "without CRLF" },
        { REQUEST(POST "Content-Length: 2\n\r\n{}"),                         "without CRLF" },
        { REQUEST(POST "Content-Length: 2\r\n\n{}"),                         "without CRLF" },
        { REQUEST("GET /echo/x HTTP/1.1\nHost: t\n\n"),                      "without CRLF" },
        { REQUEST(POST CL_2 "A: b\r\n c\r\n\r\n{}"),                        "folded" },
        { REQUEST(POST CL_2 "A: b\r\n\tc\r\n\r\n{}"),                       "folded" },
        { REQUEST(POST "Content-: 2\r\n Length\r\n\r\n{}"),                 "folded" },
        { REQUEST(POST "Transfer-: chunked\r\n Encoding\r\n\r\n" END_CHUNKS), "folded" },
        { REQUEST("GET /echo/x HTTP/1.1\r\nHo: t\r\n st\r\n\r\n"),         "folded" },
        { REQUEST(POST CL_2 ": no name\r\nA: b\r\n\r\n{}"),                 "without a name" },
        { REQUEST("GET /echo/x HTTP/1.1\r\nHost: t\r\n:\r\nA: b\r\n\r\n"), "without a name" },
        { REQUEST("GET /echo/x HTTP/1.1\r\n: a\r\nHost: t\r\n\r\n"),       "no name" },
        /* request lines */
        { REQUEST("GET /echo/x y HTTP/1.1\r\nHost: t\r\n\r\n"),                "holds a blank" },
        { REQUEST("GET /echo/x\t HTTP/1.1\r\nHost: t\r\n\r\n"),                "" },
        { REQUEST("GET /echo/x HTTP/1.1 \r\nHost: t\r\n\r\n"),                 "" },
        { REQUEST("GET  /echo/x HTTP/1.1\r\nHost: t\r\n\r\n"),                 "more than one blank" },
        { REQUEST("GET /echo/x HTTP/9.9\r\nHost: t\r\n\r\n"),                  "" },
        { REQUEST("GET /echo/x HTTP/1.1x\r\nHost: t\r\n\r\n"),                 "" },
        { REQUEST("GET /echo/x HTTQ/1.1\r\nHost: t\r\n\r\n"),                  "" },
        { REQUEST("GET /echo/x\r\nHost: t\r\n\r\n"),                           "" },
        { REQUEST("GET /echo/x%00y HTTP/1.1\r\nHost: t\r\n\r\n"),              "holds %00" },
        { REQUEST("GET /echo/x HTTP/1.1\0y\r\nHost: t\r\n\r\n"),               "" },
        { REQUEST("GET /echo/x\0y HTTP/1.1\r\nHost: t\r\n\r\n"),               "" },
    };
    /* clang-format on */
    return cr_make_param_array(struct smuggling_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct smuggling_case *c, smuggling, refused)
{
    struct http_server *server = serve_counted();
    int fd = dial(server), status = 0;
    char bytes[512];
    memcpy(bytes, c->request, c->len);
    memcpy(bytes + c->len, BEHIND, sizeof BEHIND - 1);
    send_bytes(fd, bytes, c->len + sizeof BEHIND - 1);
    hear_out(fd);
    bool by_mhd = mhd_answered(heard), cut = by_mhd && heard[0] == '\0';
    cr_expect_eq(answers_heard(), cut ? 0 : 1, "%s\n-- is answered --\n%s", c->request, heard);
    cr_expect_eq(n_handled, 0, "%s\n-- is handled --\n%s", c->request, heard);
    cr_expect(cut || (sscanf(heard, "HTTP/1.%*1d %d", &status) == 1 && status >= 400),
              "%s\n-- is answered --\n%s", c->request, heard);
    cr_expect(by_mhd || strstr(heard, c->want) != NULL, "%s\n-- is answered --\n%s", c->request,
              heard);
    close(fd);
    http_server_close(&server);
}

/* ---- chunked bodies ---- */

/* libmicrohttpd reads the framing of chunks by itself, and 0.9.75 takes a bare LF where a CRLF must
 * stand. Wherever a proxy sees the end of such a body, no byte behind it is served as a request. */
struct chunked_case {
    char body[100];
    size_t len;
    bool good; /* its framing is that of RFC 9112, 7.1, and it must be served */
};

#define CHUNKS(...) .body = __VA_ARGS__, .len = sizeof(__VA_ARGS__) - 1

ParameterizedTestParameters(smuggling, chunked)
{
    /* clang-format off */
    static struct chunked_case cases[] = {
        { CHUNKS("2\r\n{}\r\n0\r\n\r\n"),            true },
        { CHUNKS("1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),   true },
        { CHUNKS("2\r\n{}\r\n0\r\nA: b\r\n\r\n"),    true },
        { CHUNKS("0\r\n\r\n"),                       true },
        /* extensions are allowed; libmicrohttpd 1.0 refuses some */
        { CHUNKS("2;a=b\r\n{}\r\n0;c\r\n\r\n"),      false },
        /* a bare LF, or CR, in each place */
        { CHUNKS("2\n{}\r\n0\r\n\r\n"),              false },
        { CHUNKS("2;a\n{}\r\n0\r\n\r\n"),            false },
        { CHUNKS("2;a\nb\r\n{}\r\n0\r\n\r\n"),       false },
        { CHUNKS("2;a\rb\r\n{}\r\n0\r\n\r\n"),       false },
        { CHUNKS("2\r\n{}\n0\r\n\r\n"),              false },
        { CHUNKS("2\r\n{}\r0\r\n\r\n"),              false },
        { CHUNKS("2\r\n{}\r\n0\n\r\n"),              false },
        { CHUNKS("2\r\n{}\r\n0\r\n\n"),              false },
        { CHUNKS("2\r\n{}\r\n0\n\n"),                false },
        { CHUNKS("2\r\n{}\r\n0\r\nA: b\n\r\n"),      false },
        { CHUNKS("2\r\n{}\r\n0\r\nA: b\n\n"),        false },
        { CHUNKS("2\r\n{}\r\n0\r\nA: b\r\n c\r\n\r\n"), false },
        { CHUNKS("2\r\n{}\r\n0\r\n: b\r\n\r\n"),     false },
        { CHUNKS("2\n{}\n0\n\n"),                    false },
        /* blanks and other bytes about the size */
        { CHUNKS("2 \r\n{}\r\n0\r\n\r\n"),           false },
        { CHUNKS("2\t;a\r\n{}\r\n0\r\n\r\n"),        false },
        { CHUNKS("2\0\r\n{}\r\n0\r\n\r\n"),          false },
        { CHUNKS("2\r\r\n{}\r\n0\r\n\r\n"),          false },
        { CHUNKS("2\r\n{}\r\n\r\n0\r\n\r\n"),        false },
    };
    /* clang-format on */
    return cr_make_param_array(struct chunked_case, cases, sizeof cases / sizeof cases[0]);
}

static void send_chunked(int fd, const char *path, const struct chunked_case *c)
{
    char bytes[600];
    int head = snprintf(
        bytes, sizeof bytes,
        "POST %s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n" CHUNKED "\r\n", path);
    memcpy(bytes + head, c->body, c->len);
    memcpy(bytes + head + c->len, BEHIND, sizeof BEHIND - 1);
    send_bytes(fd, bytes, (size_t)head + c->len + sizeof BEHIND - 1);
}

ParameterizedTest(struct chunked_case *c, smuggling, chunked)
{
    struct http_server *server = serve_counted();
    int fd = dial(server), status = 0;
    send_chunked(fd, "/echo/x", c);
    hear_out(fd);
    cr_expect_eq(answers_heard(), 1, "%s\n-- is answered --\n%s", c->body, heard);
    cr_expect_eq(sscanf(heard, "HTTP/1.%*1d %d", &status), 1);
    cr_expect(status == 200 ? n_handled == 1 : status >= 400 && n_handled == 0,
              "%d, %u handled: %s", status, (unsigned)n_handled, c->body);
    cr_expect(status == 200 || !c->good, "%d to %s", status, c->body);
    cr_expect_not_null(strstr(heard, "\r\nConnection: close\r\n"), "%s", heard);
    cr_expect_null(strstr(heard, "smuggled"));
    close(fd);
    http_server_close(&server);
}

/* The bytes behind the body are in libmicrohttpd's buffer, or come, while the request waits. */
Test(smuggling, nothing_is_served_behind_a_deferred_chunked_request)
{
    struct http_server *server = serve();
    const struct chunked_case c = { CHUNKS("2\r\n{}\r\n0\r\n\r\n"), true };
    int fd = dial(server);
    send_chunked(fd, "/hold", &c);
    cr_assert(WAIT_UNTIL(n_held == 1, PATIENCE_S));
    send_text(fd, BEHIND);
    release_held(0, 1, 200);
    hear_out(fd);
    cr_expect_eq(answers_heard(), 1, "%s", heard);
    cr_expect_not_null(strstr(heard, "held 200"));
    cr_expect_not_null(strstr(heard, "\r\nConnection: close\r\n"), "%s", heard);
    close(fd);
    http_server_close(&server);
}

/* A refused request too: its body is read and thrown away first. */
Test(smuggling, nothing_is_served_behind_a_refused_chunked_request)
{
    struct http_server *server = serve();
    const struct chunked_case c = { CHUNKS("2\r\n{}\r\n0\r\n\r\n"), true };
    int fd = dial(server);
    send_chunked(fd, "/nope", &c);
    hear_out(fd);
    cr_expect_eq(answers_heard(), 1, "%s", heard);
    cr_expect_not_null(strstr(heard, "not_found"));
    cr_expect_not_null(strstr(heard, "\r\nConnection: close\r\n"), "%s", heard);
    close(fd);
    http_server_close(&server);
}

/* Browsers send the cookies of every port of localhost. Such a section fits, and a copy of its
 * cookies, which libmicrohttpd 0.9.75 makes, does not: that is answered once. */
Test(smuggling, cookies_that_do_not_fit_are_answered_once)
{
    enum { COOKIE_BYTES = 10000 };
    static char text[COOKIE_BYTES + 200];
    struct http_server *server = serve();
    int fd = dial(server), status = 0;
    size_t len = (size_t)snprintf(
        text, sizeof text, "GET /echo/x HTTP/1.1\r\nHost: t\r\nConnection: close\r\nCookie: ");
    memset(text + len, 'c', COOKIE_BYTES);
    memcpy(text + len + COOKIE_BYTES, "\r\n\r\n", 5);
    send_text(fd, text);
    hear_out(fd);
    cr_expect_eq(answers_heard(), 1, "%s", heard);
    cr_expect_eq(sscanf(heard, "HTTP/1.%*1d %d", &status), 1);
    cr_expect(status == 200 || status == 400 || status == 431, "%d", status);
    close(fd);
    http_server_close(&server);
}
