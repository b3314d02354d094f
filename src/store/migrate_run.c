/* migrate_run.c - see migrate_run.h. */
#include "store/migrate_run.h"

#include <libpq-fe.h>

#include "base/err.h"
#include "pqpool/pqpool.h"
#include "pqpool/result.h"
#include "store/failure.h"
#include "store/sqlstate.h"
#include "store/statement_text.h"

/* Called if an answer does not have the rows and columns that the statement must return. Such an
 * answer does not tell what the database has, so the caller tries again. Reports the answer to the
 * pool as a protocol error. */
static enum migrate_rc malformed(const struct migrate_run *run)
{
    pqpool_report_error(run->lease, SQLSTATE_PROTOCOL_VIOLATION);
    return MIGRATE_RETRY;
}

static enum migrate_rc run_sql(const struct migrate_run *run, const char *sql, PGresult **result)
{
    const struct pqpool_query query = { .sql = sql };
    enum pqpool_rc rc = pqpool_exec(run->lease, &query, run->deadline_at_ns, result, run->err);
    if (rc == PQPOOL_OK)
        return MIGRATE_OK;
    failure_publish(run->err);
    return failure_is_passing(rc, run->err) ? MIGRATE_RETRY : MIGRATE_FAILED;
}

enum migrate_rc migrate_run_ask(const struct migrate_run *run, const char *sql, unsigned *number)
{
    PGresult *result = NULL;
    uint64_t value = 0;
    enum migrate_rc rc = run_sql(run, sql, &result);
    if (rc == MIGRATE_OK && !result_is_table(result, 1, 1, 1, sql, run->err))
        rc = malformed(run);
    if (rc == MIGRATE_OK && number != NULL && !result_number(result, 0, 0, INT32_MAX, &value)) {
        err_set(run->err, 0, "malformed answer to %s: no number", sql);
        rc = malformed(run);
    }
    if (rc == MIGRATE_OK && number != NULL)
        *number = (unsigned)value;
    PQclear(result);
    return rc;
}

enum migrate_rc migrate_run_tell(const struct migrate_run *run, const char *sql, const char *tag)
{
    PGresult *result = NULL;
    enum migrate_rc rc = run_sql(run, sql, &result);
    if (rc == MIGRATE_OK && !result_is_command(result, tag, run->err))
        rc = malformed(run);
    PQclear(result);
    return rc;
}

/* A change of a table waits for every transaction that uses the table, such as a long report, and
 * all statements that come after the change wait behind it. So a migration waits for a table for
 * TABLE_WAIT only, and orders no longer than that; the caller tries again after a pause, in which
 * orders go on. TABLE_WAIT is longer than the default of deadlock_timeout, 1 s, because PostgreSQL
 * cancels an autovacuum that is in the way only after that time. */
#define ADVISORY_WAIT "SET LOCAL lock_timeout = '60s'"
#define TABLE_WAIT "SET LOCAL lock_timeout = '1100ms'"

enum migrate_rc migrate_run_begin(const struct migrate_run *run)
{
    enum migrate_rc rc = migrate_run_tell(run, STATEMENT_BEGIN, "BEGIN");
    if (rc == MIGRATE_OK)
        rc = migrate_run_ask(run, "SELECT " STATEMENT_SETTINGS("true"), NULL);
    if (rc == MIGRATE_OK)
        rc = migrate_run_tell(run, ADVISORY_WAIT, "SET");
    if (rc == MIGRATE_OK) /* the number is "ordersd" in ASCII */
        rc = migrate_run_ask(run, "SELECT pg_advisory_xact_lock(x'6f726465727364'::bigint)", NULL);
    if (rc == MIGRATE_OK)
        rc = migrate_run_tell(run, TABLE_WAIT, "SET");
    return rc;
}

enum migrate_rc migrate_run_with_lease(struct pqpool *pool, int64_t deadline_at_ns,
                                       enum migrate_rc (*work)(const struct migrate_run *run),
                                       void *arg, struct err *err)
{
    struct err why = { 0 };
    struct migrate_run run = { .deadline_at_ns = deadline_at_ns, .arg = arg, .err = &why };
    enum migrate_rc rc = MIGRATE_RETRY;
    if (pqpool_acquire(pool, deadline_at_ns, &run.lease, &why) == PQPOOL_OK)
        rc = work(&run);
    pqpool_release(&run.lease, PQPOOL_REUSE);
    if (rc != MIGRATE_OK && err != NULL)
        *err = why;
    return rc;
}
