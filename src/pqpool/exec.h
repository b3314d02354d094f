/* exec.h - runs the pool's own statements on a connection, and tells what a server's error means
 * for the connection.
 *
 * Threads    the one that has the connection, as its state says (conn.h). */
#ifndef PQPOOL_EXEC_H
#define PQPOOL_EXEC_H

#include "pqpool/pool.h"

/* ---- exec.c ---- */
enum probe_rc { PROBE_OK, PROBE_SOFT, PROBE_HARD };
/* Runs the validation query until the server answers without an error, at most
 * max_validation_failures times. Gives up at once if the session cannot be used again. */
enum probe_rc conn_probe(struct conn *conn, int64_t deadline_at_ns);
void conn_watch_notices(struct conn *conn);
bool result_is_copy(const PGresult *result); /* true: a COPY, for which PQgetResult() returns the
                                                same result for ever */

/* ---- discard.c ---- */
/* sqlstate_discards() returns true if the connection must be closed after an error with this
 * SQLSTATE. sqlstate_discards_in_step() is the same for an error that was the whole answer, up to
 * ReadyForQuery. Class 08 then does not mean our own connection, but one of the server's to another
 * server, such as a node of Citus. sqlstate_evicts_all() returns true if all connections
 * must be replaced after it. */
bool sqlstate_discards(const char *sqlstate);
bool sqlstate_discards_in_step(const char *sqlstate);
bool sqlstate_evicts_all(const char *sqlstate);

/* ---- backend.c ---- */
/* Asks the server, on a new session, which backend, server and database this is, and sets
 * conn->backend and conn->history. Returns false if the connection must not be used. */
bool conn_identify(struct conn *conn, int64_t deadline_at_ns, struct err *err);

/* ---- task.c: a statement that the janitor runs or awaits without blocking ---- */
enum task_rc {
    TASK_PENDING,
    TASK_OK,      /* the statement ended without an error, and the session is idle */
    TASK_REFUSED, /* the statement ended with an error, or left the session in a transaction */
    TASK_LOST,    /* the connection broke, or the protocol is out of step */
    TASK_LATE,    /* the statement did not end by its deadline */
};
enum task_rc task_start(struct conn *conn, const char *sql);
enum task_rc task_step(struct conn *conn);
/* Frees the result of the task, conn->task_rows. */
void task_clear(struct conn *conn);

#endif
