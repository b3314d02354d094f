/* statement.h - how a statement of the store is run on a lease: prepared on first use of a
 * connection, or, when nothing may outlive a transaction, unnamed every time.
 *
 * On anything but PQPOOL_OK *err says why, ERR_UNCERTAIN meaning "may have changed the database";
 * err is never NULL here.
 *
 * Rows have the columns that the statement has, or the call is not PQPOOL_OK. An answer of another
 * shape proves nothing: it is a PQPOOL_LOST with the code
 * SQLSTATE_PROTOCOL_VIOLATION, the connection is discarded, and
 * where the statement commits it is uncertain. */
#ifndef STORE_STATEMENT_H
#define STORE_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "pqpool/pqpool.h"
#include "store/statement_text.h"

struct params;

/* A lease and the way to use it. */
struct session {
    struct pqpool_lease *lease;
    bool prepare;
    int64_t deadline_at_ns;
};

/* Runs a statement. PQPOOL_OK: the caller clears *rows_out; else it is not written. */
typedef enum pqpool_rc statement_runner(const struct session *session, enum statement which,
                                        const struct params *params, struct pg_result **rows_out,
                                        struct err *err) MUST_CHECK;

/* For a statement that changes nothing: never uncertain. */
statement_runner statement_read;

/* One row of one column, "t": row-level security is active for the table, and the role has every
 * right on it that the statements need, so that only a policy can have refused a row. */
enum pqpool_rc statement_ask_policy(const struct session *session, struct pg_result **rows_out,
                                    struct err *err) MUST_CHECK;
/* The caller has found the answer malformed, in a way that only it can see, and *err says how. */
enum pqpool_rc statement_malformed(const struct session *session, struct err *err);

/* In a transaction of its own: PQPOOL_OK means committed, and the session idle again. */
statement_runner statement_commit;

/* ---- a transaction of several statements ---- */

/* The steps of one: whatever fails before transaction_commit() was never committed. */
enum pqpool_rc transaction_begin(const struct session *session, struct err *err) MUST_CHECK;

/* Unnamed, prepared or not: one that has gone stale would take the transaction with it. */
statement_runner transaction_run;

/* Deferred constraints speak at once from now on, and not only in the commit. */
enum pqpool_rc transaction_defer_nothing(const struct session *session, struct err *err) MUST_CHECK;

/* PQPOOL_OK means committed, and the session idle again. */
enum pqpool_rc transaction_commit(const struct session *session, struct err *err) MUST_CHECK;

/* Ends the transaction if there is one that can be ended from here; what is left after it is the
 * pool's to clean up. */
void transaction_rollback(const struct session *session);

/* ---- */

/* What was read before it is durable, on the standbys too, once this is PQPOOL_OK: visible is not
 * yet replicated when somebody cancelled the wait for them. PQPOOL_LOST: it may not be. */
enum pqpool_rc statement_seal(const struct session *session, struct err *err) MUST_CHECK;

#endif
