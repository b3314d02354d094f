/* prune.h - removes the orders that were received before a moment, a range of order_ids at a time.
 *
 * An order_id is a UUIDv7, so it begins with the moment at which the order was received. Each range
 * is removed in a transaction of its own. A run that is interrupted leaves nothing to clean up, and
 * the next run goes on with the oldest orders that are left. The SQL needs neither a subquery nor
 * ctid, so Citus can run it.
 *
 * When an order is gone, its order key is free: a repeat of the order is stored as a new order.
 *
 * Threads    one thread for each struct store_prune.
 * Errors     *err (may be NULL) says why, written only on failure. */
#ifndef STORE_PRUNE_H
#define STORE_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct store;

/* One run. The caller zeroes the struct and sets the first three members. */
struct store_prune {
    int64_t before_ms; /* Unix time: orders that were received at this moment or later stay */
    uint32_t batch;    /* most orders in a range, at least 1 */
    bool dry_run;      /* counts the orders, and removes none */

    char from[37];      /* the order_id at which the next range begins; "": at the smallest */
    int64_t oldest_ms;  /* when the oldest order that is left was received; 0: not known yet */
    uint64_t orders;    /* removed or counted so far */
    uint64_t uncertain; /* no answer to a COMMIT came: as many orders more may be removed */
    bool done;          /* no order is left that was received before before_ms */
};

enum prune_rc {
    PRUNE_OK,
    PRUNE_RETRY,  /* no connection, no answer, or a lock was not free: the same call may succeed */
    PRUNE_FAILED, /* the database refused the statement: an operator must remove the cause */
};

/* Removes or counts the orders of the next range. Unless it returns PRUNE_OK, the range is still to
 * be done. A row that another transaction has locked is waited for, 1 s at most. */
enum prune_rc store_prune_range(struct store *store, struct store_prune *prune,
                                int64_t deadline_at_ns, struct err *err) MUST_CHECK;

/* Reads the clocks of this machine and of the database, and returns the earlier of the two: if one
 * clock is ahead, no order is removed too early. */
enum prune_rc store_prune_clock(struct store *store, int64_t deadline_at_ns, int64_t *unix_ms,
                                struct err *err) MUST_CHECK;

#endif
