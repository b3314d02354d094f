/* result.c - checks the shape of a server's answer; see result.h. */
#include "pqpool/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

bool result_is_table(const PGresult *result, int min_rows, int max_rows, int columns,
                     const char *what, struct err *err)
{
    const int rows = PQntuples(result);
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQnfields(result) == columns &&
        rows >= min_rows && rows <= max_rows && PQbinaryTuples(result) == 0)
        return true;
    err_set(err, 0,
            "malformed answer to %s: %d rows of %d columns (%s) instead of %d to %d rows of %d "
            "columns: check that the server is PostgreSQL and that no proxy changes its answers",
            what, rows, PQnfields(result), PQresStatus(PQresultStatus(result)), min_rows, max_rows,
            columns);
    return false;
}

bool result_is_command(const PGresult *result, const char *tag, struct err *err)
{
    /* libpq declares the argument without const, and only reads it. */
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): -Wcast-qual forbids the direct cast */
    const char *said = PQcmdStatus((PGresult *)(uintptr_t)result);
    if (PQresultStatus(result) == PGRES_COMMAND_OK && (tag == NULL || strcmp(said, tag) == 0))
        return true;
    err_set(err, 0, "malformed answer to %s: %s \"%.32s\"", tag != NULL ? tag : "a command",
            PQresStatus(PQresultStatus(result)), said != NULL ? said : "");
    return false;
}

bool result_number(const PGresult *result, int row, int column, uint64_t max, uint64_t *out)
{
    const char *text = PQgetvalue(result, row, column);
    char *end;
    if (text == NULL || PQgetisnull(result, row, column) || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *out <= max;
}
