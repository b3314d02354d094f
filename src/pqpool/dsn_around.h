/* dsn_around.h - finds what libpq adds to a connection string by itself: the values of a service,
 * of environment variables and of libpq's defaults. Also finds the files that libpq opens: if one
 * of them is a pipe, libpq would block on it.
 *
 * Threads    as dsn.h. */
#ifndef PQPOOL_DSN_AROUND_H
#define PQPOOL_DSN_AROUND_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "base/attr.h"
#include "pqpool/service_file.h"

struct err;

/* Returns the value of an option; NULL: it is not set, or empty. `options` may be NULL. */
const char *dsn_find(const PQconninfoOption *options, const char *keyword);

/* Makes a PGconn that libpq refuses because of the value of this keyword, before any lookup or
 * dial. PQconninfo() needs a PGconn, and a refused one is enough. The caller calls PQfinish().
 * NULL: no memory is left. */
PGconn *dsn_begin_refused(const PQconninfoOption *given, const char *keyword) MUST_CHECK;

/* Returns the value that libpq would use for each parameter: the string's, else that of the service
 * that the string or PGSERVICE names, else the environment's, else libpq's default. If the service
 * is missing or its file is broken, libpq gives up before it has stored any value, so no parameter
 * has a value, not even if the string sets it. The caller calls PQconninfoFree(). NULL: *err says
 * why. */
PQconninfoOption *dsn_resolve(const PQconninfoOption *given, struct err *err) MUST_CHECK;

/* Returns true if the string, the service or the environment sets the parameter, even if the
 * value is libpq's default. */
bool dsn_is_said(const PQconninfoOption *given, const PQconninfoOption *resolved,
                 const char *keyword) MUST_CHECK;

enum { DSN_TLS_FILES = 3 };

/* The files that libpq opens at a dial. A file on which libpq would not block, even if it were a
 * pipe, is left out. */
struct dsn_files {
    bool has_service;
    struct service_files service;
    char *tls[DSN_TLS_FILES]; /* owned; NULL before dsn_files_init() */
};

bool dsn_files_init(struct dsn_files *files, const PQconninfoOption *given,
                    const PQconninfoOption *resolved) MUST_CHECK; /* false: no memory */
void dsn_files_fini(struct dsn_files *files);

/* Returns false if libpq would block on one of the files, which *err names. */
bool dsn_files_good(const struct dsn_files *files, struct err *err) MUST_CHECK;

#endif
