/* streak.h - counts groups that fail one after the other while no order is stored. Such a streak is
 * evidence that no order can be stored at all.
 *
 * Threads    any. Locks: streak->mu, a leaf lock. */
#ifndef INGEST_STREAK_H
#define INGEST_STREAK_H

#include <stdatomic.h>

#include "base/sync.h"
#include "ingest/group.h"
#include "ingest/types.h"

struct streak {
    atomic_bool running; /* groups have failed since an order was last stored */
    struct mutex mu;
    struct ingest_streak state GUARDED_VAR;
    /* The account of the first order of the first group of the streak. */
    char account_id[ORDER_NAME_SIZE] GUARDED_VAR;
};

void streak_init(struct streak *streak);
void streak_fini(struct streak *streak);

/* Counts the failure of a group. Does nothing unless failure->fault is the operator's, the server's
 * or the service's. */
void streak_note_failure(struct streak *streak, const struct ingest_group *group,
                         const struct store_failure *failure);

/* Notes that a group stored an order, which ends the streak. */
void streak_note_stored(struct streak *streak);

void streak_read(struct streak *streak, struct ingest_streak *out);

#endif
