/* resolve.h - decides after an attempt what follows for the orders of its group: a verdict, another
 * attempt, or a split. The functions move items from attempt->group to attempt->outcome. */
#ifndef INGEST_RESOLVE_H
#define INGEST_RESOLVE_H

#include "ingest/attempt.h"

/* Ends the orders to which the attempt gave a verdict, and takes them out of the group. A verdict
 * is final, even if the attempt failed. `refusal`: the database's error, for PUT_REFUSED. */
void resolve_verdicts(struct attempt *attempt, const struct err *refusal);

/* Called if the attempt succeeded, but the orders left in the group were neither inserted nor
 * found. Puts the group back into the queue, or lets it fail after ROUNDS_MAX such attempts. */
void resolve_pending(struct attempt *attempt);

/* Called if the attempt failed. Ends the orders left in the group, splits the group, or puts it
 * back into the queue. `whole` is true if the group must not be split, because it is atomic, has
 * only one order, or all its pieces failed alike. */
void resolve_failure(struct attempt *attempt, const struct store_failure *failure, bool whole);

/* Called if a piece failed in another way than its group did. Makes the piece a group of its own
 * and puts it back into the queue for another attempt. */
void resolve_apart(struct attempt *attempt, const struct store_failure *failure);

/* Returns true if the group is to be split, and not retried, when it next fails with
 * STORE_RETRY_THEN_SPLIT. */
bool resolve_is_blocked(const struct ingest_group *group);

/* Counts and logs that a group of n_items items has been split. */
void resolve_count_split(struct attempt *attempt, const struct err *why, size_t n_items);

/* Logs `event`, and ends the orders left in the group and their duplicates: as ITEM_UNKNOWN if the
 * group is in doubt, else as `certain` (but see end_key() for orders that were only looked up). */
void resolve_all(struct attempt *attempt, const char *event, enum item_verdict certain);

/* Puts the whole group back into the queue, for another attempt after a pause. */
void resolve_put_back(struct attempt *attempt, const struct err *why, enum retry_reason reason);

/* Sets `err` and `fault` of every order left in the group, but not of the duplicates. */
void resolve_reason(struct attempt *attempt, const struct err *why, enum store_fault fault);

#endif
