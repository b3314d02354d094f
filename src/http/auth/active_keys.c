/* active_keys.c - see active_keys.h. */
#include "http/auth/active_keys.h"

#include "base/err.h"
#include "http/auth/keys.h"
#include "http/http.h"

static struct http_keys_info info_of(const struct keys *keys)
{
    if (keys == NULL)
        return (struct http_keys_info){ .count = 0 };
    return (struct http_keys_info){ .count = keys->n, .readable_by_all = keys->readable_by_all };
}

/* Version 0 is the loops' until they have looked. */
bool keyring_open(struct keyring *ring, const char *path, struct err *err)
{
    *ring = (struct keyring){ .path = NULL };
    mutex_init(&ring->mu);
    if (path == NULL)
        return true;
    struct keys *keys = keys_load(path, NULL, err);
    if (keys == NULL)
        return false;
    ring->path = path;
    mutex_lock(&ring->mu);
    ring->now = keys;
    atomic_store_explicit(&ring->version, 1, memory_order_release);
    mutex_unlock(&ring->mu);
    return true;
}

static struct keys *take_now(struct keyring *ring, uint64_t *version)
{
    mutex_lock(&ring->mu);
    struct keys *keys = keys_ref(ring->now);
    *version = atomic_load_explicit(&ring->version, memory_order_relaxed);
    mutex_unlock(&ring->mu);
    return keys;
}

bool keyring_reload(struct keyring *ring, struct err *err)
{
    if (ring->path == NULL)
        return true;
    uint64_t version;
    struct keys *before = take_now(ring, &version);
    struct keys *keys = keys_load(ring->path, before, err);
    keys_unref(&before);
    if (keys == NULL)
        return false;
    mutex_lock(&ring->mu);
    before = ring->now;
    ring->now = keys;
    atomic_store_explicit(&ring->version, version + 1, memory_order_release);
    mutex_unlock(&ring->mu);
    keys_unref(&before);
    return true;
}

void keyring_info(struct keyring *ring, struct http_keys_info *info)
{
    uint64_t version;
    struct keys *keys = take_now(ring, &version);
    *info = info_of(keys);
    keys_unref(&keys);
}

struct keys *keyring_look(struct keyring *ring, struct keyring_view *view)
{
    if (atomic_load_explicit(&ring->version, memory_order_acquire) != view->version) {
        keys_unref(&view->keys);
        view->keys = take_now(ring, &view->version);
    }
    return view->keys;
}

void keyring_view_fini(struct keyring_view *view)
{
    keys_unref(&view->keys);
}

void keyring_fini(struct keyring *ring)
{
    mutex_lock(&ring->mu);
    struct keys *keys = ring->now;
    ring->now = NULL;
    mutex_unlock(&ring->mu);
    keys_unref(&keys);
    mutex_fini(&ring->mu);
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
