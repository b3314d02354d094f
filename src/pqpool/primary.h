/* primary.h - keeps all connections of the pool at one server and one database. These functions use
 * no socket and no clock, and allocate nothing.
 *
 * Threads    the connector's; primary_adopt() needs pool->mu too. */
#ifndef PQPOOL_PRIMARY_H
#define PQPOOL_PRIMARY_H

#include "pqpool/pool.h"

/* Returns true if a later primary has replaced this server, as its lower timeline shows. The server
 * still accepts writes, but these writes would be lost. *err says which timelines were seen. */
bool primary_was_replaced(const struct pqpool *pool, const struct conn *conn,
                          struct err *err) MUST_CHECK;
/* Returns true if this new session must be closed: it is at another database than the pool, and the
 * pool stays at its own. The pool stays if it has a usable connection and one of these is true: the
 * pool has been at its database for less than max_retry_delay; or this server was dialled only
 * because the pool's server, which each dial tries first, did not answer. */
bool primary_rejects_database(struct pqpool *pool, const struct conn *conn, int64_t now_ns,
                              struct err *err) MUST_CHECK EXCLUDES(pool->mu);
/* From now on the pool's server and database are those of this new connection. If the pool had
 * another server or database before, or if the timeline has risen, begins a new generation, so that
 * all older connections are replaced. Does nothing if a new generation has begun since this
 * connection was dialled. */
void primary_adopt(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

#endif
