/* fuzz_http_face.c - any bytes as what a client sends to a real server, over a connection of its
 * own. The first byte says how: its low half is how many bytes go at a time (0: all), a high half
 * of 15 that the client keeps its side open and waits, till the server has had enough of it. What
 * comes back are whole answers with statuses that we mean to give, and then the end.
 *
 * The server is one for all inputs, so that what one leaves behind the next ones meet. */
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>

#include "unit/http/http_fixture.h"

enum {
    SPINS = 200,
    INPUT_MAX = 64 * 1024,
    ANSWERS_MAX = 16 << 20,
    KEPT_OPEN = 15,
    PIECE_MASK = 15
};

/* The server's: what a client that waits costs. */
#ifdef FUZZING
#define READ_TIMEOUT_NS (100 * NS_PER_MS)
#else
#define READ_TIMEOUT_NS (500 * NS_PER_MS)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_server *server;

/* Those of design, and what libmicrohttpd says itself of headers that it cannot take. */
static bool is_known(int status)
{
    static const int known[] = { 100, 200, 400, 404, 405, 406, 408,
                                 411, 413, 414, 415, 431, 503, 505 };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == status)
            return true;
    (void)fprintf(stderr, "status %d\n", status);
    return false;
}

/* What is reported of a request is never what the client wrote. */
static bool is_known_method(const char *method)
{
    static const char known[] = " GET HEAD POST PUT DELETE PATCH OPTIONS CONNECT TRACE _OTHER ";
    char word[16];
    (void)snprintf(word, sizeof word, " %s ", method);
    return strstr(known, word) != NULL;
}

/* ---- the server ---- */

struct listing {
    struct http_work work; /* first: run_nothing() and finish_listing() cast */
    struct http_request *req;
    int slices;
};

/* Two slices. */
static bool run_nothing(struct http_work *work)
{
    struct listing *listing = (struct listing *)work;
    return listing->slices++ > 0;
}

static void finish_listing(struct http_completion *completion)
{
    struct listing *listing = (struct listing *)completion;
    struct buf out = BUF_INIT(100);
    buf_printf(&out, "%s", http_body_is_lines(listing->req) ? "lines" : "array");
    http_answer(listing->req, 200, "text/plain", &out);
    free(listing);
}

/* Deferred, and answered by way of another thread. */
static void handle_list(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct listing *listing = calloc(1, sizeof *listing);
    CHECK(listing != NULL);
    listing->req = req;
    listing->work.do_slice = run_nothing;
    listing->work.done.finish = finish_listing;
    http_offload(req, &listing->work);
}

static void check_answer_given(void *ctx, const struct http_answered *answered)
{
    (void)ctx;
    size_t id_len = strlen(answered->request_id), trace_len = strlen(answered->trace_id);
    CHECK(id_len > 0 && id_len < HTTP_ID_SIZE);
    CHECK(trace_len == 0 || trace_len == 32);
    CHECK(is_known_method(answered->method) && answered->code != NULL);
    CHECK(answered->client != NULL && answered->route != NULL && answered->duration_ns >= 0);
    CHECK(is_known(answered->status));
}

static const int statuses[] = { 200, 0 };

/* clang-format off */
static const struct http_route routes[] = {
    { .method = "POST", .path = "/echo/{part}", .body = HTTP_JSON_BODY, .handle = handle_echo, .statuses = statuses },
    { .method = "GET",  .path = "/echo/{part}", .body = HTTP_NO_BODY,   .handle = handle_echo, .statuses = statuses, .produces = "text/plain" },
    { .method = "POST", .path = "/list",        .body = HTTP_LIST_BODY, .handle = handle_list, .statuses = statuses },
};
/* clang-format on */

static void close_server(void)
{
    http_server_close(&server);
}

static void open_server(void)
{
    server = serve_with(&(struct http_options){ .address = "127.0.0.1",
                                                .threads = 1,
                                                .max_connections = 100,
                                                .max_body_bytes = 1024,
                                                .bodies_max_bytes = 1 << 20,
                                                .header_max_bytes = 4096,
                                                .read_timeout_ns = READ_TIMEOUT_NS,
                                                .idle_timeout_ns = READ_TIMEOUT_NS,
                                                .on_answer = check_answer_given,
                                                .routes = routes,
                                                .n_routes = sizeof routes / sizeof routes[0] });
    CHECK(atexit(close_server) == 0);
}

/* ---- the client ---- */

