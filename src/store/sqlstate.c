/* sqlstate.c - has the table of SQLSTATEs. The first entry that fits counts, so exceptions to a
 * class stand above the class. If a prepared statement fails with 26000 or 0A000, statement.c
 * prepares and runs it once more. The error of the second run is looked up here.
 *
 * An order that is at fault is refused for good. So an entry says FAULT_ORDER only if the database
 * would refuse the same order again, because of its content or by a rule that the owner of the
 * table wrote. After every other fault the order can be sent again. */
#include "store/sqlstate.h"

#include <string.h>

#include "store/statement_text.h"

#define ANY SQLSTATE_ALWAYS
#define POLICY SQLSTATE_BY_POLICY
#define LARGE SQLSTATE_TOO_LARGE
#define CONSTRAINT SQLSTATE_NAMES_CONSTRAINT
#define TABLE_ONLY SQLSTATE_NAMES_TABLE_ONLY
#define KEY SQLSTATE_NAMES_KEY
#define FOREIGN SQLSTATE_OF_FOREIGN_COLUMN

/* clang-format off */
static const struct sqlstate_row rows[] = {
    /* nobody's fault: transactions that delay each other, and time limits */
    { "55P03", ANY, FAULT_NONE, STORE_RETRY_THEN_SPLIT, RETRY_LOCK, false, "a lock was not free in time" },
    { "57014", ANY, FAULT_NONE, STORE_RETRY_THEN_SPLIT, RETRY_LOCK, false, "cancelled, or statement_timeout" },
    { "40", ANY, FAULT_NONE, STORE_RETRY_THEN_SPLIT, RETRY_LOCK, false, "deadlock, serialization failure" },
    { "23505", KEY, FAULT_NONE, STORE_RETRY_THEN_SPLIT, RETRY_LOCK, false, "the key is being indexed anew (REINDEX CONCURRENTLY), and two transactions wrote one order: ON CONFLICT looks at one of the two indexes" },
    { "25P03", ANY, FAULT_NONE, STORE_RETRY, RETRY_SERVER, false, "the transaction idled for too long" },
    { "25P04", ANY, FAULT_NONE, STORE_RETRY, RETRY_SERVER, false, "transaction_timeout" },

    /* the server's state */
    { "08P01", ANY, FAULT_SERVER, STORE_RETRY_THEN_SPLIT, RETRY_LOST, false, "the connection is out of step" },
    { "08", ANY, FAULT_SERVER, STORE_RETRY_THEN_SPLIT, RETRY_SERVER, false, "the server has lost its connection to another server: a node of Citus, the server of a foreign table" },
    { "57P0", ANY, FAULT_SERVER, STORE_RETRY, RETRY_LOST, false, "the server shuts down or starts up" },
    { "25006", ANY, FAULT_SERVER, STORE_RETRY, RETRY_LOST, false, "the server is read only: a standby" },
    { "72", ANY, FAULT_SERVER, STORE_RETRY, RETRY_SERVER, false, "snapshot too old" },
    { "53", ANY, FAULT_SERVER, STORE_RETRY_THEN_SPLIT, RETRY_SERVER, false, "no disk space, no memory, too many connections" },
    { "58P", ANY, FAULT_SERVER, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "a file of the server is missing" },
    { "58", ANY, FAULT_SERVER, STORE_RETRY_THEN_SPLIT, RETRY_SERVER, false, "an I/O error of the server" },
    { "XX000", ANY, FAULT_SERVER, STORE_RETRY_THEN_SPLIT, RETRY_SERVER, false, "internal error; of Citus also a lost worker" },
    { "XX", ANY, FAULT_SERVER, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "data or an index is corrupted" },
    { "54", CONSTRAINT, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "an index row is too large" },
    { "54", LARGE, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "a row, or a row of an index without a constraint, is too large" },
    { "54", ANY, FAULT_SERVER, STORE_SPLIT_OR_FAIL, RETRY_SERVER, true, "a limit of the server: no transaction ids are left, too deep a recursion" },

    /* the operator's: the table, its rights, its functions */
    { "23514", TABLE_ONLY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "no partition for the row" },
    { "23502", FOREIGN, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "a column that orders do not have is NOT NULL and has no default" },
    { "2200H", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "a sequence has reached its limit" },
    { "42501", POLICY, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "a row-level security policy, or a trigger, forbids the row" },
    { "42", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "a right, a table, a column, a function or a unique constraint is missing, or has another type" },
    { "3D", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "no such database" },
    { "3F", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "no such schema" },
    { "28", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "the role may not log in" },
    { "0A", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "the table is of a kind that the statement cannot write" },
    { "0L", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "invalid grantor" },
    { "0P", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "no such role" },
    { "0Z", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "a function of the owner's has a fault" },
    { "2B", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "objects depend on what is dropped" },
    { "2D", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "a function of the owner's ends the transaction" },
    { "2F", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "a function of the owner's has a fault" },
    { "39", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "a trigger function of the owner's has a fault" },
    { "55", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_LOCK, false, "the table is not in the state that is needed: a view, a shard that moves" },
    { "57", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "an operator intervened" },
    { "F0", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "the server's configuration file has a fault" },
    { "HV", ANY, FAULT_OPERATOR, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "a foreign table cannot be reached or written" },

    /* ours */
    { "03", ANY, FAULT_SERVICE, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "the statement is not complete" },
    { "0B", ANY, FAULT_SERVICE, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "invalid start of a transaction" },
    { "0F", ANY, FAULT_SERVICE, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "invalid locator" },
    { "24", ANY, FAULT_SERVICE, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "invalid cursor state" },
    { "25", ANY, FAULT_SERVICE, STORE_FAIL, RETRY_SERVER, false, "invalid state of the transaction" },
    { "26", ANY, FAULT_SERVICE, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "no such prepared statement, after it was prepared again" },
    { "34", ANY, FAULT_SERVICE, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "no such cursor" },
    { "3B", ANY, FAULT_SERVICE, STORE_SPLIT_OR_FAIL, RETRY_SERVER, false, "savepoint exception" },

    /* the order's */
    { "22", ANY, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "a value is out of the range or form of its column" },
    { "23", ANY, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "a constraint: CHECK, NOT NULL, UNIQUE, a foreign key, EXCLUDE" },
    { "44", ANY, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "a view's WITH CHECK OPTION" },
    { "P0", ANY, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "raised by a function of the owner's" },
    { "09", ANY, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "raised by a trigger of the owner's" },
    { "20", ANY, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "a function of the owner's has no case for the row" },
    { "21", ANY, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "a function of the owner's found several rows for the order" },
    { "27", ANY, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "a trigger of the owner's has changed the row" },
    { "38", ANY, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "raised by a function of the owner's in another language" },
    { "", ANY, FAULT_ORDER, STORE_SPLIT, RETRY_SERVER, false, "a code that PostgreSQL does not know: raised by a function of the owner's" },
};
/* clang-format on */

