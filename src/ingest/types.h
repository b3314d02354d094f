/* types.h - declares the types of ingest.h, and the functions that work on one item. An item is one
 * order on its way through the ingest. The files of src/ingest include this header. All other files
 * include ingest.h, which states threads and ownership. */
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

/* A worker moves an item from QUEUED to SENT just before the first send. At the item's deadline,
 * the handler that submitted the item calls ingest_expire() to move the item from QUEUED to
 * EXPIRED. Each move is one compare-and-swap, so only one of the two succeeds. */
enum item_state { ITEM_QUEUED, ITEM_SENT, ITEM_EXPIRED };

enum item_verdict {
    ITEM_CREATED,
    ITEM_REPLAYED, /* the same order was stored before: see ingest_item_stored() */
    /* An order with other content has this key: see ingest_item_stored() and ingest_item_diff(). If
     * that order is in the same atomic batch, and was not stored before, nothing of the batch is
     * stored, and the order_id of ingest_item_stored() is "". */
    ITEM_REUSED,
    ITEM_STALE,   /* not stored: too old at the first send, and the key is not stored */
    ITEM_INVALID, /* not stored: order.replay_only is set, and the key is not stored */
    ITEM_REFUSED, /* not stored: the database refuses this order, see err */
    /* Not stored, because another order of the same atomic batch could not be stored. */
    ITEM_BATCH_REFUSED,
    ITEM_FAILED, /* certainly not stored, because ordersd is at fault: see err */
    /* Certainly not stored, because the operator or those who run the server must mend a fault
     * first: see `fault` and `err`. The same order can be stored after that. */
    ITEM_DATABASE_FAULT,
    ITEM_UNAVAILABLE, /* certainly not stored: no connection, or the ingest was stopped */
    ITEM_TIMED_OUT,   /* the deadline has passed; the order is certainly not stored */
    ITEM_UNKNOWN,     /* sent, but no definite answer came: the order may be stored now or later */
};
enum { ITEM_VERDICTS = ITEM_UNKNOWN + 1 };

struct ingest_item {
    struct order order;     /* in; owned by the item */
    int64_t received_at_ns; /* in */
    int64_t deadline_at_ns; /* in */
    /* In; read only from the first item of a submit. A hash of the client, by which turns.h tells
     * clients apart. */
    uint64_t client_hash;
    void *owner;               /* in; not used by the ingest */
    struct fifo_node link;     /* links the list of a submit, then that of on_done */
    enum item_verdict verdict; /* out */
    /* Out; owned by the item. NULL, or why the last attempt failed: read it by ingest_item_err().
     * It is allocated when it is needed, because few orders need it. Whoever counts the memory of
     * items counts sizeof(struct err) for each. */
    struct err *err;
    enum store_fault fault; /* out; FAULT_NONE unless REFUSED, FAILED or DATABASE_FAULT */
    struct ingest_own own;  /* used only by src/ingest: see own.h */
};

/* Returns the order that was stored before. Valid only if the verdict is REPLAYED or REUSED.
 * Borrowed from the item. */
static inline const struct order_stored *ingest_item_stored(const struct ingest_item *item)
{
    return &item->own.put.stored;
}

/* Returns the fields in which the item's order differs from the stored order, as order_diff() does.
 * Valid only if the verdict is REUSED. */
static inline unsigned ingest_item_diff(const struct ingest_item *item)
{
    return item->own.put.diff;
}

/* Returns why the order has its verdict, if that is REFUSED, FAILED, DATABASE_FAULT, UNAVAILABLE or
 * UNKNOWN. Never NULL. Borrowed from the item. */
const struct err *ingest_item_err(const struct ingest_item *item);

/* Returns the verdict of an order that, because of `fault`, is certainly not stored and is not
 * tried again. */
enum item_verdict ingest_verdict_of(enum store_fault fault);

/* Frees what the item owns: its order and `err`. */
void ingest_item_fini(struct ingest_item *item);