/* All up to the end of the connection; *cut: it was reset, so the rest of an answer may be lost. */
static void read_all(int fd, struct buf *answers, bool *cut)
{
    char chunk[16384];
    ssize_t n;
    while ((n = TEMP_FAILURE_RETRY(recv(fd, chunk, sizeof chunk, 0))) > 0) /* libFuzzer's alarm */
        buf_add(answers, chunk, (size_t)n);
    CHECK(n == 0 || errno == ECONNRESET); /* and not that nothing came for PATIENCE_S */
    CHECK(!answers->failed);
    *cut = n < 0;
}

static void send_in_pieces(int fd, const char *bytes, size_t len, size_t piece)
{
    int on = 1;
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    while (len > 0) {
        size_t n = piece > 0 && piece < len ? piece : len;
        if (!send_bytes(fd, bytes, n))
            return;
        bytes += n;
        len -= n;
    }
}

/* An end that comes right behind the data libmicrohttpd overlooks, and the server's sweep has to
 * find it: each input would take that long. */
static void end_apart(int fd)
{
    struct pollfd answer = { .fd = fd, .events = POLLIN };
    (void)poll(&answer, 1, 2);
    (void)shutdown(fd, SHUT_WR);
}

static size_t body_len_of(const char *head, size_t len)
{
    static const char name[] = "\r\nContent-Length: ";
    const char *field = memmem(head, len, name, sizeof name - 1);
    return field != NULL ? strtoul(field + sizeof name - 1, NULL, 10) : 0;
}

static bool begins_answer(const char *at, size_t len)
{
    static const char want[] = "HTTP/1.1 ";
    size_t n = len < sizeof want - 1 ? len : sizeof want - 1;
    return memcmp(at, want, n) == 0;
}

struct answers_seen {
    unsigned finals; /* answers that are not a 100 */
    bool closing;    /* one of them said Connection: close */
};

static void note_answer(const char *at, size_t head, struct answers_seen *seen)
{
    static const char close[] = "\r\nConnection: close\r\n";
    long status = strtol(at + strlen("HTTP/1.1 "), NULL, 10);
    CHECK(is_known((int)status));
    CHECK(!seen->closing);
    seen->finals += status != 100;
    seen->closing = memmem(at, head, close, sizeof close - 1) != NULL;
}

/* The bytes that the answer takes. None of our bodies looks like an answer, so one behind the head
 * means that this one has none: it was to HEAD, or a 100. */
static size_t check_answer(const char *at, size_t len, bool cut, struct answers_seen *seen)
{
    CHECK(begins_answer(at, len));
    const char *end = memmem(at, len, "\r\n\r\n", 4);
    CHECK(end != NULL || cut);
    if (end == NULL)
        return len;
    size_t head = (size_t)(end + 4 - at), body = body_len_of(at, head);
    note_answer(at, head, seen);
    if (begins_answer(at + head, len - head))
        return head;
    CHECK(body <= len - head || cut);
    return body < len - head ? head + body : len;
}

static struct answers_seen check_answers(const struct buf *answers, bool cut)
{
    struct answers_seen seen = { 0 };
    for (size_t at = 0; at < answers->len;)
        at += check_answer(answers->data + at, answers->len - at, cut, &seen);
    return seen;
}

/* Does the first request say that its body comes in chunks? */
static bool first_is_chunked(const char *bytes, size_t len)
{
    static const char field[] = "\r\nTransfer-Encoding: chunked\r\n";
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    return end != NULL && memmem(bytes, (size_t)(end + 2 - bytes), field, sizeof field - 1) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > INPUT_MAX)
        return 0;
    if (server == NULL)
        open_server();
    struct buf answers = BUF_INIT(ANSWERS_MAX);
    bool cut;
    int fd = dial(server);
    send_in_pieces(fd, (const char *)data + 1, size - 1, data[0] & PIECE_MASK);
    if (data[0] >> 4 != KEPT_OPEN)
        end_apart(fd);
    read_all(fd, &answers, &cut);
    (void)close(fd);
    struct answers_seen seen = check_answers(&answers, cut);
    CHECK(seen.finals <= 1 || !first_is_chunked((const char *)data + 1, size - 1));
    buf_fini(&answers);
    for (int i = 0; i < SPINS && http_server_connections(server) > 0; i++)
        (void)sched_yield(); /* as a rule it is over by then */
    CHECK(WAIT_UNTIL(http_server_connections(server) == 0, PATIENCE_S));
    CHECK(http_server_in_flight(server) == 0);
    return 0;
}
