/* sqlstate.h - the table of SQLSTATEs. For each error of the database it says whose fault the error
 * is, what is done with the group, and the reason if the group is tried again. What an error means
 * for the connection is decided by the pool.
 *
 * Threads    any: nothing here changes. */
#ifndef STORE_SQLSTATE_H
#define STORE_SQLSTATE_H

#include <stdbool.h>
#include <stddef.h>

#include "orders/order_store.h"

/* The SQLSTATEs that other files of the store look for, with PostgreSQL's names for them. */
#define SQLSTATE_PROTOCOL_VIOLATION "08P01" /* also our own code for a malformed answer */
#define SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN "08007"
#define SQLSTATE_FEATURE_NOT_SUPPORTED "0A000" /* also: a plan is stale */
#define SQLSTATE_CHECK_VIOLATION "23514"       /* also a missing partition */
#define SQLSTATE_UNDEFINED_PSTATEMENT "26000"
#define SQLSTATE_STATEMENT_COMPLETION_UNKNOWN "40003"
#define SQLSTATE_INSUFFICIENT_PRIVILEGE "42501" /* also a row that a policy forbids */
#define SQLSTATE_DUPLICATE_PSTATEMENT "42P05"
#define SQLSTATE_INTERNAL_ERROR "XX000" /* on Citus also: a node was lost */

bool sqlstate_is(const char *code, const char *sqlstate);

/* Returns true if the server itself does not know whether the transaction was committed. */
bool sqlstate_commit_is_unknown(const char *code);

/* Returns true if the error is about a connection between the server and another server. If our own
 * connection breaks, the error has no SQLSTATE, or ends the session. */
bool sqlstate_is_of_other_server(const char *code);

/* The parts of a server's error by which sqlstate.c finds its entry in the table of SQLSTATEs. A
 * name that the error lacks is "". */
struct sqlstate_error {
    const char *code;
    const char *constraint, *table, *column;
    bool by_policy; /* for 42501: a policy forbids the row, and no right is missing */
    bool too_large; /* for class 54: a row or an index row is too large */
};

/* The condition of an entry in the table of SQLSTATEs. The entry fits an error if the code of the
 * error begins with the entry's prefix, and the error meets the condition. */
enum sqlstate_condition {
    SQLSTATE_ALWAYS,
    SQLSTATE_BY_POLICY,
    SQLSTATE_TOO_LARGE,
    SQLSTATE_NAMES_CONSTRAINT,
    SQLSTATE_NAMES_TABLE_ONLY, /* the error names a table, and no constraint */
    /* The error names the primary key, or an index that REINDEX CONCURRENTLY makes or drops. */
    SQLSTATE_NAMES_KEY,
    SQLSTATE_OF_FOREIGN_COLUMN, /* the error names a column that our INSERT does not fill */
};

struct sqlstate_row {
    const char *prefix; /* the code begins with it; "": any code */
    enum sqlstate_condition condition;
    enum store_fault fault;
    enum store_action action;
    enum retry_reason retry; /* the reason, if the group is tried again */
    /* true: `fault` is right only if no other order of the group was stored, because the server may
     * then be refusing every order. If another was stored, the order that failed is at fault. */
    bool unless_neighbour_stored;
    const char *meaning; /* for the manual */
};

/* Returns the first entry that fits the error. The last entry fits every error. */
const struct sqlstate_row *sqlstate_find(const struct sqlstate_error *error);

/* Returns entry i of the table, or NULL if i is too large. sqlstate_find() tries entry 0 first. */
const struct sqlstate_row *sqlstate_row(size_t i);

/* As sqlstate_find(), for an error of which only the code is known. */
const struct sqlstate_row *sqlstate_find_code(const char *code);

#endif
