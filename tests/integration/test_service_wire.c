/* Requests that no HTTP client would send, byte by byte: what the service answers to them, and that
 * the contract says so (the exchanges are noted for tests/contract). */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "service_rig.h"
#include "support/exchanges.h"
#include "support/mhd.h"

enum { ANSWER_MAX = 1 << 20 };

#define LOOKUP_PATH "/v1/orders?account_id=A&client_order_id=B"

static void say(int fd, const char *text)
{
    CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* All that comes until the server closes; caller frees. */
static char *hear(int fd)
{
    struct buf text = BUF_INIT(ANSWER_MAX);
    char piece[4096];
    size_t len;
    for (ssize_t n; (n = recv(fd, piece, sizeof piece, 0)) > 0;)
        buf_add(&text, piece, (size_t)n);
    buf_add(&text, "", 1);
    return buf_steal(&text, &len);
}

/* Cuts "HTTP/1.1 200 OK", headers and body apart. */
static void take_reply(char *text, struct http_reply *reply)
{
    char *head = strstr(text, "\r\n"), *end = strstr(text, "\r\n\r\n");
    cr_assert(head != NULL && end != NULL, "no answer: '%s'", text);
    struct buf headers = BUF_INIT(ANSWER_MAX);
    for (const char *c = head; c < end + 2; c++)
        if (*c != '\r' && (headers.len > 0 || *c != '\n'))
            buf_add_char(&headers, *c);
    size_t len;
    buf_add(&headers, "", 1);
    reply->status = (int)strtol(text + strlen("HTTP/1.1 "), NULL, 10);
    reply->headers = buf_steal(&headers, &len);
    reply->body = support_text("%s", end + 4);
    reply->body_len = strlen(reply->body);
}

/* Says the bytes and hears the answer to them, the last on its connection. */
static struct answer wire_ask(struct rig *rig, const char *method, const char *path,
                              const char *bytes)
{
    struct answer answer = { .status = 0 };
    struct http_ask ask = { .method = method, .url = daemon_url(rig->daemon, path) };
    int fd = rig_dial(rig);
    say(fd, bytes);
    char *text = hear(fd);
    take_reply(text, &answer.reply);
    exchanges_note(&ask, &answer.reply);
    answer_read(&answer);
    free(text);
    close(fd);
    return answer;
}

Test(wire, another_version_of_http_is_refused, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    struct answer answer =
        wire_ask(&rig, "GET", "/version", "GET /version HTTP/2.0\r\nHost: localhost\r\n\r\n");
    EXPECT_STATUS(answer, 505);
    answer_fini(&answer);
    rig_close(&rig);
}

Test(wire, framing_that_a_proxy_may_read_otherwise_is_refused, .timeout = TEST_S)
{
    static const struct {
        const char *method, *path, *head;
    } asks[] = {
        { "POST", "/v1/orders", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}" },
        { "GET", "/v1/orders?account_id=A&client_order_id=B", "Content-Length : 2\r\n\r\n{}" },
        { "GET", "/health", "Host: y\r\n\r\n" },
    };
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        char *bytes = support_text("%s %s HTTP/1.1\r\nHost: localhost\r\n%s", asks[i].method,
                                   asks[i].path, asks[i].head);
        struct answer answer = wire_ask(&rig, asks[i].method, asks[i].path, bytes);
        if (mhd_answered(answer.reply.headers))
            EXPECT_STATUS(answer, 400);
        else
            expect_problem(&answer, 400, "malformed_request", i == 0 ? "not_accepted" : NULL);
        answer_fini(&answer);
        free(bytes);
    }
    rig_close(&rig);
}

Test(wire, a_target_that_nobody_can_read_is_refused, .timeout = TEST_S)
{
    static const char path[] = "/v1/orders/%zz";
    struct rig rig = rig_open(NULL);
    char *bytes = support_text("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    struct answer answer = wire_ask(&rig, "GET", path, bytes);
    expect_problem(&answer, 400, "malformed_target", NULL);
    answer_fini(&answer);
    free(bytes);
    rig_close(&rig);
}

static bool is_refused(struct rig *rig)
{
    struct answer answer = rig_post(rig, "{}");
    int status = answer.status;
    answer_fini(&answer);
    return status == 503;
}

/* The first holds all of the memory for bodies, being one byte short of its end. */
Test(wire, a_body_for_which_there_is_no_memory_is_refused, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("HTTP_MAX_BODY=64KiB", "HTTP_BODIES_MAX=64KiB"));
    int fd = rig_dial(&rig);
    char *bytes = support_text("POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                               "application/json\r\nContent-Length: 65536\r\n\r\n%65535s",
                               "{");
    say(fd, bytes);
    free(bytes);
    cr_assert(WAIT_UNTIL(is_refused(&rig), SOON_S)); /* once the first one's bytes are there */
    struct answer answer = rig_post(&rig, "{}");
    expect_problem(&answer, 503, "overloaded", "not_accepted");
    cr_expect(answer_header_is(&answer, "Retry-After", "1"));
    answer_fini(&answer);
    close(fd);
    rig_close(&rig);
}

