/* ingest.h - the bounded queue and the workers that commit what is in it, in groups.
 *
 * Natural batching: a worker takes what has queued up, at most group_max, and never waits for more;
 * idle means groups of one, load makes them grow. A worker makes one attempt at a time: what it
 * settles is delivered, what it does not goes back, whole or split, with a pause.
 *
 * An atomic list is a group of its own whatever its size, never split: all of it is stored or none,
 * all of it expires or none, and all of it comes back in one list.
 *
 * Threads    submits and ingest_expire(): any. on_done runs on a worker, with no lock held.
 * Ownership  an item is the caller's memory. From INGEST_OK until it comes back in on_done it must
 *            stay put; every accepted item comes back exactly once, the expired ones too. */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/metrics.h"
#include "orders/order.h"
#include "orders/order_store.h"

struct ingest; /* opaque */

/* QUEUED -> SENT by the worker just before the first send, QUEUED -> EXPIRED by whoever keeps the
 * deadline: one compare-and-swap, so exactly one of them wins. */
enum item_state { ITEM_QUEUED, ITEM_SENT, ITEM_EXPIRED };

enum item_verdict {
    ITEM_CREATED,
    ITEM_REPLAYED, /* put.stored */
    ITEM_REUSED,   /* put.stored, put.diff; stored.order_id is "" when it is an order of the same
                      atomic list, of which nothing is stored */
    ITEM_STALE,    /* too old before its first send, and not stored */
    ITEM_INVALID,  /* order.replay_only, and not stored */
    ITEM_REFUSED,  /* the database refuses this order: err.code */
    ITEM_BATCH_REFUSED,  /* of an atomic list: good, and not stored because another was refused */
    ITEM_FAILED,         /* a fault of ours; certainly not stored: err */
    ITEM_DATABASE_FAULT, /* the operator's or the server's fault (`fault`); certainly not stored,
                            and the same order can be stored once that is mended: err.code */
    ITEM_UNAVAILABLE,    /* not sent: no database; certainly not stored */
    ITEM_TIMED_OUT,      /* certainly not stored, and no time is left; also every expired item */
    ITEM_UNKNOWN,        /* sent, and no verdict: it may be stored now or later */
};
enum { ITEM_VERDICTS = ITEM_UNKNOWN + 1 };

/* Ingest's own: items that are attempted together. While it waits for its next attempt, a group is
 * kept in its first item, so that what was accepted needs no more memory until its verdict. */
struct ingest_group {
    struct ingest_item *first; /* the leaders: sorted by key, keys distinct unless known or atomic,
                                  linked by `next` */
    uint32_t n, n_items;       /* leaders; leaders and their followers */
    int64_t oldest_at_ns;      /* first receipt of its items */
    int64_t deadline_at_ns;    /* last deadline of its items */
    int64_t due_at_ns;         /* of the next attempt; 0: at once, and before any that failed */
    uint32_t failures;         /* whole attempts since it was formed or split: the pause grows */
    uint32_t blocked;          /* attempts that ended in STORE_RETRY_THEN_SPLIT */
    uint32_t rounds;           /* attempts that succeeded and left orders pending */
    bool sent;                 /* it went out once */
    bool in_doubt;             /* an attempt may have stored some of them */
    uint32_t doubt_database;   /* the put_group.sent_database of that attempt */
    bool suspect;              /* one of them seems to hold the others up */
    bool neighbour_stored;     /* an order that failed together with these has been stored since */
    bool failed_alike;         /* all its pieces failed in the same way: it is not split any more */
    bool known;                /* their keys are stored: compared and not sent */
    bool atomic; /* one list of ingest_submit_atomic(): nobody follows, none is parted */
};

struct ingest_item {
    struct order order;            /* in; owned by the item */
    int64_t received_at_ns;        /* in */
    int64_t deadline_at_ns;        /* in */
    void *owner;                   /* in; for on_done */
    _Atomic int state;             /* ingest's: read it by ingest_item_state() */
    enum item_verdict verdict;     /* out */
    struct order_put put;          /* out: stored, diff */
    struct err err;                /* out: REFUSED, FAILED, DATABASE_FAULT, UNAVAILABLE, UNKNOWN */
    enum store_fault fault;        /* out: REFUSED, FAILED, DATABASE_FAULT; else FAULT_NONE */
    struct ingest_item *next;      /* the queue's, then on_done's list */
    struct ingest_item *followers; /* ingest's: later orders with the same key */
    bool lookup_decided;           /* ingest's: put.lookup_only is set for this attempt */
    struct ingest_item *batch;     /* ingest's: the item whose state is that of its whole atomic
                                      list; else NULL */
    struct ingest_group parked;    /* ingest's: the group that waits with this item at its head */
};

