/* Packed bodies from many clients at once, on several loops with one parser between them, while
 * connections of a few addresses come and go under a limit: every answer is the body that was
 * packed, and nothing is left over. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sync.h"
#include "unit/http/gzip_maker.h"
#include "unit/http/http_fixture.h"

enum { CLIENTS = 8, ROUNDS = 30, PIPELINED = 8, BODY_MAX = 20000 };

struct client {
    pthread_t thread;
    const struct http_server *server;
    unsigned seed;
    struct answer answer;
    char body[BODY_MAX];
};

static void fill(struct client *client, size_t len)
{
    for (size_t i = 0; i < len; i++)
        client->body[i] = (char)('a' + rand_r(&client->seed) % 4);
}

static void send_packed(int fd, const char *body, size_t len)
{
    struct packed packed = pack(body, len);
    char head[256];
    int head_len = snprintf(head, sizeof head,
                            "POST /echo/x HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                            "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                            packed.len);
    CHECK(send_bytes(fd, head, (size_t)head_len));
    CHECK(send_bytes(fd, packed.data, packed.len));
    free(packed.data);
}

static void expect_body(struct client *client, int fd, size_t len)
{
    CHECK(read_answer(fd, &client->answer));
    CHECK(client->answer.status == 200);
    CHECK(client->answer.body_len == len + 3);
    CHECK(memcmp(client->answer.body + 3, client->body, len) == 0);
}

/* One connection: a few in one go, then one that is left without waiting for its answer. */
static void *run_client(void *arg)
{
    struct client *client = arg;
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = (size_t)rand_r(&client->seed) % BODY_MAX;
        int fd = dial(client->server);
        fill(client, len);
        for (int i = 0; i < PIPELINED; i++)
            send_packed(fd, client->body, len);
        for (int i = 0; i < PIPELINED; i++)
            expect_body(client, fd, len);
        send_packed(fd, client->body, len);
        close(fd);
    }
    return NULL;
}

int main(void)
{
    static struct client clients[CLIENTS];
    struct http_options options = { SERVE_OPTIONS, SERVE_ROUTES };
    options.threads = 2;
    options.bodies_max_bytes = 64 << 20;
    options.max_connections_per_address = 1000;
    struct http_server *server = serve_with(&options);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].server = server;
        clients[i].seed = i;
        CHECK(thread_start(&clients[i].thread, "client", run_client, &clients[i]) == 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        thread_join(clients[i].thread);
    CHECK(WAIT_UNTIL(http_server_connections(server) == 0, PATIENCE_S));
    CHECK(WAIT_UNTIL(http_server_in_flight(server) == 0, PATIENCE_S));
    http_server_drain(server);
    http_server_close(&server);
    return 0;
}
