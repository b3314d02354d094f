/* idle.h - chooses which idle connection a caller gets, and decides which connections are replaced.
 * These functions use no socket and no clock, and allocate nothing.
 *
 * Threads    any that holds pool->mu. */
#ifndef PQPOOL_IDLE_H
#define PQPOOL_IDLE_H

#include "pqpool/pool.h"

/* Gives a connection that is free now to the first waiter, or moves it to IDLE if no caller waits.
 * Discards it instead if it is stale, if pool_evicts_now() says so, or if the pool is being
 * closed. */
void pool_offer(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* Moves the connection to LEASED and gives it to the first waiter. The queue must not be empty. */
void pool_hand_over(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* Of the idle connections that are not stale, returns the one that became idle last, and leaves it
 * in the idle list; NULL: there is none. Discards each stale connection that became idle
 * after it. */
struct conn *pool_take_idle(struct pqpool *pool) REQUIRES(pool->mu);

/* Ends a use of the control connection: its state becomes IDLE, or it is discarded if it is stale.
 * No caller can acquire it, although it is IDLE: it is never in the idle list. */
void pool_keep_control(struct pqpool *pool) REQUIRES(pool->mu);

/* Returns true if an expired connection may be closed before its replacement is open: if the pool
 * has more than min_pool_size connections, or if min_pool_size equals max_pool_size, because then
 * there is never a free slot for the replacement. */
bool pool_may_close_one(const struct pqpool *pool) REQUIRES(pool->mu);
/* Returns true if the caller must close the connection now, for it to be replaced. Returns false if
 * the connection has not expired or `renewal` is not RENEWAL_CLOSES. Otherwise sets `renewal` to
 * RENEWAL_NONE, and returns what pool_may_close_one() returns. */
bool pool_evicts_now(struct pqpool *pool, const struct conn *conn, int64_t now_ns)
    REQUIRES(pool->mu);

/* Begins a new generation: every connection that is open now becomes stale. */
void pool_begin_generation(struct pqpool *pool) REQUIRES(pool->mu);
/* Begins a new generation because of an error on `conn`. Does nothing if a new generation has begun
 * since `conn` was dialled. why: the SQLSTATE of the error. */
void pool_evict_all(struct pqpool *pool, const struct conn *conn, const char *why)
    REQUIRES(pool->mu);

#endif
