/* failure.h - turns a pqpool_exec() that failed into a struct store_failure, by its return code,
 * its error and, if the SQLSTATE has two meanings, one question to the server. */
#ifndef STORE_FAILURE_H
#define STORE_FAILURE_H

#include <stdbool.h>

#include "orders/order_store.h"
#include "pqpool/pqpool.h"
#include "store/statement.h"

/* Sets action, fault and unless_neighbour_stored of *failure from `rc`, which is not PQPOOL_OK, and
 * from failure->err. May send one statement on the session, after a ROLLBACK when a transaction has
 * failed. */
void failure_classify(const struct session *session, enum pqpool_rc rc,
                      struct store_failure *failure);

/* The reason for which a group with this failure is tried again. */
enum retry_reason failure_retry(const struct store_failure *failure);

/* Classifies the failure of a read: no order was sent, so no order can be at fault. */
enum lookup_rc failure_of_read(const struct session *session, enum pqpool_rc rc,
                               const struct err *err);

/* For a statement that holds no order: may the statement be tried again later? */
bool failure_is_passing(enum pqpool_rc rc, const struct err *err);

/* For a statement that holds no order: makes the server's message public, unless the message may be
 * about the content of stored rows. */
void failure_publish(struct err *err);

#endif
