/* sqlstate.h - the table of SQLSTATEs: whose fault an error of the database is, and what it allows
 * for the group that it came to. No other place of the program decides that. */
#ifndef STORE_SQLSTATE_H
#define STORE_SQLSTATE_H

#include <stdbool.h>
#include <stddef.h>

#include "orders/order_store.h"

/* What the server said beside the code; a name is "" where it gave none. */
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
    SQLSTATE_NAMES_TABLE_ONLY,  /* a table, and no constraint */
    SQLSTATE_OF_FOREIGN_COLUMN, /* a column that no INSERT of ours fills */
};

struct sqlstate_row {
    const char *prefix; /* of the code; "": any */
    enum sqlstate_condition condition;
    enum store_fault fault;
    enum store_action action;
    bool unless_neighbour_stored; /* the order's fault after all, if another order of the group was
                                     stored: a server that cannot store refuses all */
    const char *meaning;          /* for the manual */
};

/* The row that fits: there always is one. */
const struct sqlstate_row *sqlstate_find(const struct sqlstate_error *error);

/* All rows, in the order in which they are tried; NULL past the last. */
const struct sqlstate_row *sqlstate_row(size_t i);

/* The row of a code of which nothing else is known. */
const struct sqlstate_row *sqlstate_find_code(const char *code);

#endif
