/* exec.c - runs one statement on a held connection: sends it, reads the answer up to ReadyForQuery,
 * and classifies the result.
 *
 * Connections are in libpq's nonblocking mode, so that no send and no read outlasts the deadline.
 * In blocking mode, PQsendQueryParams() would wait for ever for a server that stopped reading. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pqpool/exec.h"
#include "pqpool/idle.h"

enum exchange_rc {
    EXCHANGE_DONE,
    EXCHANGE_TIMEOUT, /* the whole statement was sent, and no answer has come */
    EXCHANGE_STALLED, /* only a part was sent, so nothing else can be sent on this connection */
    EXCHANGE_LOST,
};

static enum exchange_rc wait_for(const struct conn *conn, short events, int64_t deadline_at_ns)
{
    struct pollfd pfds[] = {
        { .fd = conn->pool->pg->socket(conn->pg), .events = events },
        { .fd = conn->pool->interrupt_fd, .events = POLLIN },
    };
    if (pfds[0].fd < 0)
        return EXCHANGE_LOST;
    for (;;) {
        int64_t now_ns = clock_now_ns();
        if (now_ns >= deadline_at_ns)
            return EXCHANGE_TIMEOUT;
        int ready = poll(pfds, 2, clock_poll_ms(deadline_at_ns, now_ns));
        if (ready > 0)
            return pfds[0].revents != 0 ? EXCHANGE_DONE : EXCHANGE_TIMEOUT;
        if (ready < 0 && errno != EINTR)
            return EXCHANGE_LOST;
    }
}

static enum exchange_rc send_all(const struct conn *conn, int64_t deadline_at_ns)
{
    const struct pg_driver *pg = conn->pool->pg;
    int left;
    /* This loop also reads, because a server stops reading if nobody reads its answers. */
    while ((left = pg->flush(conn->pg)) == 1) {
        enum exchange_rc rc = wait_for(conn, POLLIN | POLLOUT, deadline_at_ns);
        if (rc != EXCHANGE_DONE)
            return rc == EXCHANGE_TIMEOUT ? EXCHANGE_STALLED : rc;
        if (pg->consume_input(conn->pg) == 0)
            return EXCHANGE_LOST;
    }
    return left == 0 ? EXCHANGE_DONE : EXCHANGE_LOST;
}

