/* demand.h - decides which connection is dialled and when, and updates the pool when a dial has
 * ended. These functions use no socket and no clock, and allocate nothing.
 *
 * Threads    any that holds pool->mu. */
#ifndef PQPOOL_DEMAND_H
#define PQPOOL_DEMAND_H

#include "pqpool/pool.h"

/* Chooses the slot, or the control connection, to be dialled now. Moves it to CONNECTING and
 * returns it. NULL: no dial is wanted or allowed now. */
struct conn *pool_next_dial(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);
void pool_dial_succeeded(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);
void pool_dial_failed(struct pqpool *pool, struct conn *conn, const struct err *err,
                      enum error_class error_class, int64_t now_ns) REQUIRES(pool->mu);

#endif
