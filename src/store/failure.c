/* failure.c - classifies failures by the table in sqlstate.c.
 *
 * Two codes have two meanings each. 42501: a policy or a trigger forbids the row, or a right is
 * missing. 54000: a row or an index row is too large, or the server has no transaction ids left. An
 * error names the routine of the server that reported it, and in most cases this name shows the
 * meaning. (The message may be translated, the name never is.) A 42501 may come from an unknown
 * routine: for example, a Citus coordinator reports the errors of its workers. This program then
 * asks the server whether the role has every right that the statements need. If the role has them
 * all, a policy has refused the row. */
#include "store/failure.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/err.h"
#include "store/sqlstate.h"

/* Functions of the server (PostgreSQL 9.5 to 18) that report an error about one row. */
static const char *const refuse_rows[] = {
    "ExecWithCheckOptions", /* WITH CHECK of a policy */
    "exec_stmt_raise",      /* RAISE in a trigger of the owner's */
    NULL,
};
static const char *const refuse_large_rows[] = {
    "index_form_tuple",
    "index_form_tuple_context",
    "_bt_check_third_page",
    "GinFormTuple",
    "gistSplit",
    "spgdoinsert",
    "_hash_doinsert",
    "brin_doinsert",
    "brin_doupdate",
    "heap_form_tuple",
    "RelationGetBufferForTuple",
    NULL,
};

static bool is_among(const char *routine, const char *const routines[])
{
    for (size_t i = 0; routines[i] != NULL; i++)
        if (strcmp(routine, routines[i]) == 0)
            return true;
    return false;
}

static bool policy_by_rights(const struct session *session)
{
    PGresult *rows = NULL;
    struct err err;
    transaction_rollback(session);
    enum pqpool_rc rc = statement_ask_policy(session, &rows, &err);
    bool by_policy = rc == PQPOOL_OK && PQntuples(rows) == 1 && PQnfields(rows) == 1 &&
                     strcmp(PQgetvalue(rows, 0, 0), "t") == 0;
    PQclear(rows);
    return by_policy;
}

static bool is_by_policy(const struct session *session, const char *routine)
{
    if (strncmp(routine, "aclcheck_error", strlen("aclcheck_error")) == 0)
        return false;
    return is_among(routine, refuse_rows) || policy_by_rights(session);
}

static const struct sqlstate_row *find_row(const struct session *session, const struct err *err)
{
    const struct pqpool_error_fields fields = *pqpool_lease_error_fields(session->lease);
    const struct sqlstate_error error = {
        .code = err->code,
        .constraint = err->constraint,
        .table = err->table,
        .column = fields.column,
        .by_policy = sqlstate_is(err->code, SQLSTATE_INSUFFICIENT_PRIVILEGE) &&
                     is_by_policy(session, fields.routine),
        .too_large = is_among(fields.routine, refuse_large_rows),
    };
    return sqlstate_find(&error);
}

void failure_classify(const struct session *session, enum pqpool_rc rc,
                      struct store_failure *failure)
{
    failure->unless_neighbour_stored = false;
    switch (rc) {
    case PQPOOL_TIMEOUT:
        failure->action = STORE_RETRY_THEN_SPLIT;
        failure->fault = FAULT_NONE;
        return;
    case PQPOOL_SQL_ERROR:
        if (failure->err.code[0] != '\0') {
            const struct sqlstate_row *row = find_row(session, &failure->err);
            failure->action = row->action;
            failure->fault = row->fault;
            failure->unless_neighbour_stored = row->unless_neighbour_stored;
            return;
        }
        break; /* the server sent no error: libpq had no memory for the answer */
    case PQPOOL_LOST:
        failure->action = STORE_RETRY;
        failure->fault = FAULT_SERVER;
        return;
    case PQPOOL_OK:
    case PQPOOL_QUEUE_FULL:
    case PQPOOL_DOWN:
    case PQPOOL_CLOSED:
    case PQPOOL_NOMEM:
    case PQPOOL_NOT_SENT:
    case PQPOOL_INVALID_OPTIONS:
        break;
    }
    failure->action = STORE_RETRY;
    failure->fault = FAULT_SERVICE;
}

/* RETRY_LOST is for errors without an SQLSTATE. Such an error does not come from the server: the
 * connection was lost, or no answer came. */
enum retry_reason failure_retry(const struct store_failure *failure)
{
    if (failure->action == STORE_UNAVAILABLE)
        return RETRY_UNAVAILABLE;
    const char *code = failure->err.code;
    return code[0] == '\0' ? RETRY_LOST : sqlstate_find_code(code)->retry;
}

static bool is_passing(enum store_action action)
{
    return action == STORE_RETRY || action == STORE_RETRY_THEN_SPLIT;
}

enum lookup_rc failure_of_read(const struct session *session, enum pqpool_rc rc,
                               const struct err *err)
{
    struct store_failure failure = { .err = *err };
    failure_classify(session, rc, &failure);
    if (is_passing(failure.action))
        return LOOKUP_UNAVAILABLE;
    return failure.fault == FAULT_SERVICE ? LOOKUP_FAILED : LOOKUP_DATABASE_FAULT;
}

bool failure_is_passing(enum pqpool_rc rc, const struct err *err)
{
    return rc != PQPOOL_SQL_ERROR || err->code[0] == '\0' ||
           is_passing(sqlstate_find_code(err->code)->action);
}

void failure_publish(struct err *err)
{
    if (err != NULL && sqlstate_find_code(err->code)->fault != FAULT_ORDER)
        err->flags &= ~(unsigned)ERR_PRIVATE;
}
