/* Connections that all ask at the same moment and only go on when all are answered, at the sizes
 * where libmicrohttpd's own loop stands still for good (128 events are one round of its epoll),
 * with several threads that complete what the loops deferred, in lists of any length. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sync.h"
#include "unit/http/http_fixture.h"

enum { WORKERS = 3, ROUNDS = 40, CONNECTIONS_MAX = 300 };

struct job {
    struct http_completion completion; /* first: finish() casts */
    struct http_request *req;
    struct http_loop *loop;
};

static struct mutex mu;
static struct cond changed;
static struct fifo queue; /* completion.link */
static bool stopping;
static atomic_uint answered;

static void finish(struct http_completion *completion)
{
    struct job *job = (struct job *)completion;
    struct buf out = BUF_INIT(16);
    buf_add_str(&out, "done");
    http_answer(job->req, 200, "text/plain", &out);
    free(job);
    atomic_fetch_add_explicit(&answered, 1, memory_order_relaxed);
}

static void never(struct http_request *req, void *arg)
{
    (void)req;
    (void)arg;
    bool a_deadline_came_that_was_removed = true;
    CHECK(!a_deadline_came_that_was_removed);
}

static void handle(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct job *job = calloc(1, sizeof *job);
    CHECK(job != NULL);
    job->req = req;
    job->loop = http_loop_of(req);
    job->completion.finish = finish;
    http_deadline(req, clock_now_ns() + 600 * NS_PER_S, never, NULL);
    mutex_lock(&mu);
    fifo_push(&queue, &job->completion.link);
    mutex_unlock(&mu);
    cond_signal(&changed);
}

static struct http_loop *loop_of(struct fifo_node *node)
{
    return CONTAINER_OF(node, struct job, completion.link)->loop;
}

/* Completes the first jobs that are of one loop. */
static void complete_some(struct fifo *jobs)
{
    struct http_loop *loop = loop_of(jobs->first);
    struct fifo_node *last = jobs->first;
    while (last->next != NULL && loop_of(last->next) == loop)
        last = last->next;
    struct fifo completions = fifo_pop_to(jobs, last);
    http_complete(loop, &completions);
}

static void *work(void *arg)
{
    (void)arg;
    for (;;) {
        mutex_lock(&mu);
        while (queue.first == NULL && !stopping)
            (void)cond_wait_until(&changed, &mu, CLOCK_NEVER);
        struct fifo jobs = queue;
        queue = (struct fifo){ NULL, NULL };
        mutex_unlock(&mu);
        if (jobs.first == NULL)
            return NULL;
        while (jobs.first != NULL)
            complete_some(&jobs);
    }
}

static const int statuses[] = { 200, 0 };
static const struct http_route routes[] = { { "POST", "/job", HTTP_JSON_BODY, HTTP_ANYONE, handle,
                                              statuses, NULL } };

static void lockstep(const struct http_server *server, int n)
{
    static struct answer answer;
    static int fds[CONNECTIONS_MAX];
    for (int i = 0; i < n; i++)
        fds[i] = dial(server);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < n; i++)
            CHECK(send_post(fds[i], "/job", "{}"));
        for (int i = 0; i < n; i++) {
            CHECK(read_answer(fds[i], &answer));
            CHECK(answer.status == 200);
        }
    }
    for (int i = 0; i < n; i++)
        close(fds[i]);
}

static void run(uint32_t loops)
{
    static const int sizes[] = { 1, 127, 128, 129, 256, CONNECTIONS_MAX };
    struct http_options options = { SERVE_OPTIONS, .routes = routes, .n_routes = 1 };
    options.threads = loops;
    struct http_server *server = serve_with(&options);
    unsigned want = 0;
    atomic_store(&answered, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        lockstep(server, sizes[i]);
        want += (unsigned)(sizes[i] * ROUNDS);
        CHECK(atomic_load(&answered) == want);
    }
    http_server_drain(server);
    http_server_close(&server);
}

int main(void)
{
    pthread_t workers[WORKERS];
    mutex_init(&mu);
    cond_init(&changed);
    for (int i = 0; i < WORKERS; i++)
        CHECK(thread_start(&workers[i], "worker", work, NULL) == 0);
    run(1);
    run(2);
    mutex_lock(&mu);
    stopping = true;
    mutex_unlock(&mu);
    cond_broadcast(&changed);
    for (int i = 0; i < WORKERS; i++)
        thread_join(workers[i]);
    return 0;
}
