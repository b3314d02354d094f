/* key_hash.h - checks the form of a key (the b64token of RFC 6750), and reads the SHA-256 of a key
 * from text. Only the hash of a key is kept. Any thread may call these functions. Internal to
 * http. */
#ifndef HTTP_AUTH_KEY_HASH_H
#define HTTP_AUTH_KEY_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "http/tls/sha256.h"

enum { KEY_TEXT_MAX = 512, KEY_HASH_SIZE = SHA256_SIZE, KEY_HASH_DIGITS = 2 * KEY_HASH_SIZE };

#define KEY_HASH_PREFIX "sha256:"

/* Returns true if the text is a b64token. The caller checks the length against KEY_TEXT_MAX. */
bool key_text_is_valid(const char *text, size_t len) MUST_CHECK;

/* Reads "sha256:" and 64 hexadecimal digits of either case. Returns false if the text is anything
 * else. */
bool key_hash_parse(const char *text, unsigned char out[KEY_HASH_SIZE]) MUST_CHECK;

#endif
