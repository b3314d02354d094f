/* migrate.c - brings the schema up to this program's version.
 *
 * The version is read first. If it is current, nothing is created or locked, so the role needs no
 * right to create tables. Otherwise each migration is one transaction that takes the advisory lock,
 * reads the version again, and does nothing if another process was faster. Settings are
 * transaction-local, and no statement is prepared under a name, so migrations work through
 * PgBouncer too. */
#include "store/store.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "pqpool/pqpool.h"
#include "pqpool/result.h"
#include "store/failure.h"
#include "store/migrations.h"
#include "store/sqlstate.h"
#include "store/statement_text.h"

struct run {
    struct pqpool_lease *lease;
    int64_t deadline_at_ns;
    struct err *err; /* never NULL */
};

/* Called if an answer does not have the rows and columns that the statement must return. Such an
 * answer does not tell which version the schema has, so the caller tries again. Reports the answer
 * to the pool as a protocol error. */
static enum migrate_rc malformed(const struct run *run)
{
    pqpool_report_error(run->lease, SQLSTATE_PROTOCOL_VIOLATION);
    return MIGRATE_RETRY;
}

static enum migrate_rc run_sql(const struct run *run, const char *sql, PGresult **result)
{
    const struct pqpool_query query = { .sql = sql };
    enum pqpool_rc rc = pqpool_exec(run->lease, &query, run->deadline_at_ns, result, run->err);
    if (rc == PQPOOL_OK)
        return MIGRATE_OK;
    failure_publish(run->err);
    return failure_is_passing(rc, run->err) ? MIGRATE_RETRY : MIGRATE_FAILED;
}

/* Runs a query that returns one row of one column. If `number` is not NULL, reads the value as a
 * whole number. */
static enum migrate_rc ask(const struct run *run, const char *sql, unsigned *number)
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

/* Runs a command. `tag` is the command tag that the server must report; NULL: any. */
static enum migrate_rc tell(const struct run *run, const char *sql, const char *tag)
{
    PGresult *result = NULL;
    enum migrate_rc rc = run_sql(run, sql, &result);
    if (rc == MIGRATE_OK && !result_is_command(result, tag, run->err))
        rc = malformed(run);
    PQclear(result);
    return rc;
}

/* Reads the version of the schema, which is 0 if the database was never migrated. to_regclass()
 * would be wrong here: it may answer from a cache that is not refreshed while the session waits for
 * the advisory lock. */
static enum migrate_rc read_version(const struct run *run, unsigned *version)
{
    static const char tables_sql[] = "SELECT count(*) FROM pg_class WHERE "
                                     "relname = 'ordersd_migrations' AND pg_table_is_visible(oid)";
    unsigned tables;
    enum migrate_rc rc = ask(run, tables_sql, &tables);
    *version = 0;
    if (rc != MIGRATE_OK || tables == 0)
        return rc;
    return ask(run, "SELECT coalesce(max(version), 0) FROM ordersd_migrations", version);
}

static enum migrate_rc apply(const struct run *run, const struct migration *migration)
{
    enum migrate_rc rc = MIGRATE_OK;
    if (migration->version == 1)
        rc = tell(run,
                  "CREATE TABLE ordersd_migrations (version int PRIMARY KEY, "
                  "name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
                  "CREATE TABLE");
    for (const char *sql = migration->sql; rc == MIGRATE_OK && *sql != '\0'; sql += strlen(sql) + 1)
        rc = tell(run, sql, NULL);
    if (rc != MIGRATE_OK)
        return rc;
    char record[160];
    (void)snprintf(record, sizeof record,
                   "INSERT INTO ordersd_migrations (version, name) VALUES (%d, '%s')",
                   migration->version, migration->name);
    return tell(run, record, "INSERT 0 1");
}

/* A change of a table waits for every transaction that uses the table, such as a long report, and
 * all statements that come after the change wait behind it. So a migration waits for a table for
 * TABLE_WAIT only, and orders no longer than that; the caller tries again after a pause, in which
 * orders go on. TABLE_WAIT is longer than the default of deadlock_timeout, 1 s, because PostgreSQL
 * cancels an autovacuum that is in the way only after that time. */
#define ADVISORY_WAIT "SET LOCAL lock_timeout = '60s'"
#define TABLE_WAIT "SET LOCAL lock_timeout = '1100ms'"

/* Applies the migration from `version` to the next in one transaction, unless it has been done. */
static enum migrate_rc step(const struct run *run, unsigned version)
{
    enum migrate_rc rc = tell(run, STATEMENT_BEGIN, "BEGIN");
    if (rc == MIGRATE_OK)
        rc = ask(run, "SELECT " STATEMENT_SETTINGS("true"), NULL);
    if (rc == MIGRATE_OK)
        rc = tell(run, ADVISORY_WAIT, "SET");
    if (rc == MIGRATE_OK) /* the number is "ordersd" in ASCII */
        rc = ask(run, "SELECT pg_advisory_xact_lock(x'6f726465727364'::bigint)", NULL);
    if (rc == MIGRATE_OK)
        rc = tell(run, TABLE_WAIT, "SET");
    unsigned now = 0;
    if (rc == MIGRATE_OK)
        rc = read_version(run, &now);
    if (rc == MIGRATE_OK && now == version)
        rc = apply(run, &migrations[version]);
    return rc == MIGRATE_OK ? tell(run, "COMMIT", "COMMIT") : rc; /* else the pool rolls back */
}

/* Compares the version of the schema with ours. Returns MIGRATE_RETRY if the schema is older. */
static enum migrate_rc check_version(const struct run *run, unsigned version)
{
    if (version == migrations_count)
        return MIGRATE_OK;
    err_set(run->err, 0, "the database's schema is version %u, this program knows %u", version,
            migrations_count);
    return version > migrations_count ? MIGRATE_TOO_NEW : MIGRATE_RETRY;
}

static enum migrate_rc migrate_all(const struct run *run)
{
    for (;;) {
        unsigned version;
        enum migrate_rc rc = read_version(run, &version);
        if (rc != MIGRATE_OK)
            return rc;
        rc = check_version(run, version);
        if (rc != MIGRATE_RETRY)
            return rc;
        rc = step(run, version);
        if (rc != MIGRATE_OK)
            return rc;
    }
}

static enum migrate_rc check_only(const struct run *run)
{
    unsigned version;
    enum migrate_rc rc = read_version(run, &version);
    return rc == MIGRATE_OK ? check_version(run, version) : rc;
}

static enum migrate_rc with_lease(struct pqpool *pool, int64_t deadline_at_ns,
                                  enum migrate_rc (*work)(const struct run *run), struct err *err)
{
    struct err why = { 0 };
    struct run run = { .deadline_at_ns = deadline_at_ns, .err = &why };
    enum migrate_rc rc = MIGRATE_RETRY;
    if (pqpool_acquire(pool, deadline_at_ns, &run.lease, &why) == PQPOOL_OK)
        rc = work(&run);
    pqpool_release(&run.lease, PQPOOL_REUSE);
    if (rc != MIGRATE_OK && err != NULL)
        *err = why;
    return rc;
}

enum migrate_rc store_migrate(struct pqpool *pool, int64_t deadline_at_ns, struct err *err)
{
    return with_lease(pool, deadline_at_ns, migrate_all, err);
}

enum migrate_rc store_check_schema(struct pqpool *pool, int64_t deadline_at_ns, struct err *err)
{
    return with_lease(pool, deadline_at_ns, check_only, err);
}

unsigned store_schema_version(void)
{
    return migrations_count;
}
