/* Work for the offload thread: fair by the order in which it is finished, dropped when nobody needs
 * it any more, and kept where its result is needed. */
#include <criterion/criterion.h>
#include <sys/resource.h>

#include "http/message/gunzip.h"
#include "http/server.h"
#include "unit/http/gzip_maker.h"
#include "unit/http/http_fixture.h"
#include "unit/http/key_folder.h"

enum { CROWD = 64, SLICE_NS = 100000 };

static struct answer answer;

/* ---- a job of as many slices as its path says ---- */

struct job {
    struct http_work work; /* first: slice() and finish() cast */
    struct http_request *req;
    unsigned left;
    char name[16];
};

static _Atomic bool plugged, pull; /* the first slice of "plug" waits for `pull` */
static _Atomic int64_t fake_now_ns;
static _Atomic int slice_nice; /* of the thread that did the last slice */
static _Atomic unsigned n_slices, n_finished;
static _Atomic unsigned stranger_at, stranger_after; /* slices, and finished jobs, by its end */

static bool slice(struct http_work *work)
{
    struct job *job = (struct job *)work;
    if (strcmp(job->name, "plug") == 0) {
        plugged = true;
        CHECK(WAIT_UNTIL(pull, PATIENCE_S));
        return true;
    }
    n_slices++;
    slice_nice = getpriority(PRIO_PROCESS, 0);
    fake_now_ns += SLICE_NS;
    if (--job->left > 0)
        return false;
    if (strcmp(job->name, "stranger") == 0) {
        stranger_at = n_slices;
        stranger_after = n_finished;
    }
    n_finished++;
    return true;
}

static void finish(struct http_completion *completion)
{
    struct job *job = (struct job *)completion;
    if (job->work.dropped)
        http_overloaded(job->req);
    else
        http_answer(job->req, 200, "text/plain", &BUF_INIT(1));
    free(job);
}

static struct job *job_new(struct http_request *req)
{
    struct job *job = calloc(1, sizeof *job);
    CHECK(job != NULL);
    job->work.do_slice = slice;
    job->work.done.finish = finish;
    job->req = req;
    job->left = (unsigned)strtoul(http_path_part(req, 1), NULL, 10);
    (void)snprintf(job->name, sizeof job->name, "%s", http_path_part(req, 0));
    return job;
}

static void handle_job(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct job *job = job_new(req);
    job->work.keep = strcmp(job->name, "kept") == 0;
    http_offload(req, &job->work);
}

static void handle_rest(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct job *job = job_new(req);
    if (http_offload_rest(req, &job->work))
        finish(&job->work.done);
}

/* clang-format off */
static const struct http_route job_routes[] = {
    { "GET",  "/job/{name}/{slices}",  HTTP_NO_BODY,   HTTP_WITH_KEY, handle_job,  fixture_statuses, NULL },
    { "GET",  "/rest/{name}/{slices}", HTTP_NO_BODY,   HTTP_ANYONE,   handle_rest, fixture_statuses, NULL },
    { "POST", "/echo/{part}",          HTTP_JSON_BODY, HTTP_ANYONE,   handle_echo, fixture_statuses, NULL },
};
/* clang-format on */

#define JOB_ROUTES .routes = job_routes, .n_routes = sizeof job_routes / sizeof job_routes[0]

static int64_t fake_clock(void)
{
    return fake_now_ns;
}

/* Its offload thread is held up until `pull`, and measures what it does by the jobs' own clock. */
static struct http_server *serve_plugged(const struct http_options *options, int *plug,
                                         const char *headers)
{
    struct http_server *server = serve_with(options);
    server->offload.cpu_clock = fake_clock; /* before the thread has anything to measure */
    char text[256];
    *plug = dial(server);
    (void)snprintf(text, sizeof text, "GET /job/plug/1 HTTP/1.1\r\nHost: t\r\n%s\r\n", headers);
    cr_assert(send_text(*plug, text));
    cr_assert(WAIT_UNTIL(plugged, PATIENCE_S));
    return server;
}

