/* streak.h - groups that fail one after the other while none is stored: the evidence that no order
 * can be stored at all, and not one order alone.
 *
 * Threads    any. Locks: streak->mu, a leaf; it is not taken while groups are stored. */
#ifndef INGEST_STREAK_H
#define INGEST_STREAK_H

#include <stdatomic.h>

#include "base/sync.h"
#include "ingest/group.h"
#include "ingest/types.h"

struct streak {
    atomic_bool running; /* groups have failed since the last one that was stored */
    struct mutex mu;
    struct ingest_streak state GUARDED_VAR;
    char account_id[ORDER_NAME_SIZE] GUARDED_VAR; /* of the first order that failed */
};

void streak_init(struct streak *streak);
void streak_fini(struct streak *streak);

/* The group failed; only a fault of the operator's, the server's or ours counts. */
void streak_note_failure(struct streak *streak, const struct ingest_group *group,
                         const struct store_failure *failure);

/* A group stored an order: the streak is over. */
void streak_note_stored(struct streak *streak);

void streak_read(struct streak *streak, struct ingest_streak *out);

#endif
