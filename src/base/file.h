/* file.h - opens a file that a user named, and never blocks on a pipe. Any thread. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/attr.h"

/* Opens a regular file for reading; the caller closes the descriptor. On failure it returns -1 and
 * *why is a static text: that of errno, or, if errno is 0, what kind of file it is ("is no regular
 * file"). Pipes are rejected, because the open would wait for a writer, and a second read would
 * find the pipe empty. */
int file_open(const char *path, struct stat *out, const char **why) MUST_CHECK;

/* Returns true if opening this path would wait for another process, which is so for pipes. Returns
 * false if there is no file. */
bool file_is_pipe(const char *path);

#endif
