/* key_hash.h - inside of the layer: what a key is (the b64token of RFC 6750, 1 to KEY_TEXT_MAX
 * characters), and the SHA-256 that stands for it wherever we keep it. Any thread. */
#ifndef HTTP_AUTH_KEY_HASH_H
#define HTTP_AUTH_KEY_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum { KEY_TEXT_MAX = 512, KEY_HASH_SIZE = 32, KEY_HASH_DIGITS = 2 * KEY_HASH_SIZE };

#define KEY_HASH_PREFIX "sha256:"

/* A b64token of any length but 0? */
bool key_text_is_valid(const char *text, size_t len) MUST_CHECK;

/* False: the library has no SHA-256 to give. */
bool key_hash(const char *text, size_t len, unsigned char out[KEY_HASH_SIZE]) MUST_CHECK;

/* "sha256:" and 64 hexadecimal digits of either case, and nothing else. */
bool key_hash_parse(const char *text, unsigned char out[KEY_HASH_SIZE]) MUST_CHECK;

/* The same in the time that it always takes, whatever the two are. */
bool key_hash_equal(const unsigned char a[KEY_HASH_SIZE],
                    const unsigned char b[KEY_HASH_SIZE]) MUST_CHECK;

#endif
