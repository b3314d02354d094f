/* statement_text.h - the SQL of the store, as text. The SQL is the same for PostgreSQL and Citus:
 * it has no CTE that reads what it inserts, forces no generic plan, and knows rows by their
 * order_id. Casts name the types, so a statement means the same prepared or not.
 *
 * Threads    any: nothing here changes. */
#ifndef STORE_STATEMENT_TEXT_H
#define STORE_STATEMENT_TEXT_H

#include <stdbool.h>

struct buf;

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

struct statement_text {
    const char *name, *sql; /* `name`: of the prepared statement */
    int columns, max_rows;  /* of its answer */
};

/* Borrowed; lives for ever. */
const struct statement_text *statement_text(enum statement which);

/* Writes the SQL of a statement with literals[n - 1] for its parameter $n; literals NULL: NULL for
 * each. */
void statement_spell(enum statement which, const char *const literals[], struct buf *out);

/* The columns that an INSERT gives a value, in the order of its arrays. */
#define STATEMENT_COLUMNS                                                                          \
    "account_id, client_order_id, order_id, symbol, side, type, quantity, limit_price, "           \
    "stop_price, time_in_force, metadata, received_at"

/* Does the INSERT give the column a value? The owner of the table must provide for every other
 * column. */
bool statement_fills(const char *column);

/* clang-format off */
#define STATEMENT_SET(name, value, local) "set_config('" name "', " value ", " local ")"
/* The same for a setting that the oldest servers do not have. */
#define STATEMENT_SET_IF_KNOWN(name, value, local) \
    "CASE WHEN current_setting('" name "', true) IS NOT NULL THEN " STATEMENT_SET(name, value, local) " END"

/* What each session or transaction of ours must have, whatever the settings of its role or database
 * are; `local` is "true" or "false". One expression, for a SELECT. The server ends a transaction
 * whose client has vanished, so that its keys become free. Other time limits are kept on our side,
 * since a group and a migration have different ones. exit_on_error would turn a refusal into a lost
 * session. A plan that was made while the table was small is still used when the table has grown,
 * so no plan may scan the table. jit is off because the planner then sees high costs where there is
 * no index, and would compile. */
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

/* The same for settings that matter to whole sessions only. The pool decides how long a session may
 * idle. Each statement must see what was committed before it. */
#define STATEMENT_SESSION_SETTINGS "concat_ws(' ', " \
    STATEMENT_SET_IF_KNOWN("idle_session_timeout", "'0'", "false") ", " \
    STATEMENT_SET("default_transaction_isolation", "'read committed'", "false") ", " \
    STATEMENT_SET_IF_KNOWN("plan_cache_mode", "'auto'", "false") ")"
/* clang-format on */

/* Does not depend on the default of the session: a transaction must see what others have committed
 * since it began, also while it waited for their lock. */
#define STATEMENT_BEGIN "BEGIN ISOLATION LEVEL READ COMMITTED"

#endif
