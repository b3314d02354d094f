/* fake_pg.c - see fake_pg.h. The pool polls the client end of each socketpair: a byte there means
 * that an answer has come, and end of file that the server has closed the connection. */
#include "support/fake_pg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "support/fake_lookup.h"
#include "support/fake_pg_impl.h"

static struct fake_conn *conn_of(PGconn *pg)
{
    return (struct fake_conn *)(void *)pg;
}

static const struct fake_conn *const_conn_of(const PGconn *pg)
{
    return (const struct fake_conn *)(const void *)pg;
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

static const char *value_of(const char *const *keywords, const char *const *values,
                            const char *keyword)
{
    const char *value = "";
    for (size_t i = 0; keywords[i] != NULL; i++)
        if (strcmp(keywords[i], keyword) == 0)
            value = values[i];
    return value;
}

static void note_address(struct fake_conn *conn, const char *address)
{
    (void)snprintf(conn->address, sizeof conn->address, "%s", address);
    (void)snprintf(fake_server.last_address, ADDRESS_SIZE, "%s", address);
    const struct fake_address *known = fake_find_address(address);
    conn->ignored = known != NULL && !known->answers;
}

static PGconn *fake_connect_start(const char *const *keywords, const char *const *values,
                                  int expand)
{
    (void)expand;
    int fds[2] = { -1, -1 };
    struct fake_conn *conn = calloc(1, sizeof *conn);
    CHECK(conn != NULL);
    bool full = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0;
    *conn = (struct fake_conn){
        .client_fd = fds[0], .server_fd = fds[1], .status = CONNECTION_STARTED, .dialling = true
    };
    mutex_lock(&fake_server.mu);
    count_dial(&fake_server.counts);
    conn->pid = (int)fake_server.counts.dials;
    note_address(conn, value_of(keywords, values, "hostaddr"));
    conn->next = fake_server.conns;
    if (conn->next != NULL)
        conn->next->prev = conn;
    fake_server.conns = conn;
    if (full) {
        conn->status = CONNECTION_BAD;
        conn->message = "could not create socket: no descriptor is left\n";
    } else if (fake_server.dials.times > 0 && fake_server.dials.how == FAKE_DIAL_REFUSE) {
        (void)fake_next(&fake_server.dials);
        conn->status = CONNECTION_BAD;
        conn->message = fake_server.dials.message;
    }
    mutex_unlock(&fake_server.mu);
    return (PGconn *)(void *)conn;
}

static PostgresPollingStatusType end_dial(struct fake_conn *conn, bool good)
{
    conn->dialling = false;
    fake_server.counts.dialling--;
    conn->status = good ? CONNECTION_OK : CONNECTION_BAD;
    conn->message = good ? "" : fake_server.dials.message;
    return good ? PGRES_POLLING_OK : PGRES_POLLING_FAILED;
}

static PostgresPollingStatusType fake_connect_poll(PGconn *pg)
{
    struct fake_conn *conn = conn_of(pg);
    PostgresPollingStatusType want = PGRES_POLLING_READING;
    char byte;
    mutex_lock(&fake_server.mu);
    (void)!recv(conn->client_fd, &byte, 1, MSG_DONTWAIT);
    if (conn->ignored)
        want = PGRES_POLLING_READING;
    else if (fake_server.dials.how != FAKE_DIAL_HANG || fake_server.dials.times == 0)
        want = end_dial(conn, fake_next(&fake_server.dials) == FAKE_DIAL_OK);
    mutex_unlock(&fake_server.mu);
    return want;
}

static void fake_finish(PGconn *pg)
{
    struct fake_conn *conn = conn_of(pg);
    mutex_lock(&fake_server.mu);
    *(conn->prev != NULL ? &conn->prev->next : &fake_server.conns) = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    fake_leave_orphan(conn);
    fake_hang_up(conn);
    fake_server.counts.dialling -= conn->dialling;
    fake_server.counts.open--;
    mutex_unlock(&fake_server.mu);
    (void)close(conn->client_fd);
    PQclear(conn->rows);
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
    conn->answered = conn->hung = false;
    mutex_lock(&fake_server.mu);
    if (fake_answers_about_backends(conn, sql)) {
        mutex_unlock(&fake_server.mu);
        return 1;
    }
    enum fake_answer how = (enum fake_answer)fake_next(&fake_server.answers);
    fake_server.counts.queries++;
    fake_server.counts.rollbacks += rollback;
    conn->refused = how == FAKE_ANSWER_ERROR;
    if (how == FAKE_ANSWER_HANG_UP)
        fake_hang_up(conn);
    else if (how != FAKE_ANSWER_HANG)
        fake_say(conn);
    else
        conn->hung = true;
    mutex_unlock(&fake_server.mu);
    if (rollback && how == FAKE_ANSWER_OK)
        conn->in_transaction = PQTRANS_IDLE;
    return 1;
}

/* A prepared statement is identified by its name. */
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
    if (conn->answered) { /* returned once; the next call returns the end */
        conn->answered = conn->pending = false;
        PGresult *rows = conn->rows;
        conn->rows = NULL;
        if (rows != NULL)
            return rows;
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

/* ---- other calls ---- */

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
    static _Thread_local char text[256]; /* static, because libpq returns a char * */
    const char *message = const_conn_of(pg)->message;
    (void)snprintf(text, sizeof text, "%s", message != NULL ? message : "");
    return text;
}

static PGpipelineStatus fake_pipeline_status(const PGconn *pg)
{
    (void)pg;
    return PQ_PIPELINE_OFF;
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
    .pipeline_status = fake_pipeline_status,
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
    .lookup_start = fake_lookup_start,
    .lookup_fd = fake_lookup_fd,
    .lookup_poll = fake_lookup_poll,
    .lookup_finish = fake_lookup_finish,
};
