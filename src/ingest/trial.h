/* trial.h - is one order at fault, or does every order fail? A group whose failure may be either is
 * attempted in its pieces, one after the other, by the worker that has the group. */
#ifndef INGEST_TRIAL_H
#define INGEST_TRIAL_H

#include "ingest/attempt.h"

/* Does the failure of this group, which has several orders and is not atomic, need a trial? */
bool trial_is_due(const struct ingest_group *group, const struct store_failure *failure);

/* Attempts the pieces of attempt->group until one is stored, one fails in another way, or the time
 * for a trial is over. Then the remaining pieces go on as groups of their own. If all pieces fail
 * as the group did, every order fails alike: the group ends by that failure, or is attempted again
 * whole. */
void trial_run(struct attempt *attempt, const struct store_failure *failure, int64_t stop_at_ns);

#endif
