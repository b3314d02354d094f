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
/* Returns true if this new session must be closed, because it is at another database than the pool
 * and the pool does not move. The pool does not move if it has a usable connection and
 *   - it moved to its present database less than max_retry_delay ago, or
 *   - the new session is at another server only because the pool's server did not answer the dial,
 *     which tries the pool's server first. */
bool primary_rejects_database(struct pqpool *pool, const struct conn *conn, int64_t now_ns,
                              struct err *err) MUST_CHECK EXCLUDES(pool->mu);
/* Makes the server and the database of this new connection those of the pool. If the pool had
 * another server or database before, or if the timeline has risen, the function begins a new
 * generation, so that all older connections are replaced. If a new generation has begun since this
 * connection was dialled, the function does nothing. */
void primary_adopt(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

#endif
