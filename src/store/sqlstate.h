/* sqlstate.h - the table of SQLSTATEs: whose fault an error of the database is, what may be done
 * with the group that got it, and why the group is tried again. Beside this table only the pool
 * interprets codes, to decide about a connection.
 *
 * Threads    any: nothing here changes. */
#ifndef STORE_SQLSTATE_H
#define STORE_SQLSTATE_H

#include <stdbool.h>
#include <stddef.h>

#include "orders/order_store.h"

/* Codes that the store looks for one by one, under PostgreSQL's names. */
#define SQLSTATE_PROTOCOL_VIOLATION "08P01" /* also our own code for a malformed answer */
#define SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN "08007"
#define SQLSTATE_FEATURE_NOT_SUPPORTED "0A000" /* of a prepared statement: its plan is stale */
#define SQLSTATE_CHECK_VIOLATION "23514"       /* also a missing partition */
#define SQLSTATE_UNDEFINED_PSTATEMENT "26000"
#define SQLSTATE_STATEMENT_COMPLETION_UNKNOWN "40003"
#define SQLSTATE_INSUFFICIENT_PRIVILEGE "42501" /* also a row that a policy forbids */
#define SQLSTATE_DUPLICATE_PSTATEMENT "42P05"

bool sqlstate_is(const char *code, const char *sqlstate);

/* The server does not know itself whether the transaction was committed. */
bool sqlstate_commit_is_unknown(const char *code);

/* What the server reported beside the code; a name is "" if the server gave none. */
struct sqlstate_error {
    const char *code;
    const char *constraint, *table, *column;
    bool by_policy; /* of 42501: it is about the row, and no right is missing */
    bool too_large; /* of class 54: it is about the size of a row or of an index row */
};

/* What else must be true for a row of the table to fit. */
enum sqlstate_condition {
    SQLSTATE_ALWAYS,
    SQLSTATE_BY_POLICY,
    SQLSTATE_TOO_LARGE,
    SQLSTATE_NAMES_CONSTRAINT,
    SQLSTATE_NAMES_TABLE_ONLY, /* a table, and no constraint */
    SQLSTATE_NAMES_KEY, /* the primary key, or an index that REINDEX CONCURRENTLY makes or drops */
    SQLSTATE_OF_FOREIGN_COLUMN, /* a column that no INSERT of ours fills */
};

struct sqlstate_row {
    const char *prefix; /* of the code; "": any */
    enum sqlstate_condition condition;
    enum store_fault fault;
    enum store_action action;
    enum retry_reason retry;      /* if the group is tried again */
    bool unless_neighbour_stored; /* the order's fault, if another order of the group was stored: a
                                     server that can store nothing refuses every order */
    const char *meaning;          /* for the manual */
};

/* The first row that fits. There always is one. */
const struct sqlstate_row *sqlstate_find(const struct sqlstate_error *error);

/* All rows, in the order in which they are tried; NULL past the last. */
const struct sqlstate_row *sqlstate_row(size_t i);

/* The row of a code, if nothing but the code is known. */
const struct sqlstate_row *sqlstate_find_code(const char *code);

#endif
