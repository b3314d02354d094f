/* service_file.h - finds the files in which libpq looks for a connection service (libpq manual,
 * 34.17), and tells whether a service sets a parameter. libpq does not tell this: it gives the
 * value of a parameter, but not whether the value is from a service or is libpq's default.
 *
 * Threads    any, while no thread changes the environment. */
#ifndef PQPOOL_SERVICE_FILE_H
#define PQPOOL_SERVICE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <libpq-fe.h>

#include "base/attr.h"

enum { SERVICE_FILES = 2, SERVICE_PATH_SIZE = 1024 };

/* The user's file and the system's, in the order in which libpq reads them. A path is "" if it is
 * not known or too long. */
struct service_files {
    char path[SERVICE_FILES][SERVICE_PATH_SIZE];
};

/* Writes the path of a file in the user's home folder. As in libpq, the home folder is HOME;
 * if HOME is not set, the folder in the passwd database. Writes "" if no folder is known, or if the
 * path is too long. */
void service_home_path(const char *name, char *path, size_t size);

/* Finds the files for the service that the connection string or PGSERVICE names. If no service is
 * named, libpq reads no service file, and the function returns false. */
bool service_files_find(const PQconninfoOption *given, struct service_files *out) MUST_CHECK;

/* Returns true if the service sets the parameter. Returns false if it does not, if no service is
 * named, or if the service cannot be found. */
bool service_file_says(const PQconninfoOption *given, const char *keyword) MUST_CHECK;

#endif
