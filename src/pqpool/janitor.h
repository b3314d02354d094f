/* janitor.h - what the janitor's files share. All of it runs on the janitor's thread, but
 * for janitor_watch() and janitor_unwatch().
 *
 *   janitor.c   the loop: sockets, tasks, the control connection's health check, events
 *   health.c    what that check asks, and how its answer is checked
 *   cancel.c    statements that nobody waits for any more, and backends that outlive them
 *   cancel_request.c  a cancel over a connection of its own, where libpq can do that
 *   maintenance.c    what is due once a tick: floor, idle and lifetime limits, leaks, maxima */
#ifndef PQPOOL_JANITOR_H
#define PQPOOL_JANITOR_H

#include "pqpool/exec.h"
#include "pqpool/idle.h"

struct janitor {
    struct pqpool *pool;
    struct conn **tasks; /* connections with a statement under way */
    uint32_t n_tasks;
    int64_t tick_ns, next_tick_ns, next_window_ns;
};

/* ---- janitor.c ---- */

void *janitor_run(void *arg); /* the pool */

/* The janitor's epoll hears of hang-ups on this connection from now on; false: no memory or
 * watches. Any thread that has the connection. */
bool janitor_watch(struct pqpool *pool, struct conn *conn);
void janitor_unwatch(struct pqpool *pool, struct conn *conn);

/* ---- control.c ---- */

/* What to ask the control connection now, which is CHECKING then: good until it is over. `buf` has
 * room for CANCEL_SQL_MAX. NULL: nothing. */
const char *control_next(struct pqpool *pool, struct buf *buf) EXCLUDES(pool->mu);

/* What it was asked is over. */
void control_ended(struct pqpool *pool, enum task_rc how, int64_t now_ns) EXCLUDES(pool->mu);

/* Its peer has hung up while it was idle. */
void control_lost(struct pqpool *pool) REQUIRES(pool->mu);

/* ---- cancel.c ---- */

enum { CANCEL_SQL_MAX = 3072 };

/* Writes the statement for the control connection; false: there is nothing to ask. */
bool cancels_ask(struct pqpool *pool, int64_t now_ns, struct buf *sql) REQUIRES(pool->mu);

/* There is no control connection to ask. */
void cancels_without_control(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);

/* The control connection has answered; rows: NULL when it has not. */
void cancels_answered(struct pqpool *pool, const PGresult *rows, int64_t now_ns) REQUIRES(pool->mu);

/* The statement of a connection in CANCEL_* is over, or its time is. */
void cancel_ended(struct pqpool *pool, struct conn *conn, enum task_rc how) REQUIRES(pool->mu);

/* The cancel is behind us. Not certain: it may strike yet, so the connection is not lent again. */
void cancel_request_ended(struct pqpool *pool, struct conn *conn, bool certain) REQUIRES(pool->mu);

/* ---- cancel_request.c: only with a libpq that can (pg_driver.h) ---- */

enum {
    CANCEL_REQUEST_KEY = 1 << 30
}; /* with a slot's number: its cancel_request's events in the epoll */

bool cancel_request_is_supported(const struct pqpool *pool);

/* Starts one for each that wants it, so many at a time; ends those whose time is over. */
void cancel_requests_run(struct pqpool *pool);
void cancel_request_step(struct pqpool *pool, struct conn *conn);
void cancel_request_close(struct conn *conn); /* none is a no-op */
int64_t cancel_requests_next_wake(const struct pqpool *pool) REQUIRES(pool->mu);

/* ---- maintenance.c ---- */
void maintenance_run(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);
void maintenance_next_window(struct pqpool *pool) REQUIRES(pool->mu);

#endif
