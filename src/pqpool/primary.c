/* primary.c - keeps all connections of the pool at one server and one database, and rejects a
 * primary that was replaced.
 *
 * If a primary hangs or is cut off, its standby may be promoted. If the old primary then returns,
 * it accepts writes without any error, and these writes are lost when it is repaired. So all
 * connections of the pool are to one server. Of two servers with one system identifier, the one
 * with the higher timeline is the later primary, because each promotion raises the timeline
 * (PostgreSQL manual, 26.3.5). The pool remembers the identifier and the timeline of the server
 * that it last used.
 *
 * Two databases are the same if their oids are equal and the system identifiers of their servers
 * are equal; names do not count. Another database is a restored copy, or the other side of a
 * logical replication, or was reached by a wrong address. If another database answers, all
 * connections move to it, unless primary_rejects_database() returns true. A statement that was sent
 * to one database cannot be looked up in another. So each database has a number, by which users of
 * the pool see that the database has changed. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pqpool/dial.h"
#include "pqpool/idle.h"
#include "pqpool/primary.h"

static bool is_older(const struct conn_history *a, const struct conn_history *b)
{
    return a->timeline != 0 && a->timeline < b->timeline && strcmp(a->system, b->system) == 0;
}

bool primary_was_replaced(const struct pqpool *pool, const struct conn *conn, struct err *err)
{
    if (!is_older(&conn->history, &pool->primary.history))
        return false;
    err_set(err, ERR_RETRYABLE,
            "the server is a primary that was replaced: it is on timeline %u, and another one has "
            "answered on timeline %u",
            conn->history.timeline, pool->primary.history.timeline);
    return true;
}

bool pqpool_lease_was_replaced(const struct pqpool_lease *lease)
{
    const struct conn *conn = lease->conn;
    struct pqpool *pool = conn->pool;
    if (conn->generation == pool_generation(pool))
        return false; /* without the lock: each later primary begins a new generation */
    mutex_lock(&pool->mu);
    bool replaced = is_older(&conn->history, &pool->primary.history);
    mutex_unlock(&pool->mu);
    return replaced;
}

/* ---- which server ---- */

/* Returns true if both sessions are at one server, even if they reached it by two addresses: the
 * system identifier and the start time of the server are equal. */
static bool is_same_server(const struct conn_history *a, const struct conn_history *b)
{
    return a->started[0] != '\0' && strcmp(a->started, b->started) == 0 &&
           strcmp(a->system, b->system) == 0;
}

static bool is_elsewhere(const struct pqpool *pool, const struct conn *conn)
{
    return conn->dial.host != pool->primary.host ||
           strcmp(dial_address(conn), pool->primary.address) != 0;
}

/* Returns true if this connection is to another host or address because the pool's server did not
 * answer the dial, which tries the pool's server first. If the host is the same, but its name no
 * longer resolves to the address of the pool's server, the dial did not try this address. The
 * function then returns false. */
static bool is_in_its_place(const struct pqpool *pool, const struct conn *conn)
{
    return is_elsewhere(pool, conn) &&
           (conn->dial.host != pool->primary.host || dial_has_address(conn, pool->primary.address));
}

static bool has_moved(const struct pqpool *pool, const struct conn *conn)
{
    return is_elsewhere(pool, conn) && !is_same_server(&pool->primary.at, &conn->history);
}

/* ---- which database ---- */

static bool is_same(const struct pool_database *known, const struct conn_history *history)
{
    return known->number != 0 && known->oid == history->oid &&
           strcmp(known->system, history->system) == 0;
}

/* Returns the number of this database. If it is not among the DATABASES_MAX databases seen last, it
 * gets a new number. */
static uint32_t number_of(struct pqpool *pool, const struct conn_history *history)
{
    if (history->system[0] == '\0')
        return 0;
    for (size_t i = 0; i < DATABASES_MAX; i++)
        if (is_same(&pool->primary.databases[i], history))
            return pool->primary.databases[i].number;
    struct pool_database *place =
        &pool->primary.databases[pool->primary.databases_seen % DATABASES_MAX];
    memcpy(place->system, history->system, sizeof place->system);
    place->oid = history->oid;
    place->number = ++pool->primary.databases_seen;
    return place->number;
}

