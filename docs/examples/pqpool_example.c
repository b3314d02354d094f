/* pqpool_example.c - asks PostgreSQL one question through a pool.
 *   cc pqpool_example.c $(pkg-config --cflags --libs pqpool) -o pqpool_example
 *   ./pqpool_example CONNINFO    or DATABASE_URL, or libpq's own PGHOST, PGUSER, ... */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <libpq-fe.h>
#include <pqpool.h>
#include <pqpool_err.h>

static int64_t in_seconds(int seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return PQPOOL_SECONDS(now.tv_sec + seconds) + now.tv_nsec;
}

static int ask(struct pqpool *pool, const char *number)
{
    const struct pqpool_query query = { .sql = "SELECT 2 * $1::int",
                                        .n_params = 1,
                                        .values = &number };
    struct pqpool_lease *lease = NULL;
    PGresult *result = NULL;
    struct pqpool_err err = { 0 };

    if (pqpool_acquire(pool, in_seconds(5), &lease, &err) != PQPOOL_OK) {
        fprintf(stderr, "no connection: %s\n", err.text);
        return EXIT_FAILURE;
    }
    enum pqpool_rc rc = pqpool_exec(lease, &query, in_seconds(2), &result, &err);
    pqpool_release(&lease, PQPOOL_REUSE);
    if (rc != PQPOOL_OK) {
        fprintf(stderr, "%s: %s\n",
                (err.flags & PQPOOL_ERR_UNCERTAIN) ? "it may have run" : "failed", err.text);
        return EXIT_FAILURE;
    }
    printf("twice %s is %s\n", number, PQgetvalue(result, 0, 0));
    PQclear(result);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const char *url = getenv("DATABASE_URL");
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    struct pqpool_stats stats;
    struct pqpool *pool = NULL;
    struct pqpool_err err = { 0 };

    options.conninfo = argc > 1 ? argv[1] : url != NULL ? url : "";
    options.min_pool_size = 1;
    options.start = PQPOOL_START_FAIL; /* no server: say so now, do not wait for it */
    if (pqpool_open(&options, &pool, &err) != PQPOOL_OK) {
        fprintf(stderr, "no pool: %s\n", err.text);
        return EXIT_FAILURE;
    }
    int status = ask(pool, "21");
    pqpool_stats(pool, &stats);
    printf("connections made: %" PRIu64 ", acquires: %" PRIu64 "\n", stats.counters.created,
           stats.counters.acquired);
    pqpool_close(&pool, in_seconds(5));
    return status;
}
