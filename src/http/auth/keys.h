/* keys.h - inside of the layer: a set of API keys, read whole from a file and never changed after.
 *
 * Keys are kept as their SHA-256, sorted, and one that a client shows is looked up by its own by
 * binary search: comparing it with each of KEYS_MAX hashes would hold a loop up for 100 us a
 * request. What the search's time tells is how far the hash of the shown key agrees with stored
 * ones. That is of no use to a guesser, who cannot steer a hash towards a prefix but by trying
 * keys, and keys have too many bits to be tried: there is nothing to be approached step by step, as
 * there is when the secret itself is compared. The hash that is found is compared whole, in
 * constant time.
 *
 * Life       counted: the active set is one reference, each loop one, each request with a key one.
 *            So what a request came with stays as it is for as long as the request lives.
 * Rate       a bucket outlives its set: the next set takes it over for a key of the same name and
 *            rate (its burst may differ), or a reload would fill them all.
 * Threads    any: the set does not change, and the rest is atomic. */
#ifndef HTTP_AUTH_KEYS_H
#define HTTP_AUTH_KEYS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "http/auth/key_hash.h"
#include "http/auth/rate.h"

struct err;

enum { KEYS_MAX = 10000, KEY_WORD_MAX = 64 }; /* names and accounts */

struct key {
    const char *name; /* points into keys->text, as the accounts do */
    unsigned char hash[KEY_HASH_SIZE];
    const char **accounts; /* owned, sorted; NULL: every account */
    size_t n_accounts;
    struct rate rate;
    struct rate_bucket *bucket; /* a reference; NULL: no limit */
    size_t line;                /* of the file, from 1 */
};

struct keys {
    atomic_uint refs;
    char *text;           /* owned: the file, cut into words */
    struct key *all;      /* owned, sorted by hash */
    struct key **by_name; /* owned, sorted by name */
    size_t n;
    bool readable_by_all; /* the file was */
};

/* Reads the file, checks all of it, and takes over buckets from `before` (may be NULL). One
 * reference is the caller's. NULL: *err names the file, the line, what is wrong and what would be
 * right, and shows nothing that might be a key. */
struct keys *keys_load(const char *path, const struct keys *before, struct err *err) MUST_CHECK;

struct keys *keys_ref(struct keys *keys); /* NULL is passed through */
void keys_unref(struct keys **keys);      /* sets it to NULL; a NULL *keys is a no-op */

/* NULL when no key has this hash. Borrowed from the set. */
const struct key *keys_find(const struct keys *keys,
                            const unsigned char hash[KEY_HASH_SIZE]) MUST_CHECK;

bool key_may_use(const struct key *key, const char *account_id) MUST_CHECK;

#endif
