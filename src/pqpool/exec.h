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
bool result_is_copy(const PGresult *result); /* its end would have to be worked for */
/* "57P01" and its like: what they mean for this connection. */
bool sqlstate_discards(const char *sqlstate);
bool sqlstate_evicts_all(const char *sqlstate);

/* ---- backend.c ---- */
/* Sets conn->backend and conn->history of a fresh connection; false: it is not to be used. */
bool conn_identify(struct conn *conn, int64_t deadline_at_ns, struct err *err);

/* ---- task.c: a statement that the janitor runs or awaits without blocking ---- */
enum task_rc {
    TASK_PENDING,
    TASK_OK,      /* over; all was well, and the session is idle */
    TASK_REFUSED, /* over; the server refused it, or the session is in a transaction */
    TASK_LOST,    /* the connection is gone, or out of step */
    TASK_LATE,    /* not over by its deadline */
};
enum task_rc task_start(struct conn *conn, const char *sql);
enum task_rc task_step(struct conn *conn);
/* Forgets what the task was told: conn->task_rows. */
void task_clear(struct conn *conn);

#endif
