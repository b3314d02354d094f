/* connector.h - the thread that dials and closes.
 *
 *   connector.c    the loop: begins dials, sets fresh sessions up, closes
 *   dial.c         one dial, a step at a time                                dial.h
 *   dial_errors.c  why it failed                                             dial_errors.h
 *   backend.c      who the fresh session is at its server                    exec.h
 *   names.c        the lookups of host names                                 names.h
 *
 * Threads    as each function says.
 * Ownership  what is in CONNECTING, CLOSING and CLOSING_ORPHAN is the connector's. */
#ifndef PQPOOL_CONNECTOR_H
#define PQPOOL_CONNECTOR_H

#include "pqpool/pool.h"

void *connector_run(void *arg); /* the pool */

/* Closes the socket. Any thread that has the connection, as its state says. */
void conn_finish(struct conn *conn);

/* Closes what is to be closed and frees its slots: the connector, or whoever is left after it. */
void pool_close_discarded(struct pqpool *pool) EXCLUDES(pool->mu);

#endif
