/* exec.h - statements that the pool runs on its own connections, and what a server's error means
 * for the connection.
 *
 * Threads    the one that has the connection, as its state says (conn.h). */
#ifndef PQPOOL_EXEC_H
#define PQPOOL_EXEC_H

#include "pqpool/pool.h"

/* ---- exec.c ---- */
enum probe_rc { PROBE_OK, PROBE_SOFT, PROBE_HARD };
/* Runs the validation query on a connection that this thread holds. */
enum probe_rc conn_probe(struct conn *conn, int64_t deadline_at_ns);
void conn_watch_notices(struct conn *conn);
bool result_is_copy(const PGresult *result); /* it would not end by itself */
/* What an SQLSTATE such as "57P01" means: close this connection, or replace all connections. */
bool sqlstate_discards(const char *sqlstate);
bool sqlstate_evicts_all(const char *sqlstate);

/* ---- backend.c ---- */
/* Sets conn->backend and conn->history of a new connection; false: it must not be used. */
bool conn_identify(struct conn *conn, int64_t deadline_at_ns, struct err *err);

/* ---- task.c: a statement that the janitor runs or awaits without blocking ---- */
enum task_rc {
    TASK_PENDING,
    TASK_OK,      /* ended without an error, and the session is idle */
    TASK_REFUSED, /* ended with an error of the server, or the session is in a transaction */
    TASK_LOST,    /* the connection broke, or the protocol is out of step */
    TASK_LATE,    /* not ended by its deadline */
};
enum task_rc task_start(struct conn *conn, const char *sql);
enum task_rc task_step(struct conn *conn);
/* Frees the result of the task, conn->task_rows. */
void task_clear(struct conn *conn);

#endif
