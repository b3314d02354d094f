/* What a request says of itself in headers: which types it takes, whose trace it belongs to. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "unit/http/http_fixture.h"

static struct answer answer;

/* "lines" where they are preferred, and whose trace it is. */
static void handle_choice(struct http_request *req, void *ctx)
{
    (void)ctx;
    bool lines = http_prefers(req, "application/x-ndjson", "application/json");
    struct buf out = BUF_INIT(256);
    buf_printf(&out, "%s|%d|%s", lines ? "lines" : "json",
               http_accepts(req, "application/x-ndjson"), http_trace_id(req));
    http_answer(req, 200, "text/plain", &out);
}

#define BOTH "application/json, application/x-ndjson"

/* clang-format off */
static const struct http_route choice_routes[] = {
    { "POST", "/choice", HTTP_LIST_BODY, HTTP_ANYONE, handle_choice, fixture_statuses, BOTH },
    { "GET",  "/choice", HTTP_NO_BODY,   HTTP_ANYONE, handle_choice, fixture_statuses, BOTH },
    { "GET",  "/probe",  HTTP_NO_BODY,   HTTP_ANYONE, handle_choice, fixture_statuses, NULL },
};
/* clang-format on */

static char logged[256];

static void log_answer(void *ctx, const struct http_answered *answered)
{
    (void)ctx;
    (void)snprintf(logged, sizeof logged, "%s|%s", answered->trace_id, answered->route);
}

static struct http_server *serve_choice(void)
{
    return serve_with(&(struct http_options){ SERVE_OPTIONS, .routes = choice_routes, .n_routes = 3,
                                              .on_answer = log_answer });
}

static void get_with(int fd, const char *path, const char *headers)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: t\r\n%s\r\n", path, headers);
    send_text(fd, text);
    cr_assert(read_answer(fd, &answer));
}

struct accept_case {
    char headers[128];
    int status;
    char want[16]; /* of the body */
};

ParameterizedTestParameters(negotiation, accept)
{
    /* clang-format off */
    static struct accept_case cases[] = {
        { "",                                                            200, "json|1|" },
        { "Accept:\r\n",                                                 200, "json|1|" },
        { "Accept: */*\r\n",                                             200, "json|1|" },
        { "Accept: application/*\r\n",                                   200, "json|1|" },
        { "Accept: application/json\r\n",                                200, "json|0|" },
        { "accept: application/x-ndjson\r\n",                            200, "lines|1|" },
        { "Accept: application/x-ndjson, */*\r\n",                       200, "lines|1|" },
        { "Accept: application/x-ndjson;q=0.5, application/json;q=0.6\r\n", 200, "json|1|" },
        { "Accept: text/html\r\nAccept: application/x-ndjson\r\n",       200, "lines|1|" },
        { "Accept: text/html, nonsense\r\n",                             200, "json|1|" },
        { "Accept: application/problem+json\r\n",                        200, "json|0|" },
        { "Accept: text/html\r\n",                                       406, "not_acceptable" },
        { "Accept: application/json;q=0, application/x-ndjson;q=0\r\n",  406, "not_acceptable" },
        { "Accept: text/html\r\nAccept: text/*\r\n",                     406, "not_acceptable" },
    };
    /* clang-format on */
    return cr_make_param_array(struct accept_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct accept_case *c, negotiation, accept)
{
    struct http_server *server = serve_choice();
    int fd = dial(server);
    get_with(fd, "/choice", c->headers);
    cr_expect_eq(answer.status, c->status, "%d to %s", answer.status, c->headers);
    cr_expect_not_null(strstr(answer.body, c->want), "%s to %s", answer.body, c->headers);
    if (c->status == 406) {
        cr_expect(answer_has(&answer, "Content-Type", "application/problem+json"));
        cr_expect_not_null(strstr(answer.body, "must allow one of " BOTH), "%s", answer.body);
    }
    get_with(fd, "/probe", c->headers);
    cr_expect_eq(answer.status, 200, "a probe is never refused, nor after %s", c->headers);
    close(fd);
    http_server_close(&server);
}

/* Behind the two 415, before 411 and 413. */
Test(negotiation, the_order_of_checks)
{
    struct http_server *server = serve_choice();
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        { "Content-Type: a/b\r\nContent-Length: 99999999\r\n", 415 },
        { "Content-Type: application/json\r\nContent-Encoding: br\r\n", 415 },
        { "Content-Type: application/json\r\n", 406 },
        { "Content-Type: application/json\r\nContent-Length: 99999999\r\n", 406 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = dial(server);
        send_text(fd, "POST /choice HTTP/1.1\r\nHost: t\r\nAccept: text/html\r\n"
                      "Expect: 100-continue\r\n");
        send_text(fd, cases[i].headers);
        send_text(fd, "\r\n");
        cr_assert(read_answer(fd, &answer));
        cr_expect_eq(answer.status, cases[i].status, "%s", cases[i].headers);
        close(fd);
    }
    http_server_close(&server);
}

#define TRACE_ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define TRACEPARENT "traceparent: 00-" TRACE_ID "-00f067aa0ba902b7-01\r\n"

Test(negotiation, a_trace_goes_with_its_request)
{
    struct http_server *server = serve_choice();
    int fd = dial(server);
    get_with(fd, "/choice", TRACEPARENT);
    cr_expect_str_eq(answer.body, "json|1|" TRACE_ID);
    cr_expect_str_eq(logged, TRACE_ID "|/choice");
    get_with(fd, "/nope", "TraceParent: 00-" TRACE_ID "-00f067aa0ba902b7-00\r\n");
    cr_expect_eq(answer.status, 404);
    cr_expect_str_eq(logged, TRACE_ID "|", "refusals too");
    static const char *const none[] = { "", "traceparent: 00-" TRACE_ID "-01\r\n",
                                        "traceparent:\r\n", TRACEPARENT TRACEPARENT };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        get_with(fd, "/choice", none[i]);
        cr_expect_eq(answer.status, 200);
        cr_expect_str_eq(answer.body, "json|1|", "%s", none[i]);
        cr_expect_str_eq(logged, "|/choice");
    }
    close(fd);
    http_server_close(&server);
}
