/* janitor.h - what the files of the janitor share.
 *
 *   janitor.c         the loop: sockets, tasks, events
 *   control.c         the control connection: health checks, and the statements of cancel.c
 *   cancel.c          statements of released connections, and orphaned backends
 *   cancel_request.c  a cancel request over a connection of its own, if libpq can send it
 *   maintenance.c     what is done once a tick: idle and lifetime limits, leaks, maxima
 *
 * Threads    the janitor's, but for janitor_watch() and janitor_unwatch(). */
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

/* Adds the connection to the janitor's epoll, which reports when the peer hangs up. Returns
 * false if no memory or no watch is left. Called by the thread that has the connection. */
bool janitor_watch(struct pqpool *pool, struct conn *conn);
void janitor_unwatch(struct pqpool *pool, struct conn *conn);

/* ---- control.c ---- */

/* Returns the statement to run on the control connection now, and moves that connection to
 * CHECKING; NULL: there is none. The text is valid until the statement has ended. `buf` needs
 * room for CANCEL_SQL_MAX bytes. */
const char *control_next(struct pqpool *pool, struct buf *buf) EXCLUDES(pool->mu);

/* Called when the statement on the control connection has ended. */
void control_ended(struct pqpool *pool, enum task_rc how, int64_t now_ns) EXCLUDES(pool->mu);

/* Called when the server has closed the idle control connection. */
void control_lost(struct pqpool *pool) REQUIRES(pool->mu);

/* ---- cancel.c ---- */

enum { CANCEL_SQL_MAX = 3072 };

/* Writes the statement that cancels, for the control connection. Returns false if there is
 * nothing to cancel. */
bool cancels_ask(struct pqpool *pool, int64_t now_ns, struct buf *sql) REQUIRES(pool->mu);

/* Called while there is no control connection. Frees the slots of the orphans, since the server
 * cannot be asked about them. */
void cancels_without_control(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);

/* Called when the statement of cancels_ask() has ended. rows: its answer; NULL: it failed. */
void cancels_answered(struct pqpool *pool, const PGresult *rows, int64_t now_ns) REQUIRES(pool->mu);

/* Called when the statement of a connection in CANCEL_* has ended, or its deadline has come. */
void cancel_ended(struct pqpool *pool, struct conn *conn, enum task_rc how) REQUIRES(pool->mu);

/* Called when a cancel request has ended. certain: false if the request may still hit a later
 * statement; the connection will be closed then. */
void cancel_request_ended(struct pqpool *pool, struct conn *conn, bool certain) REQUIRES(pool->mu);

/* ---- cancel_request.c: for libpq 17 or later (pg_driver.h) ---- */

enum {
    CANCEL_REQUEST_KEY = 1 << 30
}; /* added to the number of a slot: the epoll key of that slot's cancel request */

bool cancel_request_is_supported(const struct pqpool *pool);

/* Starts cancel requests, as long as fewer than CANCEL_REQUESTS_MAX are under way, and ends
 * those whose deadline has come. */
void cancel_requests_run(struct pqpool *pool);
void cancel_request_step(struct pqpool *pool, struct conn *conn);
void cancel_request_close(struct conn *conn); /* no-op if there is no request */
int64_t cancel_requests_next_wake(const struct pqpool *pool) REQUIRES(pool->mu);

/* ---- maintenance.c ---- */
void maintenance_run(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);
void maintenance_next_window(struct pqpool *pool) REQUIRES(pool->mu);

#endif
