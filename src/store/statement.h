/* statement.h - the SQL of the store, and how it is run on a lease: prepared on first use of a
 * connection, or, when nothing may outlive a transaction, unnamed every time.
 *
 * On anything but PQPOOL_OK *err says why, ERR_UNCERTAIN meaning "may have changed the database";
 * err is never NULL here.
 *
 * Rows have the columns that the statement has, or the call is not PQPOOL_OK. An answer of another
 * shape proves nothing: it is a PQPOOL_LOST with the code 08P01, the connection is discarded, and
 * where the statement commits it is uncertain. */
#ifndef STORE_STATEMENT_H
#define STORE_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "pqpool/pqpool.h"

struct buf;
struct params;

/* Does the INSERT give the column a value? Of any other column the table's owner must see to it. */
bool statement_fills(const char *column);

/* clang-format off: what each takes and gives */
enum statement {
    STATEMENT_INSERT,  /* 12 arrays, one a column; gives the order_id of each row that is new */
    STATEMENT_COMPARE, /* account_ids, client_order_ids, metadata to compare; gives ROW_FIELDS, then
                          the place in the arrays from 1, then whether the metadata are equal, which
                          are not fetched */
    STATEMENT_BY_KEYS, /* account_ids, client_order_ids, the largest metadata to fetch, in bytes of
                          text; gives ROW_FIELDS, ROW_METADATA, then the place in the arrays, which
                          counts from 1 */
    STATEMENT_BY_ID,   /* order_id, the largest metadata; gives ROW_FIELDS, ROW_METADATA */
    STATEMENT_SEAL,    /* nothing; committed, it has waited for standbys as every commit must */
};
/* clang-format on */

/* The code of an answer whose shape is not that of its statement. */
#define STATEMENT_MALFORMED "08P01"

/* clang-format off */
#define STATEMENT_SET(name, value, local) "set_config('" name "', " value ", " local ")"
/* The same where the server has the setting: it is younger than the oldest servers. */
#define STATEMENT_SET_IF_KNOWN(name, value, local) \
    "CASE WHEN current_setting('" name "', true) IS NOT NULL THEN " STATEMENT_SET(name, value, local) " END"

/* What each session or transaction of ours must have, whatever its role's or database's settings
 * are; `local` is "true" or "false". One expression, for a SELECT. The server ends a transaction
 * whose client has vanished, so its keys become free. Other time limits are kept on our side, since
 * a group and a migration have different ones. exit_on_error would turn a refusal into a lost
 * session. A plan that was made while the table was small is still used when the table has grown,
 * so no plan may scan the table. If there is no index, the planner sees a high cost, which is no
 * reason to compile the plan (jit). */
#define STATEMENT_SETTINGS(local) "concat_ws(' ', " \
    STATEMENT_SET("lock_timeout", "'1s'", local) ", " \
    STATEMENT_SET("idle_in_transaction_session_timeout", "'30s'", local) ", " \
    STATEMENT_SET("statement_timeout", "'0'", local) ", " \
    STATEMENT_SET_IF_KNOWN("transaction_timeout", "'0'", local) ", " \
    STATEMENT_SET("exit_on_error", "'off'", local) ", " \
    STATEMENT_SET("client_min_messages", "'warning'", local) ", " \
    STATEMENT_SET("enable_seqscan", "'off'", local) ", " \
    STATEMENT_SET_IF_KNOWN("jit", "'off'", local) ", " \
    STATEMENT_SET("synchronous_commit", \
                  "coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on')", local) ")"

/* The same for what matters to whole sessions only. The pool decides how long a session may idle.
 * Each statement must see what was committed before it. */
#define STATEMENT_SESSION_SETTINGS "concat_ws(' ', " \
    STATEMENT_SET_IF_KNOWN("idle_session_timeout", "'0'", "false") ", " \
    STATEMENT_SET("default_transaction_isolation", "'read committed'", "false") ", " \
    STATEMENT_SET_IF_KNOWN("plan_cache_mode", "'auto'", "false") ")"
/* clang-format on */

/* Whatever the default of the session is: a transaction must see what others have committed since
 * it began, a lock that it waited for included. */
#define STATEMENT_BEGIN "BEGIN ISOLATION LEVEL READ COMMITTED"

/* Writes the SQL of a statement with literals[n - 1] for its parameter $n; literals NULL: NULL for
 * each. */
void statement_spell(enum statement which, const char *const literals[], struct buf *out);

/* A lease and the way to use it. */
struct session {
    struct pqpool_lease *lease;
    bool prepare;
    int64_t deadline_at_ns;
};

/* For a statement that changes nothing: never uncertain. */
enum pqpool_rc statement_read(const struct session *session, enum statement which,
                              const struct params *params, struct pg_result **rows_out,
                              struct err *err) MUST_CHECK;

/* One row of one column, "t": row-level security is active for the table, and the role has every
 * right on it that the statements need, so that only a policy can have refused a row. */
enum pqpool_rc statement_ask_policy(const struct session *session, struct pg_result **rows_out,
                                    struct err *err) MUST_CHECK;
/* The caller has found the answer malformed, in a way that only it can see, and *err says how. */
enum pqpool_rc statement_malformed(const struct session *session, struct err *err);

/* In a transaction of its own: PQPOOL_OK means committed, and the session idle again. */
enum pqpool_rc statement_commit(const struct session *session, enum statement which,
                                const struct params *params, struct pg_result **rows_out,
                                struct err *err) MUST_CHECK;

/* ---- a transaction of several statements ---- */

/* The steps of one: whatever fails before transaction_commit() was never committed. */
enum pqpool_rc transaction_begin(const struct session *session, struct err *err) MUST_CHECK;

/* Unnamed, prepared or not: one that has gone stale would take the transaction with it. */
enum pqpool_rc transaction_run(const struct session *session, enum statement which,
                               const struct params *params, struct pg_result **rows_out,
                               struct err *err) MUST_CHECK;

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
