/* idle.h - connections that are fit for use: which of them is given to whom, and which are
 * replaced. A rule of the pool: no socket, no clock, no allocation.
 *
 * Threads    any that holds pool->mu. */
#ifndef PQPOOL_IDLE_H
#define PQPOOL_IDLE_H

#include "pqpool/pool.h"

/* Gives a connection that is fit for use to the first waiter, or else to the idle list. Discards it
 * if it is stale or expired, or if the pool is being closed. */
void pool_offer(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* Moves the connection to LEASED and gives it to the first waiter. The queue is not empty. */
void pool_hand_over(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* The idle connection that was used last; NULL: there is none. Stale ones are discarded. */
struct conn *pool_take_idle(struct pqpool *pool) REQUIRES(pool->mu);

/* Moves the control connection to IDLE, or discards it if it is stale. */
void pool_keep_control(struct pqpool *pool) REQUIRES(pool->mu);

/* True if an expired connection may be closed before its replacement is open: enough others stay
 * open, or min_pool_size equals max_pool_size, so there is no room for a replacement. */
bool pool_may_close_one(const struct pqpool *pool) REQUIRES(pool->mu);
/* True if the connection has expired and is the next one to be replaced; this ends the renewal. */
bool pool_evicts_now(struct pqpool *pool, const struct conn *conn, int64_t now_ns)
    REQUIRES(pool->mu);

/* Marks every open connection as stale. */
void pool_begin_generation(struct pqpool *pool) REQUIRES(pool->mu);
/* Begins a generation because of what was seen on `conn`. No-op if `conn` is of an older one: then
 * the pool has done so already. */
void pool_evict_all(struct pqpool *pool, const struct conn *conn, const char *why)
    REQUIRES(pool->mu);

#endif
