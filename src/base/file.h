/* file.h - opens a file that a user named, without ever waiting for a pipe. Any thread. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/attr.h"

/* Opens a regular file for reading; the caller closes the descriptor. On failure returns -1, and
 * *why is a static text. If errno is 0, the kind of the file is rejected, and *why says so ("is no
 * regular file"); otherwise *why is the text of errno. Pipes are rejected, because a read would
 * wait for a writer, and a second read, on SIGHUP, would find the pipe empty. */
int file_open(const char *path, struct stat *out, const char **why) MUST_CHECK;

/* Returns true if the path is a pipe: opening it without O_NONBLOCK would wait for another process.
 * Returns false if there is no such file. */
bool file_is_pipe(const char *path);

#endif
