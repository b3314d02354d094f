/* cancel.c - cancels the statement of a connection that was released while the statement still ran.
 * The connection can then be used again, and the server does not finish work that no caller awaits.
 *
 * Before libpq 17 the control connection runs one SQL statement that cancels the statements of all
 * such connections. This SQL names each backend by pid and start time, so it hits no later session
 * with the same pid. The SQL has a deadline and is encrypted like all other traffic. PQcancel()
 * would block without a limit and send in the clear. From libpq 17 on, cancel_request.c is used
 * instead, which also works behind a pooler.
 *
 * Until the cancel is answered, the connection runs no other statement, because the cancel might
 * hit that statement. When the answer comes, the server has already sent the signal. A backend that
 * runs no statement drops the signal, so the signal can hit no later statement. The janitor then
 * runs ROLLBACK, whose answer shows that client and server are in step.
 *
 * If the statement does not end within health_check_timeout, the pool closes the connection. If the
 * backend is known, it is then an orphan and keeps the slot as long as the server lists it. If the
 * slot were freed at once, each new connection could add one more backend, while the server ends
 * none of the orphans. The control connection terminates an orphan and does not only cancel its
 * statement: if the network has lost the end of the connection, a backend whose statement was
 * cancelled goes on waiting for its client, for hours. */
#include "base/buf.h"
#include "base/clock.h"
#include "pqpool/janitor.h"
#include "pqpool/result.h"

enum { ORPHANS_EVERY_S = 1, BACKENDS_A_STATEMENT = 32, CANCEL_COLUMNS = 2 };

_Static_assert(CANCEL_SQL_MAX > 400 + BACKENDS_A_STATEMENT * (sizeof "(-2147483648,'',0)," +
                                                              sizeof(struct conn_backend)),
               "a statement's text has room for all its backends");

/* ---- the statement on the control connection ---- */

/* Adds the backends of the connections in state `from` to the SQL, up to BACKENDS_A_STATEMENT in
 * all, and moves these connections to state `to`. n: how many backends the SQL names already.
 * Returns how many it names now. */
static uint32_t add_backends(struct pqpool *pool, enum conn_state from, enum conn_state to,
                             uint32_t n, struct buf *sql) REQUIRES(pool->mu)
{
    struct list_node *next;
    for (struct list_node *node = pool->list[from].first; node != NULL && n < BACKENDS_A_STATEMENT;
         node = next) {
        struct conn *conn = CONTAINER_OF(node, struct conn, node);
        next = node->next;
        /* The statement of a connection is cancelled only when the janitor already awaits its end.
         * For an orphan the janitor awaits nothing, because its connection is closed. */
        bool begun = from == CONN_ORPHANED || conn->task_deadline_at_ns != 0;
        if (conn->backend.pid == 0 || !begun)
            continue;
        buf_printf(sql, "%s(%d,'%s',%d)", n > 0 ? "," : "", conn->backend.pid, conn->backend.start,
                   from == CONN_ORPHANED);
        conn_move(pool, conn, to);
        n++;
    }
    return n;
}

bool cancels_ask(struct pqpool *pool, int64_t now_ns, struct buf *sql)
{
    if (pool->list[CONN_CANCEL_WANTED].count + pool->list[CONN_ORPHANED].count == 0)
        return false; /* the usual case: no SQL is built under the mutex */
    buf_add_str(sql, "SELECT b.pid, CASE b.orphan WHEN 1 THEN pg_terminate_backend(b.pid) ELSE "
                     "pg_cancel_backend(b.pid) END FROM (VALUES ");
    uint32_t cancels = 0;
    if (!cancel_request_is_supported(pool))
        cancels = add_backends(pool, CONN_CANCEL_WANTED, CONN_CANCEL_ASKED, 0, sql);
    uint32_t n = cancels;
    if (pool->list[CONN_ORPHANED].count > 0 && now_ns >= pool->janitor.next_orphans_at_ns) {
        pool->janitor.next_orphans_at_ns = now_ns + ORPHANS_EVERY_S * NS_PER_S;
        n = add_backends(pool, CONN_ORPHANED, CONN_ORPHAN_ASKED, n, sql);
    }
    buf_add_str(sql,
                ") AS b(pid, start, orphan) CROSS JOIN LATERAL pg_stat_get_activity(b.pid) AS s "
                "WHERE extract(epoch FROM s.backend_start)::text = b.start");
    pool->counters.cancels += cancels;
    return n > 0;
}

