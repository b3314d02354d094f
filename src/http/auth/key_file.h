/* key_file.h - inside of the layer: the file of keys as text. One key a line:
 *
 *     name sha256:HEX [accounts=A,B] [rate=N/s [burst=N]]      # comments and blank lines may be
 *
 * The options come in any order. Without accounts= a key may use every account. Without rate= its
 * requests are not limited. Without burst= the burst is the requests of one second. A line may have
 * KEY_LINE_MAX bytes, the file KEY_FILE_MAX. An error text shows names and no other word of the
 * file, because any other word may be a key that was put there by mistake. */
#ifndef HTTP_AUTH_KEY_FILE_H
#define HTTP_AUTH_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;
struct keys;

enum { KEY_LINE_MAX = 16 * 1024, KEY_FILE_MAX = 16 * 1024 * 1024 };

/* Reads the file into an empty set: fills text, all (in the order of the file), n and
 * readable_by_all. Returns false on failure: then *err says why, and the set holds what was read so
 * far, which the caller frees. */
bool key_file_read(const char *path, struct keys *keys, struct err *err) MUST_CHECK;

/* Sets *err to "PATH, line 3: what". Of a long path only the end is shown. Always returns false. */
bool key_file_fault(const char *path, size_t line, const char *what, struct err *err);

#endif
