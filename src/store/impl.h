/* impl.h - declares what the files of the store share: its state, and its order_store functions. */
#ifndef STORE_IMPL_H
#define STORE_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/sync.h"
#include "orders/order_store.h"
#include "store/store.h"

struct pqpool;

/* The state of the health check (health.c). The atomic members may be used by any thread, with
 * relaxed order; the members under `mu` by any thread; the others only by the pool's janitor. */
struct store_health {
    struct buf sql, canary_sql; /* the SQL of the checks; owned, NUL-terminated, constant */
    bool on_canary;             /* the running check has a canary */
    bool unfinished;            /* the canary failed, so the rest of the check has not been made */
    bool trusted;               /* a canary has passed once */
    struct err refusal; /* why orders cannot be stored or read, as the EXPLAINs and the SELECT
                           found; empty if they found no reason */
    struct err canary_refusal; /* why no order can be stored, as the last canary found; empty if it
                                  found no reason */
    _Atomic(enum store_canary) canary;
    atomic_bool unlogged;
    atomic_bool citus; /* the database has the extension citus */
    atomic_bool blind; /* the role may not read the catalogs: see store_health_blind() */
    _Atomic(uint64_t) slot_wal_bytes; /* see store_slot_wal_bytes() */
    atomic_bool pooled;               /* a pooler stands between the sessions and the server */
    struct mutex mu;
    struct store_connections connections GUARDED_VAR;
    struct store_standbys standbys GUARDED_VAR;
};

struct store {
    struct order_store face;
    struct pqpool *pool; /* borrowed */
    bool prepare, require_sync_standby;
    atomic_bool lacks_standby; /* see store_lacks_standby() */
    atomic_bool fsync_off;     /* relaxed; set by each connect and each health check */
    struct store_health health;
};

/* Writes the SQL of the health checks. Returns false if out of memory. */
bool store_health_open(struct store *store) MUST_CHECK;
void store_health_fini(struct store *store);

/* The functions of struct order_store. `ctx` is a struct store. */
bool store_put(void *ctx, struct put_group *group, struct store_failure *failure);
enum lookup_rc store_get_by_keys(void *ctx, const struct order_key *keys, size_t n,
                                 struct order *out, int64_t deadline_at_ns, struct err *err);
enum lookup_rc store_get_by_id(void *ctx, const char *order_id, struct order *out,
                               int64_t deadline_at_ns, struct err *err);
enum lookup_rc store_list(void *ctx, const struct order_range *range, struct order_page *page,
                          int64_t deadline_at_ns, struct err *err);

#endif