/* ---- the outcome ---- */

static void give_up(struct pqpool *pool, struct conn *conn, bool lives_on) REQUIRES(pool->mu)
{
    if (lives_on)
        conn_orphan_backend(conn);
    pool->counters.cancels_failed++;
    pool_event(pool, PQPOOL_EVENT_CONNECTION_LOST,
               "a statement did not end, though it was cancelled: its connection is closed%s",
               conn->session == SESSION_ORPHANED ? ", and its backend may live on" : "");
    conn_discard(pool, conn, CLOSE_STUCK);
}

/* Called when both the cancelled statement and its cancel request have ended. */
static void reset_or_close(struct pqpool *pool, struct conn *conn) REQUIRES(pool->mu)
{
    conn->task_deadline_at_ns = 0;
    if (pool_is_closing(pool))
        conn_discard(pool, conn, CLOSE_SHUTDOWN);
    else if (conn->session != SESSION_SOUND)
        conn_discard(pool, conn, CLOSE_DISCARDED);
    else
        conn_move(pool, conn, CONN_RESETTING);
}

void cancel_ended(struct pqpool *pool, struct conn *conn, enum task_rc how)
{
    bool over = how == TASK_OK || how == TASK_REFUSED;
    if (!over)
        give_up(pool, conn, how == TASK_LATE);
    else if (conn->state == CONN_CANCEL_ASKED)
        conn_move(pool, conn, CONN_CANCEL_PENDING);
    else
        reset_or_close(pool, conn);
}

void cancel_request_ended(struct pqpool *pool, struct conn *conn, bool certain)
{
    if (!certain)
        conn_worsen(conn, SESSION_MUST_CLOSE);
    if (conn->state == CONN_CANCEL_PENDING)
        reset_or_close(pool, conn);
    else
        conn_move(pool, conn, CONN_CANCEL_ANSWERED);
}

static void all_requests_ended(struct pqpool *pool, enum conn_state state, bool certain)
    REQUIRES(pool->mu)
{
    struct list_node *next;
    for (struct list_node *node = pool->list[state].first; node != NULL; node = next) {
        struct conn *conn = CONTAINER_OF(node, struct conn, node);
        next = node->next;
        /* The end of a cancel_request is reported by cancel_request.c itself. */
        if (conn->cancel_request == NULL)
            cancel_request_ended(pool, conn, certain);
    }
}

static bool is_listed(const PGresult *rows, int pid)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        uint64_t listed;
        if (result_number(rows, i, 0, INT32_MAX, &listed) && (int)listed == pid)
            return true;
    }
    return false;
}

static void backend_is_gone(struct pqpool *pool, struct conn *conn, int64_t now_ns)
    REQUIRES(pool->mu)
{
    conn_free_slot(pool, conn, now_ns);
    pool_wake_connector(pool);
}

/* Called when the SQL of cancels_ask() has ended. For each orphan that the SQL named, frees the
 * slot if the server no longer lists the backend. rows: the result; NULL: the SQL failed, so the
 * slots of all these orphans are freed. */
static void orphans_answered(struct pqpool *pool, const PGresult *rows, int64_t now_ns)
    REQUIRES(pool->mu)
{
    struct conn *conn;
    while ((conn = pool_newest(pool, CONN_ORPHAN_ASKED)) != NULL) {
        if (rows != NULL && is_listed(rows, conn->backend.pid))
            conn_move(pool, conn, CONN_ORPHANED);
        else
            backend_is_gone(pool, conn, now_ns);
    }
}

void cancels_answered(struct pqpool *pool, const PGresult *rows, int64_t now_ns)
{
    if (rows != NULL &&
        !result_is_table(rows, 0, BACKENDS_A_STATEMENT, CANCEL_COLUMNS, "a cancel", NULL))
        rows = NULL;
    all_requests_ended(pool, CONN_CANCEL_ASKED, rows != NULL);
    all_requests_ended(pool, CONN_CANCEL_PENDING, rows != NULL);
    /* While the pool is being closed, the connector frees the slots of orphans. */
    if (!pool_is_closing(pool))
        orphans_answered(pool, rows, now_ns);
}

void cancels_without_control(struct pqpool *pool, int64_t now_ns)
{
    struct conn *conn;
    while (!pool_is_closing(pool) && (conn = pool_newest(pool, CONN_ORPHANED)) != NULL)
        backend_is_gone(pool, conn, now_ns);
}
