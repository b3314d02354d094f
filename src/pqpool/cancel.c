/* cancel.c - a statement that nobody waits for any more is cancelled, so that its connection can be
 * used again, and its backend does not go on for nothing.
 *
 * The control connection asks the server, by pid and start time, so that a pid that belongs to
 * another session by now is not hit: bounded, encrypted as all we send, and one statement however
 * many are to be cancelled. PQcancel() would block without a limit, in the clear. From libpq 17 on
 * there is a better way, canceler.c, which serves behind a pooler too.
 *
 * Once the server has answered, the cancel is behind us: a signal that comes to a backend between
 * two statements does nothing. Until then the connection stays in CANCELING, so that it cannot hit
 * a later one. Then a ROLLBACK, as after any dirty return, proves that the two ends are in step.
 *
 * A statement that does not end within health_check_timeout all the same costs its connection. The
 * backend is an orphan then, and keeps the slot while the server says that it lives: else each try
 * would add one more to a server that cannot rid itself of them. It is terminated rather than
 * cancelled: nobody will talk to it again, and one that has been idle since the network lost us
 * would hear of that in hours only. */
#include "base/buf.h"
#include "base/clock.h"
#include "pqpool/janitor.h"
#include "pqpool/result.h"

enum { ORPHANS_EVERY_S = 1, BACKENDS_A_STATEMENT = 32, CANCEL_COLUMNS = 2 };

_Static_assert(CANCEL_SQL_MAX > 400 + BACKENDS_A_STATEMENT * (sizeof "(-2147483648,'',0)," +
                                                              sizeof(struct conn_backend)),
               "a statement's text has room for all its backends");

void cancels_begin(struct janitor *j)
{
    struct conn *conn;
    while ((conn = janitor_next(j->pool, CONN_CANCELING)) != NULL)
        janitor_begin(j, conn, NULL, j->pool->options.health_check_timeout_ns);
}

/* ---- asking ---- */

static bool wants_cancel(const struct conn *conn)
{
    bool waits = conn->state == CONN_CANCELING ? !conn->ended : conn->lingers;
    return waits && conn->cancel == CANCEL_WANTED && conn->backend.pid != 0;
}

/* How many backends of the list are asked for now. */
static uint32_t add_backends(struct conn_list *list, uint32_t n, struct buf *sql)
{
    for (struct conn *conn = list->first; conn != NULL && n < BACKENDS_A_STATEMENT;
         conn = conn->next) {
        if (!wants_cancel(conn))
            continue;
        buf_printf(sql, "%s(%d,'%s',%d)", n > 0 ? "," : "", conn->backend.pid, conn->backend.start,
                   conn->lingers);
        conn->cancel = CANCEL_ASKED;
        n++;
    }
    return n;
}

bool cancels_ask(struct pqpool *pool, int64_t now_ns, struct buf *sql)
{
    if (pool->list[CONN_CANCELING].count + pool->orphans == 0)
        return false; /* as nearly always: no text is made under the mutex for nothing */
    buf_add_str(sql, "SELECT b.pid, CASE b.orphan WHEN 1 THEN pg_terminate_backend(b.pid) ELSE "
                     "pg_cancel_backend(b.pid) END FROM (VALUES ");
    uint32_t cancels = 0;
    if (!canceler_can(pool))
        cancels = add_backends(&pool->list[CONN_CANCELING], 0, sql);
    uint32_t n = cancels;
    if (pool->orphans > 0 && now_ns >= pool->janitor.next_orphans_at_ns) {
        pool->janitor.next_orphans_at_ns = now_ns + ORPHANS_EVERY_S * NS_PER_S;
        n = add_backends(&pool->list[CONN_CLOSING], n, sql);
    }
    buf_add_str(sql,
                ") AS b(pid, start, orphan) CROSS JOIN LATERAL pg_stat_get_activity(b.pid) AS s "
                "WHERE extract(epoch FROM s.backend_start)::text = b.start");
    pool->counted.cancels += cancels;
    return n > 0;
}

/* ---- what came of it ---- */

static void give_up(struct pqpool *pool, struct conn *conn, bool lives_on) REQUIRES(pool->mu)
{
    conn->orphan = lives_on && conn->backend.pid != 0;
    pool->counted.cancels_failed++;
    pool_event(pool, PQPOOL_EVENT_LOST,
               "a statement did not end, though it was cancelled: its connection is closed%s",
               conn->orphan ? ", and its backend may live on" : "");
    conn_discard(pool, conn, CLOSE_STUCK);
}

static void settle(struct pqpool *pool, struct conn *conn) REQUIRES(pool->mu)
{
    conn->task_deadline_at_ns = 0;
    if (pool->closing)
        conn_discard(pool, conn, CLOSE_SHUTDOWN);
    else if (conn->doomed)
        conn_discard(pool, conn, CLOSE_DISCARDED);
    else
        conn_move(pool, conn, CONN_RESETTING);
}

void cancel_ended(struct pqpool *pool, struct conn *conn, enum task_rc how)
{
    bool over = how == TASK_OK || how == TASK_REFUSED;
    if (!over)
        give_up(pool, conn, how == TASK_LATE);
    else if (conn->cancel == CANCEL_ASKED)
        conn->ended = true; /* stays until the cancel has struck */
    else
        settle(pool, conn);
}

void cancel_struck(struct pqpool *pool, struct conn *conn, bool certain)
{
    conn->cancel = CANCEL_STRUCK;
    if (!certain)
        conn->doomed = true;
    if (conn->ended)
        settle(pool, conn);
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

static void lay_to_rest(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu)
{
    conn_free_slot(pool, conn, now_ns);
    pool_wake_connector(pool);
}

/* An orphan that is not said to live is none any more. */
static void orphan_answered(struct pqpool *pool, struct conn *conn, const PGresult *rows,
                            int64_t now_ns) REQUIRES(pool->mu)
{
    conn->cancel = CANCEL_WANTED;
    if (rows == NULL || !is_listed(rows, conn->backend.pid))
        lay_to_rest(pool, conn, now_ns);
}

void cancels_answered(struct pqpool *pool, const PGresult *rows, int64_t now_ns)
{
    struct conn *next;
    if (rows != NULL &&
        !result_is_table(rows, 0, BACKENDS_A_STATEMENT, CANCEL_COLUMNS, "a cancel", NULL))
        rows = NULL;
    for (struct conn *conn = pool->list[CONN_CANCELING].first; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->cancel == CANCEL_ASKED && conn->canceler == NULL) /* else that will tell */
            cancel_struck(pool, conn, rows != NULL);
    }
    for (struct conn *conn = pool->list[CONN_CLOSING].first; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->lingers && conn->cancel == CANCEL_ASKED && !pool->closing)
            orphan_answered(pool, conn, rows, now_ns);
    }
}

void cancels_unheard(struct pqpool *pool, int64_t now_ns)
{
    struct conn *next;
    for (struct conn *conn = pool->list[CONN_CLOSING].first; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->lingers && !pool->closing)
            lay_to_rest(pool, conn, now_ns);
    }
}
