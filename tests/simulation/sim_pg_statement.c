/* sim_pg_statement.c - statements: how each will go is drawn when it is sent, and told when it is
 * time. */
#include <string.h>

#include "base/clock.h"
#include "simulation/sim_pg_impl.h"
#include "support/wrap.h"

WRAP(PQresultErrorField);
REAL(PQresultErrorField);

enum { COLUMNS_MAX = 6 };

static int64_t end_of(enum answer how)
{
    switch (how) {
    case ANSWER_NEVER:
    case ANSWER_UNREAD:
        return CLOCK_NEVER;
    case ANSWER_LONG:
        return sim_in_us(10000, 1000000);
    case ANSWER_DEAF:
        return sim_in_us(10000, 5000000);
    case ANSWER_QUICK:
    case ANSWER_ERROR:
    case ANSWER_57P01:
    case ANSWER_25006:
    case ANSWER_CUT:
    case ANSWER_UNSENT:
    case ANSWER_57014:
        break;
    }
    return sim_in_us(100, 3000);
}

static void begin(struct session *s)
{
    struct sim_socket *socket = s->socket;
    s->ends_at_ns = end_of(s->how);
    if (s->how == ANSWER_CUT)
        socket->hang_up_at_ns = clock_min(socket->hang_up_at_ns, s->ends_at_ns);
    else if (s->how == ANSWER_UNREAD)
        socket->writable_at_ns = CLOCK_NEVER;
    else
        socket->readable_at_ns = s->ends_at_ns;
    if (s->how == ANSWER_LONG && sim_chance(4))
        socket->writable_at_ns = s->ends_at_ns; /* and it reads no sooner */
}

int sim_send_query(PGconn *pg, const char *sql)
{
    struct session *s = sim_session_of(pg);
    enum answer how = (enum answer)sim_draw_weighted(sim_server.mood->answer, ANSWERS);
    s->message = "cannot send";
    if (s->status != CONNECTION_OK || s->pending || how == ANSWER_UNSENT)
        return 0;
    SIM_CHECK(sim_now_ns() >= s->struck_at_ns, "a cancel is to strike a later statement: %s", sql);
    (void)snprintf(s->sql, sizeof s->sql, "%s", sql);
    s->how = how;
    s->pending = true;
    s->answered = s->told = false;
    begin(s);
    sim_backend_asked(s, sql);
    return 1;
}

/* A prepared statement is known by its name. */
int sim_send_query_prepared(PGconn *pg, const char *name, int n, const char *const *values,
                            const int *lengths, const int *formats, int result_format)
{
    (void)n, (void)values, (void)lengths, (void)formats, (void)result_format;
    return sim_send_query(pg, name);
}

int sim_send_query_params(PGconn *pg, const char *sql, int n, const Oid *types,
                          const char *const *values, const int *lengths, const int *formats,
                          int result_format)
{
    (void)types;
    return sim_send_query_prepared(pg, sql, n, values, lengths, formats, result_format);
}

int sim_send_prepare(PGconn *pg, const char *name, const char *sql, int n, const Oid *types)
{
    (void)name, (void)n, (void)types;
    return sim_send_query(pg, sql);
}

int sim_flush(PGconn *pg)
{
    const struct session *s = sim_session_of(pg);
    if (s->status != CONNECTION_OK)
        return -1;
    return sim_now_ns() >= s->socket->writable_at_ns || sim_socket_is_dead(s->socket) ? 0 : 1;
}

int sim_consume_input(PGconn *pg)
{
    struct session *s = sim_session_of(pg);
    if (s->status != CONNECTION_OK)
        return 0;
    if (!s->socket->shut && sim_now_ns() >= s->socket->readable_at_ns) {
        s->socket->readable_at_ns = CLOCK_NEVER;
        s->answered = s->pending;
        if (s->how == ANSWER_57P01)
            s->socket->hang_up_at_ns = sim_now_ns();
        return 1;
    }
    if (!sim_socket_is_dead(s->socket))
        return 1;
    s->message = "server closed the connection unexpectedly";
    sim_session_drop(s);
    return 0;
}

int sim_is_busy(PGconn *pg)
{
    const struct session *s = sim_session_of(pg);
    return s->pending && !s->answered && s->status == CONNECTION_OK;
}

/* ---- results: one row of one column holds the SQL, or the SQLSTATE of an error ---- */

static void set_cell(PGresult *result, int row, int column, const char *cell)
{
    char value[SQL_SIZE];
    (void)snprintf(value, sizeof value, "%s", cell);
    SIM_CHECK(PQsetvalue(result, row, column, value, (int)strlen(value)) != 0, "out of memory");
}

static PGresult *make_result(ExecStatusType status, int columns)
{
    char name[] = "said";
    PGresAttDesc attributes[COLUMNS_MAX] = {
        { .name = name }, { .name = name }, { .name = name },
        { .name = name }, { .name = name }, { .name = name },
    };
    PGresult *result = PQmakeEmptyPGresult(NULL, status);
    SIM_CHECK(result != NULL && PQsetResultAttrs(result, columns, attributes) != 0,
              "out of memory");
    return result;
}

PGresult *sim_make_rows(int columns, int rows, const char *const *cells)
{
    PGresult *result = make_result(PGRES_TUPLES_OK, columns);
    for (int i = 0; i < rows * columns; i++)
        set_cell(result, i / columns, i % columns, cells[i]);
    return result;
}

char *__wrap_PQresultErrorField(const PGresult *result, int field)
{
    bool ours = PQresultStatus(result) == PGRES_FATAL_ERROR && PQntuples(result) == 1;
    if (ours && field == PG_DIAG_SQLSTATE)
        return PQgetvalue(result, 0, 0);
    return __real_PQresultErrorField(result, field);
}

static const char *code_of(enum answer how)
{
    static const char *const refusals[] = { "22012", "40001", "42P01", "53100", "08006" };
    if (how == ANSWER_57P01)
        return "57P01";
    if (how == ANSWER_25006)
        return "25006";
    return how == ANSWER_57014 ? "57014" : refusals[sim_draw(5)];
}

static PGresult *refuse(struct session *s)
{
    PGresult *result = make_result(PGRES_FATAL_ERROR, 1);
    set_cell(result, 0, 0, code_of(s->how));
    if (s->transaction == PQTRANS_INTRANS)
        s->transaction = PQTRANS_INERROR;
    return result;
}

static PGresult *answer(struct session *s)
{
    const char *const cells[] = { s->sql };
    if (s->how != ANSWER_QUICK && s->how != ANSWER_LONG && s->how != ANSWER_DEAF)
        return refuse(s);
    if (strcmp(s->sql, "BEGIN") == 0)
        s->transaction = PQTRANS_INTRANS;
    else if (strcmp(s->sql, "ROLLBACK") == 0)
        s->transaction = PQTRANS_IDLE;
    PGresult *rows = s->rows != NULL ? s->rows : sim_make_rows(1, 1, cells);
    s->rows = NULL;
    return rows;
}

/* The result, then the end; of a lost connection an error without a code, then the end. */
PGresult *sim_get_result(PGconn *pg)
{
    struct session *s = sim_session_of(pg);
    if (!s->pending)
        return NULL;
    SIM_CHECK(s->answered || s->status != CONNECTION_OK, "PQgetResult() would block");
    s->pending = !s->told;
    if (s->told)
        return NULL;
    s->told = true;
    return s->answered ? answer(s) : PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR);
}
