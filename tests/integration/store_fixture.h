/* store_fixture.h - a cluster, a pool and a store for one test, and orders to put into it. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "integration/patience.h"
#include "orders/order_store.h"
#include "pqpool/pqpool.h"
#include "store/store.h"
#include "support/cluster.h"
#include "support/engine.h"
#include "support/pooler.h"
#include "support/wait.h"

enum { FIXTURE_GROUP_MAX = 512 };

struct fixture {
    struct cluster *cluster;
    struct pqpool *pool;
    struct store *store;
    const struct order_store *orders;
};

static inline int64_t in_seconds(double seconds)
{
    return clock_after(clock_now_ns(), (int64_t)(seconds * NS_PER_S));
}

/* Opens a pool on conninfo and the store over it. There is no schema yet. */
static inline void fixture_connect(struct fixture *f, const char *conninfo, bool prepare)
{
    struct err err = { 0 };
    cr_assert(store_open(&(struct store_options){ .prepare = prepare }, &f->store, &err));
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.conninfo = conninfo;
    options.min_pool_size = 0;
    options.max_pool_size = 4;
    options.warmup = false;
    options.initial_retry_delay_ns = PQPOOL_SECONDS(0.05);
    options.on_connect = store_on_connect;
    options.ctx = f->store;
    cr_assert_eq(pqpool_open(&options, &f->pool, &err), PQPOOL_OK, "%s", err.text);
    store_attach(f->store, f->pool);
    f->orders = store_as_order_store(f->store);
}

static inline void fixture_disconnect(struct fixture *f)
{
    pqpool_close(&f->pool, in_seconds(5));
    store_close(&f->store);
}

static inline void fixture_migrate(struct fixture *f)
{
    struct err err = { 0 };
    cr_assert_eq(store_migrate(f->pool, in_seconds(30), &err), MIGRATE_OK, "%s", err.text);
}

/* Opens the cluster, the pool and the store. */
static inline struct fixture fixture_open(bool prepare)
{
    struct fixture f = { .cluster = cluster_open(NULL) };
    engine_prepare(f.cluster);
    fixture_connect(&f, pooler_conninfo_for(f.cluster), prepare && !pooler_forbids_prepare());
    fixture_migrate(&f);
    return f;
}

static inline void fixture_close(struct fixture *f)
{
    fixture_disconnect(f);
    cluster_close(&f->cluster);
}

/* Makes a stamped order to buy 1 at 2.5, without metadata. */
static inline struct order make_order(const char *account_id, const char *client_order_id)
{
    struct order o = { .side = ORDER_BUY, .type = ORDER_LIMIT, .time_in_force = ORDER_DAY };
    (void)snprintf(o.account_id, sizeof o.account_id, "%s", account_id);
    (void)snprintf(o.client_order_id, sizeof o.client_order_id, "%s", client_order_id);
    (void)snprintf(o.symbol, sizeof o.symbol, "EURUSD");
    (void)snprintf(o.quantity, sizeof o.quantity, "1");
    (void)snprintf(o.limit_price, sizeof o.limit_price, "2.5");
    order_stamp(&o, clock_wall_us());
    return o;
}

/* Sets a copy of `json`, or no metadata if it is NULL. order_fini() frees it. */
static inline void set_metadata(struct order *order, const char *json)
{
    order_fini(order);
    order->metadata = json != NULL ? strdup(json) : NULL;
    order->metadata_len = json != NULL ? strlen(json) : 0;
}

static inline void nothing_before_send(UNUSED void *arg, UNUSED struct put_group *group)
{
}

/* Makes one attempt. The puts must be sorted by key. */
static inline bool put_within(struct fixture *f, struct order_put *puts, size_t n, bool in_doubt,
                              double seconds, struct store_failure *failure)
{
    struct order_put *pointers[FIXTURE_GROUP_MAX];
    cr_assert_leq(n, FIXTURE_GROUP_MAX);
    for (size_t i = 0; i < n; i++)
        pointers[i] = &puts[i];
    struct put_group group = {
        .puts = pointers,
        .n = n,
        .in_doubt = in_doubt,
        .deadline_at_ns = in_seconds(seconds),
        .before_send = nothing_before_send,
    };
    return f->orders->put(f->orders->ctx, &group, failure);
}

static inline bool put(struct fixture *f, struct order_put *puts, size_t n,
                       struct store_failure *failure)
{
    return put_within(f, puts, n, false, 20, failure);
}

/* Puts one order and returns its verdict. The attempt must succeed. */
static inline enum put_verdict put_one(struct fixture *f, const struct order *order, unsigned *diff)
{
    struct order_put one = { .order = order };
    struct store_failure failure;
    cr_assert(put(f, &one, 1, &failure), "%s %s", failure.err.code, failure.err.text);
    if (diff != NULL)
        *diff = one.diff;
    return one.verdict;
}

static inline int64_t count_orders(struct fixture *f)
{
    return cluster_query_int(f->cluster, "SELECT count(*) FROM orders");
}

#endif
