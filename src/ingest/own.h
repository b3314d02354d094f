/* own.h - the members of an item that only src/ingest reads and writes. They are part of the item,
 * because the caller provides the memory of an item.
 *
 * A group is the orders that are attempted together. While a group waits for its next attempt, it
 * is kept in its first item, so an accepted order needs no more memory until its verdict. */
#ifndef INGEST_OWN_H
#define INGEST_OWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "orders/order_store.h"

enum group_kind {
    GROUP_PLAIN,   /* the first order of each key is sent; its duplicates wait */
    GROUP_ATOMIC,  /* a list of ingest_submit_atomic(); no duplicates, never split */
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
    GROUP_SUSPECT, /* one order seems to do so */
    /* The group is a piece of a split group, and another piece of that group stored an order. */
    GROUP_NEIGHBOUR_STORED,
    /* All pieces of the group failed in the same way, so the group is not split again. */
    GROUP_FAILED_ALIKE,
};

struct ingest_group {
    struct fifo items;   /* linked by `link`, sorted by key; a plain group has each key once */
    uint32_t n, n_items; /* number of `items`, without and with their duplicates */
    enum group_kind kind;
    enum group_sending sending;     /* changed by group_move_sending() */
    enum group_suspicion suspicion; /* changed by group_move_suspicion() */
    uint32_t doubt_database; /* put_group.sent_database of the attempt that is in doubt; 0: none */
    int64_t oldest_at_ns;    /* when the oldest item was received */
    int64_t deadline_at_ns;  /* the latest deadline of the items */
    /* When the next attempt is due. 0: at once, before the groups that wait for a retry. */
    int64_t due_at_ns;
    uint32_t failures; /* retries since the group was formed or split; the pause grows with each */
    uint32_t blocked;  /* attempts that ended in STORE_RETRY_THEN_SPLIT */
    uint32_t rounds;   /* attempts that succeeded but left orders pending */
};

struct ingest_own {
    struct order_put put;
    _Atomic int state;   /* enum item_state */
    bool lookup_decided; /* put.lookup_only has been decided */
    /* The first item of the atomic list that this item is in; its `state` is that of the whole
     * list. NULL if the item is in no atomic list. */
    struct ingest_item *batch;
    /* Of the first order of a key: the later orders with that key, in the order of their
     * arrival. */
    struct fifo duplicates;
    /* Of the first item of a group that waits for its next attempt: the node in the retry heap, and
     * the group. */
    struct heap_node retry;
    struct ingest_group waiting;
};

#endif
