/* order_load.c - POSTs orders to a running ordersd and reports its answers. This file has the
 * options and the report; load_run.h has the two kinds of load. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "load/load_number.h"
#include "load/load_run.h"
#include "load/load_url.h"

enum { CONNS_MAX = 10000, SECONDS_MAX = 86400, RATE_MAX = 1000000, ACCOUNTS_MAX = 1000000 };

static const char usage[] =
    "order_load [options]: load for POST /v1/orders of a running ordersd\n"
    "  --url URL          http://HOST:PORT (http://127.0.0.1:8080)\n"
    "  --connections N    keep-alive connections, 1..10000 (64)\n"
    "  --seconds N        how long (10)\n"
    "  --rate R           orders a second whatever the answers do, latency from the intended send\n"
    "                     time; without it each connection sends when it has its answer\n"
    "  --retry            no answer, 503 or 504: the same order again, under the same id\n"
    "  --timeout S        gives a request up and its connection with it (30)\n"
    "  --prefix TEXT      of client_order_id, before 12 digits (made from time and pid)\n"
    "  --accounts N       orders are of N accounts by turns (64)\n"
    "  --hot PERCENT      of the orders are of one account (0)\n"
    "  --keep             each connection keeps to one account\n"
    "  --scatter          the 12 digits come in no order\n"
    "  --first N          the first order has this number (0)\n"
    "  --header LINE      one more request header\n"
    "  --acked FILE       writes each client_order_id that was answered 2xx, one a line\n"
    "  --per-second       a line a second on standard error\n"
    "  --trace FILE       writes a line each 100 ms: milliseconds, and 2xx answers since the last\n"
    "  --json             the report as one JSON object\n"
    "Exit status: 0 when the load ran, whatever the answers were; 1 when it could not; 2 bad "
    "usage.\n";

struct arguments {
    const char *url, *prefix, *header, *acked, *trace;
    double conns, seconds, rate, timeout_s, accounts, hot, first;
    bool retry, per_second, json, keep, scatter;
};

/* ---- arguments ---- */

static bool take_option(struct arguments *a, int letter, const char *value)
{
    switch (letter) {
    case 'u':
        a->url = value;
        return true;
    case 'c':
        return load_number(value, 1, CONNS_MAX, &a->conns);
    case 's':
        return load_number(value, 1, SECONDS_MAX, &a->seconds);
    case 'r':
        return load_number(value, 0.1, RATE_MAX, &a->rate);
    case 't':
        return load_number(value, 0.1, SECONDS_MAX, &a->timeout_s);
    case 'p':
        a->prefix = value;
        return true;
    case 'h':
        a->header = value;
        return true;
    case 'n':
        return load_number(value, 1, ACCOUNTS_MAX, &a->accounts);
    case 'o':
        return load_number(value, 0, 100, &a->hot);
    case 'f':
        return load_number(value, 0, (double)LOAD_NUMBERS - 1, &a->first);
    case 'k':
        return a->keep = true;
    case 'e':
        return a->scatter = true;
    case 'a':
        a->acked = value;
        return true;
    case 'x':
        a->trace = value;
        return true;
    case 'y':
        return a->retry = true;
    case 'l':
        return a->per_second = true;
    case 'j':
        return a->json = true;
    default:
        fputs(usage, stderr);
        return false;
    }
}

