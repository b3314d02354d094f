/* trial.h - is one order at fault, or does every order fail? A group whose failure may be either is
 * attempted in its pieces, one after the other, by the worker that has the group. */
#ifndef INGEST_TRIAL_H
#define INGEST_TRIAL_H

#include "ingest/attempt.h"

/* Of a group of several orders that is not atomic: does its failure ask for a trial? */
bool trial_is_due(const struct ingest_group *group, const struct store_failure *failure);

/* Attempts the pieces of attempt->group until one is stored, one fails in another way, or the time
 * for a trial is over: then what is left goes on in pieces. If all pieces fail as the group did,
 * the failure is of all: the group ends by it, or is attempted again whole. */
void trial_run(struct attempt *attempt, const struct store_failure *failure, int64_t stop_at_ns);

#endif
