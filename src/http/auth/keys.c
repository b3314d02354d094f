/* keys.c - see keys.h. */
#include "http/auth/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "http/auth/key_figures.h"
#include "http/auth/key_file.h"

enum { TEXT_SIZE = 160 };

_Static_assert(HTTP_KEY_NAME_SIZE == KEY_WORD_MAX + 1, "a name fits into struct http_key_figures");

/* ---- life ---- */

static void keys_free(struct keys *keys)
{
    for (size_t i = 0; i < keys->n; i++) {
        rate_bucket_unref(&keys->all[i].bucket);
        key_figures_unref(&keys->all[i].figures);
        free(keys->all[i].accounts);
    }
    key_figures_unref(&keys->others);
    free(keys->by_name);
    free(keys->all);
    free(keys->text);
    free(keys);
}

struct keys *keys_ref(struct keys *keys)
{
    if (keys != NULL)
        atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
    return keys;
}

void keys_unref(struct keys **keys_inout)
{
    struct keys *keys = *keys_inout;
    *keys_inout = NULL;
    if (keys != NULL && atomic_fetch_sub_explicit(&keys->refs, 1, memory_order_acq_rel) == 1)
        keys_free(keys);
}

/* ---- sorting: of keys with equal names or hashes, the earlier line comes first ---- */

static int by_line(const struct key *a, const struct key *b)
{
    return a->line < b->line ? -1 : a->line > b->line;
}

static int by_hash(const void *a, const void *b)
{
    const struct key *left = a, *right = b;
    int order = memcmp(left->hash, right->hash, KEY_HASH_SIZE);
    return order != 0 ? order : by_line(left, right);
}

static int by_name(const void *a, const void *b)
{
    const struct key *left = *(struct key *const *)a, *right = *(struct key *const *)b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : by_line(left, right);
}

static bool names_differ(const char *path, const struct keys *keys, struct err *err)
{
    for (size_t i = 1; i < keys->n; i++) {
        const struct key *first = keys->by_name[i - 1], *second = keys->by_name[i];
        char text[TEXT_SIZE];
        if (strcmp(first->name, second->name) != 0)
            continue;
        (void)snprintf(text, sizeof text, "the name %s is that of line %zu: give another",
                       second->name, first->line);
        return key_file_fault(path, second->line, text, err);
    }
    return true;
}

static bool hashes_differ(const char *path, const struct keys *keys, struct err *err)
{
    for (size_t i = 1; i < keys->n; i++) {
        const struct key *first = &keys->all[i - 1], *second = &keys->all[i];
        char text[TEXT_SIZE];
        if (!sha256_equal(first->hash, second->hash))
            continue;
        (void)snprintf(text, sizeof text, "the hash is that of line %zu: each key has one line",
                       first->line);
        return key_file_fault(path, second->line, text, err);
    }
    return true;
}

static bool sort_keys(const char *path, struct keys *keys, struct err *err)
{
    keys->by_name = calloc(keys->n, sizeof(struct key *));
    if (keys->by_name == NULL) {
        err_set(err, ERR_RETRYABLE, "out of memory");
        return false;
    }
    qsort(keys->all, keys->n, sizeof *keys->all, by_hash);
    for (size_t i = 0; i < keys->n; i++)
        keys->by_name[i] = &keys->all[i];
    qsort(keys->by_name, keys->n, sizeof(struct key *), by_name);
    return names_differ(path, keys, err) && hashes_differ(path, keys, err);
}

/* ---- figures ---- */

/* Gives each key its figures. Called while the keys are in the sequence of the file. */
static bool give_figures(struct keys *keys, const struct keys *before, struct err *err)
{
    keys->others = before != NULL ? key_figures_ref(before->others) : key_figures_new();
    bool good = keys->others != NULL;
    for (size_t i = 0; i < keys->n && good; i++) {
        bool own = i < HTTP_KEYS_SHOWN;
        keys->all[i].figures = own ? key_figures_new() : key_figures_ref(keys->others);
        good = keys->all[i].figures != NULL;
    }
    if (!good)
        err_set(err, ERR_RETRYABLE, "out of memory");
    return good;
}

