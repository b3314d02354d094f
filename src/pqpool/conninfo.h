/* conninfo.h - checks a connection string, together with its service file and libpq's environment,
 * before anything is dialled. libpq itself finds most faults only at the first dial, and the pool
 * would repeat that dial for ever.
 *
 * Every error says where the fault is (the connection string, a PG* variable or a service),
 * names the keyword, and says what would be right. No error shows a password, nor a part of the
 * string that may belong to one.
 *
 * Threads    one, before the pool is open. */
#ifndef PQPOOL_CONNINFO_H
#define PQPOOL_CONNINFO_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "base/attr.h"

struct err;

/* The parameters with which libpq would dial. */
struct conninfo {
    bool is_uri;
    PQconninfoOption *given; /* the parameters that the string itself sets */
    /* Two copies of the parameters after libpq has added the service, the environment and its
     * defaults. To make libpq say which values are wrong, conninfo.c overwrites the value of the
     * keyword `lost` in `resolved`. So the value of `lost` is read from `other`, and the value of
     * every other keyword from `resolved`. */
    PQconninfoOption *resolved, *other;
    const char *lost;
};

/* Checks a connection string. Reads the service file, and looks whether the files that are named
 * can be used. Makes no network call. */
bool conninfo_check(const char *text, struct err *err) MUST_CHECK;

/* Reads a decimal number from `least` to `most`. Like libpq, allows blanks around the number.
 * Returns false for anything else. */
bool conninfo_number(const char *text, long least, long most, long *out) MUST_CHECK;

/* Counts the parts of a list that is separated by commas. NULL has no part, "" has one. */
unsigned conninfo_count_parts(const char *list) MUST_CHECK;

/* ---- between conninfo.c and conninfo_values.c ---- */

/* Returns the value that libpq would use for a keyword at a dial; NULL: it is empty or not set. */
const char *conninfo_value(const struct conninfo *info, const char *keyword) MUST_CHECK;

/* Writes "SOURCE: KEYWORD=VALUE: right" to *err and returns false. value: the wrong part of the
 * keyword's value; left out if it is NULL or may be a secret. right: what the value must be. */
bool conninfo_refuse(const struct conninfo *info, const char *keyword, const char *value,
                     const char *right, struct err *err);

/* conninfo_values.c: checks the values that libpq would check only at the first dial, or never. */
bool conninfo_values_check(const struct conninfo *info, struct err *err) MUST_CHECK;

#endif
