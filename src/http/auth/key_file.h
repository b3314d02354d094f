/* key_file.h - inside of the layer: the file of keys as text. One key a line:
 *
 *     name sha256:HEX [accounts=A,B] [rate=N/s [burst=N]]      # comments and blank lines may be
 *
 * The options come in any order; without accounts= a key may use every account, without rate= there
 * is no limit, without burst= it is one second's worth. A line may have KEY_LINE_MAX bytes, the
 * file KEY_FILE_MAX. An error text shows names and no other word of the file, because any other
 * word may be a key that was put there by mistake. */
#ifndef HTTP_AUTH_KEY_FILE_H
#define HTTP_AUTH_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;
struct keys;

enum { KEY_LINE_MAX = 16 * 1024, KEY_FILE_MAX = 16 * 1024 * 1024 };

/* Fills text, all (in the order of the file), n and readable_by_all of an empty set. On failure the
 * set holds what was read so far, for the caller to free. */
bool key_file_read(const char *path, struct keys *keys, struct err *err) MUST_CHECK;

/* "PATH, line 3: what"; of a long path only the end. Always false. */
bool key_file_fault(const char *path, size_t line, const char *what, struct err *err);

#endif
