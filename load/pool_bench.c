/* pool_bench.c - measures pqpool in front of a real PostgreSQL: the speed of acquire and release,
 * and a spike of demand. This file has the options, the rounds and the table; pool_bench.h has the
 * measurements. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "load/load_number.h"
#include "load/pool_bench.h"

enum { ROUNDS_MAX = 99, THREAD_COUNTS = 4, POOL_KINDS = 4 };

static const char usage[] =
    "pool_bench --conninfo TEXT [options]: figures of pqpool in front of a PostgreSQL\n"
    "  --conninfo TEXT    as libpq wants it; the server must allow 110 connections\n"
    "  --seconds S        of each measurement of acquire + release, 0.05..60 (0.5)\n"
    "  --rounds N         each measurement's, interleaved with the others', 1..99 (5)\n"
    "  --only WHAT        bypassed, probed or spike\n"
    "  --help             this\n"
    "Takes some 16 x S + 4 seconds a round. Exit status: 0 when all was measured; 1 when the "
    "database\n"
    "would not; 2 bad usage.\n";

struct arguments {
    const char *conninfo, *only;
    double seconds, rounds;
    bool help;
};

static const uint32_t thread_counts[THREAD_COUNTS] = { 1, 2, 8, 64 };

/* clang-format off */
static const struct pool_kind {
    const char *what;
    uint32_t conns;
    int64_t bypass_ns;
} kinds[POOL_KINDS] = {
    { "bypassed", 10,  PQPOOL_SECONDS(3600) },
    { "bypassed", 100, PQPOOL_SECONDS(3600) },
    { "probed",   10,  0 },
    { "probed",   100, 0 },
};
/* clang-format on */

struct results {
    double cycle_ns[POOL_KINDS][THREAD_COUNTS][ROUNDS_MAX];
    double grew_to[ROUNDS_MAX], last_wait_ms[ROUNDS_MAX];
};

/* ---- arguments ---- */

static bool take_option(struct arguments *a, int letter, const char *value)
{
    switch (letter) {
    case 'c':
        a->conninfo = value;
        return true;
    case 's':
        return load_number(value, 0.05, 60, &a->seconds);
    case 'r':
        return load_number(value, 1, ROUNDS_MAX, &a->rounds);
    case 'o':
        a->only = value;
        return true;
    case 'h':
        return a->help = true;
    default:
        fputs(usage, stderr);
        return false;
    }
}

static bool is_known(const char *what)
{
    return strcmp(what, "bypassed") == 0 || strcmp(what, "probed") == 0 ||
           strcmp(what, "spike") == 0;
}

static bool check_arguments(const struct arguments *a, const char *stray)
{
    if (a->help)
        return true;
    if (stray != NULL)
        fprintf(stderr, "pool_bench: what is '%s'?\n", stray);
    else if (a->conninfo == NULL)
        fprintf(stderr, "pool_bench: which database? --conninfo TEXT\n");
    else if (a->only != NULL && !is_known(a->only))
        fprintf(stderr, "pool_bench: --only bypassed, probed or spike, not '%s'\n", a->only);
    else
        return true;
    return false;
}

static bool parse(struct arguments *a, int argc, char **argv)
{
    static const struct option options[] = {
        { "conninfo", required_argument, NULL, 'c' }, { "seconds", required_argument, NULL, 's' },
        { "rounds", required_argument, NULL, 'r' },   { "only", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },           { NULL, 0, NULL, 0 },
    };
    for (int letter; (letter = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!take_option(a, letter, optarg))
            return false;
    return check_arguments(a, argv[optind]);
}

static bool is_wanted(const struct arguments *a, const char *what)
{
    return a->only == NULL || strcmp(a->only, what) == 0;
}

/* ---- rounds ---- */

static bool measure_kind(const struct arguments *a, struct results *r, int kind, int round,
                         struct err *err)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    struct pqpool *pool = NULL;
    bool ok = true;
    options.conninfo = a->conninfo;
    options.min_pool_size = options.max_pool_size = kinds[kind].conns;
    options.validation_bypass_ns = kinds[kind].bypass_ns;
    if (!bench_open(&options, &pool, err))
        return false;
    for (int t = 0; t < THREAD_COUNTS && ok; t++)
        ok = bench_cycles(pool, thread_counts[t], (int64_t)(a->seconds * (double)NS_PER_S),
                          &r->cycle_ns[kind][t][round], err);
    bench_close(&pool);
    return ok;
}

