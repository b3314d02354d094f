/* types.h - the types of the ingest's interface, and the functions of one item (items.c). The files
 * of this folder include it. All others include ingest.h, which states threads and ownership. */
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

/* QUEUED -> SENT by the worker just before the first send, QUEUED -> EXPIRED by the thread that
 * keeps the deadline. Each is one compare-and-swap, so exactly one of them wins. */
enum item_state { ITEM_QUEUED, ITEM_SENT, ITEM_EXPIRED };

enum item_verdict {
    ITEM_CREATED,
    ITEM_REPLAYED, /* ingest_item_stored() */
    ITEM_REUSED,   /* as REPLAYED, and ingest_item_diff(); the stored order_id is "" if the other
                      order   is of the same atomic list, of which nothing is stored */
    ITEM_STALE,    /* too old before its first send, and not stored */
    ITEM_INVALID,  /* order.replay_only, and not stored */
    ITEM_REFUSED,  /* the database refuses this order: err.code */
    ITEM_BATCH_REFUSED,  /* of an atomic list: not refused itself, and not stored because another
                            order was */
    ITEM_FAILED,         /* a fault of ours; certainly not stored: err */
    ITEM_DATABASE_FAULT, /* the operator's or the server's fault (`fault`); certainly not stored.
                            The same order can be stored when the fault has been mended: err.code */
    ITEM_UNAVAILABLE,    /* not sent: no database; certainly not stored */
    ITEM_TIMED_OUT,      /* certainly not stored, and no time is left; also every expired item */
    ITEM_UNKNOWN,        /* sent, and no verdict: it may be stored now or later */
};
enum { ITEM_VERDICTS = ITEM_UNKNOWN + 1 };

struct ingest_item {
    struct order order;        /* in; owned by the item */
    int64_t received_at_ns;    /* in */
    int64_t deadline_at_ns;    /* in */
    void *owner;               /* in; for on_done */
    struct fifo_node link;     /* in the list of a submit, and in that of on_done */
    enum item_verdict verdict; /* out */
    struct err err;            /* out: REFUSED, FAILED, DATABASE_FAULT, UNAVAILABLE, UNKNOWN */
    enum store_fault fault;    /* out: REFUSED, FAILED, DATABASE_FAULT; else FAULT_NONE */
    struct ingest_own own;     /* the ingest's: own.h */
};

/* For REPLAYED and REUSED: the order that was stored already. Borrowed from the item. */
static inline const struct order_stored *ingest_item_stored(const struct ingest_item *item)
{
    return &item->own.put.stored;
}

/* For REUSED: the fields in which the two orders differ (order_diff() in orders/order.h). */
static inline unsigned ingest_item_diff(const struct ingest_item *item)
{
    return item->own.put.diff;
}

/* The verdict of an order whose failure is certain and is not tried again. */
enum item_verdict ingest_verdict_of(enum store_fault fault);

/* Frees the order. */
void ingest_item_fini(struct ingest_item *item);

/* QUEUED -> EXPIRED, for the whole list if it is atomic. True: the item will not be written any
 * more, and comes back as ITEM_TIMED_OUT. False: it was sent, or has expired already. If it was
 * sent, the worker finds its outcome. */
bool ingest_expire(struct ingest_item *item) MUST_CHECK;

/* May be called after on_done, too. All items of an atomic list must still live, since they share
 * one state. */
enum item_state ingest_item_state(const struct ingest_item *item);

/* The most metadata in one group that is not atomic. It bounds a statement, and so the buffers that
 * libpq keeps for the connection. */
enum { INGEST_GROUP_METADATA_MAX = 1024 * 1024 };

struct ingest_options {
    const struct order_store *store; /* borrowed, outlives the ingest */
    uint32_t workers, group_max;
    uint32_t capacity;  /* orders accepted and not yet given back, those in an attempt too */
    uint64_t max_bytes; /* the same in bytes: the items and their metadata */
    int64_t commit_timeout_ns;
    int64_t queue_wait_max_ns;
    /* Items that have their verdict, linked by `link`, oldest first. The receiver owns them now. */
    void (*on_done)(void *ctx, struct fifo *items);
    /* Called for each event that deserves a log line. "group." retry, split, failed, unavailable,
     * timed_out, abandoned, elsewhere (in doubt at a database that has been replaced by another
     * one); "order." refused, failed. `err` is the reason, `orders` the number of orders concerned
     * (an atomic list may be refused as a whole). */
    void (*on_event)(void *ctx, const char *event, const struct err *err, size_t orders);
    void *ctx;
};

enum ingest_rc {
    INGEST_OK,
    INGEST_FULL,   /* capacity or bytes */
    INGEST_SLOW,   /* the wait would be longer than queue_wait_max */
    INGEST_CLOSED, /* draining */
};

struct ingest_metrics {
    struct histogram group_orders;
    struct counter commits_ok, commits_failed;  /* attempts at a group */
    struct counter failed_groups[STORE_FAULTS]; /* attempts that failed, by whose fault */
    struct counter failed_orders[STORE_FAULTS]; /* orders that ended by a failure, by whose fault */
    struct counter retries[RETRY_REASONS];
    /* orders that were in doubt. stored: our order was found or written; absent: another order
     * holds the key; unresolved: the outcome was never known */
    struct counter ambiguous_stored, ambiguous_absent, ambiguous_unresolved;
    struct counter splits;
};

struct ingest_gauges {
    uint32_t depth, capacity; /* orders not yet in an attempt */
    uint64_t bytes;
    int64_t oldest_age_ns; /* 0 when empty */
    uint32_t workers, workers_busy;
    int64_t estimated_wait_ns;
};

/* Groups that failed by the operator's, the server's or our own fault since any group last stored
 * an order. A group that fails beside a neighbour that is stored is not among them. */
struct ingest_streak {
    uint64_t groups;       /* failed attempts; 0: none since an order was stored */
    bool several_accounts; /* orders of two accounts at least were in them */
    int64_t first_at_ns;
    /* of the last failure, also if a group was stored after it; last_at_ns 0: none yet */
    enum store_fault fault;
    char sqlstate[6]; /* "": the error was not the server's */
    int64_t last_at_ns;
};

#endif
