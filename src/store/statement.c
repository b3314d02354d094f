/* statement.c - runs statements and transactions on a lease, and checks their answers. */
#include "store/statement.h"

#include <libpq-fe.h>
#include <stdio.h>

#include "base/err.h"
#include "pqpool/result.h"
#include "store/params.h"
#include "store/sqlstate.h"

static struct pqpool_query query_of(const struct params *params)
{
    if (params == NULL)
        return (struct pqpool_query){ 0 };
    return (struct pqpool_query){
        .n_params = params->n,
        .values = params->values,
        .lengths = params->lengths,
        .formats = params->formats,
    };
}

enum pqpool_rc statement_malformed(const struct session *session, struct err *err)
{
    pqpool_report_error(session->lease, SQLSTATE_PROTOCOL_VIOLATION);
    err->flags |= ERR_RETRYABLE | ERR_UNCERTAIN;
    (void)snprintf(err->code, sizeof err->code, "%s", SQLSTATE_PROTOCOL_VIOLATION);
    return PQPOOL_LOST;
}

/* Runs a command that returns no rows. `tag` is the command tag that the server reports on
 * success. */
static enum pqpool_rc run_command(const struct session *session, const char *sql, const char *tag,
                                  struct err *err)
{
    const struct pqpool_query query = { .sql = sql };
    PGresult *result = NULL;
    enum pqpool_rc rc = pqpool_exec(session->lease, &query, session->deadline_at_ns, &result, err);
    if (rc == PQPOOL_OK && !result_is_command(result, tag, err))
        rc = statement_malformed(session, err);
    PQclear(result);
    return rc;
}

/* Checks that the rows of a statement have the right shape. Clears the rows if they do not. */
static enum pqpool_rc check_rows(const struct session *session, enum statement which,
                                 enum pqpool_rc rc, PGresult **rows, struct err *err)
{
    const struct statement_text *text = statement_text(which);
    if (rc != PQPOOL_OK ||
        result_is_table(*rows, 0, text->max_rows, text->columns, text->name, err))
        return rc;
    PQclear(*rows);
    *rows = NULL;
    return statement_malformed(session, err);
}

static enum pqpool_rc make_prepared(const struct session *session, enum statement which,
                                    struct err *err)
{
    unsigned *prepared = pqpool_lease_bits(session->lease);
    const unsigned bit = 1u << which;
    if ((*prepared & bit) != 0)
        return PQPOOL_OK;
    const struct pqpool_query query = {
        .statement = statement_text(which)->name,
        .sql = statement_text(which)->sql,
        .prepare = true,
    };
    PGresult *result = NULL;
    enum pqpool_rc rc = pqpool_exec(session->lease, &query, session->deadline_at_ns, &result, err);
    if (rc == PQPOOL_OK && !result_is_command(result, "", err))
        rc = statement_malformed(session, err);
    PQclear(result);
    /* The server prepared the statement in an earlier call, whose answer did not arrive. */
    if (rc == PQPOOL_SQL_ERROR && sqlstate_is(err->code, SQLSTATE_DUPLICATE_PSTATEMENT))
        rc = PQPOOL_OK;
    if (rc == PQPOOL_OK)
        *prepared |= bit;
    return rc;
}

/* Returns true if the statement failed only because its prepared form is missing or stale. The
 * statement then counts as not prepared on this connection. */
static bool forget_prepared(const struct session *session, enum statement which,
                            const struct err *refusal)
{
    const bool gone = sqlstate_is(refusal->code, SQLSTATE_UNDEFINED_PSTATEMENT);
    /* The plan is stale, and the prepared statement still exists. */
    const bool stale = sqlstate_is(refusal->code, SQLSTATE_FEATURE_NOT_SUPPORTED);
    if (!gone && !stale)
        return false;
    *pqpool_lease_bits(session->lease) &= ~(1u << which);
    if (gone)
        return true;
    char sql[64];
    struct err err;
    (void)snprintf(sql, sizeof sql, "DEALLOCATE %s", statement_text(which)->name);
    return run_command(session, sql, "DEALLOCATE", &err) == PQPOOL_OK;
}