static int dial_from(const struct http_server *server, const char *address)
{
    struct sockaddr_in from = { .sin_family = AF_INET };
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)http_server_port(server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = PATIENCE_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(inet_pton(AF_INET, address, &from.sin_addr), 1);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&from, sizeof from), 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void ask(int fd, const char *path, const char *headers)
{
    char text[256];
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: t\r\n%s\r\n", path, headers);
    cr_assert(send_text(fd, text));
}

static void wait_in_flight(const struct http_server *server, uint64_t n)
{
    cr_assert(WAIT_UNTIL(http_server_in_flight(server) == n, PATIENCE_S));
}

/* Of requests in flight some may not have come to the offload thread yet: so many have. */
static void wait_offloaded(const struct http_server *server, uint64_t n)
{
    cr_assert(WAIT_UNTIL(server->offload.waiting == n, PATIENCE_S));
}

static void expect_answers(const int *fds, size_t n, int status)
{
    for (size_t i = 0; i < n; i++) {
        cr_assert(read_answer(fds[i], &answer), "%zu", i);
        cr_expect_eq(answer.status, status, "%zu: %d %s", i, answer.status, answer.body);
        close(fds[i]);
    }
}

/* ---- fair ---- */

Test(offload, a_small_work_does_not_wait_for_the_large_ones_before_it)
{
    int plug, fds[CROWD + 1];
    struct http_server *server =
        serve_plugged(&(struct http_options){ SERVE_OPTIONS, JOB_ROUTES }, &plug, "");
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = dial(server);
        ask(fds[i], "/job/crowd/200", "");
    }
    wait_offloaded(server, CROWD + 1);
    fds[CROWD] = dial(server);
    ask(fds[CROWD], "/job/stranger/3", "");
    wait_offloaded(server, CROWD + 2);
    pull = true;
    expect_answers(&plug, 1, 200);
    expect_answers(fds, CROWD + 1, 200);
    cr_expect_eq(n_slices, CROWD * 200 + 3);
    cr_expect_leq(stranger_at, 3 * (CROWD + 1), "a slice of each other one for each of its own");
    cr_expect_eq(stranger_after, 0);
    http_server_close(&server);
}

/* A large body must not take the processor from the loops. */
Test(offload, its_thread_steps_back_when_processors_are_short)
{
    struct http_server *server = serve_with(&(struct http_options){ SERVE_OPTIONS, JOB_ROUTES });
    int fd = dial(server);
    ask(fd, "/job/one/1", "");
    expect_answers(&fd, 1, 200);
    const int own = getpriority(PRIO_PROCESS, 0);
    cr_expect(slice_nice > own || own >= 10, "%d, and %d outside", slice_nice, own);
    http_server_close(&server);
}

/* Many requests of one client and one of another: the other client gets half of the time. */
static void expect_half(struct http_server *server, int plug, int *fds)
{
    wait_offloaded(server, CROWD + 2);
    pull = true;
    expect_answers(&plug, 1, 200);
    expect_answers(fds, CROWD + 1, 200);
    cr_expect_leq(stranger_at, 2 * 200 + 10);
    http_server_close(&server);
}

Test(offload, addresses_share_equally_however_many_connections_they_have)
{
    int plug, fds[CROWD + 1];
    struct http_server *server =
        serve_plugged(&(struct http_options){ SERVE_OPTIONS, JOB_ROUTES }, &plug, "");
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = dial(server);
        ask(fds[i], "/job/crowd/200", "");
    }
    wait_offloaded(server, CROWD + 1);
    fds[CROWD] = dial_from(server, "127.0.0.2");
    ask(fds[CROWD], "/job/stranger/200", "");
    expect_half(server, plug, fds);
}

