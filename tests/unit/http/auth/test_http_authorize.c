/* Who is let in, over a real server: what a request without a good key hears, on which routes, and
 * before or after what; which accounts a key opens; its rate; and a reload. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "unit/http/http_fixture.h"
#include "unit/http/key_folder.h"

static struct answer answer;

/* ---- a server that asks for keys ---- */

/* Answers 200 with the name of the key and whether it may use the account of the path. */
static void handle_who(struct http_request *req, void *ctx)
{
    (void)ctx;
    const char *name = http_key_name(req);
    struct buf out = BUF_INIT(256);
    buf_printf(&out, "%s %s", name != NULL ? name : "-",
               http_may_use(req, http_path_part(req, 0)) ? "may" : "may not");
    http_answer(req, 200, "text/plain", &out);
}

/* Holds as many requests as its path says. */
static void handle_many(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct buf out = BUF_INIT(16);
    http_charge(req, (uint32_t)strtoul(http_path_part(req, 0), NULL, 10) - 1);
    buf_add_str(&out, "many");
    http_answer(req, 200, "text/plain", &out);
}

/* clang-format off */
#define ROUTE(m, p, b, a, h)                                                                       \
    { .method = (m), .path = (p), .body = (b), .access = (a), .handle = (h), .statuses = fixture_statuses }

static const struct http_route who_routes[] = {
    ROUTE("GET",  "/key/{account}",     HTTP_NO_BODY,   HTTP_WITH_KEY, handle_who),
    ROUTE("POST", "/key/{account}",     HTTP_JSON_BODY, HTTP_WITH_KEY, handle_who),
    ROUTE("GET",  "/anyone/{account}",  HTTP_NO_BODY,   HTTP_ANYONE,   handle_who),
    ROUTE("GET",  "/figures/{account}", HTTP_NO_BODY,   HTTP_FIGURES,  handle_who),
    ROUTE("GET",  "/many/{n}",          HTTP_NO_BODY,   HTTP_WITH_KEY, handle_many),
    ROUTE("POST", "/hold",              HTTP_JSON_BODY, HTTP_WITH_KEY, handle_hold),
};
/* clang-format on */

#define WHO_ROUTES .routes = who_routes, .n_routes = sizeof who_routes / sizeof who_routes[0]

static struct http_server *serve_keys(const char *lines)
{
    return serve_with(
        &(struct http_options){ SERVE_OPTIONS, WHO_ROUTES, .keys_file = key_write_text(lines) });
}

/* Key 1 may all, key 2 only A and B. */
static const char *two_keys(void)
{
    static char lines[512];
    (void)snprintf(lines, sizeof lines, "one %s\ntwo %s accounts=A,B\n", key_hash_text(1),
                   key_hash_text(2));
    return lines;
}

/* `authorization`: header lines, each with CRLF. */
static void ask(int fd, const char *path, const char *authorization)
{
    char text[2048];
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: t\r\n%s\r\n", path, authorization);
    cr_assert(send_text(fd, text));
    cr_assert(read_answer(fd, &answer), "%s", text);
}

static void ask_with(int fd, const char *path, int key)
{
    char header[128];
    (void)snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", key_text(key));
    ask(fd, path, header);
}

static void expect_answer(int status, const char *part)
{
    cr_expect_eq(answer.status, status, "%d, not %d: %s", answer.status, status, answer.body);
    cr_expect_not_null(strstr(answer.body, part), "no %s in %s", part, answer.body);
}

/* ---- what is a key ---- */

#define PLAIN "Bearer realm=\"ordersd\""
#define INVALID PLAIN ", error=\"invalid_token\""

struct header_case {
    char header[160]; /* % stands for a good key */
    char code[16];    /* "": let in */
    char challenge[64];
};

