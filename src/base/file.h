/* file.h - opens a file that a user named, without ever waiting for anybody. Any thread. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/attr.h"

/* Opens a regular file for reading; the caller closes the descriptor. -1: *why is a static
 * text, errno's, or with errno 0 what the file is instead ("is no regular file"). A pipe is
 * refused, because the open would wait for a writer, and each further read would find it empty. */
int file_open(const char *path, struct stat *out, const char **why) MUST_CHECK;

/* Would a program that opens this path wait for somebody? True of pipes; false where there is no
 * file. */
bool file_is_pipe(const char *path);

#endif