static bool is_one_too_many(struct rig *rig)
{
    struct answer answer =
        wire_ask(rig, "GET", "/version", "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n");
    int status = answer.status;
    if (status == 429)
        expect_problem(&answer, 429, "too_many_connections_of_address", NULL);
    answer_fini(&answer);
    return status == 429;
}

Test(wire, an_address_has_so_many_connections_and_no_more, .timeout = TEST_S)
{
    enum { ALLOWED = 4 };
    struct rig rig = rig_open(LIST("HTTP_MAX_CONNECTIONS_PER_ADDRESS=4"));
    int fds[ALLOWED];
    for (size_t i = 0; i < ALLOWED; i++)
        fds[i] = rig_dial(&rig);
    cr_expect(WAIT_UNTIL(is_one_too_many(&rig), SOON_S));
    for (size_t i = 0; i < ALLOWED; i++)
        close(fds[i]);
    rig_close(&rig);
}

/* ---- whose request it is ---- */

static int status_of(struct rig *rig, const char *path, const char *headers)
{
    char *bytes = support_text("GET %s HTTP/1.1\r\nConnection: close\r\n%s\r\n", path, headers);
    struct answer answer = wire_ask(rig, "GET", path, bytes);
    int status = answer.status;
    if (status == 421)
        expect_problem(&answer, 421, "host_not_allowed", NULL);
    if (status == 403)
        expect_problem(&answer, 403, "origin_not_allowed", NULL);
    answer_fini(&answer);
    free(bytes);
    return status;
}

static const char *const guarded[] = { "/health",       "/metrics", "/status",  "/",
                                       "/openapi.yaml", "/version", LOOKUP_PATH };
static const char *const probes[] = { "/health/live", "/health/ready", "/health/startup" };
enum { GUARDED = sizeof guarded / sizeof guarded[0], PROBES = sizeof probes / sizeof probes[0] };

/* A page's own name may have the address of loopback (DNS rebinding). */
Test(wire, a_service_that_asks_for_no_key_answers_to_its_own_names, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < GUARDED; i++) {
        cr_expect_eq(status_of(&rig, guarded[i], "Host: localhost:1\r\n"), 200, "%s", guarded[i]);
        cr_expect_eq(status_of(&rig, guarded[i], "Host: evil.test\r\n"), 421, "%s", guarded[i]);
        cr_expect_eq(status_of(&rig, guarded[i], "Host: [::1]\r\nOrigin: http://evil.test\r\n"),
                     403, "%s", guarded[i]);
    }
    for (size_t i = 0; i < PROBES; i++)
        cr_expect_eq(status_of(&rig, probes[i], "Host: 10.1.2.3:8080\r\n"), 200, "%s", probes[i]);
    char *order = order_body("rebound", "EURUSD");
    char *bytes =
        support_text("POST /v1/orders HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(order), order);
    struct answer answer = wire_ask(&rig, "POST", "/v1/orders", bytes);
    expect_problem(&answer, 421, "host_not_allowed", "not_accepted");
    answer_fini(&answer);
    free(bytes);
    free(order);
    rig_close(&rig);
}

Test(wire, its_owner_may_name_more, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("HTTP_ALLOWED_HOSTS=orders.example.com, 192.0.2.7"));
    cr_expect_eq(status_of(&rig, "/version", "Host: Orders.Example.com\r\n"), 200);
    cr_expect_eq(status_of(&rig, "/version", "Host: 192.0.2.7:80\r\n"), 200);
    cr_expect_eq(status_of(&rig, "/version", "Host: 127.0.0.1\r\n"), 200);
    cr_expect_eq(status_of(&rig, "/version", "Host: evil.test\r\n"), 421);
    rig_close(&rig);
}

/* AUTH=none says that everyone may, so names are checked only where they are listed. */
Test(wire, whoever_lets_everyone_in_is_not_asked_for_names, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("AUTH=none"));
    cr_expect_eq(status_of(&rig, "/version", "Host: evil.test\r\nOrigin: null\r\n"), 200);
    rig_close(&rig);
    rig = rig_open(LIST("AUTH=none", "HTTP_ALLOWED_HOSTS=orders.example.com"));
    cr_expect_eq(status_of(&rig, "/version", "Host: evil.test\r\n"), 421);
    rig_close(&rig);
}

/* Two headers where one may be: neither is more right than the other. */
Test(wire, a_key_that_is_given_twice_is_refused, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    struct answer answer =
        wire_ask(&rig, "POST", "/v1/orders",
                 "POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                 "Content-Type: application/json\r\nIdempotency-Key: k-1\r\n"
                 "Idempotency-Key: k-2\r\nContent-Length: 2\r\n\r\n{}");
    expect_problem(&answer, 400, "malformed_request", "not_accepted");
    cr_expect_not_null(strstr(answer_text(&answer, "detail"), "Idempotency-Key is given twice"));
    answer_fini(&answer);
    rig_close(&rig);
}
