/* active_keys.h - inside of the layer: the set of keys that counts now, and how it is changed while
 * the loops serve.
 *
 * Each loop has a view, a reference of its own; it looks at one atomic a request, and takes the
 * lock only after a reload. Whoever begins a request after keyring_reload() has returned sees the
 * new set.
 *
 * Threads    views: the loop that has it. Reloads: one thread at a time. */
#ifndef HTTP_AUTH_ACTIVE_KEYS_H
#define HTTP_AUTH_ACTIVE_KEYS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/sync.h"

struct err;
struct http_keys_info;
struct keys;

struct keyring {
    const char *path; /* borrowed; NULL: nobody is asked for a key */
    struct mutex mu;  /* a leaf */
    struct keys *now GUARDED_VAR;
    atomic_uint_fast64_t version; /* of `now`: release by the reload, acquire by the loops */
};

struct keyring_view { /* begins as all zeros */
    struct keys *keys;
    uint64_t version;
};

/* path may be NULL. On failure it is as one of no path, and *err says why. keyring_fini() either
 * way. */
bool keyring_open(struct keyring *ring, const char *path, struct err *err) MUST_CHECK;
void keyring_fini(struct keyring *ring);

/* On failure the set is as it was. */
bool keyring_reload(struct keyring *ring, struct err *err) MUST_CHECK;

void keyring_info(struct keyring *ring, struct http_keys_info *info);

/* The set that counts now; NULL: nobody is asked. */
struct keys *keyring_look(struct keyring *ring, struct keyring_view *view);
void keyring_view_fini(struct keyring_view *view);

#endif
