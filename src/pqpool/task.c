/* task.c - a short statement that the janitor runs without blocking: ROLLBACK on a connection that
 * came back in a transaction, and the health check on the control connection. */
#include <string.h>

#include "pqpool/pool.h"

static enum task_rc take_results(struct conn *conn)
{
    const struct pg_driver *pg = conn->pool->pg;
    bool refused = false;
    while (!pg->is_busy(conn->pg)) {
        PGresult *result = pg->get_result(conn->pg);
        if (result == NULL) {
            bool idle = pg->status(conn->pg) == CONNECTION_OK &&
                        pg->transaction_status(conn->pg) == PQTRANS_IDLE;
            return idle && !refused ? TASK_OK : TASK_FAILED;
        }
        ExecStatusType status = PQresultStatus(result);
        refused |=
            status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
        PQclear(result);
    }
    return TASK_PENDING;
}

enum task_rc task_start(struct conn *conn, const char *sql, int64_t deadline_at_ns)
{
    conn->task_deadline_at_ns = deadline_at_ns;
    if (conn->pool->pg->send_query(conn->pg, sql) == 0)
        return TASK_FAILED;
    return conn->pool->pg->flush(conn->pg) < 0 ? TASK_FAILED : TASK_PENDING;
}

enum task_rc task_step(struct conn *conn)
{
    const struct pg_driver *pg = conn->pool->pg;
    if (pg->flush(conn->pg) < 0 || pg->consume_input(conn->pg) == 0)
        return TASK_FAILED;
    return take_results(conn);
}