/* Of one address, but with two keys. */
Test(offload, keys_share_equally_however_many_connections_they_have)
{
    int plug, fds[CROWD + 1];
    char text[512], crowd[128], stranger[128];
    (void)snprintf(text, sizeof text, "crowd %s\nstranger %s\n", key_hash_text(1),
                   key_hash_text(2));
    (void)snprintf(crowd, sizeof crowd, "Authorization: Bearer %s\r\n", key_text(1));
    (void)snprintf(stranger, sizeof stranger, "Authorization: Bearer %s\r\n", key_text(2));
    struct http_options options = { SERVE_OPTIONS, JOB_ROUTES };
    options.keys_file = key_write_text(text);
    struct http_server *server = serve_plugged(&options, &plug, crowd);
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = dial(server);
        ask(fds[i], "/job/crowd/200", crowd);
    }
    wait_offloaded(server, CROWD + 1);
    fds[CROWD] = dial(server);
    ask(fds[CROWD], "/job/stranger/200", stranger);
    expect_half(server, plug, fds);
}

/* ---- and with what the layer itself gives to the thread ---- */

static _Atomic unsigned bombs_before; /* answered before the stranger */
static _Atomic unsigned bombs;

static void note_answer(void *ctx, const struct http_answered *answered)
{
    (void)ctx;
    bombs += answered->status == 413;
    if (strcmp(answered->route, "/echo/{part}") == 0 && answered->status == 200)
        bombs_before = bombs;
}

static void send_packed(int fd, const struct packed *packed)
{
    char head[256];
    int len = snprintf(head, sizeof head,
                       "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                       "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                       packed->len);
    cr_assert(send_bytes(fd, head, (size_t)len) && send_bytes(fd, packed->data, packed->len));
}

Test(offload, a_packed_body_is_unpacked_before_the_bombs_that_came_first)
{
    enum { BODY_MAX = 1 << 20 };
    int plug, fds[CROWD], stranger;
    struct http_options options = { SERVE_OPTIONS, JOB_ROUTES };
    options.max_body_bytes = BODY_MAX;
    options.bodies_max_bytes = CROWD * (BODY_MAX + GUNZIP_STREAM_BYTES + 16 * 1024);
    options.on_answer = note_answer;
    struct http_server *server = serve_plugged(&options, &plug, "");
    struct packed bomb = pack_bomb(4 << 20), small = pack("{\"a\":1}", 7);
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = dial(server);
        send_packed(fds[i], &bomb);
    }
    wait_offloaded(server, CROWD + 1);
    stranger = dial(server);
    send_packed(stranger, &small);
    wait_offloaded(server, CROWD + 2);
    pull = true;
    expect_answers(&plug, 1, 200);
    expect_answers(&stranger, 1, 200);
    expect_answers(fds, CROWD, 413);
    cr_expect_eq(bombs_before, 0);
    free(bomb.data);
    free(small.data);
    http_server_close(&server);
}

/* ---- dropped, or kept ---- */

static void expect_overloaded(int fd, bool is_get)
{
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 503);
    cr_expect_not_null(strstr(answer.body, "\"code\":\"overloaded\""), "%s", answer.body);
    cr_expect_eq(strstr(answer.body, "\"outcome\":\"not_accepted\"") == NULL, is_get);
    cr_expect_not_null(strstr(answer.body, "\"retryable\":true"));
    cr_expect(answer_has(&answer, "Retry-After", "1"));
}

/* On the jobs' clock, which begins at 0, every request is late. */
static struct http_server *serve_late(void)
{
    struct http_options options = { SERVE_OPTIONS, JOB_ROUTES };
    options.offload_timeout_ns = 1;
    struct http_server *server = serve_with(&options);
    server->offload.clock = fake_clock;
    fake_now_ns = INT64_MAX - (int64_t)1000 * SLICE_NS;
    return server;
}

