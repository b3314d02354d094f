/* dsn_around.h - what libpq adds to a connection string by itself: its environment, a service, and
 * files that it opens. It opens them without asking what they are, and would wait at a pipe.
 *
 * Threads    as dsn.h. */
#ifndef PQPOOL_DSN_AROUND_H
#define PQPOOL_DSN_AROUND_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "base/attr.h"

struct err;

/* The value of an option; NULL: none, or an empty one. `options` may be NULL. */
const char *dsn_find(const PQconninfoOption *options, const char *keyword);

/* What counts where `given` says nothing: of its service, of PGSERVICE's, of the environment.
 * PQconninfoFree(). NULL: *err. */
PQconninfoOption *dsn_defaults(const PQconninfoOption *given, struct err *err) MUST_CHECK;

enum { DSN_FILES = 3 };

/* The files of TLS that a dial makes libpq open; owned. */
struct dsn_files {
    bool has_service;
    char *path[DSN_FILES]; /* NULL: none */
};

bool dsn_files_init(struct dsn_files *files, const PQconninfoOption *given,
                    const PQconninfoOption *defaults) MUST_CHECK; /* false: no memory */
void dsn_files_fini(struct dsn_files *files);

/* May libpq open them now? False: *err names the one that it would wait at. */
bool dsn_files_good(const struct dsn_files *files, struct err *err) MUST_CHECK;

#endif
