/* A web page whose name was given the address of loopback makes a browser ask a server there. Such
 * a request names the page's host, or its origin, and is refused on every route but the probes. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "unit/http/http_fixture.h"

static struct answer answer;

/* clang-format off */
static const struct http_route guarded_routes[] = {
    { "GET",  "/live/{part}",    HTTP_NO_BODY,   HTTP_PROBE,    handle_echo, fixture_statuses, NULL },
    { "GET",  "/health/{part}",  HTTP_NO_BODY,   HTTP_HEALTH,   handle_echo, fixture_statuses, NULL },
    { "GET",  "/metrics/{part}", HTTP_NO_BODY,   HTTP_FIGURES,  handle_echo, fixture_statuses, NULL },
    { "GET",  "/page/{part}",    HTTP_NO_BODY,   HTTP_ANYONE,   handle_echo, fixture_statuses, NULL },
    { "POST", "/echo/{part}",    HTTP_JSON_BODY, HTTP_WITH_KEY, handle_echo, fixture_statuses, NULL },
};
/* clang-format on */

static struct http_server *serve_guarded(bool check)
{
    struct http_options options = { SERVE_OPTIONS, .routes = guarded_routes,
                                    .n_routes = sizeof guarded_routes / sizeof guarded_routes[0] };
    options.check_hosts = check;
    options.allowed_hosts = "orders.example.com";
    return serve_with(&options);
}

struct guard_case {
    char headers[160]; /* behind "GET TARGET" */
    int status;
    char code[24];
};

#define AT(target, host) target " HTTP/1.1\r\nHost: " host "\r\n"

ParameterizedTestParameters(rebinding, requests)
{
    /* clang-format off */
    static struct guard_case cases[] = {
        { AT("/page/x", "localhost:8080"),                                    200, "" },
        { AT("/page/x", "127.0.0.1"),                                         200, "" },
        { AT("/page/x", "[::1]:1"),                                           200, "" },
        { AT("/page/x", "orders.example.com"),                                200, "" },
        { "/page/x HTTP/1.0\r\n",                                             200, "" },
        { AT("http://localhost/page/x", "evil.test"),                         200, "" }, /* RFC 9112, 3.2.2 */
        { AT("/page/x", "localhost") "Origin: http://localhost:3000\r\n",     200, "" },
        { AT("/page/x", "localhost") "Origin: https://orders.example.com\r\n", 200, "" },
        { AT("/page/x", "evil.test"),                                         421, "host_not_allowed" },
        { AT("/page/x", "evil.test:8080"),                                    421, "host_not_allowed" },
        { AT("/page/x", ""),                                                  421, "host_not_allowed" },
        { AT("/health/x", "evil.test"),                                       421, "host_not_allowed" },
        { AT("/metrics/x", "evil.test"),                                      421, "host_not_allowed" },
        { AT("http://evil.test/page/x", "localhost"),                         421, "host_not_allowed" },
        { "/page/x HTTP/1.0\r\nHost: evil.test\r\n",                          421, "host_not_allowed" },
        { AT("/page/x", "localhost") "Origin: http://evil.test\r\n",          403, "origin_not_allowed" },
        { AT("/page/x", "localhost") "Origin: null\r\n",                      403, "origin_not_allowed" },
        { AT("/metrics/x", "localhost") "Origin: http://evil.test\r\n",       403, "origin_not_allowed" },
        /* a kubelet probes by the address of the pod */
        { AT("/live/x", "10.1.2.3:8080"),                                     200, "" },
        { AT("/live/x", "evil.test") "Origin: http://evil.test\r\n",          200, "" },
        { AT("/nothing", "evil.test"),                                        404, "not_found" },
    };
    /* clang-format on */
    return cr_make_param_array(struct guard_case, cases, sizeof cases / sizeof cases[0]);
}

static void ask(struct http_server *server, const struct guard_case *c)
{
    char text[300];
    int fd = dial(server);
    (void)snprintf(text, sizeof text, "GET %s\r\n", c->headers);
    cr_assert(send_text(fd, text) && read_answer(fd, &answer), "%s", text);
    close(fd);
}

ParameterizedTest(struct guard_case *c, rebinding, requests)
{
    struct http_server *server = serve_guarded(true);
    ask(server, c);
    cr_expect_eq(answer.status, c->status, "%d to %s", answer.status, c->headers);
    cr_expect_not_null(strstr(answer.body, c->code), "%s to %s", answer.body, c->headers);
    http_server_close(&server);
    server = serve_guarded(false);
    ask(server, c);
    cr_expect_eq(answer.status, c->status == 404 ? 404 : 200, "unchecked: %s", c->headers);
    http_server_close(&server);
}

/* An order is refused before it is read, and the connection goes on. */
Test(rebinding, orders_are_refused)
{
    static const char order[] =
        "POST /echo/x HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json"
        "\r\nContent-Length: 2\r\n\r\n{}";
    char text[300];
    struct http_server *server = serve_guarded(true);
    int fd = dial(server);
    (void)snprintf(text, sizeof text, order, "rebound.evil.test:8080");
    send_text(fd, text);
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 421);
    cr_expect_not_null(strstr(answer.body, "Host is \\\"rebound.evil.test:8080\\\""), "%s",
                       answer.body);
    cr_expect_not_null(strstr(answer.body, "HTTP_ALLOWED_HOSTS"));
    cr_expect_not_null(strstr(answer.body, "\"outcome\":\"not_accepted\""));
    cr_expect_not_null(strstr(answer.body, "\"retryable\":false"));
    (void)snprintf(text, sizeof text, order, "127.0.0.1");
    send_text(fd, text);
    cr_expect(read_answer(fd, &answer) && answer.status == 200);
    close(fd);
    http_server_close(&server);
}
