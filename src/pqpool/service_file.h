/* service_file.h - the files in which libpq looks for a connection service (libpq manual, 34.17),
 * and whether a service sets a parameter. libpq reports the resulting value, but not whether the
 * service set it or it is libpq's default: only that is read here.
 *
 * Threads    any, while none changes the environment. */
#ifndef PQPOOL_SERVICE_FILE_H
#define PQPOOL_SERVICE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <libpq-fe.h>

#include "base/attr.h"

enum { SERVICE_FILES = 2, SERVICE_PATH_SIZE = 1024 };

/* The files in the order in which libpq reads them: the user's, the system's; "": not known. */
struct service_files {
    char path[SERVICE_FILES][SERVICE_PATH_SIZE];
};

/* Writes the path of a file in the user's home, where libpq looks for it: HOME, else that of the
 * passwd database. "" where no home is known, and for a path that is too long. */
void service_home_path(const char *name, char *path, size_t size);

/* Finds the files for the service that the connection string or PGSERVICE names; false: no service
 * is named, and libpq opens no such file. */
bool service_files_find(const PQconninfoOption *given, struct service_files *out) MUST_CHECK;

/* True if the service sets the parameter. False also if no service is named, or its file cannot be
 * read. */
bool service_file_says(const PQconninfoOption *given, const char *keyword) MUST_CHECK;

#endif
