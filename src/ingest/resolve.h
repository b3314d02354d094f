/* resolve.h - decides what the end of an attempt means for the orders of its group: a verdict,
 * another attempt, or a split. Items move from attempt->group to attempt->outcome. */
#ifndef INGEST_RESOLVE_H
#define INGEST_RESOLVE_H

#include "ingest/attempt.h"

/* Takes the orders that have a verdict out of the group. Verdicts are final, even if the attempt
 * failed. `refusal` is the database's error for the orders that are PUT_REFUSED. */
void resolve_verdicts(struct attempt *attempt, const struct err *refusal);

/* Called if the attempt succeeded, but the orders left in the group were neither inserted nor
 * found. Tries them again, or ends them if that has happened too often. */
void resolve_pending(struct attempt *attempt);

/* Called if the attempt failed. The orders left in the group have no verdict. `whole` means that
 * the group must not be split, because it is atomic, has one order, or all its pieces failed alike.
 * The failure is then a failure of the whole group. */
void resolve_failure(struct attempt *attempt, const struct store_failure *failure, bool whole);

/* Called if a piece failed in another way than the other pieces of its group. Puts the piece back,
 * so that its next attempt decides. */
void resolve_apart(struct attempt *attempt, const struct store_failure *failure);

/* Returns true if the group has been delayed so often that its next failure must split it. */
bool resolve_is_blocked(const struct ingest_group *group);

/* Counts and logs that a group of n_items items continues in pieces. */
void resolve_count_split(struct attempt *attempt, const struct err *why, size_t n_items);

/* Logs `event`, and ends the orders left in the group: as ITEM_UNKNOWN if the group is in doubt,
 * else with the verdict `certain`. */
void resolve_all(struct attempt *attempt, const char *event, enum item_verdict certain);

/* Puts the whole group back into the queue, for another attempt after a pause. */
void resolve_put_back(struct attempt *attempt, const struct err *why, enum retry_reason reason);

/* Sets `err` and `fault` of every order that is left in the group. */
void resolve_reason(struct attempt *attempt, const struct err *why, enum store_fault fault);

#endif
