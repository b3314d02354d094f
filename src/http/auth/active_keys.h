/* active_keys.h - inside of the layer: the set of API keys that is active, and how it is replaced
 * while the loops serve.
 *
 * Each loop has a view, which holds a reference. It reads one atomic a request, and takes the lock
 * only after a reload. A request that begins after active_keys_reload() has returned sees the new
 * set.
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

struct active_keys {
    const char *path; /* borrowed; NULL: no key is required */
    struct mutex mu;  /* a leaf */
    struct keys *now GUARDED_VAR;
    atomic_uint_fast64_t version; /* of `now`: release by the reload, acquire by the loops */
};

struct active_keys_view { /* begins as all zeros */
    struct keys *keys;
    uint64_t version;
};

/* path may be NULL. On failure no key is required, and *err says why. Call active_keys_fini()
 * either way. */
bool active_keys_open(struct active_keys *active, const char *path, struct err *err) MUST_CHECK;
void active_keys_fini(struct active_keys *active);

/* On failure the set is as it was. */
bool active_keys_reload(struct active_keys *active, struct err *err) MUST_CHECK;

void active_keys_info(struct active_keys *active, struct http_keys_info *info);

/* The active set; NULL: no key is required. */
struct keys *active_keys_look(struct active_keys *active, struct active_keys_view *view);
void active_keys_view_fini(struct active_keys_view *view);

#endif
