/* api_keys.h - checks a file of API keys, and makes the hash of a key for such a file. http.h
 * includes this header.
 *
 * The file has one key a line, `name sha256:HEX [accounts=A,B] [rate=N/s [burst=N]]`, and may have
 * blank lines and # comments. Any thread may call these functions. */
#ifndef HTTP_AUTH_API_KEYS_H
#define HTTP_AUTH_API_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;

enum {
    HTTP_KEY_MIN = 16,
    HTTP_KEY_MAX = 512,
    HTTP_KEY_HASH_SIZE = 72,
    HTTP_KEY_NAME_MAX = 64, /* characters of the name of a key, of A-Z a-z 0-9 . _ : / - */
};

struct http_keys_info {
    size_t count;
    bool readable_by_all; /* every user of this machine may read the file */
};

/* Checks a file of keys, and fills *info. Returns false if the file is bad: then *err names the
 * file, the line, what is wrong and what would be right. An error text never shows a key. */
bool http_keys_check(const char *path, struct http_keys_info *info, struct err *err) MUST_CHECK;

/* Writes the hash of `key` in the form that the file of keys has, "sha256:HEX". Returns false on
 * failure: then *err says why. A key has HTTP_KEY_MIN to HTTP_KEY_MAX characters of those that RFC
 * 6750 allows in a token. */
bool http_hash_key(const char *key, size_t len, char out[HTTP_KEY_HASH_SIZE],
                   struct err *err) MUST_CHECK;

#endif
