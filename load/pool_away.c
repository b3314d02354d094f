/* pool_away.c - measures pqpool while the server is unavailable: by how much an acquire exceeds its
 * timeout with four kinds of bad server, and how often the pool dials while threads wait. Needs no
 * database: away_server.h plays the servers, on 127.0.0.1. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/sync.h"
#include "load/away_server.h"
#include "load/load_number.h"
#include "pqpool/pqpool.h"

enum { CALLERS = 16, TIMEOUT_MS = 300, WAITERS = 100, DIALS_MAX = 1000, SAMPLE_US = 500 };

static const char usage[] =
    "pool_away [options]: pqpool in front of servers that are away\n"
    "  --seconds S   of each kind of server, and of counting dials, 1..600 (10)\n"
    "  --help        this\n"
    "Exit status: 0 when all was measured, 1 when it could not be, 2 bad usage.\n";

/* ---- acquires that must end in time ---- */

struct caller {
    struct pqpool *pool;
    int64_t until_ns, latest_ns; /* latest_ns: the most by which a timeout was exceeded */
    uint32_t timeouts, refusals; /* refusals: failed at once, because the pool is down */
    pthread_t thread;
};

static void *call(void *arg)
{
    struct caller *caller = arg;
    int64_t began_ns;
    while ((began_ns = clock_now_ns()) < caller->until_ns) {
        struct pqpool_lease *lease = NULL;
        int64_t deadline_ns = began_ns + TIMEOUT_MS * NS_PER_MS;
        enum pqpool_rc rc = pqpool_acquire(caller->pool, deadline_ns, &lease, NULL);
        int64_t late_ns = clock_now_ns() - deadline_ns;
        if (late_ns > caller->latest_ns)
            caller->latest_ns = late_ns;
        caller->timeouts += rc == PQPOOL_TIMEOUT;
        caller->refusals += rc == PQPOOL_DOWN;
        if (rc == PQPOOL_DOWN)
            (void)usleep(1000 * TIMEOUT_MS / 10);
        pqpool_release(&lease, PQPOOL_DISCARD);
    }
    return NULL;
}

static bool open_on(const struct away_server *server, struct pqpool **pool)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    struct err err = { 0 };
    char conninfo[128];
    (void)snprintf(conninfo, sizeof conninfo,
                   "host=127.0.0.1 port=%d user=nobody dbname=none sslmode=disable",
                   away_server_port(server));
    options.conninfo = conninfo;
    if (pqpool_open(&options, pool, &err) == PQPOOL_OK)
        return true;
    fprintf(stderr, "pool_away: %s\n", err.text);
    return false;
}

/* Starts `n` callers, waits for them, and adds their figures up in the first. */
static bool call_many(struct pqpool *pool, struct caller *callers, int n, double seconds)
{
    int started = 0;
    int64_t until_ns = clock_now_ns() + (int64_t)(seconds * (double)NS_PER_S);
    for (; started < n; started++) {
        callers[started] = (struct caller){ .pool = pool, .until_ns = until_ns };
        if (thread_start(&callers[started].thread, "caller", call, &callers[started]) != 0)
            break;
    }
    for (int i = 0; i < started; i++) {
        thread_join(callers[i].thread);
        callers[0].timeouts += i > 0 ? callers[i].timeouts : 0;
        callers[0].refusals += i > 0 ? callers[i].refusals : 0;
        if (callers[i].latest_ns > callers[0].latest_ns)
            callers[0].latest_ns = callers[i].latest_ns;
    }
    return started == n;
}

