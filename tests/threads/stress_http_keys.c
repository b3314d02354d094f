/* Keys are read again and again while clients ask with them over several loops, and other threads
 * look at the keys of requests that wait: who is in every file is always let in, who is in some of
 * them now and then, and nobody gets more than his rate because of a reload. The figures of who is
 * in every file miss no request. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sync.h"
#include "unit/http/http_fixture.h"
#include "unit/http/key_folder.h"

enum { CLIENTS = 4, ASKS = 3000, LOOPS = 2, MORE_KEYS = 50, RELOADS_MIN = 50, BURST = 100 };
enum { ALWAYS, SOMETIMES, LIMITED, KINDS };

static const char *const names[KINDS] = { "always", "sometimes", "limited" };
static char authorizations[KINDS][64];
static char lines[2][16 * 1024]; /* with and without SOMETIMES */
static struct http_server *server;
static atomic_uint served[KINDS], refused[KINDS], clients_done;

/* ---- a thread that looks at keys, as the offload thread does ---- */

struct job {
    struct http_work work; /* first: look() and finish() cast */
    struct http_request *req;
    bool may, may_other;
    char name[32];
};

static bool look(struct http_work *work)
{
    struct job *job = (struct job *)work;
    job->may = http_may_use(job->req, "A");
    job->may_other = http_may_use(job->req, "B");
    http_charge(job->req, 0);
    (void)snprintf(job->name, sizeof job->name, "%s", http_key_name(job->req));
    return true;
}

static void finish(struct http_completion *completion)
{
    struct job *job = (struct job *)completion;
    struct buf out = BUF_INIT(64);
    CHECK(job->may);
    CHECK(!job->may_other);
    CHECK(strcmp(job->name, http_key_name(job->req)) == 0);
    buf_add_str(&out, job->name);
    http_answer(job->req, 200, "text/plain", &out);
    free(job);
}

static void handle(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct job *job = calloc(1, sizeof *job);
    CHECK(job != NULL);
    job->req = req;
    job->work.do_slice = look;
    job->work.done.finish = finish;
    http_offload(req, &job->work);
}

/* ---- clients ---- */

static int ask(int fd, int kind, struct answer *answer)
{
    char text[256];
    (void)snprintf(text, sizeof text, "GET /job HTTP/1.1\r\nHost: t\r\n%s\r\n",
                   authorizations[kind]);
    CHECK(send_text(fd, text));
    CHECK(read_answer(fd, answer));
    if (answer->status == 200)
        CHECK(strcmp(answer->body, names[kind]) == 0);
    atomic_fetch_add(answer->status == 200 ? &served[kind] : &refused[kind], 1);
    return answer->status;
}

static void *client(void *arg)
{
    (void)arg;
    struct answer *answer = malloc(sizeof *answer);
    CHECK(answer != NULL);
    int fd = dial(server);
    for (int i = 0; i < ASKS; i++) {
        int status = ask(fd, i % KINDS, answer);
        if (i % KINDS == ALWAYS)
            CHECK(status == 200);
        if (i % KINDS == SOMETIMES)
            CHECK(status == 200 || status == 401);
        if (i % KINDS == LIMITED)
            CHECK(status == 200 || status == 429);
    }
    close(fd);
    free(answer);
    atomic_fetch_add(&clients_done, 1);
    return NULL;
}

/* ---- reloads ---- */

static void write_lines(char *out, size_t size, bool sometimes)
{
    struct buf text = BUF_INIT(size - 1);
    for (int i = 0; i < MORE_KEYS; i++)
        buf_printf(&text, "more-%d %s accounts=A,C rate=1/s\n", i, key_hash_text(100 + i));
    buf_printf(&text, "always %s accounts=A\n", key_hash_text(ALWAYS));
    buf_printf(&text, "limited %s accounts=A rate=1/s burst=%d\n", key_hash_text(LIMITED), BURST);
    if (sometimes)
        buf_printf(&text, "sometimes %s accounts=A\n", key_hash_text(SOMETIMES));
    CHECK(!text.failed);
    memcpy(out, text.data, text.len + 1);
    buf_fini(&text);
}