static bool has_own_figures(const struct keys *keys, const struct key *key)
{
    return key->figures != keys->others;
}

void keys_declare_code(struct keys *keys, const char *code)
{
    for (size_t i = 0; i < keys->n; i++)
        key_figures_declare(keys->all[i].figures, code);
}

static void read_figures(const struct key *key, int64_t now_ns, struct http_key_figures *out)
{
    memcpy(out->name, key->name, strlen(key->name) + 1);
    key_figures_read(key->figures, out);
    out->limited = key->bucket != NULL;
    if (!out->limited)
        return;
    out->tokens = rate_look(&key->rate, key->bucket, now_ns).remaining;
    out->burst = key->rate.burst;
}

struct http_key_figures *keys_figures(const struct keys *keys, int64_t now_ns, size_t *n)
{
    struct http_key_figures *all = keys != NULL ? calloc(HTTP_KEYS_SHOWN + 1, sizeof *all) : NULL;
    *n = 0;
    if (all == NULL)
        return NULL;
    for (size_t i = 0; i < keys->n; i++)
        if (has_own_figures(keys, keys->by_name[i]))
            read_figures(keys->by_name[i], now_ns, &all[(*n)++]);
    if (keys->n > HTTP_KEYS_SHOWN)
        key_figures_read(keys->others, &all[(*n)++]);
    return all;
}

/* ---- from one set to the next ---- */

static void take_over_bucket(struct key *key, const struct key *before)
{
    if (key->bucket == NULL || key->rate.per_second != before->rate.per_second)
        return;
    rate_bucket_unref(&key->bucket);
    key->bucket = rate_bucket_ref(before->bucket);
}

static void take_over_figures(struct key *key, const struct key *before)
{
    key_figures_unref(&key->figures);
    key->figures = key_figures_ref(before->figures);
}

/* Gives each key the bucket and the figures of the key in `before` that has the same name. Both
 * sets are sorted by name, so one pass finds all pairs. */
static void take_over(struct keys *keys, const struct keys *before)
{
    size_t i = 0, j = 0;
    while (i < keys->n && j < before->n) {
        int order = strcmp(keys->by_name[i]->name, before->by_name[j]->name);
        if (order == 0) {
            take_over_bucket(keys->by_name[i], before->by_name[j]);
            if (has_own_figures(keys, keys->by_name[i]) &&
                has_own_figures(before, before->by_name[j]))
                take_over_figures(keys->by_name[i], before->by_name[j]);
        }
        i += order <= 0;
        j += order >= 0;
    }
}

struct keys *keys_load(const char *path, const struct keys *before, struct err *err)
{
    struct keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        err_set(err, ERR_RETRYABLE, "out of memory");
        return NULL;
    }
    atomic_init(&keys->refs, 1);
    if (!key_file_read(path, keys, err) || !give_figures(keys, before, err) ||
        !sort_keys(path, keys, err)) {
        keys_unref(&keys);
        return NULL;
    }
    if (before != NULL)
        take_over(keys, before);
    return keys;
}

/* ---- asking ---- */

const struct key *keys_find(const struct keys *keys, const unsigned char hash[KEY_HASH_SIZE])
{
    size_t low = 0, high = keys->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(keys->all[mid].hash, hash, KEY_HASH_SIZE) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < keys->n && sha256_equal(keys->all[low].hash, hash) ? &keys->all[low] : NULL;
}

bool key_may_use(const struct key *key, const char *account_id)
{
    size_t low = 0, high = key->n_accounts;
    if (key->accounts == NULL)
        return true;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(account_id, key->accounts[mid]);
        if (order == 0)
            return true;
        low = order > 0 ? mid + 1 : low;
        high = order > 0 ? high : mid;
    }
    return false;
}
