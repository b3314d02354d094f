/* primary.h - which server and database the pool is at. A rule of the pool: no socket, no clock, no
 * allocation.
 *
 * Threads    the connector's; primary_adopt() needs pool->mu too. */
#ifndef PQPOOL_PRIMARY_H
#define PQPOOL_PRIMARY_H

#include "pqpool/pool.h"

/* True if a later primary has replaced this server: it accepts writes, which would be lost. */
bool primary_was_replaced(const struct pqpool *pool, const struct conn *conn,
                          struct err *err) MUST_CHECK;
/* True if the server has another database than the pool's, and the pool must not move there: the
 * pool has usable connections, and either it has only just moved from another database, or this is
 * only another host of the list or another address of the host. */
bool primary_rejects_database(struct pqpool *pool, const struct conn *conn, int64_t now_ns,
                              struct err *err) MUST_CHECK EXCLUDES(pool->mu);
/* Makes the server and database of this new connection the pool's. If they are others than before,
 * a new generation begins, so that all older connections are replaced. */
void primary_adopt(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

#endif
