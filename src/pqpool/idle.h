/* idle.h - connections that are fit for use: which of them is given to whom, and which are
 * replaced. These functions use no socket and no clock, and allocate nothing.
 *
 * Threads    any that holds pool->mu. */
#ifndef PQPOOL_IDLE_H
#define PQPOOL_IDLE_H

#include "pqpool/pool.h"

/* Gives a connection to the first waiter, or else to the idle list. If the connection is stale
 * or expired, or if the pool is being closed, discards it. */
void pool_offer(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* Moves the connection to LEASED and gives it to the first waiter. The queue must not be empty. */
void pool_hand_over(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* Returns the idle connection that was used last, and leaves it in the idle list; NULL: there is
 * none. Discards the stale connections that it finds before. */
struct conn *pool_take_idle(struct pqpool *pool) REQUIRES(pool->mu);

/* Moves the control connection to IDLE, or discards it if it is stale. */
void pool_keep_control(struct pqpool *pool) REQUIRES(pool->mu);

/* Returns true if an expired connection may be closed before its replacement is open. That is so
 * if enough others stay open, or if min_pool_size equals max_pool_size, because then there is no
 * room for a replacement. */
bool pool_may_close_one(const struct pqpool *pool) REQUIRES(pool->mu);
/* Returns true if the connection has expired and must be closed now to be replaced. If it is the
 * next one to be replaced, this call ends the renewal. */
bool pool_evicts_now(struct pqpool *pool, const struct conn *conn, int64_t now_ns)
    REQUIRES(pool->mu);

/* Begins a new generation: every connection that is open now becomes stale. */
void pool_begin_generation(struct pqpool *pool) REQUIRES(pool->mu);
/* Begins a new generation because of an error on `conn`. No-op if `conn` is of an older
 * generation, because then a new one has begun already. */
void pool_evict_all(struct pqpool *pool, const struct conn *conn, const char *why)
    REQUIRES(pool->mu);

#endif
