/* http_fixture.h - a real server of http/ on a free loopback port, and a client that sends exactly
 * the bytes it is told and reads answers one by one. What cannot be waited for ends the process
 * after PATIENCE_S. */
#ifndef UNIT_HTTP_FIXTURE_H
#define UNIT_HTTP_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/check.h"
#include "base/clock.h"
#include "http/http.h"
#include "support/wait.h"

enum { PATIENCE_S = 20, ANSWER_HEAD_MAX = 4096, ANSWER_BODY_MAX = 1 << 17 };

#define SERVE_OPTIONS                                                                              \
    .address = "127.0.0.1", .threads = 1, .max_connections = 1000, .max_body_bytes = 64 * 1024,    \
    .bodies_max_bytes = 1 << 20, .header_max_bytes = 16 * 1024, .read_timeout_ns = 60 * NS_PER_S,  \
    .idle_timeout_ns = 60 * NS_PER_S

/* ---- the client ---- */

UNUSED static int dial(const struct http_server *server)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)http_server_port(server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = PATIENCE_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0);
    /* Fuzzing has signals, and a connect() that is interrupted goes on. */
    CHECK(TEMP_FAILURE_RETRY(connect(fd, (const struct sockaddr *)&to, sizeof to)) == 0);
    return fd;
}

/* False when the server has closed. */
UNUSED static bool send_bytes(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

UNUSED static bool send_text(int fd, const char *text)
{
    return send_bytes(fd, text, strlen(text));
}

UNUSED static bool send_post(int fd, const char *path, const char *body)
{
    char text[4096];
    int len = snprintf(text, sizeof text,
                       "POST %s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       path, strlen(body), body);
    CHECK(len > 0 && (size_t)len < sizeof text);
    return send_bytes(fd, text, (size_t)len);
}

UNUSED static bool send_get(int fd, const char *path)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
    return send_text(fd, text);
}

struct answer {
    int status;
    char head[ANSWER_HEAD_MAX];
    char body[ANSWER_BODY_MAX];
    size_t body_len;
};

UNUSED static bool answer_header(const struct answer *answer, const char *name, char *out,
                                 size_t size)
{
    size_t len = strlen(name);
    for (const char *line = strchr(answer->head, '\n'); line != NULL; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        (void)snprintf(out, size, "%.*s", (int)strcspn(line + len + 2, "\r"), line + len + 2);
        return true;
    }
    return false;
}

UNUSED static bool answer_has(const struct answer *answer, const char *name, const char *value)
{
    char found[512];
    return answer_header(answer, name, found, sizeof found) && strcmp(found, value) == 0;
}

static bool read_exactly(int fd, char *out, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(fd, out, len, 0);
        if (n <= 0)
            return false;
        out += n;
        len -= (size_t)n;
    }
    return true;
}

/* Takes no byte of what follows the head. */
static bool read_head(int fd, struct answer *answer)
{
    char *head = answer->head, *end = NULL;
    for (size_t len = 0; end == NULL;) {
        ssize_t n = recv(fd, head + len, ANSWER_HEAD_MAX - 1 - len, MSG_PEEK);
        if (n <= 0)
            return false;
        end = memmem(head, len + (size_t)n, "\r\n\r\n", 4);
        size_t take = end != NULL ? (size_t)(end + 4 - (head + len)) : (size_t)n;
        if (!read_exactly(fd, head + len, take))
            return false;
        len += take;
        head[len] = '\0';
    }
    return sscanf(head, "HTTP/1.1 %d", &answer->status) == 1;
}

/* The answer to a HEAD has the length of a body, and no body. */
UNUSED static bool read_answer_to(int fd, const char *method, struct answer *answer)
{
    char length[32] = "0";
    answer->body_len = 0;
    answer->body[0] = '\0';
    if (!read_head(fd, answer))
        return false;
    (void)answer_header(answer, "Content-Length", length, sizeof length);
    if (strcmp(method, "HEAD") == 0 || answer->status == 100)
        return true;
    answer->body_len = strtoul(length, NULL, 10);
    CHECK(answer->body_len < ANSWER_BODY_MAX);
    answer->body[answer->body_len] = '\0';
    return read_exactly(fd, answer->body, answer->body_len);
}

UNUSED static bool read_answer(int fd, struct answer *answer)
{
    return read_answer_to(fd, "", answer);
}

/* Does the connection end, with nothing more said? Waits for it. */
UNUSED static bool ends(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* ---- handlers ---- */

/* Answers 200 with "path part|query a|body". */
UNUSED static void handle_echo(struct http_request *req, void *ctx)
{
    (void)ctx;
    size_t len;
    const char *body = http_body(req, &len), *query = http_query(req, "a", NULL);
    struct buf out = BUF_INIT(ANSWER_BODY_MAX);
    buf_printf(&out, "%s|%s|", http_path_part(req, 0), query != NULL ? query : "");
    buf_add(&out, body, len);
    http_answer(req, 200, "text/plain", &out);
}

/* Requests that a test answers when it likes, from its own thread. */
struct held {
    struct http_completion completion; /* first: finish_held() casts */
    struct http_request *req;
    struct http_loop *loop;
    int status;
};

enum { HELD_MAX = 512 };
static struct held held[HELD_MAX];
static _Atomic unsigned n_held; /* release by the loop, acquire by the test */

UNUSED static void handle_hold(struct http_request *req, void *ctx)
{
    (void)ctx;
    unsigned at = n_held;
    CHECK(at < HELD_MAX);
    held[at] = (struct held){ .req = req, .loop = http_loop_of(req) };
    n_held = at + 1;
}

UNUSED static void finish_held(struct http_completion *completion)
{
    struct held *done = (struct held *)completion;
    struct buf out = BUF_INIT(100);
    buf_printf(&out, "held %d", done->status);
    http_answer(done->req, done->status, "text/plain", &out);
}

/* Answers held[from..to-1] by one call. */
UNUSED static void release_held(unsigned from, unsigned to, int status)
{
    struct fifo completions = { NULL, NULL };
    for (unsigned i = from; i < to; i++) {
        held[i].status = status;
        held[i].completion.finish = finish_held;
        fifo_push(&completions, &held[i].completion.link);
    }
    http_complete(held[from].loop, &completions);
}

static const int fixture_statuses[] = { 200, 503, 0 };

/* clang-format off */
static const struct http_route fixture_routes[] = {
    { "POST", "/echo/{part}", HTTP_JSON_BODY, HTTP_ANYONE, handle_echo, fixture_statuses, NULL },
    { "GET",  "/echo/{part}", HTTP_NO_BODY,   HTTP_ANYONE, handle_echo, fixture_statuses, NULL },
    { "POST", "/hold",        HTTP_JSON_BODY, HTTP_ANYONE, handle_hold, fixture_statuses, NULL },
};
/* clang-format on */

#define SERVE_ROUTES                                                                               \
    .routes = fixture_routes, .n_routes = sizeof fixture_routes / sizeof fixture_routes[0]

UNUSED static struct http_server *serve_with(const struct http_options *options)
{
    struct err err;
    struct http_server *server = http_server_open(options, &err);
    CHECK(server != NULL);
    return server;
}

UNUSED static struct http_server *serve(void)
{
    return serve_with(&(struct http_options){ SERVE_OPTIONS, SERVE_ROUTES });
}

#endif
