/* pool_cycle.c - takes a connection from a pool and gives it back, CYCLES times whenever it is
 * told to. pg_driver_libpq is defined here in the place of the library's, so the pool's server is
 * scripted: it accepts each connection, and each statement succeeds without a row. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pqpool/pg_driver.h"
#include "pqpool/pqpool.h"
#include "steady.h"

enum { CYCLES = 1024 };

struct scripted {
    int client_fd, server_fd;
    bool pending, answered, refuses;
};

static struct scripted *of(PGconn *pg)
{
    return (struct scripted *)(void *)pg;
}

static PGconn *connect_start(const char *const *keywords, const char *const *values, int expand)
{
    (void)keywords, (void)values, (void)expand;
    int fds[2];
    struct scripted *conn = calloc(1, sizeof *conn);
    if (conn == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
        abort();
    conn->client_fd = fds[0];
    conn->server_fd = fds[1];
    return (PGconn *)(void *)conn;
}

static PostgresPollingStatusType connect_poll(PGconn *pg)
{
    (void)pg;
    return PGRES_POLLING_OK;
}

static int socket_of(const PGconn *pg)
{
    return ((const struct scripted *)(const void *)pg)->client_fd;
}

static ConnStatusType status(const PGconn *pg)
{
    (void)pg;
    return CONNECTION_OK;
}

static char *error_message(const PGconn *pg)
{
    static char none[1];
    (void)pg;
    return none;
}

static PGTransactionStatusType transaction_status(const PGconn *pg)
{
    const struct scripted *conn = (const struct scripted *)(const void *)pg;
    return conn->pending ? PQTRANS_ACTIVE : PQTRANS_IDLE;
}

static PGpipelineStatus pipeline_status(const PGconn *pg)
{
    (void)pg;
    return PQ_PIPELINE_OFF;
}

static int nothing(const PGconn *pg)
{
    (void)pg;
    return 0;
}

static int flush(PGconn *pg)
{
    (void)pg;
    return 0;
}

/* The question which server this is has no answer here, and a refusal is one. */
static int send_query(PGconn *pg, const char *sql)
{
    struct scripted *conn = of(pg);
    conn->pending = true;
    conn->refuses = strstr(sql, "pg_backend_pid") != NULL;
    return write(conn->server_fd, "", 1) == 1;
}

static int send_prepare(PGconn *pg, const char *name, const char *sql, int n, const Oid *types)
{
    (void)name, (void)n, (void)types;
    return send_query(pg, sql);
}

static int send_query_params(PGconn *pg, const char *sql, int n, const Oid *types,
                             const char *const *values, const int *lengths, const int *formats,
                             int result_format)
{
    (void)n, (void)types, (void)values, (void)lengths, (void)formats, (void)result_format;
    return send_query(pg, sql);
}

static int send_query_prepared(PGconn *pg, const char *name, int n, const char *const *values,
                               const int *lengths, const int *formats, int result_format)
{
    return send_query_params(pg, name, n, NULL, values, lengths, formats, result_format);
}

static int consume_input(PGconn *pg)
{
    char byte;
    of(pg)->answered |= read(of(pg)->client_fd, &byte, 1) == 1;
    return 1;
}

static int is_busy(PGconn *pg)
{
    return of(pg)->pending && !of(pg)->answered;
}

static PGresult *get_result(PGconn *pg)
{
    struct scripted *conn = of(pg);
    bool first = conn->answered;
    conn->pending = conn->answered = false;
    if (!first)
        return NULL;
    return PQmakeEmptyPGresult(NULL, conn->refuses ? PGRES_FATAL_ERROR : PGRES_TUPLES_OK);
}

static PGVerbosity set_error_verbosity(PGconn *pg, PGVerbosity verbosity)
{
    (void)pg;
    return verbosity;
}

static PQnoticeReceiver set_notice_receiver(PGconn *pg, PQnoticeReceiver receiver, void *arg)
{
    (void)pg, (void)arg;
    return receiver;
}

static int set_nonblocking(PGconn *pg, int nonblocking)
{
    (void)pg, (void)nonblocking;
    return 0;
}

static void finish(PGconn *pg)
{
    (void)close(of(pg)->client_fd);
    (void)close(of(pg)->server_fd);
    free(of(pg));
}

const struct pg_driver pg_driver_libpq = {
    .connect_start = connect_start,
    .connect_poll = connect_poll,
    .socket = socket_of,
    .status = status,
    .error_message = error_message,
    .transaction_status = transaction_status,
    .pipeline_status = pipeline_status,
    .backend_pid = nothing,
    .send_query = send_query,
    .send_prepare = send_prepare,
    .send_query_params = send_query_params,
    .send_query_prepared = send_query_prepared,
    .flush = flush,
    .consume_input = consume_input,
    .is_busy = is_busy,
    .get_result = get_result,
    .set_error_verbosity = set_error_verbosity,
    .set_notice_receiver = set_notice_receiver,
    .set_nonblocking = set_nonblocking,
    .finish = finish,
};

static struct pqpool *pool;

static void cycle(void)
{
    for (int i = 0; i < CYCLES; i++) {
        struct pqpool_lease *lease = NULL;
        if (pqpool_acquire(pool, PQPOOL_DEFAULT_DEADLINE, &lease, NULL) != PQPOOL_OK)
            abort();
        pqpool_release(&lease, PQPOOL_REUSE);
    }
}

int main(void)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.conninfo = "host=/nowhere dbname=nothing";
    options.min_pool_size = options.max_pool_size = 1;
    options.validation_bypass_ns = PQPOOL_SECONDS(3600);
    options.health_check_interval_ns = PQPOOL_SECONDS(3600);
    options.metrics_collection_interval_ns = PQPOOL_SECONDS(3600);
    if (pqpool_open(&options, &pool, NULL) != PQPOOL_OK)
        return 1;
    steady_serve(cycle);
}