static enum pqpool_rc run_prepared(const struct session *session, enum statement which,
                                   const struct params *params, PGresult **rows_out,
                                   struct err *err)
{
    struct pqpool_query query = query_of(params);
    query.statement = statement_text(which)->name;
    for (int attempt = 0;; attempt++) {
        enum pqpool_rc rc = make_prepared(session, which, err);
        if (rc != PQPOOL_OK) {
            err->flags &= ~(unsigned)ERR_UNCERTAIN; /* nothing ran yet */
            return rc;
        }
        rc = pqpool_exec(session->lease, &query, session->deadline_at_ns, rows_out, err);
        if (rc != PQPOOL_SQL_ERROR || attempt > 0 || !forget_prepared(session, which, err))
            return check_rows(session, which, rc, rows_out, err);
    }
}

static enum pqpool_rc run_unnamed(const struct session *session, enum statement which,
                                  const struct params *params, PGresult **rows_out, struct err *err)
{
    struct pqpool_query query = query_of(params);
    query.sql = statement_text(which)->sql;
    enum pqpool_rc rc = pqpool_exec(session->lease, &query, session->deadline_at_ns, rows_out, err);
    return check_rows(session, which, rc, rows_out, err);
}

/* Clears ERR_UNCERTAIN, for a step that changes nothing if it fails. Returns `rc`. */
static enum pqpool_rc never_uncertain(enum pqpool_rc rc, struct err *err)
{
    if (rc != PQPOOL_OK)
        err->flags &= ~(unsigned)ERR_UNCERTAIN;
    return rc;
}

/* Returns true if the server has reported an error, and another server may have committed all the
 * same. That is so if the connection between the two broke: the other server may have committed
 * just before (a foreign table's does, while ours is still committing). A Citus coordinator may
 * also warn that a node has not answered a COMMIT, and then fail itself by XX000. */
static bool may_be_elsewhere(const struct session *session, const struct err *err)
{
    const bool warned = pqpool_lease_warned(session->lease);
    return sqlstate_is_of_other_server(err->code) ||
           (warned && sqlstate_is(err->code, SQLSTATE_INTERNAL_ERROR));
}

/* Checks the result of a commit. The outcome is known only if two things hold: the server has
 * reported the commit or an error, and the session is idle afterwards. An error without a code
 * comes from libpq, so the server has reported nothing. If the server cannot speak for another one,
 * its error stays an error, which says what to do with the group, with ERR_UNCERTAIN. */
static enum pqpool_rc check_commit(const struct session *session, enum pqpool_rc rc,
                                   struct err *err)
{
    if (rc != PQPOOL_OK && rc != PQPOOL_SQL_ERROR)
        return rc;
    const bool idle = PQtransactionStatus(pqpool_lease_pg(session->lease)) == PQTRANS_IDLE;
    const bool said =
        rc == PQPOOL_OK || (err->code[0] != '\0' && !sqlstate_commit_is_unknown(err->code));
    if (idle && said) {
        if (rc == PQPOOL_SQL_ERROR && may_be_elsewhere(session, err))
            err->flags |= ERR_RETRYABLE | ERR_UNCERTAIN;
        return rc;
    }
    if (rc == PQPOOL_OK)
        err_set(err, 0, "the session is not idle after a commit");
    err->flags |= ERR_RETRYABLE | ERR_UNCERTAIN;
    return PQPOOL_LOST;
}

enum pqpool_rc statement_ask_policy(const struct session *session, struct pg_result **rows_out,
                                    struct err *err)
{
    static const char sql[] =
        "SELECT row_security_active('orders') AND current_setting('row_security') = 'on' AND "
        "bool_and(has_column_privilege('orders', c.name, 'INSERT') AND "
        "has_column_privilege('orders', c.name, 'SELECT')) FROM unnest('{" STATEMENT_COLUMNS
        "}'::text[]) "
        "AS c(name)";
    const struct pqpool_query query = { .sql = sql };
    return never_uncertain(
        pqpool_exec(session->lease, &query, session->deadline_at_ns, rows_out, err), err);
}

/* ---- transactions ---- */

static enum pqpool_rc set_locally(const struct session *session, struct err *err)
{
    const struct pqpool_query query = { .sql = "SELECT " STATEMENT_SETTINGS("true") };
    PGresult *row = NULL;
    enum pqpool_rc rc = pqpool_exec(session->lease, &query, session->deadline_at_ns, &row, err);
    if (rc == PQPOOL_OK && !result_is_table(row, 1, 1, 1, "the settings", err))
        rc = statement_malformed(session, err);
    PQclear(row);
    return rc;
}

