/* connector.h - the thread that dials and closes.
 *
 *   connector.c    the loop: begins dials, sets up new sessions, closes
 *   dial.c         one dial, a step at a time                                  dial.h
 *   dial_errors.c  why a dial failed                                           dial_errors.h
 *   backend.c      which backend, server and database a session has            exec.h
 *   names.c        the lookups of host names                                   names.h
 *
 * Threads    as each function says.
 * Ownership  the connector owns the connections in the states CONNECTING, CLOSING and
 *            CLOSING_ORPHAN. */
#ifndef PQPOOL_CONNECTOR_H
#define PQPOOL_CONNECTOR_H

#include "pqpool/pool.h"

void *connector_run(void *arg); /* arg: the pool */

/* Closes the connection to the server with PQfinish(), and closes the pool's duplicate of its
 * socket. Called by the thread that uses the connection (conn.h). No-op if the connection is closed
 * already. */
void conn_finish(struct conn *conn);

/* Calls PQfinish() for the connections in CLOSING and CLOSING_ORPHAN. Called by the connector, and
 * by pqpool_close() after the connector has ended. */
void pool_close_discarded(struct pqpool *pool) EXCLUDES(pool->mu);

#endif