ParameterizedTestParameters(authorize, headers)
{
    /* clang-format off */
    static struct header_case cases[] = {
        { "Authorization: Bearer %\r\n",            "", "" },
        { "authorization: bEARER %\r\n",            "", "" },
        { "Authorization: Bearer   % \t \r\n",      "", "" },
        { "",                                       "key_missing", PLAIN },
        { "X-Authorization: Bearer %\r\n",          "key_missing", PLAIN },
        { "Authorization: Basic YTpi\r\n",          "key_malformed", PLAIN },
        { "Authorization: %\r\n",                   "key_malformed", PLAIN },
        { "Authorization: Bearer\r\n",              "key_malformed", INVALID },
        { "Authorization: Bearer \r\n",             "key_malformed", INVALID },
        { "Authorization: Bearer% %\r\n",           "key_malformed", PLAIN },
        { "Authorization: Bearer % %\r\n",          "key_malformed", INVALID },
        { "Authorization: Bearer %, Bearer %\r\n",  "key_malformed", INVALID },
        { "Authorization: Bearer \"%\"\r\n",        "key_malformed", INVALID },
        { "Authorization: Bearer =\r\n",            "key_malformed", INVALID },
        { "Authorization: Bearer %\r\nAuthorization: Bearer %\r\n", "key_malformed", PLAIN },
        { "Authorization: Bearer %x\r\n",           "key_unknown", INVALID },
        { "Authorization: Bearer x\r\n",            "key_unknown", INVALID },
        { "Authorization: Bearer %=\r\n",           "key_unknown", INVALID },
    };
    /* clang-format on */
    return cr_make_param_array(struct header_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct header_case *c, authorize, headers)
{
    struct http_server *server = serve_keys(two_keys());
    struct buf header = BUF_INIT(1024);
    int fd = dial(server);
    for (const char *at = c->header; *at != '\0'; at++)
        if (*at == '%')
            buf_add_str(&header, key_text(1));
        else
            buf_add_char(&header, *at);
    for (int i = 0; i < 2; i++) { /* the connection goes on */
        ask(fd, "/key/A", header.data != NULL ? header.data : "");
        if (c->code[0] == '\0') {
            expect_answer(200, "one may");
        } else {
            expect_answer(401, c->code);
            cr_expect(answer_has(&answer, "WWW-Authenticate", c->challenge), "%s", answer.head);
            cr_expect(answer_has(&answer, "Content-Type", "application/problem+json"));
            cr_expect_null(strstr(answer.body, key_text(1)), "a key is shown");
        }
    }
    buf_fini(&header);
    close(fd);
    http_server_close(&server);
}

static void expect_length(int fd, size_t len, const char *code)
{
    char header[1024] = "Authorization: Bearer ";
    size_t at = strlen(header);
    memset(header + at, 'k', len);
    memcpy(header + at + len, "\r\n", 3);
    ask(fd, "/key/A", header);
    expect_answer(401, code);
}

Test(authorize, a_key_has_a_bound)
{
    struct http_server *server = serve_keys(two_keys());
    int fd = dial(server);
    expect_length(fd, HTTP_KEY_MAX, "key_unknown");
    expect_length(fd, HTTP_KEY_MAX + 1, "key_malformed");
    close(fd);
    http_server_close(&server);
}

/* ---- routes ---- */

Test(authorize, some_routes_ask_nobody)
{
    struct http_server *server = serve_keys(two_keys());
    int fd = dial(server);
    ask(fd, "/anyone/A", "");
    expect_answer(200, "- may not");
    ask(fd, "/figures/A", "");
    expect_answer(200, "- may not");
    ask_with(fd, "/anyone/A", 2);
    expect_answer(200, "two may");
    ask_with(fd, "/anyone/A", 3);
    expect_answer(200, "- may not");
    ask(fd, "/anyone/A", "Authorization: Basic YTpi\r\n");
    expect_answer(200, "- may not");
    close(fd);
    http_server_close(&server);
}

Test(authorize, figures_may_be_guarded)
{
    struct http_server *server =
        serve_with(&(struct http_options){ SERVE_OPTIONS, WHO_ROUTES, .guard_figures = true,
                                           .keys_file = key_write_text(two_keys()) });
    int fd = dial(server);
    ask(fd, "/figures/A", "");
    expect_answer(401, "key_missing");
    ask_with(fd, "/figures/A", 2);
    expect_answer(200, "two may");
    ask(fd, "/anyone/A", "");
    expect_answer(200, "-");
    close(fd);
    http_server_close(&server);
}

Test(authorize, without_keys_everyone_may_everything)
{
    struct http_server *server =
        serve_with(&(struct http_options){ SERVE_OPTIONS, WHO_ROUTES, .guard_figures = true });
    int fd = dial(server);
    ask(fd, "/key/A", "");
    expect_answer(200, "- may");
    cr_expect_null(strstr(answer.body, "not"));
    ask_with(fd, "/figures/A", 1);
    expect_answer(200, "- may");
    close(fd);
    http_server_close(&server);
}

Test(authorize, accounts_are_those_of_the_key)
{
    struct http_server *server = serve_keys(two_keys());
    int fd = dial(server);
    ask_with(fd, "/key/B", 2);
    expect_answer(200, "two may");
    cr_expect_null(strstr(answer.body, "not"));
    ask_with(fd, "/key/C", 2);
    expect_answer(200, "two may not");
    ask_with(fd, "/key/C", 1);
    expect_answer(200, "one may");
    close(fd);
    http_server_close(&server);
}

/* ---- the order of checks ---- */

struct order_case {
    char request[200]; /* K stands for the header of a good key */
    int status;
};

ParameterizedTestParameters(authorize, order)
{
    /* clang-format off */
    static struct order_case cases[] = {
        { "GET /key/A HTTP/1.1\r\n\r\n",                                                 400 },
        { "GET /nope HTTP/1.1\r\nHost: t\r\n\r\n",                                       404 },
        { "PUT /key/A HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n",                 405 },
        { "POST /key/A HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}",              401 },
        { "POST /key/A HTTP/1.1\r\nHost: t\r\n\r\n",                                     401 },
        { "POST /key/A HTTP/1.1\r\nHost: t\r\nContent-Length: 99999\r\n\r\n",            401 },
        { "POST /key/A HTTP/1.1\r\nHost: t\r\nKContent-Length: 2\r\n\r\n{}",             415 },
    };
    /* clang-format on */
    return cr_make_param_array(struct order_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct order_case *c, authorize, order)
{
    struct http_server *server = serve_keys(two_keys());
    struct buf text = BUF_INIT(200 * 1024);
    int fd = dial(server);
    for (const char *at = c->request; *at != '\0'; at++)
        if (*at == 'K')
            buf_printf(&text, "Authorization: Bearer %s\r\n", key_text(1));
        else
            buf_add_char(&text, *at);
    if (strstr(c->request, "99999") != NULL)
        for (int i = 0; i < 99999; i++)
            buf_add_char(&text, 'x');
    cr_assert(send_bytes(fd, text.data, text.len));
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, c->status, "%d for %s", answer.status, c->request);
    buf_fini(&text);
    close(fd);
    http_server_close(&server);
}

/* ---- rates ---- */

/* One token in far more time than a test takes. */
static struct http_server *serve_rate(void)
{
    static char lines[512];
    (void)snprintf(lines, sizeof lines, "one %s rate=1/s burst=1000\ntwo %s\n", key_hash_text(1),
                   key_hash_text(2));
    return serve_keys(lines);
}

static unsigned limit_part(char part)
{
    char text[64] = "", want[] = { ';', part, '=', '\0' };
    (void)answer_header(&answer, "RateLimit", text, sizeof text);
    const char *at = strstr(text, want);
    return at != NULL ? (unsigned)strtoul(at + 3, NULL, 10) : UINT32_MAX;
}

Test(authorize, a_rate_is_kept_and_shown)
{
    struct http_server *server = serve_rate();
    int fd = dial(server);
    ask_with(fd, "/key/A", 1);
    expect_answer(200, "one may");
    cr_expect(answer_has(&answer, "RateLimit-Policy", "\"key\";q=1000;w=1000"), "%s", answer.head);
    cr_expect_geq(limit_part('r'), 999);
    cr_expect_leq(limit_part('t'), 1);
    ask_with(fd, "/many/2000", 1); /* into a debt that takes many minutes */
    expect_answer(200, "many");
    cr_expect_eq(limit_part('r'), 0);
    cr_expect_gt(limit_part('t'), 600);

    ask_with(fd, "/key/A", 1);
    expect_answer(429, "\"code\":\"rate_limited\"");
    cr_expect_not_null(strstr(answer.body, "\"retryable\":true"));
    cr_expect_not_null(strstr(answer.body, "\"retry_after_ms\":"));
    char after[32] = "";
    cr_expect(answer_header(&answer, "Retry-After", after, sizeof after));
    cr_expect_gt(strtol(after, NULL, 10), 600);
    cr_expect_leq(strtol(after, NULL, 10), 1002);
    cr_expect_eq(limit_part('r'), 0);

    ask_with(fd, "/key/A", 2);
    expect_answer(200, "two may");
    cr_expect_null(strstr(answer.head, "RateLimit"), "a key without a rate");
    close(fd);
    http_server_close(&server);
}

Test(authorize, what_is_refused_for_other_reasons_costs_nothing)
{
    struct http_server *server = serve_rate();
    char text[512];
    int fd = dial(server);
    (void)snprintf(text, sizeof text,
                   "POST /key/A HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
                   "Content-Length: 2\r\n\r\n{}",
                   key_text(1));
    cr_assert(send_text(fd, text));
    cr_assert(read_answer(fd, &answer));
    expect_answer(415, "unsupported_media_type");
    cr_expect_eq(limit_part('r'), 1000, "%s", answer.head);
    ask_with(fd, "/anyone/A", 1);
    cr_expect_null(strstr(answer.head, "RateLimit"), "nobody is asked here");
    ask_with(fd, "/key/A", 1);
    cr_expect_geq(limit_part('r'), 999);
    close(fd);
    http_server_close(&server);
}

Test(authorize, a_refused_order_says_that_it_is_not_accepted)
{
    struct http_server *server = serve_rate();
    char text[512];
    int fd = dial(server);
    ask_with(fd, "/many/5000", 1);
    for (int key = 0; key < 2; key++) {
        (void)snprintf(text, sizeof text,
                       "POST /key/A HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                       "Authorization: Bearer %s\r\nContent-Length: 2\r\n\r\n{}",
                       key_text(key));
        cr_assert(send_text(fd, text));
        cr_assert(read_answer(fd, &answer));
        expect_answer(key == 1 ? 429 : 401, "\"outcome\":\"not_accepted\"");
    }
    close(fd);
    http_server_close(&server);
}

/* ---- reloads ---- */

static void reload(struct http_server *server, const char *lines, bool good)
{
    struct err err = { .text = "" };
    (void)key_write_text(lines);
    cr_expect_eq(http_server_reload_keys(server, &err), good, "%s", err.text);
}

Test(authorize, a_reload_counts_from_the_next_request)
{
    struct http_server *server = serve_keys(two_keys());
    char lines[256];
    int fd = dial(server);
    struct http_keys_info info;
    ask_with(fd, "/key/A", 1);
    expect_answer(200, "one may");
    (void)snprintf(lines, sizeof lines, "three %s\n", key_hash_text(3));
    reload(server, lines, true);
    http_server_keys(server, &info);
    cr_expect_eq(info.count, 1);
    ask_with(fd, "/key/A", 1);
    expect_answer(401, "key_unknown");
    ask_with(fd, "/key/A", 3);
    expect_answer(200, "three may");

    reload(server, "three sha256:abc\n", false);
    ask_with(fd, "/key/A", 3);
    expect_answer(200, "three may");
    close(fd);
    http_server_close(&server);
}

Test(authorize, a_reload_fills_no_bucket)
{
    struct http_server *server = serve_rate();
    char lines[256];
    int fd = dial(server);
    ask_with(fd, "/many/5000", 1);
    expect_answer(200, "many");
    (void)snprintf(lines, sizeof lines, "x %s\none %s rate=1/s burst=1000\n", key_hash_text(3),
                   key_hash_text(1));
    reload(server, lines, true);
    ask_with(fd, "/key/A", 1);
    expect_answer(429, "rate_limited");
    (void)snprintf(lines, sizeof lines, "one %s rate=2/s burst=1000\n", key_hash_text(1));
    reload(server, lines, true);
    ask_with(fd, "/key/A", 1);
    expect_answer(200, "one may");
    close(fd);
    http_server_close(&server);
}

Test(authorize, without_keys_there_is_nothing_to_reload)
{
    struct http_server *server = serve();
    struct http_keys_info info = { .count = 7 };
    struct err err;
    cr_expect(http_server_reload_keys(server, &err));
    http_server_keys(server, &info);
    cr_expect_eq(info.count, 0);
    http_server_close(&server);
}

/* The request that came with a key has it, though the key is revoked before the answer. */
Test(authorize, a_request_keeps_the_key_it_came_with)
{
    struct http_server *server = serve_keys(two_keys());
    char text[512], lines[256];
    int fd = dial(server);
    (void)snprintf(text, sizeof text,
                   "POST /hold HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                   "Authorization: Bearer %s\r\nContent-Length: 2\r\n\r\n{}",
                   key_text(2));
    cr_assert(send_text(fd, text));
    cr_assert(WAIT_UNTIL(n_held == 1, PATIENCE_S));
    (void)snprintf(lines, sizeof lines, "three %s\n", key_hash_text(3));
    for (int i = 0; i < 3; i++)
        reload(server, lines, true);
    int other = dial(server);
    ask_with(other, "/key/A", 3); /* its loop has let the old set go */
    expect_answer(200, "three may");
    cr_expect_str_eq(http_key_name(held[0].req), "two");
    cr_expect(http_may_use(held[0].req, "A"));
    cr_expect_not(http_may_use(held[0].req, "C"));
    release_held(0, 1, 200);
    cr_assert(read_answer(fd, &answer));
    expect_answer(200, "held");
    close(other);
    close(fd);
    http_server_close(&server);
}

Test(authorize, no_server_without_its_keys)
{
    struct err err = { .text = "" };
    struct http_options options = { SERVE_OPTIONS, WHO_ROUTES,
                                    .keys_file = key_write_text("one key") };
    cr_expect_null(http_server_open(&options, &err));
    cr_expect_not_null(strstr(err.text, ", line 1: "), "%s", err.text);
}

/* ---- what is reported ---- */

static char reported[4][64];
static _Atomic unsigned n_reported;

static void note_key(void *ctx, const struct http_answered *answered)
{
    (void)ctx;
    (void)snprintf(reported[n_reported % 4], sizeof reported[0], "%d %s", answered->status,
                   answered->key);
    n_reported++;
}

Test(authorize, answers_are_reported_with_the_name_of_the_key)
{
    struct http_server *server =
        serve_with(&(struct http_options){ SERVE_OPTIONS, WHO_ROUTES, .on_answer = note_key,
                                           .keys_file = key_write_text(two_keys()) });
    int fd = dial(server);
    ask_with(fd, "/key/A", 2);
    ask_with(fd, "/key/A", 3);
    ask_with(fd, "/anyone/A", 1);
    cr_expect(WAIT_UNTIL(n_reported == 3, PATIENCE_S));
    cr_expect_str_eq(reported[0], "200 two");
    cr_expect_str_eq(reported[1], "401 ");
    cr_expect_str_eq(reported[2], "200 one");
    close(fd);
    http_server_close(&server);
}
