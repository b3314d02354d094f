/* api_keys.h - API keys, for the program that configures them. http.h brings this header.
 *
 * The file of keys has one key a line, `name sha256:HEX [accounts=A,B] [rate=N/s burst=N]`, blank
 * lines and # comments. Any thread. */
#ifndef HTTP_AUTH_API_KEYS_H
#define HTTP_AUTH_API_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;

enum { HTTP_KEY_MIN = 16, HTTP_KEY_MAX = 512, HTTP_KEY_HASH_SIZE = 72 };

struct http_keys_info {
    size_t count;
    bool readable_by_all; /* everyone on this machine may read the file */
};

/* Checks a file of keys. False: *err names the file, the line, what is wrong and what would be
 * right; no key is ever shown. */
bool http_keys_check(const char *path, struct http_keys_info *info, struct err *err) MUST_CHECK;

/* Writes "sha256:HEX" of a key, as the file wants it. False: the text is no key. A key has
 * HTTP_KEY_MIN to HTTP_KEY_MAX characters of those that RFC 6750 allows in a token. */
bool http_hash_key(const char *key, size_t len, char out[HTTP_KEY_HASH_SIZE],
                   struct err *err) MUST_CHECK;

#endif
