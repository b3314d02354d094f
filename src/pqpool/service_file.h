/* service_file.h - the files in which libpq looks for a connection service (libpq manual, 34.17),
 * and whether one says a parameter. libpq tells what value counts in the end, but not whether a
 * value that is also its default was said: this alone is read here.
 *
 * Threads    any, while none changes the environment. */
#ifndef PQPOOL_SERVICE_FILE_H
#define PQPOOL_SERVICE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <libpq-fe.h>

#include "base/attr.h"

enum { SERVICE_FILES = 2, SERVICE_PATH_SIZE = 1024 };

/* In the order in which libpq looks: the user's, then the system's; "": it is not known where. */
struct service_files {
    char path[SERVICE_FILES][SERVICE_PATH_SIZE];
};

/* Writes the path of a file in the user's home, where libpq looks for it: HOME, else that of the
 * passwd database. "" where no home is known, and for a path that is too long. */
void service_home_path(const char *name, char *path, size_t size);

/* Of the service that the connection string or PGSERVICE names; false: none is named, and libpq
 * opens no such file. */
bool service_files_find(const PQconninfoOption *given, struct service_files *out) MUST_CHECK;

/* Does the service say the parameter? False without a service, too, and for a file that cannot be
 * read. */
bool service_file_says(const PQconninfoOption *given, const char *keyword) MUST_CHECK;

#endif