enum { ROWS = sizeof rows / sizeof rows[0] };

/* Returns true if `constraint` is the primary key, or an index that REINDEX CONCURRENTLY makes or
 * drops. The name of such an index ends with _ccnew or _ccold, and with a number after it if that
 * name is taken. */
static bool is_key_or_transient(const char *constraint)
{
    size_t len = strlen(constraint);
    while (len > 0 && constraint[len - 1] >= '0' && constraint[len - 1] <= '9')
        len--;
    const char *suffix = len > 6 ? constraint + len - 6 : "";
    return strcmp(constraint, "orders_pkey") == 0 || strncmp(suffix, "_ccnew", 6) == 0 ||
           strncmp(suffix, "_ccold", 6) == 0;
}

static bool is_met(enum sqlstate_condition condition, const struct sqlstate_error *error)
{
    switch (condition) {
    case SQLSTATE_ALWAYS:
        return true;
    case SQLSTATE_BY_POLICY:
        return error->by_policy;
    case SQLSTATE_TOO_LARGE:
        return error->too_large;
    case SQLSTATE_NAMES_CONSTRAINT:
        return error->constraint[0] != '\0';
    case SQLSTATE_NAMES_KEY:
        return is_key_or_transient(error->constraint);
    case SQLSTATE_NAMES_TABLE_ONLY:
        return error->table[0] != '\0' && error->constraint[0] == '\0';
    case SQLSTATE_OF_FOREIGN_COLUMN:
        return error->column[0] != '\0' && !statement_fills(error->column);
    }
    return false;
}

const struct sqlstate_row *sqlstate_find(const struct sqlstate_error *error)
{
    const struct sqlstate_row *row = rows;
    while (strncmp(error->code, row->prefix, strlen(row->prefix)) != 0 ||
           !is_met(row->condition, error))
        row++;
    return row;
}

bool sqlstate_is(const char *code, const char *sqlstate)
{
    return strcmp(code, sqlstate) == 0;
}

bool sqlstate_commit_is_unknown(const char *code)
{
    return sqlstate_is(code, SQLSTATE_STATEMENT_COMPLETION_UNKNOWN) ||
           sqlstate_is(code, SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN);
}

bool sqlstate_is_of_other_server(const char *code)
{
    return strncmp(code, "08", 2) == 0 && !sqlstate_is(code, SQLSTATE_PROTOCOL_VIOLATION);
}

const struct sqlstate_row *sqlstate_row(size_t i)
{
    return i < ROWS ? &rows[i] : NULL;
}

const struct sqlstate_row *sqlstate_find_code(const char *code)
{
    const struct sqlstate_error error = {
        .code = code, .constraint = "", .table = "", .column = ""
    };
    return sqlstate_find(&error);
}
