/* janitor.h - what the janitor's files share. All of it runs on the janitor's thread, but
 * for janitor_watch() and janitor_unwatch().
 *
 *   janitor.c   the loop: sockets, tasks, the control connection's health check, events
 *   health.c    what that check asks, and how its answer is checked
 *   cancel.c    statements of released connections, and orphaned backends
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

/* Adds the connection to the janitor's epoll, which reports when its peer hangs up; false: no
 * memory or watches are left. Any thread that has the connection. */
bool janitor_watch(struct pqpool *pool, struct conn *conn);
void janitor_unwatch(struct pqpool *pool, struct conn *conn);

/* ---- control.c ---- */

/* The statement to run on the control connection now, which is CHECKING from here on; NULL: none.
 * The text is valid until the statement has ended. `buf` has room for CANCEL_SQL_MAX. */
const char *control_next(struct pqpool *pool, struct buf *buf) EXCLUDES(pool->mu);

/* The statement on the control connection has ended. */
void control_ended(struct pqpool *pool, enum task_rc how, int64_t now_ns) EXCLUDES(pool->mu);

/* The server has closed the idle control connection. */
void control_lost(struct pqpool *pool) REQUIRES(pool->mu);

/* ---- cancel.c ---- */

enum { CANCEL_SQL_MAX = 3072 };

/* Writes the statement for the control connection; false: there is nothing to cancel. */
bool cancels_ask(struct pqpool *pool, int64_t now_ns, struct buf *sql) REQUIRES(pool->mu);

/* There is no control connection: frees the slots of the orphans. */
void cancels_without_control(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);

/* The statement of cancels_ask() has ended; rows: its answer, or NULL if it failed. */
void cancels_answered(struct pqpool *pool, const PGresult *rows, int64_t now_ns) REQUIRES(pool->mu);

/* The statement of a connection in CANCEL_* has ended, or its deadline has come. */
void cancel_ended(struct pqpool *pool, struct conn *conn, enum task_rc how) REQUIRES(pool->mu);

/* The cancel request has ended. Not certain: it may still hit a later statement, so the connection
 * will be closed. */
void cancel_request_ended(struct pqpool *pool, struct conn *conn, bool certain) REQUIRES(pool->mu);

/* ---- cancel_request.c: only with a libpq that can (pg_driver.h) ---- */

enum {
    CANCEL_REQUEST_KEY = 1 << 30
}; /* with a slot's number: its cancel_request's events in the epoll */

bool cancel_request_is_supported(const struct pqpool *pool);

/* Starts cancel requests, CANCEL_REQUESTS_MAX at a time, and ends those whose deadline has come. */
void cancel_requests_run(struct pqpool *pool);
void cancel_request_step(struct pqpool *pool, struct conn *conn);
void cancel_request_close(struct conn *conn); /* none is a no-op */
int64_t cancel_requests_next_wake(const struct pqpool *pool) REQUIRES(pool->mu);

/* ---- maintenance.c ---- */
void maintenance_run(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);
void maintenance_next_window(struct pqpool *pool) REQUIRES(pool->mu);

#endif
