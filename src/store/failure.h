/* failure.h - classifies a failed pqpool_exec(). Its return code and its error decide whose fault
 * the failure is, and what the ingest does with the group (struct store_failure). If an SQLSTATE
 * has two meanings, the server is asked which of them applies. */
#ifndef STORE_FAILURE_H
#define STORE_FAILURE_H

#include <stdbool.h>

#include "orders/order_store.h"
#include "pqpool/pqpool.h"
#include "store/statement.h"

/* Sets action, fault and unless_neighbour_stored of *failure, from failure->err and from `rc`,
 * which is not PQPOOL_OK. May query the server on the session. If the session is in a transaction,
 * a ROLLBACK comes before that query. */
void failure_classify(const struct session *session, enum pqpool_rc rc,
                      struct store_failure *failure);

/* Returns the reason for which a group is tried again after this failure. */
enum retry_reason failure_retry(const struct store_failure *failure);

/* Classifies the failure of a read. A read sends no order, so no order can be at fault. */
enum lookup_rc failure_of_read(const struct session *session, enum pqpool_rc rc,
                               const struct err *err);

/* Returns true if the failed statement may succeed later. Only for statements that have no order
 * among their parameters. */
bool failure_is_passing(enum pqpool_rc rc, const struct err *err);

/* Clears ERR_PRIVATE, so that everyone may read the message; leaves it set if the server's message
 * may show the content of stored rows. Only for statements that have no order among their
 * parameters. */
void failure_publish(struct err *err);

#endif
