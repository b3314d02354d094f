/* ingest_rig.h - shared by the tests of ingest/: makes rows of orders, receives them when they come
 * back, and counts them. Its functions are inline, because the support library links no layer but
 * base. */
#ifndef SUPPORT_INGEST_RIG_H
#define SUPPORT_INGEST_RIG_H

#include "base/check.h"
#include "base/clock.h"
#include "base/sync.h"
#include "ingest/ingest.h"
#include "support/fake_store.h"

struct rig {
    struct fake_store *store;
    struct ingest_options options;
    struct ingest *ingest;
    struct ingest_item *items;
    uint32_t n;
    uint32_t *came_back; /* [n] how often each item came back */

    struct mutex mu;
    struct cond changed;
    uint32_t n_done, n_lists;
    bool unsorted; /* a list came back that was not sorted, oldest first */
    uint32_t retries, splits;
};

static inline void rig_done(void *ctx, struct fifo *items)
{
    struct rig *rig = ctx;
    mutex_lock(&rig->mu);
    rig->n_lists++;
    int64_t before_ns = INT64_MIN;
    for (struct fifo_node *node; (node = fifo_pop(items)) != NULL;) {
        const struct ingest_item *item = CONTAINER_OF(node, struct ingest_item, link);
        rig->n_done++;
        rig->came_back[item - rig->items]++;
        rig->unsorted |= item->received_at_ns < before_ns;
        before_ns = item->received_at_ns;
    }
    cond_broadcast(&rig->changed);
    mutex_unlock(&rig->mu);
}

static inline void rig_event(void *ctx, const char *event, const struct err *err, size_t orders)
{
    struct rig *rig = ctx;
    CHECK(event != NULL);
    CHECK(err != NULL);
    CHECK(orders > 0);
    mutex_lock(&rig->mu);
    rig->retries += strcmp(event, "group.retry") == 0;
    rig->splits += strcmp(event, "group.split") == 0;
    mutex_unlock(&rig->mu);
}

/* Fills in item i: account "acc", client_order_id and order_id of five digits, quantity 1, and a
 * deadline in a minute. */
static inline void rig_item(struct ingest_item *item, uint32_t i)
{
    *item = (struct ingest_item){ .received_at_ns = clock_now_ns() };
    item->deadline_at_ns = clock_after(item->received_at_ns, 60 * NS_PER_S);
    (void)snprintf(item->order.account_id, sizeof item->order.account_id, "acc");
    (void)snprintf(item->order.client_order_id, sizeof item->order.client_order_id, "%05u", i);
    (void)snprintf(item->order.order_id, sizeof item->order.order_id, "id-%05u", i);
    (void)snprintf(item->order.quantity, sizeof item->order.quantity, "1");
}

static inline void rig_init(struct rig *rig, uint32_t n)
{
    *rig = (struct rig){ .n = n, .store = fake_store_new() };
    rig->items = calloc(n, sizeof *rig->items);
    rig->came_back = calloc(n, sizeof *rig->came_back);
    CHECK(rig->items != NULL);
    CHECK(rig->came_back != NULL);
    for (uint32_t i = 0; i < n; i++)
        rig_item(&rig->items[i], i);
    mutex_init(&rig->mu);
    cond_init(&rig->changed);
    rig->options = (struct ingest_options){
        .store = &rig->store->vtable,
        .workers = 2,
        .group_max = 512,
        .capacity = 65536,
        .max_bytes = UINT64_C(1) << 30,
        .commit_timeout_ns = 10 * NS_PER_S,
        .queue_wait_max_ns = CLOCK_NEVER,
        .on_done = rig_done,
        .on_event = rig_event,
        .ctx = rig,
    };
}

/* Gives the item the key of item `as`, but leaves it its own content. */
static inline void rig_same_key(struct rig *rig, uint32_t item, uint32_t as)
{
    memcpy(rig->items[item].order.client_order_id, rig->items[as].order.client_order_id,
           sizeof rig->items[item].order.client_order_id);
}

/* Links the items [from, to) in this order. */
static inline struct fifo rig_list(struct rig *rig, uint32_t from, uint32_t to)
{
    struct fifo items = { NULL, NULL };
    for (uint32_t i = from; i < to; i++)
        fifo_push(&items, &rig->items[i].link);
    return items;
}

static inline void rig_open(struct rig *rig)
{
    struct err err;
    rig->ingest = ingest_open(&rig->options, &err);
    CHECK(rig->ingest != NULL);
}

static inline void rig_submit(struct rig *rig, uint32_t from, uint32_t to)
{
    int64_t retry_after_ns;
    for (uint32_t i = from; i < to; i++) {
        struct fifo items = rig_list(rig, i, i + 1);
        CHECK(ingest_submit(rig->ingest, &items, &retry_after_ns) == INGEST_OK);
    }
}

/* Waits until n items have come back. Returns false after 20 s. */
static inline bool rig_wait(struct rig *rig, uint32_t n)
{
    int64_t until_ns = clock_after(clock_now_ns(), 20 * NS_PER_S);
    bool in_time = true;
    mutex_lock(&rig->mu);
    while (rig->n_done < n && in_time)
        in_time = cond_wait_until(&rig->changed, &rig->mu, until_ns);
    mutex_unlock(&rig->mu);
    return in_time;
}

/* Returns how many items of [from, to) came back exactly once with this verdict. */
static inline uint32_t rig_count(struct rig *rig, uint32_t from, uint32_t to,
                                 enum item_verdict verdict)
{
    uint32_t n = 0;
    mutex_lock(&rig->mu);
    for (uint32_t i = from; i < to; i++)
        n += rig->came_back[i] == 1 && rig->items[i].verdict == verdict;
    mutex_unlock(&rig->mu);
    return n;
}

static inline void rig_fini(struct rig *rig)
{
    ingest_close(&rig->ingest, clock_after(clock_now_ns(), 20 * NS_PER_S));
    for (uint32_t i = 0; i < rig->n; i++)
        ingest_item_fini(&rig->items[i]);
    free(rig->items);
    free(rig->came_back);
    fake_store_free(rig->store);
    cond_fini(&rig->changed);
    mutex_fini(&rig->mu);
}

#endif
