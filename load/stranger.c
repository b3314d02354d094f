/* stranger.c - a well-behaved client beside a noisy neighbour: one connection that posts batches of
 * valid orders, with a pause between them. It reports the duration of each answer, which shows what
 * the neighbour does to other clients. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "load/load_hist.h"
#include "load/load_number.h"
#include "load/load_url.h"
#include "load/neighbour_bodies.h"
#include "load/neighbour_conn.h"

enum { SECONDS_MAX = 3600, ORDERS_MAX = 5000, PAUSE_MS_MAX = 10000 };

static const char usage[] =
    "stranger [options]: a polite client of a running ordersd, and how long it waits for answers\n"
    "  --url URL          http://HOST:PORT (http://127.0.0.1:8080)\n"
    "  --seconds N        how long (10)\n"
    "  --orders N         in a batch (100)\n"
    "  --pause-ms N       between an answer and the next batch (20)\n"
    "The report is one JSON object.\n";

struct run {
    struct sockaddr_in server;
    char host[300];
    double seconds, orders, pause_ms;
    struct neighbour_answers answers;
    struct load_hist latency;
};

static struct run run = { .seconds = 10, .orders = 100, .pause_ms = 20 };

/* Posts one batch. Returns false if the connection is no longer usable. */
static bool post(int fd, struct neighbour_request *request, uint64_t first)
{
    neighbour_batch_number(request, first);
    int64_t begun_at_ns = clock_now_ns();
    int status = neighbour_send(fd, request->text, request->len) ? neighbour_read_answer(fd) : 0;
    load_hist_add(&run.latency, clock_now_ns() - begun_at_ns);
    neighbour_count(&run.answers, status);
    return status != 0;
}

static bool post_on_and_on(struct neighbour_request *request)
{
    const struct timespec pause = { .tv_sec = (time_t)run.pause_ms / 1000,
                                    .tv_nsec = (long)run.pause_ms % 1000 * NS_PER_MS };
    int64_t until_ns = clock_now_ns() + (int64_t)(run.seconds * (double)NS_PER_S);
    int fd = -1;
    for (uint64_t first = 0; clock_now_ns() < until_ns; first += request->n_orders) {
        if (fd < 0 && (fd = neighbour_dial(&run.server)) < 0)
            return false;
        if (!post(fd, request, first)) {
            (void)close(fd);
            fd = -1;
        }
        (void)nanosleep(&pause, NULL);
    }
    if (fd >= 0)
        (void)close(fd);
    return true;
}

static double ms_of(double quantile)
{
    return (double)load_hist_quantile_ns(&run.latency, quantile) / (double)NS_PER_MS;
}

static void report(void)
{
    printf("{\"batches\":%llu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,",
           (unsigned long long)run.latency.count, ms_of(0.5), ms_of(0.99), ms_of(1));
    neighbour_print_answers(&run.answers);
    puts("}");
}

static bool take_option(int letter, const char *value, const char **url)
{
    switch (letter) {
    case 'u':
        *url = value;
        return true;
    case 's':
        return load_number(value, 1, SECONDS_MAX, &run.seconds);
    case 'o':
        return load_number(value, 1, ORDERS_MAX, &run.orders);
    case 'p':
        return load_number(value, 0, PAUSE_MS_MAX, &run.pause_ms);
    default:
        return false;
    }
}

static bool parse(int argc, char **argv)
{
    static const struct option options[] = {
        { "url", required_argument, NULL, 'u' },
        { "seconds", required_argument, NULL, 's' },
        { "orders", required_argument, NULL, 'o' },
        { "pause-ms", required_argument, NULL, 'p' },
        { NULL, 0, NULL, 0 },
    };
    const char *url = "http://127.0.0.1:8080";
    for (int letter; (letter = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!take_option(letter, optarg, &url))
            return false;
    return optind == argc && load_url(url, run.host, sizeof run.host, &run.server);
}

int main(int argc, char **argv)
{
    struct neighbour_request request = { .text = NULL };
    char prefix[32];
    if (!parse(argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    (void)snprintf(prefix, sizeof prefix, "s%llx-", (unsigned long long)clock_wall_us());
    bool ok = neighbour_batch(&request, NEIGHBOUR_ALL_GOOD, run.host, prefix, (size_t)run.orders) &&
              post_on_and_on(&request);
    neighbour_request_fini(&request);
    report();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
