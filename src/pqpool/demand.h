/* demand.h - the pool's rules: which fit connection goes to whom, what is dialled and when, and
 * which server and database the pool is at. The rules touch no socket and no clock.
 *
 * Threads    any that holds pool->mu, where a function says REQUIRES; the connector's, where it
 * says nothing. */
#ifndef PQPOOL_DEMAND_H
#define PQPOOL_DEMAND_H

#include "pqpool/pool.h"

/* ---- idle.c ---- */

/* The connection is fit for use: to the first waiter, else to the idle list. */
void pool_offer(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* The connection is LEASED to the first waiter. */
void pool_hand_over(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* The newest idle connection that is still good; those that are not are discarded on the way. */
struct conn *pool_take_idle(struct pqpool *pool) REQUIRES(pool->mu);

/* The control connection is fit for use: idle, unless it is stale. */
void pool_keep_control(struct pqpool *pool) REQUIRES(pool->mu);

/* One may be closed before its replacement is there: the floor is kept, or there is no room. */
bool pool_can_spare_one(const struct pqpool *pool) REQUIRES(pool->mu);
/* The connection is too old, it is its turn, and one can be spared. */
bool pool_retires_now(struct pqpool *pool, const struct conn *conn, int64_t now_ns)
    REQUIRES(pool->mu);

/* Marks every open connection as stale. */
void pool_begin_generation(struct pqpool *pool) REQUIRES(pool->mu);
/* Every open connection is to be replaced. Noticed through `conn`, unless an earlier one told. */
void pool_retire_all(struct pqpool *pool, const struct conn *conn, const char *why)
    REQUIRES(pool->mu);

/* ---- primary.c ---- */

/* True if a later primary has replaced this server: it accepts writes, but must get none. */
bool pool_is_bygone(const struct pqpool *pool, const struct conn *conn, struct err *err) MUST_CHECK;
/* The server has another database than the pool is at, and the pool stays where it is. The pool has
 * connections that can be used. Also, another host of the list or another address of the host has
 * answered instead of the pool's, or the pool has only just moved from another database. */
bool pool_stays_at_database(struct pqpool *pool, const struct conn *conn, int64_t now_ns,
                            struct err *err) MUST_CHECK EXCLUDES(pool->mu);
/* This connection's server and database are the pool's: those to any other are replaced. */
void pool_settle_on(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* ---- demand.c ---- */

/* The next slot (or the control connection) that should be dialled now, moved to CONNECTING; NULL
 * when none should or may. */
struct conn *pool_next_dial(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);
void pool_dial_succeeded(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);
void pool_dial_failed(struct pqpool *pool, struct conn *conn, const struct err *err,
                      enum error_class error_class, int64_t now_ns) REQUIRES(pool->mu);

#endif
