/* neighbour.c - a client that others would rather not share a server with: large batches, gzip
 * bombs, or heads that drip. What it was answered is its report; what it does to others, order_load
 * measures beside it. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sync.h"
#include "load/load_number.h"
#include "load/load_url.h"
#include "load/neighbour_bodies.h"

enum {
    CONNS_MAX = 1000,
    SECONDS_MAX = 3600,
    ORDERS_MAX = 100000,
    BOMB_BYTES = 64 << 20,
    PATIENCE_S = 30,
    ANSWER_HEAD_MAX = 4096,
};

static const char usage[] =
    "neighbour MODE [options]: an uncomfortable client of a running ordersd\n"
    "  batch              each connection posts batches, one order of each bad\n"
    "  bomb               each connection posts 64 MiB of zeros as gzip\n"
    "  drip               each connection sends a byte of a request's head a second\n"
    "  --url URL          http://HOST:PORT (http://127.0.0.1:8080)\n"
    "  --connections N    1..1000 (4)\n"
    "  --seconds N        how long (10)\n"
    "  --orders N         in a batch (5000)\n"
    "Says \"ready\" on standard error when it begins. The report is one JSON object: requests "
    "begun,\n"
    "answers by status, connections cut.\n";

struct run {
    struct sockaddr_in server;
    char host[300];
    double conns, seconds, orders;
    int64_t until_ns;
    struct neighbour_request bomb; /* made once, before the clock runs */
    atomic_uint_fast64_t begun, cut, status[600];
};

static struct run run = { .conns = 4, .seconds = 10, .orders = 5000 };

/* -1 when nobody listens. */
static int dial(void)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&run.server, sizeof run.server) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static bool send_all(int fd, const char *bytes, size_t len)
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

static bool skip(int fd, size_t len)
{
    char away[1 << 16];
    while (len > 0) {
        ssize_t n = recv(fd, away, len < sizeof away ? len : sizeof away, 0);
        if (n <= 0)
            return false;
        len -= (size_t)n;
    }
    return true;
}

