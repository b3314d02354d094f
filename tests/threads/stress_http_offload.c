/* Work in slices from many clients at once: of several addresses, on several loops with one offload
 * thread between them. Some clients go away in the middle of their work, some work is too late,
 * some is to be kept whatever happens. Every answer fits its request, every work that was to be
 * kept is done to its end, and nothing is left over. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sync.h"
#include "unit/http/http_fixture.h"

enum { CLIENTS = 8, ROUNDS = 1000, SLICES_MAX = 40 };

struct job {
    struct http_work work; /* first: slice() and finish() cast */
    struct http_request *req;
    unsigned slices, done;
};

static atomic_uint kept_begun, kept_done;

static bool slice(struct http_work *work)
{
    struct job *job = (struct job *)work;
    return ++job->done >= job->slices;
}

static void finish(struct http_completion *completion)
{
    struct job *job = (struct job *)completion;
    struct buf out = BUF_INIT(64);
    CHECK(job->work.dropped || job->done == job->slices);
    CHECK(!job->work.dropped || !job->work.keep);
    if (job->work.keep)
        atomic_fetch_add(&kept_done, 1);
    buf_printf(&out, "%u", job->done);
    if (job->work.dropped)
        http_overloaded(job->req);
    else
        http_answer(job->req, 200, "text/plain", &out);
    buf_fini(&out);
    free(job);
}

/* /job/plain/7, /job/kept/7, and /rest/...: the first slice on the loop. */
static struct job *job_new(struct http_request *req)
{
    struct job *job = calloc(1, sizeof *job);
    CHECK(job != NULL);
    job->work.do_slice = slice;
    job->work.done.finish = finish;
    job->work.keep = strcmp(http_path_part(req, 0), "kept") == 0;
    job->req = req;
    job->slices = (unsigned)strtoul(http_path_part(req, 1), NULL, 10);
    if (job->work.keep)
        atomic_fetch_add(&kept_begun, 1);
    return job;
}

static void handle_job(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct job *job = job_new(req);
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
static const struct http_route routes[] = {
    { "GET", "/job/{kind}/{slices}",  HTTP_NO_BODY, HTTP_ANYONE, handle_job,  fixture_statuses, NULL },
    { "GET", "/rest/{kind}/{slices}", HTTP_NO_BODY, HTTP_ANYONE, handle_rest, fixture_statuses, NULL },
};
/* clang-format on */

struct client {
    pthread_t thread;
    const struct http_server *server;
    unsigned seed, number;
    struct answer answer;
};

/* Each two clients are of one address: 127.0.0.1, 127.0.0.2, ... */
static int dial_as(const struct client *client)
{
    struct sockaddr_in from = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK + client->number / 2) };
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)http_server_port(client->server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = PATIENCE_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    CHECK(bind(fd, (const struct sockaddr *)&from, sizeof from) == 0);
    CHECK(connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

/* How many slices it asked for. */
static unsigned ask(struct client *client, int fd)
{
    static const char *const paths[] = { "/job/plain", "/job/kept", "/rest/plain", "/rest/kept" };
    char path[64];
    unsigned slices = 1 + (unsigned)rand_r(&client->seed) % SLICES_MAX;
    (void)snprintf(path, sizeof path, "%s/%u", paths[rand_r(&client->seed) % 4], slices);
    CHECK(send_get(fd, path));
    return slices;
}

static void expect_done(struct client *client, int fd, unsigned slices)
{
    CHECK(read_answer(fd, &client->answer));
    if (client->answer.status == 200)
        CHECK(strtoul(client->answer.body, NULL, 10) == slices);
    else
        CHECK(client->answer.status == 503);
}

static void *run_client(void *arg)
{
    struct client *client = arg;
    int fd = dial_as(client);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned slices = ask(client, fd);
        if (rand_r(&client->seed) % 8 != 0) {
            expect_done(client, fd, slices);
            continue;
        }
        close(fd); /* without waiting for the answer */
        fd = dial_as(client);
    }
    close(fd);
    return NULL;
}

int main(void)
{
    static struct client clients[CLIENTS];
    struct http_options options = { SERVE_OPTIONS };
    options.routes = routes;
    options.n_routes = sizeof routes / sizeof routes[0];
    options.threads = 2;
    options.offload_timeout_ns = NS_PER_MS; /* some are too late under load, and none has to be */
    struct http_server *server = serve_with(&options);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].server = server;
        clients[i].seed = clients[i].number = i;
        CHECK(thread_start(&clients[i].thread, "client", run_client, &clients[i]) == 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        thread_join(clients[i].thread);
    CHECK(WAIT_UNTIL(http_server_connections(server) == 0, PATIENCE_S));
    CHECK(WAIT_UNTIL(http_server_in_flight(server) == 0, PATIENCE_S));
    CHECK(kept_begun > 0);
    CHECK(kept_begun == kept_done);
    http_server_drain(server);
    http_server_close(&server);
    return 0;
}
