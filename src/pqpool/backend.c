/* backend.c - asks a new session for its pid at the server, so that another session can cancel its
 * statements. Also asks which server and database the session is at, so that the pool notices when
 * either is replaced (primary.c).
 *
 * Behind a pooler such as PgBouncer the server's pid differs from the one that libpq has. The
 * server's session may serve another client when the cancel arrives. So conn->backend stays
 * unknown, and the control connection cancels no statement of this session. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pqpool/exec.h"
#include "pqpool/result.h"

enum { PID, START, SYSTEM, TIMELINE, DATABASE, STARTED, COLUMNS };

static bool copy_cell(char *out, size_t size, const PGresult *row, int column)
{
    if (PQgetlength(row, 0, column) >= (int)size)
        return false;
    (void)snprintf(out, size, "%s", PQgetvalue(row, 0, column));
    return true;
}

/* Returns true if the start time of a backend or a server is a number, and so needs no escaping in
 * an SQL statement. Callers treat any other text as a start time that is not known. */
static bool is_start(const char *start)
{
    return start[0] != '\0' && start[strspn(start, "0123456789.e+")] == '\0';
}

/* Sets conn->backend, so that the connection's slot is kept if its backend is orphaned. The control
 * connection has no slot, so its backend stays unknown. */
static void read_backend(struct conn *conn, const PGresult *row)
{
    uint64_t pid;
    char start[sizeof conn->backend.start];
    if (conn->control || !result_number(row, 0, PID, INT32_MAX, &pid) ||
        (int)pid != conn->pool->pg->backend_pid(conn->pg) ||
        !copy_cell(start, sizeof start, row, START) || !is_start(start))
        return;
    memcpy(conn->backend.start, start, sizeof start);
    conn->backend.pid = (int)pid;
}

/* Reads a timeline such as "0000000A", the first eight digits of a WAL file's name. */
static uint32_t read_timeline(const char *text)
{
    size_t digits = strspn(text, "0123456789ABCDEF");
    return digits <= 8 && text[digits] == '\0' ? (uint32_t)strtoul(text, NULL, 16) : 0;
}

static void read_history(struct conn *conn, const PGresult *row)
{
    struct conn_history *history = &conn->history;
    uint64_t number;
    char started[sizeof history->started];
    if (!result_number(row, 0, SYSTEM, UINT64_MAX, &number) ||
        !copy_cell(history->system, sizeof history->system, row, SYSTEM))
        return;
    history->timeline = read_timeline(PQgetvalue(row, 0, TIMELINE));
    if (result_number(row, 0, DATABASE, UINT32_MAX, &number))
        history->oid = (uint32_t)number;
    if (copy_cell(started, sizeof started, row, STARTED) && is_start(started))
        memcpy(history->started, started, sizeof started);
}

static enum pqpool_rc ask(struct conn *conn, const char *sql, int64_t deadline_at_ns,
                          struct err *err)
{
    const struct pqpool_query query = { .sql = sql };
    PGresult *row = NULL;
    enum pqpool_rc rc = pqpool_exec(&conn->lease, &query, deadline_at_ns, &row, err);
    if (rc == PQPOOL_OK && !result_is_table(row, 0, 1, COLUMNS, "who the session is", err))
        rc = PQPOOL_LOST;
    if (rc == PQPOOL_OK && PQntuples(row) == 1) {
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
            "(SELECT oid FROM pg_database WHERE datname = current_database()), "
            "extract(epoch FROM pg_postmaster_start_time())::text" FROM_BACKEND,
        WHO "'', '0', '0', ''" FROM_BACKEND, /* for a server at which a function above is missing or
                                                forbidden */
    };
    conn->backend = (struct conn_backend){ .pid = 0 };
    conn->history = (struct conn_history){ .timeline = 0 };
    conn->database = 0;
    enum pqpool_rc rc = PQPOOL_SQL_ERROR;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0] && rc == PQPOOL_SQL_ERROR; i++)
        if (conn->session == SESSION_SOUND)
            rc = ask(conn, asked[i], deadline_at_ns, err);
    return rc == PQPOOL_OK || (rc == PQPOOL_SQL_ERROR && conn->session == SESSION_SOUND);
}
