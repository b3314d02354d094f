/* task.c - starts and steps tasks. A task is a statement that the janitor runs or awaits without
 * blocking: ROLLBACK on a connection that was released in a transaction, a statement that is being
 * cancelled, or a statement on the control connection. */
#include "pqpool/exec.h"

static bool is_good(ExecStatusType status)
{
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

static enum task_rc outcome(const struct conn *conn)
{
    const struct pg_driver *pg = conn->pool->pg;
    if (pg->status(conn->pg) != CONNECTION_OK)
        return TASK_LOST;
    bool idle = pg->transaction_status(conn->pg) == PQTRANS_IDLE;
    return idle && !conn->task_refused ? TASK_OK : TASK_REFUSED;
}

static enum task_rc take_results(struct conn *conn)
{
    const struct pg_driver *pg = conn->pool->pg;
    while (!pg->is_busy(conn->pg)) {
        PGresult *result = pg->get_result(conn->pg);
        if (result == NULL)
            return outcome(conn);
        conn->task_refused |= !is_good(PQresultStatus(result));
        PQclear(conn->task_rows);
        conn->task_rows = result;
        conn->task_results++;
        if (result_is_copy(result))
            return TASK_LOST;
    }
    return TASK_PENDING;
}

enum task_rc task_start(struct conn *conn, const char *sql)
{
    const struct pg_driver *pg = conn->pool->pg;
    if (pg->send_query(conn->pg, sql) == 0 || pg->flush(conn->pg) < 0)
        return TASK_LOST;
    return TASK_PENDING;
}

void task_clear(struct conn *conn)
{
    PQclear(conn->task_rows);
    conn->task_rows = NULL;
    conn->task_results = 0;
    conn->task_refused = false;
}

enum task_rc task_step(struct conn *conn)
{
    const struct pg_driver *pg = conn->pool->pg;
    if (pg->flush(conn->pg) < 0 || pg->consume_input(conn->pg) == 0)
        return TASK_LOST;
    return take_results(conn);
}
