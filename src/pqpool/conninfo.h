/* conninfo.h - checks a connection string, together with its service file and libpq's environment,
 * before anything is dialled. libpq finds most of these faults at the
 * first dial, and the pool would repeat that dial for ever.
 *
 * Every error names where the fault stands (the connection string, a PG* variable or a service),
 * the keyword, and what would be right. No error shows a password, nor a part of the string that
 * may belong to one.
 *
 * Threads    one, before the pool is open. */
#ifndef PQPOOL_CONNINFO_H
#define PQPOOL_CONNINFO_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "base/attr.h"

struct err;

/* One set of parameters, as libpq would dial with it. */
struct conninfo {
    bool is_uri;
    PQconninfoOption *given; /* what the string itself says */
    /* With the service file, the environment and libpq's defaults; the value of one keyword is lost
     * there, and stands in the other. */
    PQconninfoOption *resolved, *other;
    const char *lost;
};

/* No network call is made. Reads the service file, and asks for the files that are named. */
bool conninfo_check(const char *text, struct err *err) MUST_CHECK;

/* A decimal number from `least` to `most`, as libpq reads one: blanks around it do no harm. */
bool conninfo_number(const char *text, long least, long most, long *out) MUST_CHECK;

/* The parts of a list with commas between them; NULL has none, "" has one. */
unsigned conninfo_count_parts(const char *list) MUST_CHECK;

/* ---- between conninfo.c and conninfo_values.c ---- */

/* The value of a keyword that libpq would dial with; NULL: it is empty or not set. */
const char *conninfo_value(const struct conninfo *info, const char *keyword) MUST_CHECK;

/* Writes "SOURCE: KEYWORD=VALUE: right" to *err and returns false. `value` is what is wrong, the
 * whole or a part; it is left out where it may be a secret, and where it is NULL. */
bool conninfo_refuse(const struct conninfo *info, const char *keyword, const char *value,
                     const char *right, struct err *err);

/* conninfo_values.c: the values that libpq would take at the first dial only, or never. */
bool conninfo_values_check(const struct conninfo *info, struct err *err) MUST_CHECK;

#endif
