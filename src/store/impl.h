/* impl.h - what the files of the store share: its state and the functions behind the seam. */
#ifndef STORE_IMPL_H
#define STORE_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "orders/order_store.h"
#include "store/store.h"

struct pqpool;

/* The state of the health check (health.c). Atomic members are relaxed; only the janitor uses the
 * others. */
struct store_health {
    struct buf sql, canary_sql; /* owned; NUL-terminated; they never change */
    bool on_canary;             /* the check under way has a canary */
    bool unfinished;            /* the canary failed: the rest of the check is still to be made */
    bool trusted;               /* a canary has passed once */
    struct err refusal;         /* why no order can be stored or read; empty: orders can */
    struct err canary_refusal;  /* the same for the last canary */
    _Atomic(enum store_canary) canary;
    atomic_bool unlogged;
    atomic_bool blind; /* the role may not read what the check reads beside the table */
};

struct store {
    struct order_store face;
    struct pqpool *pool; /* borrowed */
    bool prepare;
    atomic_bool fsync_off; /* relaxed: written by connectors, read by health */
    struct store_health health;
};

/* False: out of memory. */
bool store_health_open(struct store *store) MUST_CHECK;
void store_health_fini(struct store *store);

/* The functions of struct order_store; ctx is a struct store. */
bool store_put(void *ctx, struct put_group *group, struct store_failure *failure);
enum lookup_rc store_get_by_keys(void *ctx, const struct order_key *keys, size_t n,
                                 struct order *out, int64_t deadline_at_ns, struct err *err);
enum lookup_rc store_get_by_id(void *ctx, const char *order_id, struct order *out,
                               int64_t deadline_at_ns, struct err *err);

#endif
