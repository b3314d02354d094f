/* active_keys.h - keeps the active set of API keys, and replaces it while the loops serve. Internal
 * to http.
 *
 * Each loop has a view, which holds a reference to a set. For each request the loop reads one
 * atomic (`version`), and it takes the lock only after a reload. A request that begins after
 * active_keys_reload() has returned sees the new set.
 *
 * Threads    a view is used by its loop alone. One thread at a time reloads. */
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
    const char *path;         /* borrowed; NULL: no key is required */
    const char *const *codes; /* borrowed; see http_options.key_codes */
    struct mutex mu;          /* a leaf lock */
    struct keys *now GUARDED_VAR;
    /* The version of the set `now`: stored (release) by a reload, loaded (acquire) by the loops. */
    atomic_uint_fast64_t version;
};

struct active_keys_view { /* begins as all zeros */
    struct keys *keys;
    uint64_t version;
};

/* Loads the keys of the file at `path`. If `path` is NULL, no key is required. `codes` is
 * http_options.key_codes. Returns false on failure: then *err says why. Call active_keys_fini() in
 * either case. */
bool active_keys_open(struct active_keys *active, const char *path, const char *const *codes,
                      struct err *err) MUST_CHECK;
void active_keys_fini(struct active_keys *active);

/* Reads the file again, and makes its keys the active set. Returns false on failure: then *err says
 * why, and the active set is the same as before. */
bool active_keys_reload(struct active_keys *active, struct err *err) MUST_CHECK;

void active_keys_info(struct active_keys *active, struct http_keys_info *info);

/* Returns the active set, or NULL if no key is required. The view holds the reference to the set
 * until the next call. */
struct keys *active_keys_look(struct active_keys *active, struct active_keys_view *view);
void active_keys_view_fini(struct active_keys_view *view);

#endif
