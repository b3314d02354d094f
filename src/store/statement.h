/* statement.h - runs a statement of the store on a lease. If session.prepare is true, the statement
 * is prepared at its first use on a connection. Otherwise it runs unnamed each time.
 *
 * Unless a function returns PQPOOL_OK, *err says why. ERR_UNCERTAIN means that the statement may
 * have changed the database. err is never NULL.
 *
 * PQPOOL_OK means that the rows have the columns of the statement. If an answer has another shape,
 * nobody knows what the statement did. Then the call returns PQPOOL_LOST with the code
 * SQLSTATE_PROTOCOL_VIOLATION, and the connection is discarded. ERR_UNCERTAIN is set if the
 * statement may be committed. */
#ifndef STORE_STATEMENT_H
#define STORE_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "pqpool/pqpool.h"
#include "store/statement_text.h"

struct params;

/* A leased connection, and how statements run on it. */
struct session {
    struct pqpool_lease *lease;
    bool prepare;
    int64_t deadline_at_ns;
};

/* Runs a statement. If it returns PQPOOL_OK, the caller must clear *rows_out; otherwise *rows_out
 * is not written. */
typedef enum pqpool_rc statement_runner(const struct session *session, enum statement which,
                                        const struct params *params, struct pg_result **rows_out,
                                        struct err *err) MUST_CHECK;

/* Runs a statement that changes nothing, so ERR_UNCERTAIN is never set. */
statement_runner statement_read;

/* Asks the server, after an error 42501, whether a policy has refused a row. The answer is one row
 * of one column: "t" if row-level security is active for the table and the role has every right
 * that the statements need, so that no missing right can be the cause. */
enum pqpool_rc statement_ask_policy(const struct session *session, struct pg_result **rows_out,
                                    struct err *err) MUST_CHECK;
/* Called if an answer is malformed. The caller has written to *err what is wrong with the answer.
 * This function completes *err, marks the connection to be discarded and returns PQPOOL_LOST. */
enum pqpool_rc statement_malformed(const struct session *session, struct err *err);

/* Runs a statement in a transaction of its own. If it returns PQPOOL_OK, the transaction is
 * committed and the session is idle. */
statement_runner statement_commit;

/* ---- a transaction of several statements ---- */

/* Begins a transaction. If a step before transaction_commit() fails, nothing was committed. */
enum pqpool_rc transaction_begin(const struct session *session, struct err *err) MUST_CHECK;

/* Runs a statement in the transaction. The statement is unnamed even if session.prepare is set,
 * because a prepared statement that has gone stale would fail the whole transaction. */
statement_runner transaction_run;

/* Makes the server check deferred constraints at once from now on, and not only at the commit. */
enum pqpool_rc transaction_defer_nothing(const struct session *session, struct err *err) MUST_CHECK;

/* Commits the transaction. If the call returns PQPOOL_OK, the transaction is committed and the
 * session is idle. */
enum pqpool_rc transaction_commit(const struct session *session, struct err *err) MUST_CHECK;

/* Sends a ROLLBACK if the session is in a transaction. If the ROLLBACK fails, the pool cleans up or
 * closes the connection when the lease is released. */
void transaction_rollback(const struct session *session);

/* ---- */

/* Commits a transaction that waits for the standbys (a "seal"). If the call returns PQPOOL_OK, all
 * rows that the session has read before are durable, on the standbys too. Without a seal, a standby
 * may lack a row that was read: if somebody cancels a transaction's wait for the standbys, the rows
 * of that transaction are visible before the standbys have them. */
enum pqpool_rc statement_seal(const struct session *session, struct err *err) MUST_CHECK;

#endif