/* Its status, or 0 when the connection ended instead. */
static int read_answer(int fd)
{
    char head[ANSWER_HEAD_MAX + 1];
    size_t len = 0;
    char *end = NULL;
    while (end == NULL && len < ANSWER_HEAD_MAX) {
        ssize_t n = recv(fd, head + len, ANSWER_HEAD_MAX - len, 0);
        if (n <= 0)
            return 0;
        len += (size_t)n;
        head[len] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    const char *length = strcasestr(head, "\r\nContent-Length:");
    if (end == NULL || length == NULL || strncmp(head, "HTTP/1.1 ", 9) != 0)
        return 0;
    int status = (int)strtol(head + 9, NULL, 10);
    size_t body = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    size_t have = len - (size_t)(end + 4 - head);
    return have > body || !skip(fd, body - have) ? 0 : status;
}

static void note(int status)
{
    atomic_fetch_add(status > 0 && status < 600 ? &run.status[status] : &run.cut, 1);
}

/* One request after another over one connection, which is dialled again when it is cut. */
static void post_on_and_on(struct neighbour_request *request)
{
    int fd = -1;
    for (uint64_t first = 0; clock_now_ns() < run.until_ns; first += request->n_orders) {
        if (fd < 0 && (fd = dial()) < 0)
            return;
        neighbour_batch_number(request, first);
        atomic_fetch_add(&run.begun, 1);
        int status = send_all(fd, request->text, request->len) ? read_answer(fd) : 0;
        note(status);
        if (status == 0) {
            (void)close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        (void)close(fd);
}

static void *post_batches(void *arg)
{
    struct neighbour_request request = { .text = NULL };
    char prefix[32];
    (void)snprintf(prefix, sizeof prefix, "%llx-%d-", (unsigned long long)clock_wall_us(),
                   *(int *)arg);
    if (neighbour_batch(&request, run.host, prefix, (size_t)run.orders))
        post_on_and_on(&request);
    neighbour_request_fini(&request);
    return NULL;
}

static void *post_bombs(void *arg)
{
    (void)arg;
    post_on_and_on(&run.bomb); /* there are no numbers to write into it */
    return NULL;
}

/* A byte, and one second; until the server has had enough, which may say so first. */
static void drip_once(int fd)
{
    static const char head[] = "POST /v1/orders HTTP/1.1\r\nHost: drip\r\nX-Drip: ";
    struct pollfd in = { .fd = fd, .events = POLLIN };
    atomic_fetch_add(&run.begun, 1);
    for (size_t sent = 0; clock_now_ns() < run.until_ns; sent++) {
        const char *byte = sent < strlen(head) ? head + sent : "d";
        if (!send_all(fd, byte, 1) || poll(&in, 1, 1000) != 0) {
            note(read_answer(fd));
            return;
        }
    }
}

static void *drip(void *arg)
{
    (void)arg;
    while (clock_now_ns() < run.until_ns) {
        int fd = dial();
        if (fd < 0)
            break;
        drip_once(fd);
        (void)close(fd);
    }
    return NULL;
}

static void report(void)
{
    const char *comma = "";
    printf("{\"requests\":%llu,\"cut\":%llu,\"status\":{", (unsigned long long)run.begun,
           (unsigned long long)run.cut);
    for (int status = 0; status < 600; status++) {
        if (run.status[status] == 0)
            continue;
        printf("%s\"%d\":%llu", comma, status, (unsigned long long)run.status[status]);
        comma = ",";
    }
    puts("}}");
}

static bool take_option(int letter, const char *value, const char **url)
{
    switch (letter) {
    case 'u':
        *url = value;
        return true;
    case 'c':
        return load_number(value, 1, CONNS_MAX, &run.conns);
    case 's':
        return load_number(value, 1, SECONDS_MAX, &run.seconds);
    case 'o':
        return load_number(value, 2, ORDERS_MAX, &run.orders);
    default:
        return false;
    }
}

static bool parse(int argc, char **argv)
{
    static const struct option options[] = {
        { "url", required_argument, NULL, 'u' },
        { "connections", required_argument, NULL, 'c' },
        { "seconds", required_argument, NULL, 's' },
        { "orders", required_argument, NULL, 'o' },
        { NULL, 0, NULL, 0 },
    };
    const char *url = "http://127.0.0.1:8080";
    for (int letter; (letter = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!take_option(letter, optarg, &url))
            return false;
    return optind == argc - 1 && load_url(url, run.host, sizeof run.host, &run.server);
}

static void *(*mode_of(const char *word))(void *)
{
    if (strcmp(word, "batch") == 0)
        return post_batches;
    if (strcmp(word, "bomb") == 0)
        return post_bombs;
    return strcmp(word, "drip") == 0 ? drip : NULL;
}

int main(int argc, char **argv)
{
    static pthread_t threads[CONNS_MAX];
    static int numbers[CONNS_MAX];
    void *(*mode)(void *) = parse(argc, argv) ? mode_of(argv[optind]) : NULL;
    if (mode == NULL) {
        fputs(usage, stderr);
        return 2;
    }
    if (mode == post_bombs && !neighbour_bomb(&run.bomb, run.host, BOMB_BYTES))
        return EXIT_FAILURE;
    int n = 0;
    fputs("ready\n", stderr);
    run.until_ns = clock_now_ns() + (int64_t)(run.seconds * (double)NS_PER_S);
    for (; n < (int)run.conns; n++) {
        numbers[n] = n;
        if (thread_start(&threads[n], "neighbour", mode, &numbers[n]) != 0)
            break;
    }
    for (int i = 0; i < n; i++)
        thread_join(threads[i]);
    neighbour_request_fini(&run.bomb);
    report();
    return n == (int)run.conns ? EXIT_SUCCESS : EXIT_FAILURE;
}
