/* primary.c - which server the pool is at: one at a time, and never again one that was replaced.
 *
 * A primary that hung, or was cut off, and whose standby was promoted meanwhile, takes writes again
 * when it goes on: no error tells, and what it commits is lost when it is put right. So all
 * connections are to one server, and the timeline tells old from new: it grows with each promotion,
 * and what a server has of it says which of two with the same system identifier came later
 * (PostgreSQL manual, 26.3.5). The pool remembers the newest for as long as it lives. */
#include <stdio.h>
#include <string.h>

#include "pqpool/pool.h"

static bool is_older(const struct conn_history *a, const struct conn_history *b)
{
    return a->timeline != 0 && a->timeline < b->timeline && strcmp(a->system, b->system) == 0;
}

bool pool_is_bygone(const struct pqpool *pool, const struct conn *conn, struct err *err)
{
    if (!is_older(&conn->history, &pool->history))
        return false;
    err_set(err, ERR_RETRYABLE,
            "the server is a primary that was replaced: it is on timeline %u, and another one has "
            "answered on timeline %u",
            conn->history.timeline, pool->history.timeline);
    return true;
}

/* Two addresses may lead to one server: it has one identifier, and was started once. */
static bool is_same_server(const struct conn_history *a, const struct conn_history *b)
{
    return a->started[0] != '\0' && strcmp(a->started, b->started) == 0 &&
           strcmp(a->system, b->system) == 0;
}

static bool has_moved(const struct pqpool *pool, const struct conn *conn)
{
    bool elsewhere =
        conn->dial.host != pool->host || strcmp(dial_address(conn), pool->address) != 0;
    return elsewhere && !is_same_server(&pool->at, &conn->history);
}

void pool_settle_on(struct pqpool *pool, struct conn *conn)
{
    if (conn->generation != pool_generation(pool))
        return; /* began before the pool moved: goes as those do that were there */
    if (pool->settled && (has_moved(pool, conn) || is_older(&pool->history, &conn->history))) {
        pool_begin_generation(pool);
        conn->generation = pool_generation(pool);
        pool_event(pool, PQPOOL_EVENT_RETIRED_ALL,
                   "another server has answered: every connection is replaced");
    }
    pool->host = conn->dial.host;
    (void)snprintf(pool->address, sizeof pool->address, "%s", dial_address(conn));
    pool->settled = true;
    pool->at = conn->history;
    if (conn->history.timeline != 0)
        pool->history = conn->history;
}
