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

/* Goes through the idle list, from the connection that became idle last. Discards stale connections
 * until one is not stale, and returns that one, which stays in the list. NULL: there is none. */
struct conn *pool_take_idle(struct pqpool *pool) REQUIRES(pool->mu);

/* Ends a use of the control connection: its state becomes IDLE, or it is discarded if it is stale.
 * No caller can acquire it, although it is IDLE: it is never in the idle list. */
void pool_keep_control(struct pqpool *pool) REQUIRES(pool->mu);

/* Returns true if an expired connection may be closed before its replacement is open. This is so in
 * two cases: the pool has more than min_pool_size connections; or min_pool_size equals
 * max_pool_size, so that the replacement would find no free slot. */
bool pool_may_close_one(const struct pqpool *pool) REQUIRES(pool->mu);
/* Returns true if the caller must close the connection now because of its age: it has expired,
 * `renewal` is RENEWAL_CLOSES, and pool_may_close_one() returns true. If the first two hold, sets
 * `renewal` to RENEWAL_NONE. */
bool pool_evicts_now(struct pqpool *pool, const struct conn *conn, int64_t now_ns)
    REQUIRES(pool->mu);

/* Begins a new generation: every connection that is open now becomes stale. */
void pool_begin_generation(struct pqpool *pool) REQUIRES(pool->mu);
/* Begins a new generation because of an error on `conn`. Does nothing if a new generation has begun
 * since `conn` was dialled. why: the SQLSTATE of the error. */
void pool_evict_all(struct pqpool *pool, const struct conn *conn, const char *why)
    REQUIRES(pool->mu);

#endif
