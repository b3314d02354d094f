/* trial.h - finds out whether one order is at fault or every order fails. A trial attempts a group
 * in its pieces, one after the other, on the worker that has the group. */
#ifndef INGEST_TRIAL_H
#define INGEST_TRIAL_H

#include "ingest/attempt.h"

/* Returns true if the failure of this group needs a trial. The group must have several orders and
 * must not be atomic. */
bool trial_is_due(const struct ingest_group *group, const struct store_failure *failure);

/* Attempts the pieces of attempt->group until one is stored, one fails in another way, or the time
 * for a trial is over. The remaining pieces then go on as groups of their own. If all pieces fail
 * as the group did, every order fails alike. Then the group ends by that failure, or is attempted
 * again as a whole. */
void trial_run(struct attempt *attempt, const struct store_failure *failure, int64_t stop_at_ns);

#endif
