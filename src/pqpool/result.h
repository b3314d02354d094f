/* result.h - checks the shape of a server's answer before any of it is read. For a row or a column
 * that is not there PQgetvalue() gives NULL, and a proxy or a server of another make may answer
 * anything. The layers above use these functions, too.
 *
 * Threads    any.
 * Errors     *err is written on failure only; its text names the statement by `what`. */
#ifndef PQPOOL_RESULT_H
#define PQPOOL_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/attr.h"

struct err;

/* Returns true if the answer has from min_rows to max_rows rows of text, with so many columns
 * each. */
bool result_is_table(const PGresult *result, int min_rows, int max_rows, int columns,
                     const char *what, struct err *err) MUST_CHECK;

/* Returns true if the answer ends a command that gives no rows, with this command tag
 * ("COMMIT"), or with any tag if `tag` is NULL. */
bool result_is_command(const PGresult *result, const char *tag, struct err *err) MUST_CHECK;

/* Reads a cell, whose place result_is_table() has checked, as a whole number from 0 to max.
 * Returns false for SQL's NULL, for text that is no such number, and for a larger number. */
bool result_number(const PGresult *result, int row, int column, uint64_t max,
                   uint64_t *out) MUST_CHECK;

#endif