static bool is_error(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

bool result_is_copy(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* Returns EXCHANGE_DONE as soon as PQgetResult() would not block. If reading fails, this is so at
 * once: PQgetResult() returns libpq's error. An answer that arrived by the deadline counts. */
static enum exchange_rc await_result(const struct conn *conn, int64_t deadline_at_ns)
{
    const struct pg_driver *pg = conn->pool->pg;
    enum exchange_rc rc = EXCHANGE_DONE;
    while (rc == EXCHANGE_DONE && pg->is_busy(conn->pg)) {
        rc = wait_for(conn, POLLIN, deadline_at_ns);
        if (rc == EXCHANGE_LOST)
            return rc;
        if (pg->consume_input(conn->pg) == 0)
            return EXCHANGE_DONE;
    }
    return pg->is_busy(conn->pg) ? rc : EXCHANGE_DONE;
}

/* Reads results up to ReadyForQuery. *last gets the first error or, if there is none, the last
 * result; the caller owns it. */
static enum exchange_rc receive_all(const struct conn *conn, int64_t deadline_at_ns,
                                    PGresult **last)
{
    const struct pg_driver *pg = conn->pool->pg;
    for (;;) {
        enum exchange_rc rc = await_result(conn, deadline_at_ns);
        if (rc != EXCHANGE_DONE)
            return rc;
        PGresult *result = pg->get_result(conn->pg);
        if (result == NULL)
            return pg->status(conn->pg) == CONNECTION_OK ? EXCHANGE_DONE : EXCHANGE_LOST;
        /* A COPY ends the exchange: PQgetResult() would return the same result for ever. */
        if (result_is_copy(result)) {
            PQclear(result);
            return EXCHANGE_LOST;
        }
        if (*last != NULL && is_error(*last)) {
            PQclear(result);
        } else {
            PQclear(*last);
            *last = result;
        }
    }
}

static enum exchange_rc exchange(const struct conn *conn, int64_t deadline_at_ns, PGresult **last)
{
    enum exchange_rc rc = send_all(conn, deadline_at_ns);
    /* The server may have sent a reason before it closed the connection. */
    if (rc == EXCHANGE_LOST)
        (void)conn->pool->pg->consume_input(conn->pg);
    return rc == EXCHANGE_STALLED ? rc : receive_all(conn, deadline_at_ns, last);
}

/* ---- errors and warnings ---- */

void pqpool_report_error(struct pqpool_lease *lease, const char *sqlstate)
{
    struct conn *conn = lease->conn;
    if (sqlstate == NULL || !sqlstate_discards(sqlstate))
        return;
    conn_worsen(conn, SESSION_MUST_CLOSE);
    if (!sqlstate_evicts_all(sqlstate))
        return;
    mutex_lock(&conn->pool->mu);
    pool_evict_all(conn->pool, conn, sqlstate);
    mutex_unlock(&conn->pool->mu);
}

static void on_notice(void *arg, const PGresult *result)
{
    struct conn *conn = arg;
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (code != NULL && strncmp(code, "01", 2) == 0)
        conn->warned = true;
}

void conn_watch_notices(struct conn *conn)
{
    (void)conn->pool->pg->set_notice_receiver(conn->pg, on_notice, conn);
}

/* ---- public functions ---- */

static int send_query(const struct conn *conn, const struct pqpool_query *q)
{
    const struct pg_driver *pg = conn->pool->pg;
    if (q->prepare)
        return pg->send_prepare(conn->pg, q->statement, q->sql, q->n_params, q->types);
    if (q->statement != NULL)
        return pg->send_query_prepared(conn->pg, q->statement, q->n_params, q->values, q->lengths,
                                       q->formats, q->result_format);
    return pg->send_query_params(conn->pg, q->sql, q->n_params, q->types, q->values, q->lengths,
                                 q->formats, q->result_format);
}

static enum pqpool_rc not_sent(struct conn *conn, struct err *err)
{
    const struct pg_driver *pg = conn->pool->pg;
    bool alive = pg->status(conn->pg) == CONNECTION_OK;
    conn_worsen(conn, SESSION_MUST_CLOSE); /* libpq may still hold a part of the message */
    err_set(err, ERR_RETRYABLE | (alive ? 0u : ERR_UNCERTAIN), "cannot send: %s",
            pg->error_message(conn->pg));
    return alive ? PQPOOL_NOT_SENT : PQPOOL_LOST;
}

/* Copies a field of the error. The caller gets only the fields that this file copies, because
 * DETAIL, HINT, CONTEXT and the text of the statement may hold whole rows. */
static void copy_field(char *to, size_t size, const PGresult *error, int field)
{
    const char *value = PQresultErrorField(error, field);
    (void)snprintf(to, size, "%s", value != NULL ? value : "");
}

/* Returns true if the message may quote a value, or come from a user's function. Two kinds of
 * messages are not private: the server's about an error that ends the session, and those of libpq
 * itself, which have no SQLSTATE. */
static bool is_private(const PGresult *error)
{
    const char *severity = PQresultErrorField(error, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (PQresultErrorField(error, PG_DIAG_SQLSTATE) == NULL)
        return false;
    return severity == NULL || (strcmp(severity, "FATAL") != 0 && strcmp(severity, "PANIC") != 0);
}

/* Writes an error to *err and to conn->error_fields. An error of libpq itself has no fields, only a
 * text. */
static void explain(struct conn *conn, const PGresult *error, unsigned flags, const char *prefix,
                    struct err *err)
{
    struct pqpool_error_fields *fields = &conn->error_fields;
    const char *code = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY);
    copy_field(fields->column, sizeof fields->column, error, PG_DIAG_COLUMN_NAME);
    copy_field(fields->routine, sizeof fields->routine, error, PG_DIAG_SOURCE_FUNCTION);
    if (is_private(error))
        flags |= ERR_PRIVATE;
    err_set_code(err, flags, code, "%s%s", prefix,
                 primary != NULL ? primary : PQresultErrorMessage(error));
    if (err == NULL)
        return;
    copy_field(err->constraint, sizeof err->constraint, error, PG_DIAG_CONSTRAINT_NAME);
    copy_field(err->table, sizeof err->table, error, PG_DIAG_TABLE_NAME);
}

static bool is_interrupted(const struct pqpool *pool)
{
    return atomic_load_explicit(&pool->interrupted, memory_order_relaxed);
}

/* Tells the pool of the error in `last`, if there is one, unless the session is still sound.
 * Returns its SQLSTATE, or NULL. */
static const char *report(struct conn *conn, enum exchange_rc how, const PGresult *last)
{
    const char *code = last != NULL ? PQresultErrorField(last, PG_DIAG_SQLSTATE) : NULL;
    if (code != NULL && (how != EXCHANGE_DONE || sqlstate_discards_in_step(code)))
        pqpool_report_error(&conn->lease, code);
    return code;
}

static enum pqpool_rc classify(struct conn *conn, enum exchange_rc how, const PGresult *last,
                               struct err *err)
{
    const char *code = report(conn, how, last);
    switch (how) {
    case EXCHANGE_STALLED:
        conn_orphan_backend(conn);
        __attribute__((fallthrough));
    case EXCHANGE_TIMEOUT: /* the release will cancel the statement */
        err_set(err, ERR_RETRYABLE | ERR_UNCERTAIN,
                is_interrupted(conn->pool) ? "the pool is being closed; the statement is cancelled"
                                           : "no answer from the database by the deadline");
        return PQPOOL_TIMEOUT;
    case EXCHANGE_LOST:
        conn_worsen(conn, SESSION_MUST_CLOSE);
        if (code != NULL)
            explain(conn, last, ERR_RETRYABLE | ERR_UNCERTAIN, "connection lost: ", err);
        else
            err_set(err, ERR_RETRYABLE | ERR_UNCERTAIN, "connection lost: %s",
                    conn->pool->pg->error_message(conn->pg));
        return PQPOOL_LOST;
    case EXCHANGE_DONE:
        break;
    }
    if (last == NULL) {
        err_set(err, 0, "no result");
        return PQPOOL_SQL_ERROR;
    }
    if (is_error(last)) {
        explain(conn, last, 0, "", err);
        return PQPOOL_SQL_ERROR;
    }
    return PQPOOL_OK;
}

enum pqpool_rc pqpool_exec(struct pqpool_lease *lease, const struct pqpool_query *query,
                           int64_t deadline_at_ns, struct pg_result **result_out, struct err *err)
{
    struct conn *conn = lease->conn;
    PGresult *last = NULL;

    if (deadline_at_ns == PQPOOL_DEFAULT_DEADLINE)
        deadline_at_ns = clock_after(clock_now_ns(), conn->pool->options.command_timeout_ns);
    bool interrupted = is_interrupted(conn->pool);
    if (interrupted || clock_now_ns() >= deadline_at_ns) {
        err_set(err, ERR_RETRYABLE, "%s; nothing was sent",
                interrupted ? "the pool is being closed" : "the deadline has passed");
        return PQPOOL_TIMEOUT;
    }
    if (send_query(conn, query) == 0)
        return not_sent(conn, err);
    enum exchange_rc how = exchange(conn, deadline_at_ns, &last);
    enum pqpool_rc rc = classify(conn, how, last, err);
    if (rc == PQPOOL_OK)
        *result_out = last;
    else
        PQclear(last);
    return rc;
}

/* Runs the validation query once. PROBE_SOFT: the server answered with an error, but the session
 * can still be used. PROBE_HARD: it cannot. */
static enum probe_rc probe_once(struct conn *conn, int64_t deadline_at_ns)
{
    const struct pg_driver *pg = conn->pool->pg;
    PGresult *last = NULL;

    if (pg->send_query(conn->pg, conn->pool->options.validation_query) == 0)
        return PROBE_HARD;
    enum exchange_rc how = exchange(conn, deadline_at_ns, &last);
    bool refused = last != NULL && is_error(last);
    (void)report(conn, how, last);
    PQclear(last);
    if (how != EXCHANGE_DONE || conn->session != SESSION_SOUND ||
        pg->transaction_status(conn->pg) != PQTRANS_IDLE)
        return PROBE_HARD;
    return refused ? PROBE_SOFT : PROBE_OK;
}

enum probe_rc conn_probe(struct conn *conn, int64_t deadline_at_ns)
{
    enum probe_rc rc = PROBE_HARD;
    for (uint32_t i = 0; i < conn->pool->options.max_validation_failures; i++) {
        rc = probe_once(conn, deadline_at_ns);
        if (rc != PROBE_SOFT)
            break;
    }
    return rc;
}

struct pg_conn *pqpool_lease_pg(struct pqpool_lease *lease)
{
    return lease->conn->pg;
}

unsigned *pqpool_lease_bits(struct pqpool_lease *lease)
{
    return &lease->conn->user_bits;
}

uint32_t pqpool_lease_database(const struct pqpool_lease *lease)
{
    return lease->conn->database;
}

bool pqpool_lease_warned(struct pqpool_lease *lease)
{
    bool warned = lease->conn->warned;
    lease->conn->warned = false;
    return warned;
}

const struct pqpool_error_fields *pqpool_lease_error_fields(struct pqpool_lease *lease)
{
    return &lease->conn->error_fields;
}