/* The verdict of an order whose failure is certain and is not tried again. */
enum item_verdict ingest_verdict_of(enum store_fault fault);

/* Frees the order. */
void ingest_item_fini(struct ingest_item *item);

/* The most metadata in one group, except an atomic one. This bounds a statement, and the buffers
 * that its connection to the database keeps. */
enum { INGEST_GROUP_METADATA_MAX = 1024 * 1024 };

struct ingest_options {
    const struct order_store *store; /* borrowed, outlives the ingest */
    uint32_t workers, group_max;
    uint32_t capacity;  /* orders accepted and not yet given back, those in an attempt too */
    uint64_t max_bytes; /* of the same: the items and their metadata */
    int64_t commit_timeout_ns;
    int64_t queue_wait_max_ns;
    /* Items that have their verdict, linked by `next`, oldest first. The receiver owns them now. */
    void (*on_done)(void *ctx, struct ingest_item *first);
    /* What deserves a log line: "group." retry, split, failed, unavailable, timed_out, abandoned,
     * elsewhere (in doubt at a database that has been replaced by another one);
     * "order." refused, failed. `err` is the reason, `orders` how many it is about (an atomic list
     * may be refused as a whole). */
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
    struct counter failed_orders[STORE_FAULTS]; /* orders that ended so, by whose fault */
    struct counter retries[RETRY_REASONS];
    /* orders that were in doubt: found or stored as ours; another holds the key; never known */
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
    uint64_t groups;       /* attempts; 0: the last group that mattered was stored */
    bool several_accounts; /* orders of two accounts at least were in them */
    int64_t first_at_ns;
    /* of the last failure so far, also when a group was stored after it; last_at_ns 0: none yet */
    enum store_fault fault;
    char sqlstate[6]; /* "": the error was not the server's */
    int64_t last_at_ns;
};

/* NULL on failure (no memory, no thread): *err. */
struct ingest *ingest_open(const struct ingest_options *options, struct err *err) MUST_CHECK;

/* Takes a list, linked by `next` and ended by NULL (one item is a list too), whole or not at all;
 * if not, it stays as it was, and *retry_after_ns is when room is expected. A list longer than
 * `capacity` is INGEST_FULL for ever. Its orders go into groups as any others, in its order. */
enum ingest_rc ingest_submit(struct ingest *ingest, struct ingest_item *first,
                             int64_t *retry_after_ns) MUST_CHECK;

/* The same for a list of which all orders are to be stored, or none. A key may stand in it twice:
 * the later order is a replay of the earlier one, or else ITEM_REUSED. */
enum ingest_rc ingest_submit_atomic(struct ingest *ingest, struct ingest_item *first,
                                    int64_t *retry_after_ns) MUST_CHECK;

/* QUEUED -> EXPIRED, for the whole list when it is atomic. True: it will not be written any more,
 * and comes back as ITEM_TIMED_OUT. False: it was sent, or has expired already. If it was sent its
 * outcome is the worker's to find. */
bool ingest_expire(struct ingest_item *item) MUST_CHECK;

/* For whoever holds the item, also after on_done; of an atomic list, while all of it lives. */
enum item_state ingest_item_state(const struct ingest_item *item);

/* Refuses new items from now on; those accepted go on. */
void ingest_drain(struct ingest *ingest);

/* Drains until empty or the deadline, then gives back what is left (in doubt: UNKNOWN, else
 * UNAVAILABLE) and joins the workers. An attempt under way at the deadline is waited for: at most a
 * third of commit_timeout. After it on_done comes no more, new items are refused, and the figures
 * can still be read. NULL is a no-op. */
void ingest_stop(struct ingest *ingest, int64_t deadline_at_ns);

/* ingest_stop(), and frees. NULL is a no-op. */
void ingest_close(struct ingest **ingest, int64_t deadline_at_ns);

const struct ingest_metrics *ingest_metrics(const struct ingest *ingest);
void ingest_gauges(struct ingest *ingest, struct ingest_gauges *out);
void ingest_failure_streak(struct ingest *ingest, struct ingest_streak *out);

#endif
