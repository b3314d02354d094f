/* The HTTP face of the whole service, on sockets that say exactly what they are told: clients that
 * vanish, pipeline, pack their orders, ask for another form of an answer, or belong to a trace. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "service_rig.h"
#include "unit/http/gzip_maker.h"

enum { HEARD_MAX = 1 << 18, DEEP = 16 };

static char heard[HEARD_MAX];

#define CREATED "ordersd_orders_total{result=\"created\"}"
#define BUSY "ordersd_workers{state=\"busy\"}"
#define OPEN "http_server_open_connections"
#define COUNT "SELECT count(*) FROM orders"

/* ---- sockets ---- */

static void say(int fd, const char *bytes, size_t len)
{
    cr_assert_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* All that comes until the server closes. */
static void hear_out(int fd)
{
    size_t len = 0;
    ssize_t n;
    while ((n = recv(fd, heard + len, sizeof heard - 1 - len, 0)) > 0)
        len += (size_t)n;
    cr_expect_eq(n, 0, "the connection stays open");
    heard[len] = '\0';
    close(fd);
}

static void say_order(int fd, const char *id, const char *headers)
{
    char *body = order_body(id, "EURUSD");
    char *text = support_text("POST /v1/orders HTTP/1.1\r\nHost: localhost\r\n%sContent-Type: "
                              "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                              headers, strlen(body), body);
    say(fd, text, strlen(text));
    free(text);
    free(body);
}

/* ---- clients that vanish ---- */

static void vanish(int fd, bool reset)
{
    const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    if (reset)
        CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    close(fd);
}

/* Their orders are stored all the same, once, and counted for what they are. */
Test(face, orders_of_clients_that_vanish_are_stored, .timeout = TEST_S)
{
    enum { N = 20 };
    struct rig rig = rig_open(LIST("ORDERS_COMMIT_TIMEOUT=120s", "ORDERS_WORKERS=1"));
    PGconn *lock = PQconnectdb(cluster_conninfo(rig.cluster));
    PQclear(PQexec(lock, "BEGIN; LOCK TABLE orders"));
    double before = rig_metric(&rig, OPEN);
    int fds[N];
    for (int i = 0; i < N; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "gone-%d", i);
        fds[i] = rig_dial(&rig);
        say_order(fds[i], id, "");
    }
    cr_assert(WAIT_UNTIL(rig_metric(&rig, "http_server_active_requests") == N + 1, SOON_S));
    cr_assert(WAIT_UNTIL(rig_metric(&rig, BUSY) == 1, SOON_S));
    for (int i = 0; i < N; i++)
        vanish(fds[i], i % 2 == 0);
    PQclear(PQexec(lock, "ROLLBACK"));
    PQfinish(lock);
    cr_expect(WAIT_UNTIL(rig_metric(&rig, CREATED) == N, SOON_S));
    cr_expect_eq(cluster_query_int(rig.cluster, COUNT), N);
    cr_expect(WAIT_UNTIL(rig_metric(&rig, OPEN) == before, SOON_S));
    cr_expect_eq(rig_metric(&rig, "http_server_active_requests"), 1, "the scrape's own");
    cr_expect_eq(rig_metric(&rig, "ordersd_queue_depth"), 0);
    rig_close(&rig);
}

/* ---- pipelining ---- */

Test(face, pipelined_orders_are_answered_in_order, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    int fd = rig_dial(&rig);
    for (int i = 0; i < DEEP; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "p-%d", i);
        say_order(fd, id, i == DEEP - 1 ? "Connection: close\r\n" : "");
    }
    hear_out(fd);
    const char *at = heard;
    for (int i = 0; i < DEEP; i++) {
        char id[48];
        (void)snprintf(id, sizeof id, "\"client_order_id\":\"p-%d\"", i);
        at = strstr(at, "HTTP/1.1 201 ");
        cr_assert_not_null(at, "%d of %s", i, heard);
        at = strstr(at, "\"client_order_id\"");
        cr_assert(at != NULL && strncmp(at, id, strlen(id)) == 0, "%s: %s", id, at);
    }
    cr_expect_eq(cluster_query_int(rig.cluster, COUNT), DEEP);
    rig_close(&rig);
}

/* ---- gzip ---- */

static struct answer post_packed(struct rig *rig, const struct packed *packed, const char *encoding)
{
    struct answer answer = { .status = 0 };
    const struct http_ask ask = { .method = "POST",
                                  .url = daemon_url(rig->daemon, "/v1/orders"),
                                  .headers = LIST("Content-Type: application/json", encoding),
                                  .body = packed->data,
                                  .body_len = packed->len };
    (void)http_exchange(rig->http, &ask, &answer.reply);
    answer_read(&answer);
    return answer;
}

