/* dsn_around.h - what libpq adds to a connection string by itself: a service, its environment, its
 * own defaults, and files that it opens. It opens them whatever they are, and would block on a
 * pipe.
 *
 * Threads    as dsn.h. */
#ifndef PQPOOL_DSN_AROUND_H
#define PQPOOL_DSN_AROUND_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "base/attr.h"
#include "pqpool/service_file.h"

struct err;

/* The value of an option; NULL: none, or an empty one. `options` may be NULL. */
const char *dsn_find(const PQconninfoOption *options, const char *keyword);

/* Makes a connection that libpq rejects for the value of that keyword, before it looks up or dials
 * a host. libpq reports parameters of a connection only, and a rejected one will do. The caller
 * calls PQfinish(). NULL: no memory. */
PGconn *dsn_begin_refused(const PQconninfoOption *given, const char *keyword) MUST_CHECK;

/* What libpq would take for each parameter: from the string, from the service that the string or
 * PGSERVICE names, from the environment, or its own default, the first of these that says it. With
 * a service that is not there, or a broken file of it, no parameter has a value, not even one that
 * `given` has: libpq reads no further, now and at each dial. PQconninfoFree(). NULL: *err. */
PQconninfoOption *dsn_resolve(const PQconninfoOption *given, struct err *err) MUST_CHECK;

/* True if the string, the service or the environment sets the parameter, even if to the value that
 * is libpq's default. */
bool dsn_is_said(const PQconninfoOption *given, const PQconninfoOption *resolved,
                 const char *keyword) MUST_CHECK;

enum { DSN_TLS_FILES = 3 };

/* The files that a dial makes libpq open. */
struct dsn_files {
    bool has_service;
    struct service_files service;
    char *tls[DSN_TLS_FILES]; /* owned; NULL before dsn_files_init() */
};

bool dsn_files_init(struct dsn_files *files, const PQconninfoOption *given,
                    const PQconninfoOption *resolved) MUST_CHECK; /* false: no memory */
void dsn_files_fini(struct dsn_files *files);

/* False: libpq would block on one of them, which *err names. */
bool dsn_files_good(const struct dsn_files *files, struct err *err) MUST_CHECK;

#endif
