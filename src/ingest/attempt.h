/* attempt.h - one attempt at a group, and what follows from it for each of its orders
 * (docs/DESIGN.md, "Writing a group" and "Errors"). On a worker, with no lock held. */
#ifndef INGEST_ATTEMPT_H
#define INGEST_ATTEMPT_H

#include "ingest/group.h"
#include "ingest/streak.h"
#include "ingest/types.h"

struct attempt {
    const struct ingest_options *options;
    struct ingest_metrics *metrics;
    struct streak *streak;
    struct order_put **puts; /* [puts_max]; grows to the largest group there was */
    size_t puts_max;
    uint64_t random; /* state of the jitter; not 0 */

    struct ingest_group group; /* the group of this attempt; an order with a verdict leaves it */
    struct fifo to_write;      /* duplicates that make a group of their own after this one */
    struct fifo to_compare; /* duplicates whose keys are stored now: compared in the next group */
    uint32_t n_sent;        /* orders that went out in this attempt */
    uint32_t n_created;     /* of these orders: those that the attempt stored */
    struct group_outcome *outcome; /* zeroed by the caller */
};

/* No memory is needed before the first attempt. */
void attempt_init(struct attempt *attempt, const struct ingest_options *options,
                  struct ingest_metrics *metrics, struct streak *streak, uint64_t random);
void attempt_fini(struct attempt *attempt);

/* Makes one attempt, which ends by `stop_at_ns` at the latest. Afterwards every item of the group
 * is in `done` or in one group of `back` of the outcome. A group past its deadline is not sent. */
void attempt_run(struct attempt *attempt, const struct ingest_group *group, int64_t stop_at_ns,
                 struct group_outcome *outcome);

/* One call of the store for attempt->group, by `stop_at_ns` at the latest; orders that have their
 * verdict leave the group. False: *failure says why the remaining orders have none. */
bool attempt_put(struct attempt *attempt, int64_t stop_at_ns,
                 struct store_failure *failure) MUST_CHECK;

/* Ends the group without an attempt, since the ingest closes. */
void attempt_abandon(struct attempt *attempt, const struct ingest_group *group,
                     struct group_outcome *outcome);

#endif