Test(face, a_packed_order_is_an_order, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    char *body = order_body("packed", "EURUSD");
    struct packed packed = pack(body, strlen(body)), bomb = pack_bomb(16 << 20);
    struct answer made = post_packed(&rig, &packed, "Content-Encoding: gzip");
    EXPECT_STATUS(made, 201);
    answer_fini(&made);
    struct answer again = rig_post(&rig, body);
    EXPECT_STATUS(again, 200);
    answer_fini(&again);
    struct answer large = post_packed(&rig, &bomb, "Content-Encoding: gzip");
    expect_problem(&large, 413, "body_too_large", "not_accepted");
    cr_expect_not_null(strstr(answer_text(&large, "detail"), "65536 bytes"));
    answer_fini(&large);
    packed.len--;
    struct answer cut = post_packed(&rig, &packed, "Content-Encoding: x-gzip");
    expect_problem(&cut, 400, "invalid_gzip", "not_accepted");
    answer_fini(&cut);
    struct answer other = post_packed(&rig, &packed, "Content-Encoding: br");
    expect_problem(&other, 415, "unsupported_content_encoding", "not_accepted");
    cr_expect(answer_header_is(&other, "Accept-Encoding", "gzip"));
    answer_fini(&other);
    cr_expect_eq(cluster_query_int(rig.cluster, COUNT), 1);
    free(packed.data);
    free(bomb.data);
    free(body);
    rig_close(&rig);
}

/* ---- a body that is refused ---- */

Test(face, a_client_that_sends_all_of_8_mib_hears_why, .timeout = TEST_S)
{
    enum { BIG = 8 << 20 };
    static const struct {
        const char *path, *type;
        int status;
    } cases[] = {
        { "/v1/orders", "application/json", 413 },
        { "/v1/orders", "text/plain", 415 },
        { "/v1/nothing", "application/json", 404 },
    };
    struct rig rig = rig_open(NULL);
    char *body = calloc(1, BIG);
    CHECK(body != NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = rig_dial(&rig);
        char *head = support_text("POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                  "Content-Type: %s\r\nContent-Length: %d\r\n\r\n",
                                  cases[i].path, cases[i].type, BIG);
        char want[32];
        (void)snprintf(want, sizeof want, "HTTP/1.1 %d ", cases[i].status);
        say(fd, head, strlen(head));
        say(fd, body, BIG);
        hear_out(fd);
        cr_expect_eq(strncmp(heard, want, strlen(want)), 0, "%s, not %s", heard, want);
        free(head);
    }
    free(body);
    rig_close(&rig);
}

/* ---- HEAD ---- */

static const char *head_line(const char *name)
{
    const char *at = strstr(heard, name);
    return at != NULL ? at + strlen(name) : "";
}

static void ask_raw(struct rig *rig, const char *method, const char *path)
{
    int fd = rig_dial(rig);
    char *text = support_text("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                              method, path);
    say(fd, text, strlen(text));
    hear_out(fd);
    free(text);
}

Test(face, head_is_get_without_the_body, .timeout = TEST_S)
{
    static const char *const paths[] = {
        "/health",    "/health/live", "/health/ready", "/health/startup",
        "/metrics",   "/version",     "/v1/orders/1",  "/v1/orders?account_id=A&client_order_id=B",
        "/v1/orders", "/nothing",
    };
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char status[16], type[64];
        ask_raw(&rig, "GET", paths[i]);
        (void)snprintf(status, sizeof status, "%.12s", heard);
        (void)snprintf(type, sizeof type, "%.40s", head_line("\r\nContent-Type: "));
        const char *body = strstr(heard, "\r\n\r\n") + 4;
        bool has_body = *body != '\0';
        ask_raw(&rig, "HEAD", paths[i]);
        cr_expect_eq(strncmp(heard, status, strlen(status)), 0, "%s: %s", paths[i], heard);
        cr_expect_eq(strncmp(head_line("\r\nContent-Type: "), type, 20), 0, "%s: %s", paths[i],
                     heard);
        cr_expect(has_body && strtol(head_line("\r\nContent-Length: "), NULL, 10) > 0, "%s", heard);
        cr_expect_str_eq(strstr(heard, "\r\n\r\n"), "\r\n\r\n", "%s has a body", paths[i]);
    }
    rig_close(&rig);
}