/* Moves the item, and with it all items of its atomic batch, from QUEUED to EXPIRED. If it returns
 * true, the item will not be written, and comes back as ITEM_TIMED_OUT. It returns false if the
 * item was sent or has expired already. If the item was sent, the worker finds its outcome. */
bool ingest_expire(struct ingest_item *item) MUST_CHECK;

/* Returns the state of the item. May also be called after on_done. The items of an atomic batch
 * share one state, so all of them must still be allocated. */
enum item_state ingest_item_state(const struct ingest_item *item);

/* The most metadata, in bytes, that a group may have, unless it is atomic. This limits the size of
 * a statement, and so of the buffers that libpq keeps for the connection. */
enum { INGEST_GROUP_METADATA_MAX = 1024 * 1024 };

struct ingest_options {
    const struct order_store *store; /* borrowed; must outlive the ingest */
    uint32_t workers;                /* the most groups in flight */
    uint32_t group_max;
    uint32_t capacity;  /* most orders that were accepted and not given back yet */
    uint64_t max_bytes; /* most bytes of the orders that `capacity` counts, with metadata */
    int64_t commit_timeout_ns;
    int64_t queue_wait_max_ns;
    /* Receives items that have a verdict, linked by `link`, oldest first. From this call on, the
     * items belong to the receiver. */
    void (*on_done)(void *ctx, struct fifo *items);
    /* Called for each event that is worth a log line: "group.retry", "group.split", "group.failed",
     * "group.unavailable", "group.timed_out", "group.abandoned", "group.elsewhere" (the group is in
     * doubt at another database than the one that answers now), "order.refused" and "order.failed".
     * `err` is the reason. The event concerns `orders` orders; "order.refused" concerns all orders
     * of an atomic batch if the batch is refused as a whole. */
    void (*on_event)(void *ctx, const char *event, const struct err *err, size_t orders);
    void *ctx;
};

enum ingest_rc {
    INGEST_OK,
    INGEST_FULL,   /* `capacity` or `max_bytes` would be exceeded */
    INGEST_SLOW,   /* the wait would be longer than queue_wait_max_ns */
    INGEST_CLOSED, /* ingest_drain() or ingest_stop() was called */
};

struct ingest_metrics {
    struct histogram group_orders;
    struct counter commits_ok, commits_failed;  /* attempts that sent an INSERT */
    struct counter failed_groups[STORE_FAULTS]; /* failed attempts, by fault */
    struct counter failed_orders[STORE_FAULTS]; /* orders whose verdict is a failure, by fault */
    struct counter retries[RETRY_REASONS];
    /* Orders that were in doubt and have a verdict. stored: the order is stored. absent: an order
     * with another order_id has the key. unresolved: the order may be stored (ITEM_UNKNOWN). */
    struct counter ambiguous_stored, ambiguous_absent, ambiguous_unresolved;
    struct counter splits;
};

struct ingest_gauges {
    uint32_t depth, capacity; /* orders that wait for an attempt; ingest_options.capacity */
    uint64_t bytes;
    int64_t oldest_age_ns; /* 0: the queue is empty */
    uint32_t workers, workers_busy;
    uint32_t accounts_stalled; /* see stalled.h */
    uint32_t groups_allowed;   /* groups of equal size that may be in flight: see pace.h */
    int64_t estimated_wait_ns;
};

/* Failures of groups since an order was last stored. Only failures by fault of the operator, the
 * server or ordersd count. A piece of a split group does not count if another piece of that group
 * stored an order. */
struct ingest_streak {
    uint64_t groups;       /* number of these failures; 0: no streak */
    bool several_accounts; /* the failed groups had orders of at least two accounts */
    int64_t first_at_ns;
    /* The last failure, even if an order was stored after it. last_at_ns is 0 if there was none. */
    enum store_fault fault;
    char sqlstate[6]; /* "": the error did not come from the server */
    int64_t last_at_ns;
};

#endif