static bool parse(struct arguments *a, int argc, char **argv)
{
    static const struct option options[] = {
        { "url", required_argument, NULL, 'u' },
        { "connections", required_argument, NULL, 'c' },
        { "seconds", required_argument, NULL, 's' },
        { "rate", required_argument, NULL, 'r' },
        { "retry", no_argument, NULL, 'y' },
        { "timeout", required_argument, NULL, 't' },
        { "prefix", required_argument, NULL, 'p' },
        { "header", required_argument, NULL, 'h' },
        { "accounts", required_argument, NULL, 'n' },
        { "hot", required_argument, NULL, 'o' },
        { "first", required_argument, NULL, 'f' },
        { "keep", no_argument, NULL, 'k' },
        { "scatter", no_argument, NULL, 'e' },
        { "acked", required_argument, NULL, 'a' },
        { "trace", required_argument, NULL, 'x' },
        { "per-second", no_argument, NULL, 'l' },
        { "json", no_argument, NULL, 'j' },
        { NULL, 0, NULL, 0 },
    };
    for (int letter; (letter = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!take_option(a, letter, optarg != NULL ? optarg : ""))
            return false;
    if (optind != argc)
        fprintf(stderr, "order_load: what is '%s'?\n", argv[optind]);
    return optind == argc;
}

/* ---- report ---- */

static double ms(int64_t ns)
{
    return (double)ns / (double)NS_PER_MS;
}

static void report_statuses(const struct load_stats *s, bool json)
{
    const char *sep = "";
    fputs(json ? "\"status\":{" : "status              ", stdout);
    for (int status = 0; status < 600; status++) {
        if (s->status[status] == 0)
            continue;
        printf(json ? "%s\"%d\":%llu" : "%s %d: %llu", sep, status,
               (unsigned long long)s->status[status]);
        sep = ",";
    }
    fputs(json ? "}}\n" : "\n", stdout);
}

struct figure {
    const char *name;
    double value;
};

static void report(const struct arguments *a, const struct load_stats *s)
{
    const struct load_hist *h = &s->latency;
    const struct figure figures[] = {
        { "connections", a->conns },
        { "seconds", a->seconds },
        { "rate", a->rate },
        { "orders", (double)s->orders },
        { "acked", (double)s->acked },
        { "acked_per_second", (double)s->acked_in_time / a->seconds },
        { "p50_ms", ms(load_hist_quantile_ns(h, 0.5)) },
        { "p90_ms", ms(load_hist_quantile_ns(h, 0.9)) },
        { "p99_ms", ms(load_hist_quantile_ns(h, 0.99)) },
        { "p999_ms", ms(load_hist_quantile_ns(h, 0.999)) },
        { "max_ms", ms(h->max_ns) },
        { "least_second", (double)s->least_second },
        { "seconds_without_ack", (double)s->seconds_without_ack },
        { "connection_errors", (double)s->connection_errors },
        { "timeouts", (double)s->timeouts },
        { "retries", (double)s->retries },
        { "unanswered", (double)s->unanswered },
        { "unsent", (double)s->unsent },
    };
    fputs(a->json ? "{" : "", stdout);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        printf(a->json ? "\"%s\":%.15g," : "%-20s %.15g\n", figures[i].name, figures[i].value);
    report_statuses(s, a->json);
}

/* ---- main ---- */

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Opens the file for writing, unless `path` is NULL. */
static bool open_file(const char *path, FILE **out)
{
    if (path == NULL || (*out = fopen(path, "we")) != NULL)
        return true;
    fprintf(stderr, "order_load: %s: %s\n", path, strerror(errno));
    return false;
}

/* Returns false if something that was written is lost. */
static bool close_file(const char *path, FILE *file)
{
    if (file == NULL || fclose(file) == 0)
        return true;
    fprintf(stderr, "order_load: %s: %s\n", path, strerror(errno));
    return false;
}

static int run(const struct arguments *a, const struct load_options *options)
{
    static struct load_stats stats;
    struct err err;
    bool ok = load_run(options, &stats, &err);
    if (!ok)
        fprintf(stderr, "order_load: %s\n", err.text);
    ok &= close_file(a->acked, options->acked);
    ok &= close_file(a->trace, options->trace);
    if (ok)
        report(a, &stats);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    char made_prefix[LOAD_PREFIX_MAX + 1], host[300];
    static struct load_request request;
    struct arguments a = {
        .url = "http://127.0.0.1:8080", .conns = 64, .seconds = 10, .timeout_s = 30, .accounts = 64
    };
    if (!parse(&a, argc, argv))
        return 2;
    (void)snprintf(made_prefix, sizeof made_prefix, "l%llx-%x-",
                   (unsigned long long)clock_wall_us() / 1000, (unsigned)getpid());
    struct load_options options = { .request = &request,
                                    .prefix = a.prefix != NULL ? a.prefix : made_prefix,
                                    .conns = (uint32_t)a.conns,
                                    .seconds = (uint32_t)a.seconds,
                                    .rate = a.rate,
                                    .retry = a.retry,
                                    .timeout_ns = (int64_t)(a.timeout_s * (double)NS_PER_S),
                                    .per_second = a.per_second ? stderr : NULL };
    if (!load_url(a.url, host, sizeof host, &options.server)) {
        fprintf(stderr, "order_load: cannot use '%s': http://HOST:PORT is wanted\n", a.url);
        return 2;
    }
    const struct load_spread spread = { .accounts = (unsigned)a.accounts,
                                        .hot_percent = (unsigned)a.hot,
                                        .keep = a.keep,
                                        .scatter = a.scatter,
                                        .first = (uint64_t)a.first };
    if (!load_request_init(&request, &spread, host, options.prefix, a.header)) {
        fprintf(stderr, "order_load: prefix (at most %d) or header is too long\n", LOAD_PREFIX_MAX);
        return 2;
    }
    if (!open_file(a.acked, &options.acked) || !open_file(a.trace, &options.trace))
        return EXIT_FAILURE;
    raise_file_limit();
    return run(&a, &options);
}
