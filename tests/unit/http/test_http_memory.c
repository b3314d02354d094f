/* What clients make the server hold counts against one budget: answers that are not read, bodies,
 * and what was reserved for an answer. When the budget is used up, requests are refused, except
 * reserved answers, small answers and figures. A client that does not read is cut while requests
 * are refused. */
#include <criterion/criterion.h>

#include "base/budget.h"
#include "base/pieces.h"
#include "http/server.h"
#include "unit/http/http_fixture.h"

enum { MEMORY = 8 << 20, LARGE = 6 << 20, SMALL = 1000, FIGURES = 100 * 1000 };

static struct budget memory;
static struct answer answer;

static char byte_at(size_t at)
{
    return (char)('a' + (at * 7 + at / 251) % 26);
}

static void add_pattern(struct pieces *out, size_t len)
{
    char block[1 << 12];
    for (size_t at = 0; at < len; at += sizeof block) {
        size_t n = len - at < sizeof block ? len - at : sizeof block;
        for (size_t i = 0; i < n; i++)
            block[i] = byte_at(at + i);
        pieces_add(out, block, n);
    }
}

static size_t size_asked(struct http_request *req)
{
    return strtoul(http_path_part(req, 0), NULL, 10);
}

/* /pieces/{len}: reserved, then answered in pieces. */
static void handle_pieces(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct pieces out;
    size_t len = size_asked(req);
    pieces_init(&out, &memory);
    if (!pieces_reserve(&out, len)) {
        http_problem(req, &(struct http_problem){ .status = 503, .code = "full", .offset = -1 });
        return;
    }
    add_pattern(&out, len);
    http_answer_pieces(req, 200, "text/plain", &out);
}

/* /whole/{len}: in one buffer, and nothing is reserved. */
static void handle_whole(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct buf out = BUF_INIT(LARGE);
    for (size_t i = 0; i < size_asked(req); i++)
        buf_add_char(&out, byte_at(i));
    http_add_header(req, "Location", "/somewhere");
    http_answer(req, 200, "text/plain", &out);
}

static const char document[FIGURES] = "a document";

static void handle_static(struct http_request *req, void *ctx)
{
    (void)ctx;
    http_answer_static(req, 200, "text/plain", document, sizeof document);
}

/* /reserved: a deferred request that has room for SMALL and HTTP_ANSWER_FREE bytes more. */
static void handle_reserved(struct http_request *req, void *ctx)
{
    cr_assert(http_reserve(req, HTTP_ANSWER_FREE + SMALL));
    handle_hold(req, ctx);
}

static void finish_reserved(struct http_completion *completion)
{
    struct held *done = (struct held *)completion;
    struct buf out = BUF_INIT(HTTP_ANSWER_FREE + SMALL);
    for (size_t i = 0; i < HTTP_ANSWER_FREE + SMALL; i++)
        buf_add_char(&out, 'r');
    http_answer(done->req, 200, "text/plain", &out);
}

static const int statuses[] = { 200, 503, 0 };

/* clang-format off */
static const struct http_route routes[] = {
    { "GET",  "/pieces/{len}", HTTP_NO_BODY,   HTTP_ANYONE,  handle_pieces,   statuses, NULL },
    { "POST", "/pieces/{len}", HTTP_JSON_BODY, HTTP_ANYONE,  handle_pieces,   statuses, NULL },
    { "GET",  "/whole/{len}",  HTTP_NO_BODY,   HTTP_ANYONE,  handle_whole,    statuses, NULL },
    { "GET",  "/figures/{len}", HTTP_NO_BODY,  HTTP_FIGURES, handle_whole,    statuses, NULL },
    { "GET",  "/static",       HTTP_NO_BODY,   HTTP_ANYONE,  handle_static,   statuses, NULL },
    { "POST", "/reserved",     HTTP_JSON_BODY, HTTP_ANYONE,  handle_reserved, statuses, NULL },
};
/* clang-format on */

