/* fake_pg.c - see fake_pg.h. The client end of each socketpair is what the pool polls: a byte in it
 * is an answer, and its end of file the server's hanging up. */
#include "support/fake_pg.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/sync.h"

struct fake_conn {
    struct fake_conn *prev, *next;
    int client_fd, server_fd; /* server_fd -1: hung up */
    ConnStatusType status;
    PGTransactionStatusType in_transaction;
    bool dialling, pending, answered, refused;
    int pid;
    const char *message;
};

struct script {
    int how;
    uint32_t times;
    const char *message;
};

static struct fake_server {
    struct mutex mu;
    struct fake_conn *conns;
    struct script dials, answers;
    struct fake_pg_counts counts;
} server = { .mu = { PTHREAD_MUTEX_INITIALIZER } };

static const char refused[] = "connection to server failed: Connection refused\n";

static struct fake_conn *conn_of(PGconn *pg)
{
    return (struct fake_conn *)(void *)pg;
}

static const struct fake_conn *const_conn_of(const PGconn *pg)
{
    return (const struct fake_conn *)(const void *)pg;
}

static int next_step(struct script *script)
{
    if (script->times == 0)
        return 0;
    if (script->times != FAKE_ALWAYS)
        script->times--;
    return script->how;
}

static void say(const struct fake_conn *conn)
{
    if (conn->server_fd >= 0)
        (void)!send(conn->server_fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void hang_up(struct fake_conn *conn)
{
    if (conn->server_fd >= 0)
        (void)close(conn->server_fd);
    conn->server_fd = -1;
}

/* ---- the script ---- */

void fake_pg_dials(enum fake_dial how, const char *message, uint32_t times)
{
    mutex_lock(&server.mu);
    server.dials = (struct script){ (int)how, times, message != NULL ? message : refused };
    for (struct fake_conn *conn = server.conns; conn != NULL; conn = conn->next)
        if (conn->dialling)
            say(conn);
    mutex_unlock(&server.mu);
}

void fake_pg_answers(enum fake_answer how, uint32_t times)
{
    mutex_lock(&server.mu);
    server.answers = (struct script){ (int)how, times, NULL };
    mutex_unlock(&server.mu);
}

void fake_pg_hang_up_all(void)
{
    mutex_lock(&server.mu);
    for (struct fake_conn *conn = server.conns; conn != NULL; conn = conn->next)
        if (!conn->dialling)
            hang_up(conn);
    mutex_unlock(&server.mu);
}

void fake_pg_begin(PGconn *pg)
{
    conn_of(pg)->in_transaction = PQTRANS_INTRANS;
}

void fake_pg_busy(PGconn *pg)
{
    conn_of(pg)->pending = true;
}

void fake_pg_break_off(PGconn *pg)
{
    conn_of(pg)->status = CONNECTION_BAD;
}

void fake_pg_counts(struct fake_pg_counts *out)
{
    mutex_lock(&server.mu);
    *out = server.counts;
    mutex_unlock(&server.mu);
}

/* ---- dialling ---- */

static void count_dial(struct fake_pg_counts *counts)
{
    counts->dials++;
    counts->dialling++;
    counts->open++;
    if (counts->dialling > counts->dialling_most)
        counts->dialling_most = counts->dialling;
    if (counts->open > counts->open_most)
        counts->open_most = counts->open;
}

static PGconn *fake_connect_start(const char *const *keywords, const char *const *values,
                                  int expand)
{
    (void)keywords, (void)values, (void)expand;
    int fds[2];
    struct fake_conn *conn = calloc(1, sizeof *conn);
    CHECK(conn != NULL);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    *conn = (struct fake_conn){
        .client_fd = fds[0], .server_fd = fds[1], .status = CONNECTION_STARTED, .dialling = true
    };
    mutex_lock(&server.mu);
    count_dial(&server.counts);
    conn->pid = (int)server.counts.dials;
    conn->next = server.conns;
    if (conn->next != NULL)
        conn->next->prev = conn;
    server.conns = conn;
    if (server.dials.times > 0 && server.dials.how == FAKE_DIAL_REFUSE) {
        (void)next_step(&server.dials);
        conn->status = CONNECTION_BAD;
        conn->message = server.dials.message;
    }
    mutex_unlock(&server.mu);
    return (PGconn *)(void *)conn;
}

static PostgresPollingStatusType end_dial(struct fake_conn *conn, bool good)
{
    conn->dialling = false;
    server.counts.dialling--;
    conn->status = good ? CONNECTION_OK : CONNECTION_BAD;
    conn->message = good ? "" : server.dials.message;
    return good ? PGRES_POLLING_OK : PGRES_POLLING_FAILED;
}

static PostgresPollingStatusType fake_connect_poll(PGconn *pg)
{
    struct fake_conn *conn = conn_of(pg);
    PostgresPollingStatusType want = PGRES_POLLING_READING;
    char byte;
    mutex_lock(&server.mu);
    (void)!recv(conn->client_fd, &byte, 1, MSG_DONTWAIT);
    if (server.dials.how != FAKE_DIAL_HANG || server.dials.times == 0)
        want = end_dial(conn, next_step(&server.dials) == FAKE_DIAL_OK);
    mutex_unlock(&server.mu);
    return want;
}

static void fake_finish(PGconn *pg)
{
    struct fake_conn *conn = conn_of(pg);
    mutex_lock(&server.mu);
    *(conn->prev != NULL ? &conn->prev->next : &server.conns) = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    hang_up(conn);
    server.counts.dialling -= conn->dialling;
    server.counts.open--;
    mutex_unlock(&server.mu);
    (void)close(conn->client_fd);
    free(conn);
}

/* ---- queries ---- */

static int fake_send_query(PGconn *pg, const char *sql)
{
    struct fake_conn *conn = conn_of(pg);
    if (conn->status != CONNECTION_OK || conn->pending)
        return 0;
    bool rollback = strcmp(sql, "ROLLBACK") == 0;
    conn->pending = true;
    conn->answered = false;
    mutex_lock(&server.mu);
    enum fake_answer how = (enum fake_answer)next_step(&server.answers);
    server.counts.queries++;
    server.counts.rollbacks += rollback;
    conn->refused = how == FAKE_ANSWER_ERROR;
    if (how == FAKE_ANSWER_HANG_UP)
        hang_up(conn);
    else if (how != FAKE_ANSWER_HANG)
        say(conn);
    mutex_unlock(&server.mu);
    if (rollback && how == FAKE_ANSWER_OK)
        conn->in_transaction = PQTRANS_IDLE;
    return 1;
}

/* A prepared statement is known by its name. */
static int fake_send_query_prepared(PGconn *pg, const char *name, int n, const char *const *values,
                                    const int *lengths, const int *formats, int result_format)
{
    (void)n, (void)values, (void)lengths, (void)formats, (void)result_format;
    return fake_send_query(pg, name);
}

static int fake_send_query_params(PGconn *pg, const char *sql, int n, const Oid *types,
                                  const char *const *values, const int *lengths, const int *formats,
                                  int result_format)
{
    (void)types;
    return fake_send_query_prepared(pg, sql, n, values, lengths, formats, result_format);
}

static int fake_send_prepare(PGconn *pg, const char *name, const char *sql, int n, const Oid *types)
{
    (void)name, (void)n, (void)types;
    return fake_send_query(pg, sql);
}

static int fake_consume_input(PGconn *pg)
{
    struct fake_conn *conn = conn_of(pg);
    char byte;
    ssize_t n = recv(conn->client_fd, &byte, 1, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN;
    if (n == 0)
        conn->status = CONNECTION_BAD;
    else
        conn->answered = conn->pending;
    return n > 0;
}

static int fake_is_busy(PGconn *pg)
{
    const struct fake_conn *conn = conn_of(pg);
    return conn->pending && !conn->answered && conn->status == CONNECTION_OK;
}

static PGresult *fake_get_result(PGconn *pg)
{
    struct fake_conn *conn = conn_of(pg);
    if (conn->answered) { /* once; the next call tells the end */
        conn->answered = conn->pending = false;
        return PQmakeEmptyPGresult(NULL, conn->refused ? PGRES_FATAL_ERROR : PGRES_TUPLES_OK);
    }
    conn->pending = false;
    return NULL;
}

static PGTransactionStatusType fake_transaction_status(const PGconn *pg)
{
    const struct fake_conn *conn = const_conn_of(pg);
    if (conn->status != CONNECTION_OK)
        return PQTRANS_UNKNOWN;
    return conn->pending ? PQTRANS_ACTIVE : conn->in_transaction;
}

/* ---- the rest ---- */

static int fake_socket(const PGconn *pg)
{
    return const_conn_of(pg)->client_fd;
}

static ConnStatusType fake_status(const PGconn *pg)
{
    return const_conn_of(pg)->status;
}

static char *fake_error_message(const PGconn *pg)
{
    static _Thread_local char text[256]; /* libpq gives a char * */
    const char *message = const_conn_of(pg)->message;
    (void)snprintf(text, sizeof text, "%s", message != NULL ? message : "");
    return text;
}

static int fake_backend_pid(const PGconn *pg)
{
    return const_conn_of(pg)->pid;
}

static int fake_flush(PGconn *pg)
{
    return conn_of(pg)->status == CONNECTION_OK ? 0 : -1;
}

static PGVerbosity fake_set_error_verbosity(PGconn *pg, PGVerbosity verbosity)
{
    (void)pg, (void)verbosity;
    return PQERRORS_DEFAULT;
}

static PQnoticeReceiver fake_set_notice_receiver(PGconn *pg, PQnoticeReceiver receiver, void *arg)
{
    (void)pg, (void)receiver, (void)arg;
    return NULL;
}

static int fake_set_nonblocking(PGconn *pg, int nonblocking)
{
    (void)pg, (void)nonblocking;
    return 0;
}

const struct pg_driver fake_pg = {
    .connect_start = fake_connect_start,
    .connect_poll = fake_connect_poll,
    .socket = fake_socket,
    .status = fake_status,
    .error_message = fake_error_message,
    .transaction_status = fake_transaction_status,
    .backend_pid = fake_backend_pid,
    .send_query = fake_send_query,
    .send_prepare = fake_send_prepare,
    .send_query_params = fake_send_query_params,
    .send_query_prepared = fake_send_query_prepared,
    .flush = fake_flush,
    .consume_input = fake_consume_input,
    .is_busy = fake_is_busy,
    .get_result = fake_get_result,
    .set_error_verbosity = fake_set_error_verbosity,
    .set_notice_receiver = fake_set_notice_receiver,
    .set_nonblocking = fake_set_nonblocking,
    .finish = fake_finish,
};
