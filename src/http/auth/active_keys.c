/* active_keys.c - see active_keys.h. */
#include "http/auth/active_keys.h"

#include "base/err.h"
#include "http/auth/api_keys.h"
#include "http/auth/keys.h"

static struct http_keys_info info_of(const struct keys *keys)
{
    if (keys == NULL)
        return (struct http_keys_info){ .count = 0 };
    return (struct http_keys_info){ .count = keys->n, .readable_by_all = keys->readable_by_all };
}

static struct keys *load(const struct active_keys *active, const char *path,
                         const struct keys *before, struct err *err)
{
    struct keys *keys = keys_load(path, before, err);
    for (const char *const *code = active->codes; keys != NULL && code != NULL && *code != NULL;)
        keys_declare_code(keys, *code++);
    return keys;
}

/* The version of the set begins at 1, and the version in each loop's view at 0. So the first
 * active_keys_look() of each loop sees a new version, and gets a reference to the set. */
bool active_keys_open(struct active_keys *active, const char *path, const char *const *codes,
                      struct err *err)
{
    *active = (struct active_keys){ .codes = codes };
    mutex_init(&active->mu);
    if (path == NULL)
        return true;
    struct keys *keys = load(active, path, NULL, err);
    if (keys == NULL)
        return false;
    active->path = path;
    mutex_lock(&active->mu);
    active->now = keys;
    atomic_store_explicit(&active->version, 1, memory_order_release);
    mutex_unlock(&active->mu);
    return true;
}

static struct keys *take_now(struct active_keys *active, uint64_t *version)
{
    mutex_lock(&active->mu);
    struct keys *keys = keys_ref(active->now);
    *version = atomic_load_explicit(&active->version, memory_order_relaxed);
    mutex_unlock(&active->mu);
    return keys;
}

bool active_keys_reload(struct active_keys *active, struct err *err)
{
    if (active->path == NULL)
        return true;
    uint64_t version;
    struct keys *before = take_now(active, &version);
    struct keys *keys = load(active, active->path, before, err);
    keys_unref(&before);
    if (keys == NULL)
        return false;
    mutex_lock(&active->mu);
    before = active->now;
    active->now = keys;
    atomic_store_explicit(&active->version, version + 1, memory_order_release);
    mutex_unlock(&active->mu);
    keys_unref(&before);
    return true;
}

void active_keys_info(struct active_keys *active, struct http_keys_info *info)
{
    uint64_t version;
    struct keys *keys = take_now(active, &version);
    *info = info_of(keys);
    keys_unref(&keys);
}

struct keys *active_keys_look(struct active_keys *active, struct active_keys_view *view)
{
    if (atomic_load_explicit(&active->version, memory_order_acquire) != view->version) {
        keys_unref(&view->keys);
        view->keys = take_now(active, &view->version);
    }
    return view->keys;
}

void active_keys_view_fini(struct active_keys_view *view)
{
    keys_unref(&view->keys);
}

void active_keys_fini(struct active_keys *active)
{
    mutex_lock(&active->mu);
    struct keys *keys = active->now;
    active->now = NULL;
    mutex_unlock(&active->mu);
    keys_unref(&keys);
    mutex_fini(&active->mu);
}

bool http_keys_check(const char *path, struct http_keys_info *info, struct err *err)
{
    struct keys *keys = keys_load(path, NULL, err);
    if (keys == NULL)
        return false;
    *info = info_of(keys);
    keys_unref(&keys);
    return true;
}