static struct http_server *serve_within(uint64_t bytes)
{
    struct http_options options = { SERVE_OPTIONS, .routes = routes,
                                    .n_routes = sizeof routes / sizeof routes[0] };
    budget_init(&memory, bytes, NULL);
    options.memory = &memory;
    return serve_with(&options);
}

static bool is_empty(void)
{
    return budget_used(&memory) == 0;
}

static void expect_status(int fd, const char *path, int status)
{
    cr_assert(send_get(fd, path));
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, status, "%s: %d %.200s", path, answer.status, answer.body);
}

/* Reads the head of an answer, and its body against the pattern. */
static void expect_pattern(int fd, size_t len)
{
    static char block[1 << 16];
    char length[32] = "";
    cr_assert(read_head(fd, &answer));
    cr_assert_eq(answer.status, 200);
    cr_assert(answer_header(&answer, "Content-Length", length, sizeof length));
    cr_assert_eq(strtoul(length, NULL, 10), len);
    for (size_t at = 0; at < len;) {
        size_t n = len - at < sizeof block ? len - at : sizeof block;
        cr_assert(read_exactly(fd, block, n));
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(block[i], byte_at(at + i), "byte %zu", at + i);
        at += n;
    }
}

Test(memory, an_answer_in_pieces_is_whole)
{
    static const char *const paths[] = { "/pieces/0",      "/pieces/1",     "/pieces/4096",
                                         "/pieces/4097",   "/pieces/65536", "/pieces/100000",
                                         "/pieces/1000000" };
    struct http_server *server = serve_within(MEMORY);
    int fd = dial(server);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        cr_assert(send_get(fd, paths[i]));
        expect_pattern(fd, strtoul(paths[i] + strlen("/pieces/"), NULL, 10));
    }
    cr_assert(send_text(fd, "HEAD /pieces/1000000 HTTP/1.1\r\nHost: t\r\n\r\n"));
    cr_assert(read_answer_to(fd, "HEAD", &answer));
    cr_expect(answer_has(&answer, "Content-Length", "1000000"));
    expect_status(fd, "/pieces/10", 200);
    cr_expect(WAIT_UNTIL(is_empty(), PATIENCE_S), "%d", (int)budget_used(&memory));
    close(fd);
    http_server_close(&server);
}

Test(memory, what_there_is_no_room_for_is_refused_and_small_answers_are_not)
{
    struct http_server *server = serve_within(MEMORY);
    int fd = dial(server);
    cr_assert(budget_take(&memory, MEMORY, MEMORY));
    expect_status(fd, "/whole/100000", 503);
    cr_expect_not_null(strstr(answer.body, "\"code\":\"overloaded\""));
    cr_expect(answer_has(&answer, "Retry-After", "1"));
    char location[64];
    cr_expect_not(answer_header(&answer, "Location", location, sizeof location));
    expect_status(fd, "/whole/4096", 200);
    expect_status(fd, "/figures/100000", 200); /* they have memory of their own */
    expect_status(fd, "/static", 200);
    cr_expect_eq(answer.body_len, sizeof document);
    budget_give(&memory, MEMORY);
    expect_status(fd, "/whole/100000", 200);
    cr_expect(WAIT_UNTIL(is_empty(), PATIENCE_S));
    close(fd);
    http_server_close(&server);
}

Test(memory, what_was_reserved_is_answered_when_nothing_is_left)
{
    struct http_server *server = serve_within(MEMORY);
    int fd = dial(server);
    send_post(fd, "/reserved", "{}");
    cr_assert(WAIT_UNTIL(n_held == 1, PATIENCE_S));
    uint64_t left = MEMORY - budget_used(&memory);
    cr_assert(budget_take(&memory, left, 1));
    held[0].completion = (struct http_completion){ .finish = finish_reserved };
    http_complete_one(held[0].loop, &held[0].completion);
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(answer.body_len, HTTP_ANSWER_FREE + SMALL);
    budget_give(&memory, left);
    cr_expect(WAIT_UNTIL(is_empty(), PATIENCE_S));
    close(fd);
    http_server_close(&server);
}

