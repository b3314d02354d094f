/* own.h - the members of an item that only src/ingest reads and writes. They are in the item, since
 * its memory is the caller's.
 *
 * A group is the orders that are attempted together. While it waits for its next attempt it is kept
 * in its first item, so an accepted order needs no more memory until its verdict. */
#ifndef INGEST_OWN_H
#define INGEST_OWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "orders/order_store.h"

enum group_kind {
    GROUP_PLAIN,   /* the first order of each key; the duplicates wait for its verdict */
    GROUP_ATOMIC,  /* a list of ingest_submit_atomic(): each order for itself, and never split */
    GROUP_COMPARE, /* the keys are stored: the orders are compared and not sent */
};

enum group_sending {
    GROUP_UNSENT,
    GROUP_SENT,     /* at least once */
    GROUP_IN_DOUBT, /* an attempt may have stored some of the orders */
};

/* Does one of the orders delay the others? */
enum group_suspicion {
    GROUP_TRUSTED,
    GROUP_SUSPECT,          /* it seems so */
    GROUP_NEIGHBOUR_STORED, /* suspect, and an order that failed with these has been stored since */
    GROUP_FAILED_ALIKE,     /* all pieces failed in one way, so the group is not split any more */
};

struct ingest_group {
    struct fifo items;   /* sorted by key; keys distinct in a plain group. Linked by `link` */
    uint32_t n, n_items; /* of `items`; with the duplicates */
    enum group_kind kind;
    enum group_sending sending;     /* group_move_sending() */
    enum group_suspicion suspicion; /* group_move_suspicion() */
    uint32_t doubt_database;        /* the put_group.sent_database of the attempt in doubt */
    int64_t oldest_at_ns;           /* first receipt of its items */
    int64_t deadline_at_ns;         /* last deadline of its items */
    int64_t due_at_ns; /* of the next attempt; 0: at once, and before the groups that have failed */
    uint32_t failures; /* whole attempts since it was formed or split: the pause grows */
    uint32_t blocked;  /* attempts that ended in STORE_RETRY_THEN_SPLIT */
    uint32_t rounds;   /* attempts that succeeded and left orders pending */
};

struct ingest_own {
    struct order_put put;
    _Atomic int state;         /* enum item_state */
    bool lookup_decided;       /* put.lookup_only is set */
    struct ingest_item *batch; /* the first item of its atomic list, whose state is that of the
                                  whole list; else NULL */
    struct fifo duplicates; /* of the first order of a key: the later orders with that key, in order
                               of arrival */
    struct heap_node retry; /* of the first item of a group that waits for its next attempt: */
    struct ingest_group waiting; /* that group */
};

#endif
