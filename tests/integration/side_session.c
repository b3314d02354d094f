/* side_session.c - see side_session.h. */
#include "side_session.h"

void side_session_run(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
}

PGconn *side_session_begin(struct rig *rig, const char *sql)
{
    PGconn *conn = PQconnectdb(cluster_conninfo(rig->cluster));
    side_session_run(conn, "BEGIN");
    side_session_run(conn, sql);
    return conn;
}

void side_session_end(PGconn *conn, const char *sql)
{
    side_session_run(conn, sql);
    PQfinish(conn);
}
