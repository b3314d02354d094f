/* keys.h - a set of API keys, read whole from a file and never changed after. Internal to http.
 *
 * A set keeps the SHA-256 of each key, sorted. It finds the key of a request by binary search for
 * the key's hash: a comparison with each of KEYS_MAX hashes would block a loop for 100 us a
 * request. The time of the search may tell an attacker how a stored hash begins. That does not help
 * him: a hash does not tell its key, and there are too many keys to try them all. (If the keys
 * themselves were compared, he could guess one byte after the other.) The hash that the search
 * finds is compared whole, in constant time.
 *
 * Lifetime   A set is reference-counted. Its holders are struct active_keys, each loop, and each
 *            request with a key. So the key of a request does not change while the request lives.
 * Rate       If the previous set has a key with the same name and rate, the new key takes over the
 *            token bucket of the old one (the burst may differ). Otherwise a reload would fill all
 *            buckets.
 * Figures    The first HTTP_KEYS_SHOWN keys of the file have figures of their own, and the others
 *            share `others` (key_figures.h). If the previous set has a key with the same name, and
 *            both have figures of their own, the new key takes over those of the old one. `others`
 *            passes from set to set.
 * Threads    any: a set does not change, and reference counts and buckets are atomic. */
#ifndef HTTP_AUTH_KEYS_H
#define HTTP_AUTH_KEYS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "http/auth/api_keys.h"
#include "http/auth/key_hash.h"
#include "http/auth/rate.h"

struct err;
struct http_key_figures;
struct key_figures;

enum {
    KEYS_MAX = 10000,
    KEY_WORD_MAX = HTTP_KEY_NAME_MAX, /* characters of a name or an account */
};

struct key {
    const char *name; /* in keys->text, as are the accounts */
    unsigned char hash[KEY_HASH_SIZE];
    const char **accounts; /* owned, sorted; NULL: the key may use every account */
    size_t n_accounts;
    struct rate rate;
    struct rate_bucket *bucket;  /* a reference; NULL: the key has no rate */
    struct key_figures *figures; /* a reference; of the key alone, or keys->others */
    size_t line;                 /* the key's line in the file, from 1 */
};

struct keys {
    atomic_uint refs;
    char *text;           /* owned: the file, cut into words */
    struct key *all;      /* owned, sorted by hash */
    struct key **by_name; /* owned, sorted by name */
    size_t n;
    struct key_figures *others; /* a reference; the figures of all keys without their own */
    bool readable_by_all;       /* the file was readable by everyone */
};

/* Reads the file and checks all of it. A key takes over the bucket of the key in `before` that has
 * the same name and rate, and the figures of the key that has the same name. `before` may be NULL.
 * The caller owns one reference to the returned set. Returns NULL on failure: then *err names the
 * file, the line, what is wrong and what would be right, and shows nothing that might be a key. */
struct keys *keys_load(const char *path, const struct keys *before, struct err *err) MUST_CHECK;

struct keys *keys_ref(struct keys *keys); /* returns NULL for NULL */
void keys_unref(struct keys **keys);      /* sets *keys to NULL; a NULL *keys is a no-op */

/* Returns the key that has this hash, or NULL if there is none. The key is borrowed from the
 * set. */
const struct key *keys_find(const struct keys *keys,
                            const unsigned char hash[KEY_HASH_SIZE]) MUST_CHECK;

/* Shows the count of the code for each key, although the count is still 0. `code` is a constant. */
void keys_declare_code(struct keys *keys, const char *code);

/* Returns the figures of the keys that have their own, sorted by name, and behind them those of the
 * others together, if there are others. Sets *n to their number. The caller frees the array.
 * Returns NULL, and sets *n to 0, if `keys` is NULL or memory is out. */
struct http_key_figures *keys_figures(const struct keys *keys, int64_t now_ns,
                                      size_t *n) MUST_CHECK;

bool key_may_use(const struct key *key, const char *account_id) MUST_CHECK;

#endif
