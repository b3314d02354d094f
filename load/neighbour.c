/* neighbour.c - a noisy neighbour: sends large batches, gzip bombs, thousands of unknown members,
 * or heads that drip. It reports the answers that it got. order_load, run beside it, measures what
 * it does to other clients. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sync.h"
#include "load/load_number.h"
#include "load/load_url.h"
#include "load/neighbour_bodies.h"
#include "load/neighbour_conn.h"

enum {
    CONNS_MAX = 1000,
    SECONDS_MAX = 3600,
    ORDERS_MAX = 100000,
    BOMB_BYTES = 64 << 20,
    BATCH_BOMB_BYTES = 4 << 20, /* the limit of HTTP_MAX_BODY; 4 kB when compressed */
    MEMBERS = 330000,
    DOCUMENT_BYTES = 60 * 1024, /* below the limit of one order */
};

static const char usage[] =
    "neighbour MODE [options]: an uncomfortable client of a running ordersd\n"
    "  batch              each connection posts batches, one order of each bad\n"
    "  bomb               each connection posts 64 MiB of zeros as gzip, for one order\n"
    "  gzip               each connection posts 4 MiB of blanks as 4 kB of gzip, for a batch\n"
    "  members            each connection posts one order of 330,000 unknown members\n"
    "  documents          each connection posts as many members in a batch, 60 KiB an order\n"
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
    struct neighbour_request fixed; /* made once, before the measurement */
    atomic_uint_fast64_t begun;
    struct neighbour_answers answers;
};

static struct run run = { .conns = 4, .seconds = 10, .orders = 5000 };

/* Sends the request again and again over one connection, which is opened again if the server closes
 * it. */
static void post_on_and_on(struct neighbour_request *request)
{
    int fd = -1;
    for (uint64_t first = 0; clock_now_ns() < run.until_ns; first += request->n_orders) {
        if (fd < 0 && (fd = neighbour_dial(&run.server)) < 0)
            return;
        neighbour_batch_number(request, first);
        atomic_fetch_add(&run.begun, 1);
        int status =
            neighbour_send(fd, request->text, request->len) ? neighbour_read_answer(fd) : 0;
        neighbour_count(&run.answers, status);
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
    if (neighbour_batch(&request, NEIGHBOUR_ONE_BAD, run.host, prefix, (size_t)run.orders))
        post_on_and_on(&request);
    neighbour_request_fini(&request);
    return NULL;
}

static void *post_the_same(void *arg)
{
    (void)arg;
    post_on_and_on(&run.fixed); /* this request has no numbers to overwrite */
    return NULL;
}

/* Sends a byte a second until the server closes the connection, perhaps after an answer. */
static void drip_once(int fd)
{
    static const char head[] = "POST /v1/orders HTTP/1.1\r\nHost: drip\r\nX-Drip: ";
    struct pollfd in = { .fd = fd, .events = POLLIN };
    atomic_fetch_add(&run.begun, 1);
    for (size_t sent = 0; clock_now_ns() < run.until_ns; sent++) {
        const char *byte = sent < strlen(head) ? head + sent : "d";
        if (!neighbour_send(fd, byte, 1) || poll(&in, 1, 1000) != 0) {
            neighbour_count(&run.answers, neighbour_read_answer(fd));
            return;
        }
    }
}

static void *drip(void *arg)
{
    (void)arg;
    while (clock_now_ns() < run.until_ns) {
        int fd = neighbour_dial(&run.server);
        if (fd < 0)
            break;
        drip_once(fd);
        (void)close(fd);
    }
    return NULL;
}

static void report(void)
{
    printf("{\"requests\":%llu,", (unsigned long long)run.begun);
    neighbour_print_answers(&run.answers);
    puts("}");
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

static bool make_bomb(void)
{
    return neighbour_bomb(&run.fixed, run.host, "/v1/orders", '\0', BOMB_BYTES);
}

static bool make_batch_bomb(void)
{
    return neighbour_bomb(&run.fixed, run.host, "/v1/orders/batch", ' ', BATCH_BOMB_BYTES);
}

static bool make_members(void)
{
    return neighbour_members(&run.fixed, run.host, MEMBERS, 0);
}

static bool make_documents(void)
{
    return neighbour_members(&run.fixed, run.host, MEMBERS, DOCUMENT_BYTES);
}

struct mode {
    const char *word;
    void *(*run)(void *number);
    bool (*make)(void); /* makes run.fixed; NULL: each connection makes its own request */
};

static const struct mode modes[] = {
    { "batch", post_batches, NULL },
    { "bomb", post_the_same, make_bomb },
    { "gzip", post_the_same, make_batch_bomb },
    { "members", post_the_same, make_members },
    { "documents", post_the_same, make_documents },
    { "drip", drip, NULL },
};

static const struct mode *mode_of(const char *word)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(word, modes[i].word) == 0)
            return &modes[i];
    return NULL;
}

int main(int argc, char **argv)
{
    static pthread_t threads[CONNS_MAX];
    static int numbers[CONNS_MAX];
    const struct mode *mode = parse(argc, argv) ? mode_of(argv[optind]) : NULL;
    if (mode == NULL) {
        fputs(usage, stderr);
        return 2;
    }
    if (mode->make != NULL && !mode->make())
        return EXIT_FAILURE;
    int n = 0;
    fputs("ready\n", stderr);
    run.until_ns = clock_now_ns() + (int64_t)(run.seconds * (double)NS_PER_S);
    for (; n < (int)run.conns; n++) {
        numbers[n] = n;
        if (thread_start(&threads[n], "neighbour", mode->run, &numbers[n]) != 0)
            break;
    }
    for (int i = 0; i < n; i++)
        thread_join(threads[i]);
    neighbour_request_fini(&run.fixed);
    report();
    return n == (int)run.conns ? EXIT_SUCCESS : EXIT_FAILURE;
}