/* ---- what a client accepts, and whose trace it is in ---- */

static struct answer get_with(struct rig *rig, const char *path, const char *header)
{
    return rig_ask(rig, "GET", path, LIST(header), NULL);
}

Test(face, accept_is_heard_but_never_by_a_probe, .timeout = TEST_S)
{
    static const char *const probes[] = { "/health",         "/health/live", "/health/ready",
                                          "/health/startup", "/metrics",     "/version" };
    struct rig rig = rig_open(NULL);
    struct answer refused = get_with(&rig, "/v1/orders/1", "Accept: text/html");
    expect_problem(&refused, 406, "not_acceptable", NULL);
    cr_expect_not_null(strstr(answer_text(&refused, "detail"), "application/json"));
    answer_fini(&refused);
    char *body = order_body("1", "EURUSD");
    const char *const headers[] = { "Content-Type: application/json", "Accept: text/html", NULL };
    struct answer post = rig_ask(&rig, "POST", "/v1/orders", headers, body);
    expect_problem(&post, 406, "not_acceptable", "not_accepted");
    answer_fini(&post);
    free(body);
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        struct answer probe = get_with(&rig, probes[i], "Accept: image/png");
        EXPECT_STATUS(probe, 200);
        answer_fini(&probe);
    }
    cr_expect_eq(cluster_query_int(rig.cluster, COUNT), 0);
    rig_close(&rig);
}

#define TRACE_ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define TRACEPARENT "traceparent: 00-" TRACE_ID "-00f067aa0ba902b7-01"

/* The line of this event about this request. */
static bool log_says(struct rig *rig, const char *event, const char *request_id, const char *want)
{
    char *log = daemon_log(rig->daemon), *rest = log, *line;
    bool found = false;
    while ((line = strsep(&rest, "\n")) != NULL)
        if (strstr(line, event) != NULL && strstr(line, request_id) != NULL)
            found = found || strstr(line, want) != NULL;
    free(log);
    return found;
}

Test(face, log_lines_name_the_trace, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    const char *const traced[] = { TRACEPARENT, "X-Request-Id: with-trace", NULL };
    const char *const untraced[] = { "traceparent: 00-" TRACE_ID, "X-Request-Id: without", NULL };
    PGconn *db = PQconnectdb(cluster_conninfo(rig.cluster));
    PQclear(PQexec(db, "ALTER TABLE orders RENAME TO hidden"));
    PQfinish(db);
    const char *path = "/v1/orders/01890a5d-ac96-774b-bcce-b302099a8057";
    struct answer failed = rig_ask(&rig, "GET", path, traced, NULL);
    EXPECT_STATUS(failed, 503);
    answer_fini(&failed);
    failed = rig_ask(&rig, "GET", path, untraced, NULL);
    EXPECT_STATUS(failed, 503);
    answer_fini(&failed);
#define SAYS "\"trace_id\":\"" TRACE_ID "\""
    cr_expect(WAIT_UNTIL(log_says(&rig, "http.answer", "with-trace", SAYS), SOON_S));
    cr_expect(log_says(&rig, "lookup.failed", "with-trace", SAYS));
    cr_expect(WAIT_UNTIL(log_says(&rig, "http.answer", "without", "\"status\":503"), SOON_S));
    cr_expect_not(log_says(&rig, "", "without", "trace_id"));
    rig_close(&rig);
}

/* The log line of a refusal names its author: client, key, route and code. No line has the content
 * of an order. */
