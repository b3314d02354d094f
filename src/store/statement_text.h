/* statement_text.h - the SQL of the store, as text. The SQL is the same for PostgreSQL and Citus:
 * no statement reads rows that a CTE of the same statement inserts, nothing forces a generic plan,
 * and the INSERT names each new row by its order_id. Casts name the types of the parameters, so
 * that a statement means the same whether it is prepared or not.
 *
 * Threads    any: nothing here changes. */
#ifndef STORE_STATEMENT_TEXT_H
#define STORE_STATEMENT_TEXT_H

#include <stdbool.h>

struct buf;

/* The statements, with what each takes and returns. */
/* clang-format off */
enum statement {
    STATEMENT_INSERT, /* takes 13 arrays, one for each column; returns the order_id of each row that
                         it inserts */
    STATEMENT_COMPARE, /* takes account_ids, client_order_ids, metadata; returns ROW_FIELDS, the
                          position in the arrays from 1, and whether the metadata are equal */
    STATEMENT_BY_KEYS, /* takes account_ids, client_order_ids, the limit of ROW_METADATA; returns
                          ROW_FIELDS, ROW_METADATA, and the position in the arrays from 1 */
    STATEMENT_BY_ID,   /* takes order_id, the limit of ROW_METADATA; returns ROW_FIELDS,
                          ROW_METADATA */
    STATEMENT_LIST, /* takes account_id, the lowest client_order_id, one that is below all that come,
                       one that is above them, the most rows, the most bytes of metadata in all;
                       returns ROW_FIELDS, the metadata, and the size of their text */
    STATEMENT_SEAL, /* takes nothing; makes the commit of its transaction wait for the standbys */
};
/* clang-format on */

struct statement_text {
    const char *name, *sql; /* `name` is that of the prepared statement */
    int columns, max_rows;  /* of the answer */
};

/* Returns the text of the statement. The text is static. */
const struct statement_text *statement_text(enum statement which);

/* Writes the SQL of a statement, with literals[n - 1] in place of its parameter $n. If `literals`
 * is NULL, NULL takes the place of every parameter. */
void statement_spell(enum statement which, const char *const literals[], struct buf *out);

/* The columns that the INSERT fills, in the sequence of its arrays. */
#define STATEMENT_COLUMNS                                                                          \
    "account_id, client_order_id, order_id, symbol, side, type, quantity, limit_price, "           \
    "stop_price, time_in_force, metadata, received_at, submitted_by"

/* Returns true if the INSERT gives the column a value. In every other column a new row has NULL,
 * the column's default or the value of a trigger. */
bool statement_fills(const char *column);

/* clang-format off */
#define STATEMENT_SET(name, value, local) "set_config('" name "', " value ", " local ")"
/* As STATEMENT_SET, for a setting that the oldest servers do not have. */
#define STATEMENT_SET_IF_KNOWN(name, value, local) \
    "CASE WHEN current_setting('" name "', true) IS NOT NULL THEN " STATEMENT_SET(name, value, local) " END"

/* Makes the settings that each session or transaction of ours must have, whatever the settings of
 * its role or database are. `local` is "true" (for the transaction) or "false" (for the session).
 * The macro is one expression for a SELECT.
 *
 * After idle_in_transaction_session_timeout the server ends a transaction whose client has
 * vanished, so that its keys become free. statement_timeout and transaction_timeout are off,
 * because ordersd has deadlines of its own. exit_on_error is off, because otherwise an error would
 * end the session. enable_seqscan is off, because a plan that was made while the table was small is
 * still used when the table has grown. enable_sort is off, because otherwise such a plan could read
 * and sort all orders of an account for each page of a list. With them off, some cost estimates are
 * so high that the planner would use jit, so jit is off too. */
#define STATEMENT_SETTINGS(local) "concat_ws(' ', " \
    STATEMENT_SET("lock_timeout", "'1s'", local) ", " \
    STATEMENT_SET("idle_in_transaction_session_timeout", "'30s'", local) ", " \
    STATEMENT_SET("statement_timeout", "'0'", local) ", " \
    STATEMENT_SET_IF_KNOWN("transaction_timeout", "'0'", local) ", " \
    STATEMENT_SET("exit_on_error", "'off'", local) ", " \
    STATEMENT_SET("client_min_messages", "'warning'", local) ", " \
    STATEMENT_SET("enable_seqscan", "'off'", local) ", " \
    STATEMENT_SET("enable_sort", "'off'", local) ", " \
    STATEMENT_SET_IF_KNOWN("jit", "'off'", local) ", " \
    STATEMENT_SET("synchronous_commit", \
                  "coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on')", local) ")"

/* As STATEMENT_SETTINGS, for settings that have no use within one transaction. They are made for
 * the session. idle_session_timeout is off, because the pool decides how long a session may idle.
 * With READ COMMITTED each statement sees what was committed before it. */
#define STATEMENT_SESSION_SETTINGS "concat_ws(' ', " \
    STATEMENT_SET_IF_KNOWN("idle_session_timeout", "'0'", "false") ", " \
    STATEMENT_SET("default_transaction_isolation", "'read committed'", "false") ", " \
    STATEMENT_SET_IF_KNOWN("plan_cache_mode", "'auto'", "false") ")"
/* clang-format on */

/* Begins a transaction whose isolation level does not depend on the session's default. With READ
 * COMMITTED each statement also sees what other transactions have committed since the BEGIN, for
 * example while an INSERT waited for a lock. */
#define STATEMENT_BEGIN "BEGIN ISOLATION LEVEL READ COMMITTED"

#endif
