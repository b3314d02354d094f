/* own.h - declares the members of an item that only src/ingest uses. They are part of the item,
 * because the caller provides its memory.
 *
 * A group is the orders that one attempt writes together. While a group waits for its next attempt,
 * its struct ingest_group is kept in its first item, so nothing is allocated for the group. */
#ifndef INGEST_OWN_H
#define INGEST_OWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "orders/order_store.h"

enum group_kind {
    GROUP_PLAIN,   /* of several orders with one key the first is sent, and its duplicates wait */
    GROUP_ATOMIC,  /* one atomic batch: never split; orders with one key are no duplicates */
    GROUP_COMPARE, /* the keys are stored already, so the orders are only compared */
};

enum group_sending {
    GROUP_UNSENT,
    GROUP_SENT,     /* sent at least once */
    GROUP_IN_DOUBT, /* an attempt may have stored some of the orders */
};

/* Whether one order seems to delay the others, or to make the group fail. */
enum group_suspicion {
    GROUP_TRUSTED,
    GROUP_SUSPECT, /* one order seems to delay the others or to make the group fail */
    /* The group is a piece of a split group, and another piece of that group stored an order. */
    GROUP_NEIGHBOUR_STORED,
    /* All pieces of the group failed in the same way, so the group is not split again. */
    GROUP_FAILED_ALIKE,
};

struct ingest_group {
    struct fifo items;   /* linked by `link`, sorted by key; no key twice if GROUP_PLAIN */
    uint32_t n, n_items; /* number of `items`, without duplicates and with them */
    enum group_kind kind;
    enum group_sending sending;     /* changed by group_move_sending() */
    enum group_suspicion suspicion; /* changed by group_move_suspicion() */
    /* The account of all the orders is stalled (stalled.h), so no single order is at fault, and the
     * group is not split for a reason that passes. Valid during an attempt. */
    bool stalled;
    uint32_t doubt_database; /* the database to which the attempt in doubt was sent; 0: no attempt
                                is in doubt, or its database is not known */
    int64_t oldest_at_ns;    /* when the oldest item was received */
    int64_t deadline_at_ns;  /* the latest deadline of the items */
    /* When the next attempt is due. retry_heap.h sorts the waiting groups by this moment. */
    int64_t due_at_ns;
    uint32_t failures; /* retries since the group was formed or split; the pause grows with each */
    uint32_t blocked;  /* attempts that failed with STORE_RETRY_THEN_SPLIT */
    uint32_t rounds;   /* attempts that succeeded but left orders without a verdict */
};

/* The items of one submit that are still in the queue of turns (turns.h). The struct is kept in the
 * last of these items, because that one leaves the queue last. */
struct ingest_turn {
    struct fifo items;     /* linked by `link`, in the order of the submit */
    uint32_t n;            /* number of `items` */
    struct fifo_node link; /* links the submits of one client */
};

struct ingest_own {
    struct order_put put;
    _Atomic int state;   /* enum item_state */
    bool lookup_decided; /* put.lookup_only is valid */
    /* The first item of the atomic batch to which this item belongs. The `state` of that first item
     * is the state of all. NULL if this item belongs to no atomic batch. */
    struct ingest_item *batch;
    /* Valid in the first item of a key: the later items with that key, oldest first. */
    struct fifo duplicates;
    /* Valid in the last item of a submit that is in the queue of turns. */
    struct ingest_turn turn;
    /* Valid in the first item of a group that waits for its next attempt: the group's node in the
     * retry heap, and the group. */
    struct heap_node retry;
    struct ingest_group waiting;
};

#endif