static bool measure_deadlines(enum away_kind kind, double seconds)
{
    struct away_server *server = away_server_open(kind);
    struct pqpool *pool = NULL;
    struct caller callers[CALLERS];
    if (server == NULL || !open_on(server, &pool)) {
        away_server_close(&server);
        return false;
    }
    bool ok = call_many(pool, callers, CALLERS, seconds);
    int64_t began_ns = clock_now_ns();
    pqpool_close(&pool, began_ns);
    double close_ms = (double)(clock_now_ns() - began_ns) / 1e6;
    away_server_close(&server);
    if (ok)
        printf("%-24s %10u %10u %14.1f %14.1f\n", away_kind_name(kind), callers[0].timeouts,
               callers[0].refusals, (double)callers[0].latest_ns / 1e6, close_ms);
    return ok;
}

/* ---- dials ---- */

static void *wait_for_ever(void *arg)
{
    struct caller *caller = arg;
    while (clock_now_ns() < caller->until_ns) {
        struct pqpool_lease *lease = NULL;
        if (pqpool_acquire(caller->pool, caller->until_ns, &lease, NULL) == PQPOOL_DOWN)
            (void)usleep(1000);
        pqpool_release(&lease, PQPOOL_DISCARD);
    }
    return NULL;
}

/* Records when each dial began, to the precision of the sampling. */
static int watch_dials(struct pqpool *pool, int64_t until_ns, int64_t at_ns[DIALS_MAX])
{
    uint64_t seen = 0;
    int n = 0;
    for (int64_t now_ns; (now_ns = clock_now_ns()) < until_ns; (void)usleep(SAMPLE_US)) {
        struct pqpool_stats stats;
        pqpool_stats(pool, &stats);
        for (; seen < stats.counters.connect_attempts; seen++)
            if (n < DIALS_MAX)
                at_ns[n++] = now_ns;
    }
    return n;
}

static void print_dials(const int64_t at_ns[], int n, double seconds)
{
    printf("\n%d waiters, a port that refuses, %g s: %d dials, seconds between them:\n", WAITERS,
           seconds, n);
    for (int i = 1; i < n; i++)
        printf(" %.2f", (double)(at_ns[i] - at_ns[i - 1]) / 1e9);
    printf("\n");
}

static bool measure_dials(double seconds)
{
    static int64_t at_ns[DIALS_MAX];
    struct away_server *server = away_server_open(AWAY_REFUSED);
    struct pqpool *pool = NULL;
    struct caller waiters[WAITERS];
    int started = 0;
    if (server == NULL || !open_on(server, &pool)) {
        away_server_close(&server);
        return false;
    }
    int64_t until_ns = clock_now_ns() + (int64_t)(seconds * (double)NS_PER_S);
    for (; started < WAITERS; started++) {
        waiters[started] = (struct caller){ .pool = pool, .until_ns = until_ns };
        if (thread_start(&waiters[started].thread, "waiter", wait_for_ever, &waiters[started]) != 0)
            break;
    }
    int n = watch_dials(pool, until_ns, at_ns);
    for (int i = 0; i < started; i++)
        thread_join(waiters[i].thread);
    pqpool_close(&pool, clock_now_ns());
    away_server_close(&server);
    print_dials(at_ns, n, seconds);
    return started == WAITERS;
}

/* ---- arguments ---- */

static int parse(int argc, char **argv, double *seconds)
{
    static const struct option options[] = { { "seconds", required_argument, NULL, 's' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    for (int letter; (letter = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (letter == 'h') {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        }
        if (letter != 's' || !load_number(optarg, 1, 600, seconds)) {
            fputs(usage, stderr);
            return 2;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    double seconds = 10;
    int status = parse(argc, argv, &seconds);
    if (status >= 0)
        return status;
    printf("%d callers, acquire with a timeout of %d ms, %g s a server\n\n"
           "%-24s %10s %10s %14s %14s\n",
           CALLERS, TIMEOUT_MS, seconds, "the server", "timed out", "refused", "latest, ms",
           "close, ms");
    bool ok = true;
    for (int kind = 0; kind < AWAY_KINDS && ok; kind++)
        ok = measure_deadlines((enum away_kind)kind, seconds);
    return ok && measure_dials(seconds) ? EXIT_SUCCESS : EXIT_FAILURE;
}