Test(offload, what_has_waited_too_long_is_refused_and_the_connection_goes_on)
{
    struct http_server *server = serve_late();
    struct packed packed = pack("{}", 2);
    int fd = dial(server);
    for (int i = 0; i < 3; i++) {
        ask(fd, "/job/late/3", "");
        expect_overloaded(fd, true);
        send_packed(fd, &packed);
        expect_overloaded(fd, false);
    }
    cr_expect_eq(n_slices, 0, "nothing was done for them");
    cr_expect_eq(server->offload.dropped, 6);
    ask(fd, "/job/kept/3", "");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(n_slices, 3);
    free(packed.data);
    close(fd);
    http_server_close(&server);
}

/* It would never end by itself. */
Test(offload, the_work_of_a_client_that_is_gone_is_dropped)
{
    const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    struct http_server *server = serve_with(&(struct http_options){ SERVE_OPTIONS, JOB_ROUTES });
    for (int with_reset = 0; with_reset < 2; with_reset++) {
        int fd = dial(server);
        ask(fd, "/job/gone/1073741824", "");
        wait_in_flight(server, 1);
        if (with_reset)
            cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        close(fd);
        wait_in_flight(server, 0);
        cr_expect_eq(server->offload.dropped, (unsigned)with_reset + 1);
        cr_expect_eq(server->offload.waiting, 0);
    }
    cr_expect(WAIT_UNTIL(http_server_connections(server) == 0, PATIENCE_S));
    http_server_close(&server);
}

/* A kept one is done to its end, though its client is gone before it began. */
Test(offload, what_is_kept_is_done_for_a_client_that_is_gone)
{
    int plug;
    struct http_server *server =
        serve_plugged(&(struct http_options){ SERVE_OPTIONS, JOB_ROUTES }, &plug, "");
    int fd = dial(server);
    ask(fd, "/job/kept/500", "");
    wait_offloaded(server, 2);
    close(fd);
    pull = true;
    expect_answers(&plug, 1, 200);
    cr_expect(WAIT_UNTIL(n_finished == 1, PATIENCE_S));
    wait_in_flight(server, 0);
    http_server_close(&server);
}

/* ---- the rest ---- */

Test(offload, a_first_slice_on_the_loop_and_the_rest_after_the_others)
{
    int plug;
    struct http_server *server =
        serve_plugged(&(struct http_options){ SERVE_OPTIONS, JOB_ROUTES }, &plug, "");
    int fd = dial(server);
    ask(fd, "/rest/one/1", "");
    cr_assert(read_answer(fd, &answer));
    cr_expect_eq(answer.status, 200, "it needs no other thread");
    ask(fd, "/rest/three/3", "");
    cr_assert(WAIT_UNTIL(n_slices == 2, PATIENCE_S));
    wait_offloaded(server, 2);
    cr_expect_eq(n_slices, 2, "the other two wait");
    pull = true;
    expect_answers(&fd, 1, 200);
    expect_answers(&plug, 1, 200);
    cr_expect_eq(n_slices, 4);
    http_server_close(&server);
}

static void *close_server(void *arg)
{
    http_server_close(arg);
    return NULL;
}

/* What was taken is done before the end, whatever it takes. */
Test(offload, the_end_of_the_server_waits_for_what_was_taken)
{
    int plug, fds[CROWD];
    struct http_server *server =
        serve_plugged(&(struct http_options){ SERVE_OPTIONS, JOB_ROUTES }, &plug, "");
    pthread_t closer;
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = dial(server);
        ask(fds[i], "/job/crowd/20", "");
    }
    wait_offloaded(server, CROWD + 1);
    cr_assert_eq(pthread_create(&closer, NULL, close_server, &server), 0);
    pull = true;
    expect_answers(&plug, 1, 200);
    expect_answers(fds, CROWD, 200);
    cr_assert_eq(pthread_join(closer, NULL), 0);
    cr_expect_eq(n_slices, CROWD * 20);
}
