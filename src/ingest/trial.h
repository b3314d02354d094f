/* trial.h - finds out whether one order of a failed group is at fault or every order fails. A trial
 * splits the group and attempts its pieces one after the other, all on one worker. */
#ifndef INGEST_TRIAL_H
#define INGEST_TRIAL_H

#include "ingest/attempt.h"

/* Returns true if this failure of the group needs a trial. The group must have several orders and
 * must not be atomic. */
bool trial_is_due(const struct ingest_group *group, const struct store_failure *failure);

/* Attempts the pieces of attempt->group one after the other. Stops when a piece stores an order or
 * fails in another way than the group did, or when the time for a trial is over; the remaining
 * pieces become groups of their own. If every piece fails as the group did, the group is not split:
 * it ends with that failure, or is attempted again as a whole. */
void trial_run(struct attempt *attempt, const struct store_failure *failure, int64_t stop_at_ns);

#endif
