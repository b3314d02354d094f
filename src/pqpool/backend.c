/* backend.c - asks a fresh session who it is at the server, so that its statements can be cancelled
 * from another one, and which server it is, so that one that was replaced is told from the one that
 * replaced it (primary.c).
 *
 * Behind a pooler the server's pid is not the one that libpq was told, and may serve somebody else
 * by the time it is used: then the session stays unknown, and is never cancelled. */
#include <stdio.h>
#include <stdlib.h>

#include "pqpool/pool.h"

enum { PID, START, SYSTEM, TIMELINE, STARTED, COLUMNS };

static bool copy_cell(char *out, size_t size, const PGresult *row, int column)
{
    if (PQgetlength(row, 0, column) >= (int)size)
        return false;
    (void)snprintf(out, size, "%s", PQgetvalue(row, 0, column));
    return true;
}

/* The control connection stays unknown: it has no slot that could wait for its backend's end. */
static void read_backend(struct conn *conn, const PGresult *row)
{
    if (conn->control)
        return;
    int pid = (int)strtol(PQgetvalue(row, 0, PID), NULL, 10);
    if (pid == conn->pool->pg->backend_pid(conn->pg) &&
        copy_cell(conn->backend.start, sizeof conn->backend.start, row, START))
        conn->backend.pid = pid;
}

static void read_history(struct conn *conn, const PGresult *row)
{
    struct conn_history *history = &conn->history;
    if (copy_cell(history->system, sizeof history->system, row, SYSTEM))
        history->timeline = (uint32_t)strtoul(PQgetvalue(row, 0, TIMELINE), NULL, 16);
    (void)copy_cell(history->started, sizeof history->started, row, STARTED);
}

static enum pqpool_rc ask(struct conn *conn, const char *sql, int64_t deadline_at_ns,
                          struct err *err)
{
    const struct pqpool_query query = { .sql = sql };
    PGresult *row = NULL;
    enum pqpool_rc rc = pqpool_exec(&conn->lease, &query, deadline_at_ns, &row, err);
    if (rc == PQPOOL_OK && PQntuples(row) == 1 && PQnfields(row) == COLUMNS) {
        read_backend(conn, row);
        read_history(conn, row);
    }
    PQclear(row);
    return rc;
}

#define WHO "SELECT pid, extract(epoch FROM backend_start)::text, "
#define FROM_BACKEND " FROM pg_stat_get_activity(pg_backend_pid())"

bool conn_identify(struct conn *conn, int64_t deadline_at_ns, struct err *err)
{
    static const char *const asked[] = {
        WHO "(SELECT system_identifier FROM pg_control_system()), CASE WHEN pg_is_in_recovery() "
            "THEN '0' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END, "
            "extract(epoch FROM pg_postmaster_start_time())::text" FROM_BACKEND,
        WHO "'', '0', ''" FROM_BACKEND, /* where one of those functions is missing or forbidden */
    };
    conn->backend = (struct conn_backend){ .pid = 0 };
    conn->history = (struct conn_history){ .timeline = 0 };
    enum pqpool_rc rc = PQPOOL_REFUSED;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0] && rc == PQPOOL_REFUSED; i++)
        if (!conn->doomed)
            rc = ask(conn, asked[i], deadline_at_ns, err);
    return rc == PQPOOL_OK || (rc == PQPOOL_REFUSED && !conn->doomed);
}
