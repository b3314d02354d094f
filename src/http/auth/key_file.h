/* key_file.h - reads the file of keys. Internal to http. The file has one key a line:
 *
 *     name sha256:HEX [accounts=A,B] [rate=N/s [burst=N]]      # a comment
 *
 * The options may stand in any sequence. Without accounts= a key may use every account. Without
 * rate= its requests are not limited. Without burst= the burst is the N of rate=. A line may have
 * KEY_LINE_MAX bytes, the file KEY_FILE_MAX. An error text shows the names of keys, and no other
 * word of the file, because such a word may be a key that was put there by mistake. */
#ifndef HTTP_AUTH_KEY_FILE_H
#define HTTP_AUTH_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;
struct keys;

enum { KEY_LINE_MAX = 16 * 1024, KEY_FILE_MAX = 16 * 1024 * 1024 };

/* Reads the file into an empty set: fills text, all (in the sequence of the lines), n and
 * readable_by_all. Returns false on failure: then *err says why, and the caller frees what the set
 * holds. */
bool key_file_read(const char *path, struct keys *keys, struct err *err) MUST_CHECK;

/* Sets *err to "PATH, line N: WHAT". Shows only the end of a long path. Always returns false. */
bool key_file_fault(const char *path, size_t line, const char *what, struct err *err);

#endif
