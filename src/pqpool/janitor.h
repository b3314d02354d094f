/* janitor.h - declares what the files of the janitor share.
 *
 *   janitor.c         the loop: sockets, tasks, events
 *   control.c         runs health checks and the SQL of cancel.c on the control connection
 *   cancel.c          cancels statements of released connections, terminates orphaned backends
 *   cancel_request.c  sends a cancel request over a connection of its own, if libpq can
 *   maintenance.c     each tick: idle and lifetime limits, leaks, acquire_max_ns of the last 60 s
 *
 * Threads    the janitor's. janitor_watch() and janitor_unwatch() are called by the thread that
 *            uses the connection. */
#ifndef PQPOOL_JANITOR_H
#define PQPOOL_JANITOR_H

#include "pqpool/exec.h"
#include "pqpool/idle.h"

struct janitor {
    struct pqpool *pool;
    struct conn **tasks; /* the connections whose statement the janitor awaits */
    uint32_t n_tasks;
    int64_t tick_ns, next_tick_ns, next_window_ns;
};

/* ---- janitor.c ---- */

void *janitor_run(void *arg); /* arg: the pool */

/* Adds the connection to the janitor's epoll, which reports when the server closes it. Returns
 * false if no memory or no epoll watch is left. */
bool janitor_watch(struct pqpool *pool, struct conn *conn);
void janitor_unwatch(struct pqpool *pool, struct conn *conn);

/* ---- control.c ---- */

/* Returns the SQL to run on the control connection now, and moves that connection to CHECKING;
 * NULL: nothing is to be run. The SQL may be written to `buf`, which needs room for CANCEL_SQL_MAX
 * bytes. */
const char *control_next(struct pqpool *pool, struct buf *buf) EXCLUDES(pool->mu);

/* Called when the statement on the control connection has ended, or its deadline has come. */
void control_ended(struct pqpool *pool, enum task_rc how, int64_t now_ns) EXCLUDES(pool->mu);

/* Called when the server has closed the idle control connection. */
void control_lost(struct pqpool *pool) REQUIRES(pool->mu);

/* ---- cancel.c ---- */

enum { CANCEL_SQL_MAX = 3072 };

/* Writes the SQL with which the control connection cancels statements and terminates orphaned
 * backends. Returns false if no statement and no backend is to be ended now. */
bool cancels_ask(struct pqpool *pool, int64_t now_ns, struct buf *sql) REQUIRES(pool->mu);

/* Called while there is no control connection. Frees the slots of the orphaned backends, since the
 * server cannot be asked whether they have ended. */
void cancels_without_control(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);

/* Called when the SQL of cancels_ask() has ended. `rows` is its result, or NULL if it failed. */
void cancels_answered(struct pqpool *pool, const PGresult *rows, int64_t now_ns) REQUIRES(pool->mu);

/* Called when the statement of a connection in CANCEL_* has ended, or its deadline has come. */
void cancel_ended(struct pqpool *pool, struct conn *conn, enum task_rc how) REQUIRES(pool->mu);

/* Called when the cancel of the statement on `conn` has been carried out or has failed. certain:
 * the cancel cannot hit a later statement any more. If `certain` is false, the connection will be
 * closed and not used again. */
void cancel_request_ended(struct pqpool *pool, struct conn *conn, bool certain) REQUIRES(pool->mu);

/* ---- cancel_request.c: for libpq 17 or later (pg_driver.h) ---- */

enum {
    CANCEL_REQUEST_KEY = 1 << 30
}; /* the epoll key of a cancel request is this plus the number of its slot */

bool cancel_request_is_supported(const struct pqpool *pool);

/* Ends each cancel request whose deadline has come, and starts new ones while fewer than
 * CANCEL_REQUESTS_MAX are under way. */
void cancel_requests_run(struct pqpool *pool);
void cancel_request_step(struct pqpool *pool, struct conn *conn);
void cancel_request_close(struct conn *conn); /* no-op if there is no request */
int64_t cancel_requests_next_wake(const struct pqpool *pool) REQUIRES(pool->mu);

/* ---- maintenance.c ---- */
void maintenance_run(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);
void maintenance_next_window(struct pqpool *pool) REQUIRES(pool->mu);

#endif
