/* primary.h - decides which server and database the pool is at. These functions use no socket and
 * no clock, and allocate nothing.
 *
 * Threads    the connector's; primary_adopt() needs pool->mu too. */
#ifndef PQPOOL_PRIMARY_H
#define PQPOOL_PRIMARY_H

#include "pqpool/pool.h"

/* Returns true if a later primary has replaced this server. The server still accepts writes, but
 * they would be lost. */
bool primary_was_replaced(const struct pqpool *pool, const struct conn *conn,
                          struct err *err) MUST_CHECK;
/* Returns true if the server of this new session has another database than the pool's, and the
 * pool stays at its own. The pool stays if it has usable connections and one of these is true:
 * it came to its database less than max_retry_delay ago; or the address of its server is still
 * one to dial, and only did not answer this time. */
bool primary_rejects_database(struct pqpool *pool, const struct conn *conn, int64_t now_ns,
                              struct err *err) MUST_CHECK EXCLUDES(pool->mu);
/* Makes the server and database of this new connection the pool's. If either is another one than
 * before, begins a new generation, so that all older connections are replaced. */
void primary_adopt(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

#endif
