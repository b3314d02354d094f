/* result.h - the shape of a server's answer, checked before any of it is read: PQgetvalue() gives
 * NULL for a row or a column that is not there, and a proxy or a server of another make may answer
 * anything. For the layers above, too.
 *
 * Threads    any. Errors are written on failure only; the text names the statement by `what`. */
#ifndef PQPOOL_RESULT_H
#define PQPOOL_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/attr.h"

struct err;

/* Rows of text: from min_rows to max_rows of them, with so many columns each. */
bool result_is_table(const PGresult *result, int min_rows, int max_rows, int columns,
                     const char *what, struct err *err) MUST_CHECK;

/* The end of a command that gives no rows, with this command tag ("COMMIT"); NULL: with any. */
bool result_is_command(const PGresult *result, const char *tag, struct err *err) MUST_CHECK;

/* Reads a cell, whose place result_is_table() has checked, as a whole number from 0 to max. False:
 * SQL's NULL, no number, or a larger one. */
bool result_number(const PGresult *result, int row, int column, uint64_t max,
                   uint64_t *out) MUST_CHECK;

#endif
