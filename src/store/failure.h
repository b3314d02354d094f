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
 * which is not PQPOOL_OK. It may send one statement on the session; if a transaction has failed
 * there, it sends a ROLLBACK first. */
void failure_classify(const struct session *session, enum pqpool_rc rc,
                      struct store_failure *failure);

/* Returns the reason for which a group with this failure is tried again. */
enum retry_reason failure_retry(const struct store_failure *failure);

/* Classifies the failure of a read. A read sends no order, so no order can be at fault. */
enum lookup_rc failure_of_read(const struct session *session, enum pqpool_rc rc,
                               const struct err *err);

/* Returns true if the failed statement may be tried again later. The statement must hold no
 * order. */
bool failure_is_passing(enum pqpool_rc rc, const struct err *err);

/* Makes the server's message public, unless the message may be about the content of stored rows.
 * The failed statement must hold no order. */
void failure_publish(struct err *err);

#endif
