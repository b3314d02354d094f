/* resolve.h - what the end of an attempt means for the orders of its group: a verdict, another
 * attempt, or a split. All of it moves items from attempt->group into attempt->outcome. */
#ifndef INGEST_RESOLVE_H
#define INGEST_RESOLVE_H

#include "ingest/attempt.h"

/* Takes the orders that have a verdict out of the group; verdicts are final, even if the attempt
 * failed. `refusal` is the reason of those that are PUT_REFUSED. */
void resolve_verdicts(struct attempt *attempt, const struct err *refusal);

/* The attempt succeeded, and the orders left in the group were neither inserted nor found. */
void resolve_pending(struct attempt *attempt);

/* The attempt failed, and the orders left in the group have no verdict. `whole`: the group is not
 * split, because it is atomic, is one order, or all its pieces failed alike. Then the failure is a
 * failure of the whole group. */
void resolve_failure(struct attempt *attempt, const struct store_failure *failure, bool whole);

/* The attempt of a piece failed in another way than its neighbours. The piece is attempted again,
 * and that attempt decides. */
void resolve_apart(struct attempt *attempt, const struct store_failure *failure);

/* Has the group been delayed so often that the next failure must split it? */
bool resolve_is_blocked(const struct ingest_group *group);

/* Counts and logs that the group goes on in pieces. */
void resolve_count_split(struct attempt *attempt, const struct err *why, size_t n_items);

/* Ends the orders left in the group: as UNKNOWN if the group is in doubt, else as `certain`. */
void resolve_all(struct attempt *attempt, const char *event, enum item_verdict certain);

/* Puts the whole group back, for another attempt after a pause. */
void resolve_put_back(struct attempt *attempt, const struct err *why, enum retry_reason reason);

/* Writes the reason and the fault into every order that is left in the group. */
void resolve_reason(struct attempt *attempt, const struct err *why, enum store_fault fault);

#endif
