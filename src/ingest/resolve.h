/* resolve.h - what the end of an attempt means for the orders of its group: a verdict, another
 * attempt, or a split. All of it moves items from attempt->group into attempt->outcome. */
#ifndef INGEST_RESOLVE_H
#define INGEST_RESOLVE_H

#include "ingest/attempt.h"

/* Takes the orders that have a verdict out of the group; verdicts are final, even if the attempt
 * failed. `refusal` is the reason of those that are PUT_REFUSED. */
void resolve_verdicts(struct attempt *attempt, const struct err *refusal);

/* The attempt succeeded, and the orders left in the group were in neither answer of the store. */
void resolve_pending(struct attempt *attempt);

/* The attempt failed, and the orders left in the group have no verdict. `whole`: it cannot be
 * split, being atomic or one order, so the fault is a fault of all of it; or it need not be split,
 * since all its pieces failed alike. */
void resolve_failure(struct attempt *attempt, const struct store_failure *failure, bool whole);

/* The attempt of a piece failed in another way than its neighbours. The piece is attempted again,
 * and that attempt decides. */
void resolve_apart(struct attempt *attempt, const struct store_failure *failure);

/* Has the group been delayed so often that this failure must split it? */
bool resolve_is_blocked(const struct ingest_group *group);

/* Counts and logs that the group goes on in pieces. */
void resolve_count_split(struct attempt *attempt, const struct err *why, size_t n_items);

/* Ends all that is left of the group: in doubt UNKNOWN, else as said. */
void resolve_all(struct attempt *attempt, const char *event, enum item_verdict certain);

/* The whole group again, after a pause. */
void resolve_put_back(struct attempt *attempt, const struct err *why, enum retry_reason reason);

/* Writes down why, and whose fault it is, for all that is left of the group. */
void resolve_reason(struct attempt *attempt, const struct err *why, enum store_fault fault);

#endif