static bool measure_spike(const struct arguments *a, struct results *r, int round, struct err *err)
{
    struct spike spike;
    if (!bench_spike(a->conninfo, &spike, err))
        return false;
    r->grew_to[round] = spike.grew_to;
    r->last_wait_ms[round] = (double)spike.last_wait_ns / (double)NS_PER_MS;
    return true;
}

static bool measure_round(const struct arguments *a, struct results *r, int round, struct err *err)
{
    for (int kind = 0; kind < POOL_KINDS; kind++)
        if (is_wanted(a, kinds[kind].what) && !measure_kind(a, r, kind, round, err))
            return false;
    return !is_wanted(a, "spike") || measure_spike(a, r, round, err);
}

/* ---- the table ---- */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Sorts the figures and returns the median. */
static double median(double *figures, int n)
{
    qsort(figures, (size_t)n, sizeof *figures, by_value);
    return n % 2 ? figures[n / 2] : (figures[n / 2 - 1] + figures[n / 2]) / 2;
}

static void print_cycles(const struct arguments *a, struct results *r)
{
    int rounds = (int)a->rounds;
    printf(
        "acquire + release with nothing between, median of %d rounds of %g s\n"
        "  all     elapsed ns / operations of all threads: what one operation costs the machine\n"
        "  thread  the same x threads: how long one thread took for one operation\n\n"
        "%-10s %11s %7s %10s %10s %23s\n",
        rounds, a->seconds, "validation", "connections", "threads", "all ns", "thread ns",
        "all ns, best to worst");
    for (int kind = 0; kind < POOL_KINDS; kind++)
        for (int t = 0; t < THREAD_COUNTS && is_wanted(a, kinds[kind].what); t++) {
            double *figures = r->cycle_ns[kind][t];
            double middle = median(figures, rounds);
            printf("%-10s %11u %7u %10.0f %10.0f %12.0f - %8.0f\n", kinds[kind].what,
                   kinds[kind].conns, thread_counts[t], middle, middle * thread_counts[t],
                   figures[0], figures[rounds - 1]);
        }
    printf("\n");
}

static void print_spike(const struct arguments *a, struct results *r)
{
    int rounds = (int)a->rounds;
    printf(
        "spike: %d threads at once, %d connections idle, a dial takes %d ms, each holds %d ms\n\n"
        "%-35s %10s %10s\n",
        SPIKE_THREADS, SPIKE_IDLE, SPIKE_DIAL_MS, SPIKE_HOLD_MS, "", "median", "worst");
    double grew_to = median(r->grew_to, rounds), wait_ms = median(r->last_wait_ms, rounds);
    printf("%-35s %10.0f %10.0f\n%-35s %10.1f %10.1f\n", "connections at the most, dials included",
           grew_to, r->grew_to[rounds - 1], "the last thread waited, ms", wait_ms,
           r->last_wait_ms[rounds - 1]);
}

int main(int argc, char **argv)
{
    static struct results results;
    struct arguments a = { .seconds = 0.5, .rounds = 5 };
    struct err err = { 0 };
    if (!parse(&a, argc, argv))
        return 2;
    if (a.help) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    for (int round = 0; round < (int)a.rounds; round++)
        if (!measure_round(&a, &results, round, &err)) {
            fprintf(stderr, "pool_bench: %s\n", err.text);
            return EXIT_FAILURE;
        }
    if (is_wanted(&a, "bypassed") || is_wanted(&a, "probed"))
        print_cycles(&a, &results);
    if (is_wanted(&a, "spike"))
        print_spike(&a, &results);
    return EXIT_SUCCESS;
}
