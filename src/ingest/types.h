/* types.h - the types of the ingest's interface, and the functions of one item (items.c). The files
 * of src/ingest include this header. All other files include ingest.h, which states threads and
 * ownership. */
#ifndef INGEST_TYPES_H
#define INGEST_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/list.h"
#include "base/metrics.h"
#include "ingest/own.h"
#include "orders/order.h"
#include "orders/order_store.h"

/* The worker moves an item from QUEUED to SENT just before the first send. The thread that keeps
 * the deadline moves an item from QUEUED to EXPIRED. Each move is one compare-and-swap, so exactly
 * one of the two succeeds. */
enum item_state { ITEM_QUEUED, ITEM_SENT, ITEM_EXPIRED };

enum item_verdict {
    ITEM_CREATED,
    ITEM_REPLAYED, /* the same order was stored before: ingest_item_stored() */
    /* Another order has this key: ingest_item_stored() and ingest_item_diff(). If the other order
     * is in the same atomic list, nothing of the list is stored and the stored order_id is "". */
    ITEM_REUSED,
    ITEM_STALE,   /* not stored: the order was too old before its first send */
    ITEM_INVALID, /* not stored, because order.replay_only is set */
    ITEM_REFUSED, /* not stored: the database refuses this order, see err */
    /* Not stored, because another order of the same atomic list was refused. */
    ITEM_BATCH_REFUSED,
    ITEM_FAILED, /* certainly not stored, by a fault of the service: see err */
    /* Certainly not stored, by a fault of the operator or the server (`fault`, `err`). The same
     * order can be stored when the fault has been mended. */
    ITEM_DATABASE_FAULT,
    ITEM_UNAVAILABLE, /* certainly not stored: there was no database to send the order to */
    ITEM_TIMED_OUT,   /* certainly not stored, and the time is over; also every expired item */
    ITEM_UNKNOWN,     /* sent, but without a verdict: the order may be stored now or later */
};
enum { ITEM_VERDICTS = ITEM_UNKNOWN + 1 };

struct ingest_item {
    struct order order;        /* in; owned by the item */
    int64_t received_at_ns;    /* in */
    int64_t deadline_at_ns;    /* in */
    void *owner;               /* in; not used by the ingest */
    struct fifo_node link;     /* links the list of a submit, and later the list of on_done */
    enum item_verdict verdict; /* out */
    struct err err;            /* out, if REFUSED, FAILED, DATABASE_FAULT, UNAVAILABLE or UNKNOWN */
    enum store_fault fault;    /* out, if REFUSED, FAILED or DATABASE_FAULT; else FAULT_NONE */
    struct ingest_own own;     /* used only by src/ingest: see own.h */
};

/* Returns the order that was stored before, if the verdict is REPLAYED or REUSED. Borrowed from the
 * item. */
static inline const struct order_stored *ingest_item_stored(const struct ingest_item *item)
{
    return &item->own.put.stored;
}

/* Returns the fields in which the two orders differ, if the verdict is REUSED: see order_diff() in
 * orders/order.h. */
static inline unsigned ingest_item_diff(const struct ingest_item *item)
{
    return item->own.put.diff;
}

/* Returns the verdict of an order that failed by this fault, is certainly not stored, and is not
 * tried again. */
enum item_verdict ingest_verdict_of(enum store_fault fault);

/* Frees the item's order. */
void ingest_item_fini(struct ingest_item *item);

/* Moves the item from QUEUED to EXPIRED, with its whole list if the list is atomic. If it returns
 * true, the item will not be written, and comes back as ITEM_TIMED_OUT. It returns false if the
 * item was sent or has expired already. If the item was sent, the worker finds its outcome. */
bool ingest_expire(struct ingest_item *item) MUST_CHECK;

/* Returns the state of the item, also after on_done. The items of an atomic list share one state,
 * so all of them must still be allocated. */
enum item_state ingest_item_state(const struct ingest_item *item);

/* The largest sum of metadata, in bytes, in one group that is not atomic. It limits the size of a
 * statement, and so the buffers that libpq keeps for the connection. */
enum { INGEST_GROUP_METADATA_MAX = 1024 * 1024 };

struct ingest_options {
    const struct order_store *store; /* borrowed; must outlive the ingest */
    uint32_t workers, group_max;
    uint32_t capacity;  /* most orders that are accepted and not given back yet */
    uint64_t max_bytes; /* most bytes of these orders: the items and their metadata */
    int64_t commit_timeout_ns;
    int64_t queue_wait_max_ns;
    /* Gets the items that have a verdict, linked by `link`, oldest first. The receiver then owns
     * them. */
    void (*on_done)(void *ctx, struct fifo *items);
    /* Called for each event that is worth a log line: "group.retry", "group.split", "group.failed",
     * "group.unavailable", "group.timed_out", "group.abandoned", "group.elsewhere" (the group is in
     * doubt at a database that has been replaced by another one), "order.refused" and
     * "order.failed". `err` is the reason. `orders` is the number of orders concerned; an atomic
     * list may be refused as a whole. */
    void (*on_event)(void *ctx, const char *event, const struct err *err, size_t orders);
    void *ctx;
};

enum ingest_rc {
    INGEST_OK,
    INGEST_FULL,   /* `capacity` or `max_bytes` would be exceeded */
    INGEST_SLOW,   /* the wait would be longer than queue_wait_max_ns */
    INGEST_CLOSED, /* the ingest drains or is stopped */
};

struct ingest_metrics {
    struct histogram group_orders;
    struct counter commits_ok, commits_failed;  /* attempts at a group */
    struct counter failed_groups[STORE_FAULTS]; /* failed attempts, by fault */
    struct counter failed_orders[STORE_FAULTS]; /* orders that ended by a failure, by fault */
    struct counter retries[RETRY_REASONS];
    /* Orders that were in doubt. stored: our order was found or written. absent: another order has
     * the key. unresolved: the outcome was never known. */
    struct counter ambiguous_stored, ambiguous_absent, ambiguous_unresolved;
    struct counter splits;
};

struct ingest_gauges {
    uint32_t depth, capacity; /* orders that are in no attempt; ingest_options.capacity */
    uint64_t bytes;
    int64_t oldest_age_ns; /* 0: the queue is empty */
    uint32_t workers, workers_busy;
    int64_t estimated_wait_ns;
};

/* The groups that have failed by a fault of the operator, the server or the service since any group
 * last stored an order. A piece of a split group does not count if another piece was stored. */
struct ingest_streak {
    uint64_t groups;       /* failed attempts; 0: none since an order was last stored */
    bool several_accounts; /* the failed groups had orders of at least two accounts */
    int64_t first_at_ns;
    /* The last failure, even if a group was stored after it. last_at_ns is 0 if there was none
     * yet. */
    enum store_fault fault;
    char sqlstate[6]; /* "": the error did not come from the server */
    int64_t last_at_ns;
};

#endif
