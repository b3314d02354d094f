/* api_keys.h - checks a file of API keys, makes the hash of a key for such a file, and declares
 * what is counted for each key. http.h includes this header.
 *
 * The file has one key a line, `name sha256:HEX [accounts=A,B] [rate=N/s [burst=N]]`, and may have
 * blank lines and # comments. Any thread may call these functions. */
#ifndef HTTP_AUTH_API_KEYS_H
#define HTTP_AUTH_API_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

enum {
    HTTP_KEYS_SHOWN = 100, /* so many keys have figures of their own, the first ones of the file */
    HTTP_KEY_CODES = 16,   /* so many codes have a count of their own for each key */
    HTTP_KEY_COUNTS = 2,   /* counts of the handlers for each key, see http_key_count() */
    HTTP_KEY_NAME_SIZE = 65,
};

struct http_key_code {
    const char *code;
    uint64_t count;
};

/* The figures of a key, or of all keys together that have no figures of their own. */
struct http_key_figures {
    char name[HTTP_KEY_NAME_SIZE]; /* "": the keys that have no figures of their own */
    uint64_t requests;             /* answered requests, on every route */
    uint64_t counts[HTTP_KEY_COUNTS];
    /* Answered requests whose http_answered has a code, by that code. */
    struct http_key_code codes[HTTP_KEY_CODES];
    size_t n_codes;
    uint64_t other_codes; /* such requests whose code has no count of its own */
    bool limited;         /* the key has a rate; false in the figures of several keys */
    uint32_t tokens;      /* if limited: requests that the key may make at once */
    uint32_t burst;       /* if limited: the most that `tokens` can be */
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
