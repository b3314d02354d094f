/* statement.h - the SQL of the store, and how it is run on a lease: prepared on first use of a
 * connection, or, when nothing may outlive a transaction, unnamed every time.
 *
 * On anything but PQPOOL_OK *err says why, ERR_UNCERTAIN meaning "may have changed the database";
 * err is never NULL here. */
#ifndef STORE_STATEMENT_H
#define STORE_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "pqpool/pqpool.h"

struct params;

/* clang-format off: what each takes and gives */
enum statement {
    STATEMENT_INSERT,  /* 12 arrays, one a column; gives the order_id of each row that is new */
    STATEMENT_COMPARE, /* account_ids, client_order_ids, metadata to compare; gives ROW_FIELDS, then
                          the place in the arrays from 1, then whether the metadata are equal, which
                          are not fetched */
    STATEMENT_BY_KEYS, /* account_ids, client_order_ids, the largest metadata to fetch, in bytes of
                          text; gives ROW_FIELDS, ROW_METADATA, then the place in the arrays from 1
                        */
    STATEMENT_BY_ID,   /* order_id, the largest metadata; gives ROW_FIELDS, ROW_METADATA */
    STATEMENT_SEAL,    /* nothing; committed, it has waited for standbys as every commit must */
};
/* clang-format on */

/* Sets what each session or transaction of ours must have; `local` is "true" or "false". A single
 * row of six columns. A transaction whose client has vanished without a word lets its keys go. A
 * plan that was made while the table was small, or was thought to be, goes on being used when it
 * has grown, so none may scan the table; the high cost that the planner then sees where there is no
 * index is no reason to compile. */
#define STATEMENT_SETTINGS(local)                                                                  \
    "set_config('lock_timeout', '1s', " local "), "                                                \
    "set_config('idle_in_transaction_session_timeout', '30s', " local "), "                        \
    "set_config('client_min_messages', 'warning', " local "), "                                    \
    "set_config('enable_seqscan', 'off', " local "), set_config('jit', 'off', " local "), "        \
    "set_config('synchronous_commit', "                                                            \
    "coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), " local ")"

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