enum pqpool_rc transaction_begin(const struct session *session, struct err *err)
{
    enum pqpool_rc rc = run_command(session, STATEMENT_BEGIN, "BEGIN", err);
    if (rc == PQPOOL_OK &&
        PQtransactionStatus(pqpool_lease_pg(session->lease)) != PQTRANS_INTRANS) {
        err_set(err, 0, "the server has answered BEGIN, and the session is in no transaction");
        rc = statement_malformed(session, err);
    }
    if (rc == PQPOOL_OK && !session->prepare)
        rc = set_locally(session, err);
    return never_uncertain(rc, err);
}

enum pqpool_rc transaction_run(const struct session *session, enum statement which,
                               const struct params *params, struct pg_result **rows_out,
                               struct err *err)
{
    return never_uncertain(run_unnamed(session, which, params, rows_out, err), err);
}

enum pqpool_rc transaction_defer_nothing(const struct session *session, struct err *err)
{
    return never_uncertain(
        run_command(session, "SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS", err), err);
}

/* The server answers the COMMIT of a failed transaction with success and the tag ROLLBACK. So only
 * the tag tells whether the transaction was committed. */
enum pqpool_rc transaction_commit(const struct session *session, struct err *err)
{
    const struct pqpool_query query = { .sql = "COMMIT" };
    PGresult *result = NULL;
    enum pqpool_rc rc = pqpool_exec(session->lease, &query, session->deadline_at_ns, &result, err);
    rc = check_commit(session, rc, err);
    struct err ignored;
    if (rc == PQPOOL_OK && result_is_command(result, "ROLLBACK", &ignored)) {
        err_set(err, ERR_RETRYABLE, "the server rolled the transaction back");
        rc = PQPOOL_SQL_ERROR;
    } else if (rc == PQPOOL_OK && !result_is_command(result, "COMMIT", err)) {
        rc = statement_malformed(session, err);
    }
    PQclear(result);
    return rc;
}

void transaction_rollback(const struct session *session)
{
    struct err err;
    PGTransactionStatusType status = PQtransactionStatus(pqpool_lease_pg(session->lease));
    if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
        (void)run_command(session, "ROLLBACK", "ROLLBACK", &err);
}

/* ---- */

/* Runs a statement in a transaction of its own. If a step fails, the pool rolls the transaction
 * back. */
static enum pqpool_rc run_and_commit(const struct session *session, enum statement which,
                                     const struct params *params, PGresult **rows_out,
                                     struct err *err)
{
    enum pqpool_rc rc = transaction_begin(session, err);
    if (rc == PQPOOL_OK)
        rc = transaction_run(session, which, params, rows_out, err);
    if (rc == PQPOOL_OK)
        rc = transaction_commit(session, err);
    return rc;
}

/* If session.prepare is false, there may be a pooler that gives the server session to another
 * client after each transaction. A setting that is made for the session is then lost. So the
 * statement runs in a transaction of its own, which begins by making the settings that the plan
 * needs. */
enum pqpool_rc statement_read(const struct session *session, enum statement which,
                              const struct params *params, struct pg_result **rows_out,
                              struct err *err)
{
    PGresult *rows = NULL;
    enum pqpool_rc rc = session->prepare ? run_prepared(session, which, params, &rows, err)
                                         : run_and_commit(session, which, params, &rows, err);
    if (rc == PQPOOL_OK)
        *rows_out = rows;
    else
        PQclear(rows);
    return never_uncertain(rc, err);
}

enum pqpool_rc statement_commit(const struct session *session, enum statement which,
                                const struct params *params, struct pg_result **rows_out,
                                struct err *err)
{
    PGresult *rows = NULL;
    enum pqpool_rc rc;
    if (session->prepare) {
        rc = run_prepared(session, which, params, &rows, err);
        rc = check_commit(session, rc, err);
    } else {
        rc = run_and_commit(session, which, params, &rows, err);
    }
    if (rc == PQPOOL_OK)
        *rows_out = rows;
    else
        PQclear(rows);
    return rc;
}

enum pqpool_rc statement_seal(const struct session *session, struct err *err)
{
    PGresult *rows = NULL;
    (void)pqpool_lease_warned(session->lease); /* clears the warnings of earlier statements */
    enum pqpool_rc rc = statement_commit(session, STATEMENT_SEAL, NULL, &rows, err);
    PQclear(rows);
    if (rc != PQPOOL_OK || !pqpool_lease_warned(session->lease))
        return rc;
    err_set(err, ERR_RETRYABLE, "the wait for a standby was cancelled");
    return PQPOOL_LOST;
}
