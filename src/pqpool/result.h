/* result.h - checks the shape of a server's answer before any of it is read: a proxy or a server
 * other than PostgreSQL may answer anything, and PQgetvalue() returns NULL for a missing row or
 * column. The layers above the pool use these functions, too.
 *
 * Threads    any.
 * Errors     *err is written on failure only. Its text contains `what` or `tag`, the name of the
 *            statement. */
#ifndef PQPOOL_RESULT_H
#define PQPOOL_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/attr.h"

struct err;

/* Returns true if the answer is a table of text values that has this number of columns, and at
 * least min_rows and at most max_rows rows. */
bool result_is_table(const PGresult *result, int min_rows, int max_rows, int columns,
                     const char *what, struct err *err) MUST_CHECK;

/* Returns true if the server has run a command that returns no rows, and answered with this command
 * tag, such as "COMMIT". If `tag` is NULL, any tag will do. */
bool result_is_command(const PGresult *result, const char *tag, struct err *err) MUST_CHECK;

/* Reads a cell as a whole number from 0 to max. result_is_table() must have checked that the cell
 * exists. Returns false for SQL's NULL, for other text, and for a larger number. */
bool result_number(const PGresult *result, int row, int column, uint64_t max,
                   uint64_t *out) MUST_CHECK;

#endif
