/* bare_statement.c - writes groups of orders by the store's own INSERT, in a loop over libpq with
 * nothing around it: the most that the database takes, which ordersd is compared with. */
#include <getopt.h>
#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sync.h"
#include "load/load_hist.h"
#include "load/load_number.h"
#include "store/params.h"
#include "store/pg_array.h"
#include "store/statement_text.h"

enum { CONNS_MAX = 64, GROUP_MAX = 10000, SECONDS_MAX = 3600, TEXT_MAX = 64, ACCOUNTS = 64 };

static const char usage[] =
    "bare_statement [options]: the INSERT of the store in a loop, without a service\n"
    "  --conninfo TEXT    the database, whose table orders exists\n"
    "  --group N          orders in a statement (500)\n"
    "  --connections N    each with a thread of its own (1)\n"
    "  --seconds N        how long (10)\n"
    "  --key NAME         the name of a key that posts the orders; without it there is none\n"
    "  --print-sql        shows the statement, and ends\n"
    "The report is one JSON object.\n";

static struct {
    const char *conninfo, *key;
    double group, conns, seconds;
    int64_t until_ns;
    uint64_t first; /* the number of the first order; unique across runs */
} run = { .conninfo = "", .group = 500, .conns = 1, .seconds = 10 };

/* One connection and its thread. */
struct writer {
    pthread_t thread;
    int number;
    bool failed;
    uint64_t groups;
    struct load_hist latency; /* of groups */
};

static struct writer writers[CONNS_MAX];

/* ---- a group ---- */

static void order_id(char *out, size_t size, int writer, uint64_t number)
{
    uint64_t ms = (uint64_t)clock_wall_us() / 1000;
    (void)snprintf(out, size, "%08llx-%04llx-7%03x-8%03x-%012llx", (unsigned long long)(ms >> 16),
                   (unsigned long long)(ms & 0xffff), (unsigned)(number & 0xfff), (unsigned)writer,
                   (unsigned long long)(number & 0xffffffffffff));
}

static void text_column(struct params *params, const char *same)
{
    struct buf *array = params_array(params, PG_TEXT, (size_t)run.group, TEXT_MAX);
    for (int i = 0; i < (int)run.group; i++) {
        if (same != NULL)
            pg_array_text(array, same);
        else
            pg_array_null(array);
    }
}

/* The columns are those of STATEMENT_COLUMNS. */
static bool make_group(struct params *params, int writer, uint64_t first)
{
    char text[TEXT_MAX];
    size_t n = (size_t)run.group;
    struct buf *accounts = params_array(params, PG_TEXT, n, TEXT_MAX);
    struct buf *client_ids = params_array(params, PG_TEXT, n, TEXT_MAX);
    struct buf *order_ids = params_array(params, PG_UUID, n, TEXT_MAX);
    for (uint64_t i = first; i < first + n; i++) {
        (void)snprintf(text, sizeof text, "acct-%03d", (int)(i % ACCOUNTS));
        pg_array_text(accounts, text);
        (void)snprintf(text, sizeof text, "b%llx-%d-%012llu", (unsigned long long)run.first, writer,
                       (unsigned long long)i);
        pg_array_text(client_ids, text);
        order_id(text, sizeof text, writer, i);
        pg_array_uuid(order_ids, text);
    }
    static const char *const rest[] = {
        "AAPL", "buy", "limit", "100", "187.25", NULL, "day", NULL
    };
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        text_column(params, rest[i]);
    struct buf *received = params_array(params, PG_TIMESTAMPTZ, n, TEXT_MAX);
    for (size_t i = 0; i < n; i++)
        pg_array_timestamptz(received, clock_wall_us());
    text_column(params, run.key);
    return params_ready(params);
}

static bool write_group(PGconn *conn, struct writer *w)
{
    struct params params = { .n = 0 };
    bool made = make_group(&params, w->number, w->groups * (uint64_t)run.group);
    int64_t begun_at_ns = clock_now_ns();
    PGresult *result = made ? PQexecPrepared(conn, statement_text(STATEMENT_INSERT)->name, params.n,
                                             params.values, params.lengths, params.formats, 0)
                            : NULL;
    load_hist_add(&w->latency, clock_now_ns() - begun_at_ns);
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == (int)run.group;
    if (!ok)
        fprintf(stderr, "bare_statement: %s\n", PQerrorMessage(conn));
    w->groups += ok;
    PQclear(result);
    params_fini(&params);
    return ok;
}