/* A client whose window is small, so that its answer has to wait with us. */
static int dial_narrow(const struct http_server *server)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)http_server_port(server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = PATIENCE_S };
    int bytes = 1 << 16, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0);
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    cr_assert(connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static bool is_held(void)
{
    return budget_used(&memory) > LARGE / 2;
}

static bool is_below(uint64_t bytes)
{
    return budget_used(&memory) < bytes;
}

Test(memory, pieces_are_given_back_as_they_leave)
{
    static char half[LARGE / 2];
    char body[20000];
    struct http_server *server = serve_within(MEMORY);
    int fd = dial_narrow(server);
    memset(body, ' ', sizeof body);
    char head[200];
    (void)snprintf(head, sizeof head,
                   "POST /pieces/%d HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   (int)LARGE, sizeof body);
    cr_assert(send_text(fd, head));
    cr_assert(send_bytes(fd, body, sizeof body));
    cr_assert(WAIT_UNTIL(is_held(), PATIENCE_S));
    cr_expect(WAIT_UNTIL(is_below(LARGE), PATIENCE_S), "the body is not needed any more");
    cr_assert(read_head(fd, &answer));
    cr_assert(read_exactly(fd, half, sizeof half));
    cr_expect(WAIT_UNTIL(is_below(LARGE / 2 + (1 << 18)), PATIENCE_S));
    cr_assert(read_exactly(fd, half, sizeof half));
    cr_expect(WAIT_UNTIL(is_empty(), PATIENCE_S));
    close(fd);
    http_server_close(&server);
}

/* With LARGE bytes. On a busy machine this client may have no time to read for so long that it is
 * cut, too: then it asks again. */
static bool is_answered(const struct http_server *server, const char *route)
{
    static char away[1 << 16];
    char path[40], length[32] = "0";
    int fd = dial(server);
    (void)snprintf(path, sizeof path, "%s/%d", route, (int)LARGE);
    cr_assert(send_get(fd, path));
    bool whole = read_head(fd, &answer);
    cr_assert(!whole || answer_header(&answer, "Content-Length", length, sizeof length));
    for (size_t left = strtoul(length, NULL, 10), n; whole && left > 0; left -= n) {
        n = left < sizeof away ? left : sizeof away;
        whole = read_exactly(fd, away, n);
    }
    close(fd);
    return whole && answer.status == 200;
}

/* The time to take an answer is 60 s here: it is the refusals that cut it short. */
static void expect_deaf_cut(const char *route, bool (*holds)(const struct http_server *server))
{
    struct http_server *server = serve_within(MEMORY);
    int deaf = dial_narrow(server);
    char path[40];
    (void)snprintf(path, sizeof path, "%s/%d", route, (int)LARGE);
    cr_assert(send_get(deaf, path));
    cr_assert(WAIT_UNTIL(holds(server), PATIENCE_S));
    cr_expect_not(is_answered(server, route));
    cr_expect(WAIT_UNTIL(is_answered(server, route), PATIENCE_S));
    cr_expect(WAIT_UNTIL(!holds(server), PATIENCE_S));
    close(deaf);
    http_server_close(&server);
}

static bool holds_memory(const struct http_server *server)
{
    (void)server;
    return !is_empty();
}

static bool holds_figures(const struct http_server *server)
{
    return budget_used(&server->figures) > 0;
}

Test(memory, who_does_not_read_is_cut_when_others_are_refused, .timeout = 60)
{
    expect_deaf_cut("/pieces", holds_memory);
}

Test(memory, who_does_not_read_figures_is_cut_when_others_are_refused, .timeout = 60)
{
    expect_deaf_cut("/figures", holds_figures);
}
