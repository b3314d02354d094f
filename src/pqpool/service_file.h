/* service_file.h - whether a connection service says a parameter (libpq manual, 34.17). libpq tells
 * what value counts in the end, but not whether a value that is also its default was said: this
 * alone is read here.
 *
 * Threads    any, while none changes the environment. */
#ifndef PQPOOL_SERVICE_FILE_H
#define PQPOOL_SERVICE_FILE_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "base/attr.h"

/* Does the service that the connection string or PGSERVICE names say the parameter? False without a
 * service, and for a file that cannot be read, of which libpq complains at each dial. */
bool service_file_says(const PQconninfoOption *given, const char *keyword) MUST_CHECK;

#endif
