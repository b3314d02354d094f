/* backend.c - asks a fresh session who it is at the server, so that its statements can be cancelled
 * from another one. Behind a pooler the server's pid is not the one that libpq was told, and may
 * serve somebody else by the time it is used: then the session stays unknown, and is never
 * cancelled. */
#include <stdio.h>
#include <stdlib.h>

#include "pqpool/pool.h"

static void read_backend(const PGconn *pg, const struct pg_driver *driver, const PGresult *row,
                         struct conn_backend *out)
{
    if (PQntuples(row) != 1 || PQnfields(row) != 2 ||
        PQgetlength(row, 0, 1) >= (int)sizeof out->start)
        return;
    int pid = (int)strtol(PQgetvalue(row, 0, 0), NULL, 10);
    if (pid != driver->backend_pid(pg))
        return;
    out->pid = pid;
    (void)snprintf(out->start, sizeof out->start, "%s", PQgetvalue(row, 0, 1));
}

bool conn_identify(struct conn *conn, int64_t deadline_at_ns, struct err *err)
{
    static const struct pqpool_query query = {
        .sql = "SELECT pid, extract(epoch FROM backend_start)::text "
               "FROM pg_stat_get_activity(pg_backend_pid())",
    };
    PGresult *row = NULL;
    conn->backend = (struct conn_backend){ .pid = 0 };
    enum pqpool_rc rc = pqpool_exec(&conn->lease, &query, deadline_at_ns, &row, err);
    if (rc == PQPOOL_OK)
        read_backend(conn->pg, conn->pool->pg, row, &conn->backend);
    PQclear(row);
    return rc == PQPOOL_OK || (rc == PQPOOL_REFUSED && !conn->doomed);
}
