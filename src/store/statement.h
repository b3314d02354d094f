/* statement.h - runs a statement of the store on a lease. The statement is prepared at its first
 * use on a connection, or runs unnamed each time if nothing may outlive a transaction.
 *
 * Unless a function returns PQPOOL_OK, *err says why. ERR_UNCERTAIN means that the statement may
 * have changed the database. err is never NULL.
 *
 * PQPOOL_OK means that the rows have the columns of the statement. An answer of another shape
 * proves nothing: the call returns PQPOOL_LOST with the code SQLSTATE_PROTOCOL_VIOLATION, the
 * connection is discarded, and if the statement commits, the error is uncertain. */
#ifndef STORE_STATEMENT_H
#define STORE_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "pqpool/pqpool.h"
#include "store/statement_text.h"

struct params;

/* A lease, and how statements run on it. */
struct session {
    struct pqpool_lease *lease;
    bool prepare;
    int64_t deadline_at_ns;
};

/* Runs a statement. PQPOOL_OK: the caller clears *rows_out; else it is not written. */
typedef enum pqpool_rc statement_runner(const struct session *session, enum statement which,
                                        const struct params *params, struct pg_result **rows_out,
                                        struct err *err) MUST_CHECK;

/* Runs a statement that changes nothing, so its error is never uncertain. */
statement_runner statement_read;

/* Gives one row of one column. It is "t" if row-level security is active for the table and the role
 * has every right that the statements need: then only a policy can have refused a row. */
enum pqpool_rc statement_ask_policy(const struct session *session, struct pg_result **rows_out,
                                    struct err *err) MUST_CHECK;
/* Makes an error of an answer that the caller has found malformed; *err says how. Returns
 * PQPOOL_LOST. */
enum pqpool_rc statement_malformed(const struct session *session, struct err *err);

/* Runs a statement in a transaction of its own. PQPOOL_OK: it is committed, and the session is
 * idle. */
statement_runner statement_commit;

/* ---- a transaction of several statements ---- */

/* If a step before transaction_commit() fails, nothing was committed. */
enum pqpool_rc transaction_begin(const struct session *session, struct err *err) MUST_CHECK;

/* Runs the statement unnamed also if session.prepare is set, because a prepared statement that has
 * gone stale would fail the whole transaction. */
statement_runner transaction_run;

/* From now on deferred constraints are checked at once, and not only at the commit. */
enum pqpool_rc transaction_defer_nothing(const struct session *session, struct err *err) MUST_CHECK;

/* PQPOOL_OK: the transaction is committed, and the session is idle. */
enum pqpool_rc transaction_commit(const struct session *session, struct err *err) MUST_CHECK;

/* Sends a ROLLBACK if the session is in a transaction. If that fails, the pool cleans up. */
void transaction_rollback(const struct session *session);

/* ---- */

/* PQPOOL_OK: all rows that the session has read before are durable, on the standbys too. A row can
 * be visible before it is replicated, if somebody cancelled the wait for the standbys. PQPOOL_LOST:
 * the rows may not be durable. */
enum pqpool_rc statement_seal(const struct session *session, struct err *err) MUST_CHECK;

#endif
