/* sqlstate.c - see sqlstate.h. The first row whose prefix fits counts, so exceptions to a class
 * stand above it. 26000 and 0A000 of a prepared statement are statement.c's to mend; what is left
 * of them is an error like any other. */
#include "store/sqlstate.h"

#include <string.h>

struct sqlstate_row {
    const char *prefix;
    enum store_action action;
};

/* clang-format off: one row, one prefix */
static const struct sqlstate_row rows[] = {
    { "40P01", STORE_RETRY_THEN_SPLIT }, /* deadlock */
    { "55P03", STORE_RETRY_THEN_SPLIT }, /* lock_timeout: one locked key must not hold strangers */
    { "57014", STORE_RETRY_THEN_SPLIT }, /* cancelled, statement_timeout */
    { "XX000", STORE_RETRY_THEN_SPLIT }, /* Citus says so of a lost worker */
    { "40001", STORE_RETRY },            /* serialization */
    { "58030", STORE_RETRY },            /* I/O */
    { "25006", STORE_RETRY },            /* read only: demoted */
    { "25P03", STORE_RETRY },            /* we were away for long, in a transaction */
    { "57P0", STORE_RETRY },             /* shutting down, starting up */
    { "53", STORE_RETRY },               /* out of disk, memory, connections */
    { "08", STORE_RETRY },               /* connection */
    { "22", STORE_SPLIT },               /* data */
    { "23", STORE_SPLIT },               /* constraint */
    { "P0", STORE_SPLIT },               /* raised by a trigger */
    { "44", STORE_SPLIT },               /* WITH CHECK OPTION */
    { "54", STORE_SPLIT },               /* a limit, as of an index row */
    { "42", STORE_FAIL },                /* no such table, no privilege */
    { "28", STORE_FAIL },                /* credentials */
    { "3D", STORE_FAIL },                /* no such database */
    { "3F", STORE_FAIL },                /* no such schema */
    { "25", STORE_FAIL },                /* transaction state */
    { "", STORE_SPLIT_OR_FAIL },
};
/* clang-format on */

enum store_action sqlstate_action(const char *sqlstate)
{
    const struct sqlstate_row *row = rows;
    while (strncmp(sqlstate, row->prefix, strlen(row->prefix)) != 0)
        row++;
    return row->action;
}

enum store_action exec_action(enum pqpool_rc rc, const struct err *err)
{
    switch (rc) {
    case PQPOOL_TIMEOUT:
        return STORE_RETRY_THEN_SPLIT;
    case PQPOOL_REFUSED:
        if (err->code[0] != '\0')
            return sqlstate_action(err->code);
        break; /* not the server's: libpq had no memory for the answer */
    case PQPOOL_OK:
    case PQPOOL_FULL:
    case PQPOOL_DOWN:
    case PQPOOL_CLOSED:
    case PQPOOL_NOMEM:
    case PQPOOL_LOST:
        break;
    }
    return STORE_RETRY;
}

bool exec_is_passing(enum pqpool_rc rc, const struct err *err)
{
    enum store_action action = exec_action(rc, err);
    return action == STORE_RETRY || action == STORE_RETRY_THEN_SPLIT;
}
