/* attempt.h - makes one attempt to write a group (docs/DESIGN.md, "Writing a group" and "Errors").
 * Its functions call resolve.c, which decides what follows for each order. The calling worker must
 * hold no lock. */
#ifndef INGEST_ATTEMPT_H
#define INGEST_ATTEMPT_H

#include "ingest/group.h"
#include "ingest/streak.h"
#include "ingest/types.h"

struct attempt {
    const struct ingest_options *options;
    struct ingest_metrics *metrics;
    struct streak *streak;
    struct order_put **puts; /* owned; puts_max elements, enough for the largest group so far */
    size_t puts_max;
    uint64_t random; /* state of the random pauses; never 0 */

    struct ingest_group group; /* the orders without a verdict so far */
    struct fifo to_write;      /* new group: duplicates that are to be written */
    /* Another new group, of GROUP_COMPARE: duplicates whose key is stored now. A lookup compares
     * them with the stored orders. */
    struct fifo to_compare;
    uint32_t n_sent;               /* orders that this attempt sent to be inserted */
    uint32_t n_created;            /* orders to which this attempt gave the verdict PUT_CREATED */
    struct group_outcome *outcome; /* borrowed; the caller zeroes it before the attempt */
};

/* attempt_init() allocates nothing. attempt_run() allocates `puts`, and attempt_fini() frees it. */
void attempt_init(struct attempt *attempt, const struct ingest_options *options,
                  struct ingest_metrics *metrics, struct streak *streak, uint64_t random);
void attempt_fini(struct attempt *attempt);

/* Makes one attempt to write the group. The attempt ends at `stop_at_ns` at the latest. Afterwards
 * every item of the group is in outcome->done or in a group of outcome->back. If the deadline of
 * the group has passed, the group is not sent. */
void attempt_run(struct attempt *attempt, const struct ingest_group *group, int64_t stop_at_ns,
                 struct group_outcome *outcome);

/* Calls the store once to write attempt->group by `stop_at_ns`. Orders that get a verdict leave the
 * group. False: the attempt failed, and *failure says why orders are left in the group. */
bool attempt_put(struct attempt *attempt, int64_t stop_at_ns,
                 struct store_failure *failure) MUST_CHECK;

/* Ends the group without an attempt, because the ingest stops: as ITEM_UNKNOWN if the group is in
 * doubt, else as ITEM_UNAVAILABLE. */
void attempt_abandon(struct attempt *attempt, const struct ingest_group *group,
                     struct group_outcome *outcome);

#endif