static const struct pool_database *current_database(const struct pqpool *pool)
{
    for (size_t i = 0; i < DATABASES_MAX; i++)
        if (pool->primary.databases[i].number == pool->primary.database)
            return &pool->primary.databases[i];
    return &pool->primary.databases[0]; /* never reached, because databases[] always has the
                                           current database */
}

static bool is_at_another(const struct pqpool *pool, const struct conn_history *history)
{
    return pool->primary.database != 0 && history->system[0] != '\0' &&
           !is_same(current_database(pool), history);
}

/* Returns true if at least one connection, idle or in use, is not stale. */
static bool has_usable(const struct pqpool *pool) REQUIRES(pool->mu)
{
    static const enum conn_state states[] = { CONN_IDLE, CONN_LEASED, CONN_CHECKING,
                                              CONN_RESETTING };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        LIST_EACH (c, &pool->list[states[i]], const struct conn, node)
            if (!conn_is_stale(pool, c))
                return true;
    return false;
}

/* Rejects a session at another database while the pool stays at its own. If the pool always moved,
 * and two databases answered alternately, each dial would replace every connection. */
bool primary_rejects_database(struct pqpool *pool, const struct conn *conn, int64_t now_ns,
                              struct err *err)
{
    if (!is_at_another(pool, &conn->history))
        return false;
    int64_t rests_until_ns =
        clock_after(pool->primary.database_since_ns, pool->options.max_retry_delay_ns);
    mutex_lock(&pool->mu);
    bool stays = has_usable(pool) && (is_in_its_place(pool, conn) || now_ns < rests_until_ns);
    mutex_unlock(&pool->mu);
    if (stays)
        err_set(
            err, ERR_RETRYABLE,
            "the server has another database (system %s, oid %u) than the one in use (system "
            "%s, oid %u), which still answers; do all hosts and addresses lead to one database?",
            conn->history.system, conn->history.oid, current_database(pool)->system,
            current_database(pool)->oid);
    return stays;
}

/* Makes the database of this connection the database of the pool. Returns true if the pool was at
 * another one before. */
static bool adopt_database(struct pqpool *pool, struct conn *conn, int64_t now_ns)
    REQUIRES(pool->mu)
{
    bool another = is_at_another(pool, &conn->history);
    if (another) {
        const struct pool_database *before = current_database(pool);
        pool->counters.database_changes++;
        pool_event(pool, PQPOOL_EVENT_DATABASE_CHANGED,
                   "the server has another database than before: system %s, oid %u, and it was "
                   "system %s, oid %u; every connection is replaced",
                   conn->history.system, conn->history.oid, before->system, before->oid);
    }
    conn->database = number_of(pool, &conn->history);
    if (another || pool->primary.database == 0)
        pool->primary.database_since_ns = now_ns;
    if (conn->database != 0)
        pool->primary.database = conn->database;
    return another;
}

void primary_adopt(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    if (conn->generation != pool_generation(pool))
        /* This connection was dialled before the current generation began, so it will be closed
         * like all older connections. */
        return;
    bool another = adopt_database(pool, conn, now_ns);
    if (pool->primary.known &&
        (another || has_moved(pool, conn) || is_older(&pool->primary.history, &conn->history))) {
        pool_begin_generation(pool);
        conn->generation = pool_generation(pool);
        if (!another)
            pool_event(pool, PQPOOL_EVENT_EVICTED_ALL,
                       "another server has answered: every connection is replaced");
    }
    pool->primary.host = conn->dial.host;
    (void)snprintf(pool->primary.address, sizeof pool->primary.address, "%s", dial_address(conn));
    pool->primary.known = true;
    pool->primary.at = conn->history;
    if (conn->history.timeline != 0)
        pool->primary.history = conn->history;
}