static void reload(bool sometimes)
{
    struct err err;
    (void)key_write_text(lines[sometimes ? 0 : 1]);
    CHECK(http_server_reload_keys(server, &err));
}

/* Once a reload has returned it counts on every loop. */
static void settle(void)
{
    struct answer *answer = malloc(sizeof *answer);
    CHECK(answer != NULL);
    for (int i = 0; i < 4 * LOOPS; i++) {
        int fd = dial(server);
        reload(true);
        CHECK(ask(fd, SOMETIMES, answer) == 200);
        reload(false);
        CHECK(ask(fd, SOMETIMES, answer) == 401);
        close(fd);
    }
    free(answer);
}

/* The route answers with all figures: "name requests code=n ...". */
static void show_figures(struct http_request *req, void *ctx)
{
    (void)ctx;
    size_t n;
    struct http_key_figures *all = http_key_figures_of_all(req, &n);
    struct buf out = BUF_INIT(64 * 1024);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&out, "%s %llu", all[i].name, (unsigned long long)all[i].requests);
        for (size_t k = 0; k < all[i].n_codes; k++)
            buf_printf(&out, " %s=%llu", all[i].codes[k].code,
                       (unsigned long long)all[i].codes[k].count);
        buf_add_char(&out, '\n');
    }
    free(all);
    http_answer(req, 200, "text/plain", &out);
}

static void expect_figures(void)
{
    char want[2][96];
    struct answer *answer = malloc(sizeof *answer);
    CHECK(answer != NULL);
    int fd = dial(server);
    CHECK(send_text(fd, "GET /figures HTTP/1.1\r\nHost: t\r\n\r\n"));
    CHECK(read_answer(fd, answer));
    (void)snprintf(want[0], sizeof want[0], "always %u\n", atomic_load(&served[ALWAYS]));
    (void)snprintf(want[1], sizeof want[1], "limited %u rate_limited=%u\n",
                   atomic_load(&served[LIMITED]) + atomic_load(&refused[LIMITED]),
                   atomic_load(&refused[LIMITED]));
    for (int i = 0; i < 2; i++)
        CHECK(strstr(answer->body, want[i]) != NULL);
    close(fd);
    free(answer);
}

static const int statuses[] = { 200, 0 };
static const struct http_route routes[] = {
    { .method = "GET",
      .path = "/job",
      .body = HTTP_NO_BODY,
      .access = HTTP_WITH_KEY,
      .handle = handle,
      .statuses = statuses },
    { .method = "GET",
      .path = "/figures",
      .body = HTTP_NO_BODY,
      .access = HTTP_ANYONE,
      .handle = show_figures,
      .statuses = statuses },
};

int main(void)
{
    pthread_t clients[CLIENTS];
    for (int kind = 0; kind < KINDS; kind++)
        (void)snprintf(authorizations[kind], sizeof authorizations[0],
                       "Authorization: Bearer %s\r\n", key_text(kind));
    write_lines(lines[0], sizeof lines[0], true);
    write_lines(lines[1], sizeof lines[1], false);
    struct http_options options = { SERVE_OPTIONS, .routes = routes, .n_routes = 2 };
    options.threads = LOOPS;
    options.keys_file = key_write_text(lines[0]);
    server = serve_with(&options);

    int64_t began_ns = clock_now_ns();
    for (int i = 0; i < CLIENTS; i++)
        CHECK(thread_start(&clients[i], "client", client, NULL) == 0);
    for (int i = 0; i < RELOADS_MIN || atomic_load(&clients_done) < CLIENTS; i++)
        reload(i % 2 == 0);
    for (int i = 0; i < CLIENTS; i++)
        thread_join(clients[i]);
    int64_t lasted_s = (clock_now_ns() - began_ns) / NS_PER_S;
    CHECK(atomic_load(&served[ALWAYS]) == CLIENTS * ASKS / KINDS);
    CHECK(atomic_load(&served[LIMITED]) >= BURST);
    CHECK(atomic_load(&served[LIMITED]) <= BURST + lasted_s + 1);
    settle();
    expect_figures();
    http_server_close(&server);
    return 0;
}