Test(face, log_lines_say_who_was_refused_and_why, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    const char *const json = "Content-Type: application/json";
    const char *const one[] = { json, "X-Request-Id: one", NULL };
    const char *const some[] = { json, "X-Request-Id: some", NULL };
    const char *const all[] = { json, "X-Request-Id: all", NULL };
    struct answer answer = rig_ask(&rig, "POST", "/v1/orders", one, "{\"unknown-member-7\":1}");
    EXPECT_STATUS(answer, 422);
    answer_fini(&answer);
    char *good = order_body("good", "EURUSD"), *body = support_text("[%s,{}]", good);
    answer = rig_ask(&rig, "POST", "/v1/orders/batch", some, body);
    EXPECT_STATUS(answer, 207);
    answer_fini(&answer);
    answer = rig_ask(&rig, "POST", "/v1/orders/batch", all, "[{},{}]");
    EXPECT_STATUS(answer, 422);
    answer_fini(&answer);
#define BY "\"client\":\"127.0.0.1\",\"code\":\"invalid_order\""
    cr_expect(WAIT_UNTIL(log_says(&rig, "http.answer", "\"one\"", BY), SOON_S));
    cr_expect(log_says(&rig, "http.answer", "\"one\"", "\"route\":\"/v1/orders\""));
    cr_expect(WAIT_UNTIL(log_says(&rig, "http.answer", "\"some\"", BY), SOON_S));
    cr_expect(log_says(&rig, "http.answer", "\"some\"", "\"status\":207"));
    cr_expect(WAIT_UNTIL(log_says(&rig, "http.answer", "\"all\"", BY), SOON_S));

    int fd = rig_dial(&rig);
    static const char smuggled[] =
        "POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        "application/json\r\nContent-Length: 2\r\n\r\n{}"
        "{\"account_id\":\"ACCOUNT-7\"} /x HTTP/1.1\r\nHost: localhost\r\n"
        "X-Request-Id: behind\r\nConnection: close\r\n\r\n";
    say(fd, smuggled, strlen(smuggled));
    hear_out(fd);
    cr_expect(WAIT_UNTIL(log_says(&rig, "http.answer", "\"behind\"", "_OTHER"), SOON_S));
    char *log = daemon_log(rig.daemon);
    cr_expect_null(strstr(log, "ACCOUNT-7"), "%s", log);
    cr_expect_null(strstr(log, "unknown-member-7"), "%s", log);
    free(log);
    free(body);
    free(good);
    rig_close(&rig);
}

/* ---- a crowd ---- */

/* The rig's own connections stay open, and count. */
Test(face, connections_of_one_address_have_a_limit, .timeout = TEST_S)
{
    enum { MOST = 8 };
    struct rig rig = rig_open(LIST("HTTP_MAX_CONNECTIONS_PER_ADDRESS=8"));
    int before = (int)rig_metric(&rig, OPEN), fds[MOST];
    cr_assert(before > 0 && before < MOST);
    for (int i = before; i < MOST; i++)
        fds[i] = rig_dial(&rig);
    cr_assert(WAIT_UNTIL(rig_metric(&rig, OPEN) == MOST, SOON_S));
    ask_raw(&rig, "GET", "/version");
    cr_expect_eq(strncmp(heard, "HTTP/1.1 429 ", 13), 0, "%s", heard);
    cr_expect_not_null(strstr(heard, "too_many_connections_of_address"));
    cr_expect_not_null(strstr(heard, "\r\nRetry-After: 1\r\n"));
    ask_raw(&rig, "GET", "/health/live");
    cr_expect_eq(strncmp(heard, "HTTP/1.1 200 ", 13), 0, "%s", heard);
    close(fds[before]);
    cr_assert(WAIT_UNTIL(rig_metric(&rig, OPEN) == MOST - 1, SOON_S));
    ask_raw(&rig, "GET", "/version");
    cr_expect_eq(strncmp(heard, "HTTP/1.1 200 ", 13), 0, "%s", heard);
    for (int i = before + 1; i < MOST; i++)
        close(fds[i]);
    rig_close(&rig);
}

static void expect_served(struct rig *rig, const char *path)
{
    ask_raw(rig, "GET", path);
    cr_expect_eq(strncmp(heard, "HTTP/1.1 200 ", 13), 0, "%s: %s", path, heard);
}

/* An orchestrator must not kill a service that is merely full, be it by connections that say
 * nothing or by headers that never end. */
Test(face, a_full_service_answers_probes_and_metrics, .timeout = TEST_S)
{
    enum { IDLE = 160 };
    static const char drip[] = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: ";
    struct rig rig = rig_open(LIST("HTTP_MAX_CONNECTIONS=4"));
    int fds[IDLE];
    for (int i = 0; i < IDLE; i++) {
        fds[i] = rig_dial(&rig);
        if (i % 2 != 0)
            (void)send(fds[i], drip, strlen(drip), MSG_NOSIGNAL);
    }
    for (int i = 0; i < 3; i++) {
        expect_served(&rig, "/health/live");
        expect_served(&rig, "/health/ready");
        expect_served(&rig, "/health/startup");
        expect_served(&rig, "/health");
        expect_served(&rig, "/metrics");
    }
    ask_raw(&rig, "GET", "/version");
    cr_expect_eq(strncmp(heard, "HTTP/1.1 503 ", 13), 0, "%s", heard);
    for (int i = 0; i < IDLE; i++)
        close(fds[i]);
    rig_close(&rig);
}