static void *write_groups(void *arg)
{
    struct writer *w = arg;
    const struct statement_text *insert = statement_text(STATEMENT_INSERT);
    PGconn *conn = PQconnectdb(run.conninfo);
    PGresult *prepared = PQprepare(conn, insert->name, insert->sql, 0, NULL);
    w->failed = PQresultStatus(prepared) != PGRES_COMMAND_OK;
    if (w->failed)
        fprintf(stderr, "bare_statement: %s\n", PQerrorMessage(conn));
    PQclear(prepared);
    while (!w->failed && clock_now_ns() < run.until_ns)
        w->failed = !write_group(conn, w);
    PQfinish(conn);
    return NULL;
}

/* ---- options and report ---- */

static void print_sql(void)
{
    puts(statement_text(STATEMENT_INSERT)->sql);
    exit(EXIT_SUCCESS);
}

static bool take_option(int letter, const char *value)
{
    switch (letter) {
    case 'i':
        run.conninfo = value;
        return true;
    case 'k':
        run.key = value;
        return strlen(value) < TEXT_MAX;
    case 'g':
        return load_number(value, 1, GROUP_MAX, &run.group);
    case 'c':
        return load_number(value, 1, CONNS_MAX, &run.conns);
    case 's':
        return load_number(value, 0.1, SECONDS_MAX, &run.seconds);
    case 'p':
        print_sql();
        return true;
    default:
        return false;
    }
}

static bool parse(int argc, char **argv)
{
    static const struct option options[] = {
        { "conninfo", required_argument, NULL, 'i' },
        { "group", required_argument, NULL, 'g' },
        { "connections", required_argument, NULL, 'c' },
        { "seconds", required_argument, NULL, 's' },
        { "key", required_argument, NULL, 'k' },
        { "print-sql", no_argument, NULL, 'p' },
        { NULL, 0, NULL, 0 },
    };
    for (int letter; (letter = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!take_option(letter, optarg))
            return false;
    return optind == argc;
}

static void add(struct load_hist *sum, const struct load_hist *part)
{
    for (int i = 0; i < HIST_BUCKETS; i++)
        sum->buckets[i] += part->buckets[i];
    sum->count += part->count;
    sum->max_ns = part->max_ns > sum->max_ns ? part->max_ns : sum->max_ns;
}

static void report(double seconds)
{
    static struct load_hist latency;
    uint64_t groups = 0;
    for (int i = 0; i < (int)run.conns; i++) {
        groups += writers[i].groups;
        add(&latency, &writers[i].latency);
    }
    double orders = (double)groups * run.group;
    printf("{\"orders\":%.0f,\"seconds\":%.6f,\"orders_per_second\":%.1f,\"groups\":%llu", orders,
           seconds, orders / seconds, (unsigned long long)groups);
    static const struct {
        const char *name;
        double quantile;
    } quantiles[] = { { "p50_ms", 0.5 }, { "p99_ms", 0.99 }, { "p999_ms", 0.999 } };
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++)
        printf(",\"%s\":%.3f", quantiles[i].name,
               (double)load_hist_quantile_ns(&latency, quantiles[i].quantile) / (double)NS_PER_MS);
    puts("}");
}

int main(int argc, char **argv)
{
    if (!parse(argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    bool failed = false;
    int64_t begun_at_ns = clock_now_ns();
    run.first = (uint64_t)clock_wall_us();
    run.until_ns = begun_at_ns + (int64_t)(run.seconds * (double)NS_PER_S);
    int n = 0;
    for (; n < (int)run.conns; n++) {
        writers[n].number = n;
        if (thread_start(&writers[n].thread, "writer", write_groups, &writers[n]) != 0)
            break;
    }
    for (int i = 0; i < n; i++) {
        thread_join(writers[i].thread);
        failed |= writers[i].failed;
    }
    report((double)(clock_now_ns() - begun_at_ns) / (double)NS_PER_S);
    return failed || n < (int)run.conns ? EXIT_FAILURE : EXIT_SUCCESS;
}
