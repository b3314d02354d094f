/* migrate.c - brings the schema up to this program's version.
 *
 * The version is read first. If it is current, nothing is created or locked, so the role needs no
 * right to create tables. Otherwise each migration is one transaction that takes the advisory lock,
 * reads the version again, and does nothing if another process was faster. Settings are
 * transaction-local, and no statement is prepared under a name, so migrations work through
 * PgBouncer too. */
#include "store/migrate_run.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "store/migrations.h"
#include "store/partitions.h"

/* Reads the version of the schema, which is 0 if the database was never migrated. to_regclass()
 * would be wrong here: it may answer from a cache that is not refreshed while the session waits for
 * the advisory lock. */
static enum migrate_rc read_version(const struct migrate_run *run, unsigned *version)
{
    static const char tables_sql[] = "SELECT count(*) FROM pg_class WHERE "
                                     "relname = 'ordersd_migrations' AND pg_table_is_visible(oid)";
    unsigned tables;
    enum migrate_rc rc = migrate_run_ask(run, tables_sql, &tables);
    *version = 0;
    if (rc != MIGRATE_OK || tables == 0)
        return rc;
    return migrate_run_ask(run, "SELECT coalesce(max(version), 0) FROM ordersd_migrations",
                           version);
}

/* Returns how many partitions the table must have; 0: any number. */
static unsigned partitions_of(const struct migrate_run *run)
{
    const unsigned *partitions = run->arg;
    return partitions != NULL ? *partitions : 0;
}

/* Runs a statement of the migration. */
static enum migrate_rc tell(const struct migrate_run *run, const struct migration *migration,
                            const char *sql)
{
    const unsigned n = partitions_of(run);
    return migration->version == 1 && n > 0 ? partitions_tell(run, sql, n)
                                            : migrate_run_tell(run, sql, NULL);
}

static enum migrate_rc apply(const struct migrate_run *run, const struct migration *migration)
{
    enum migrate_rc rc = MIGRATE_OK;
    if (migration->version == 1)
        rc = migrate_run_tell(run,
                              "CREATE TABLE ordersd_migrations (version int PRIMARY KEY, "
                              "name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
                              "CREATE TABLE");
    for (const char *sql = migration->sql; rc == MIGRATE_OK && *sql != '\0'; sql += strlen(sql) + 1)
        rc = tell(run, migration, sql);
    if (rc != MIGRATE_OK)
        return rc;
    char record[160];
    (void)snprintf(record, sizeof record,
                   "INSERT INTO ordersd_migrations (version, name) VALUES (%d, '%s')",
                   migration->version, migration->name);
    return migrate_run_tell(run, record, "INSERT 0 1");
}

/* Applies the migration from `version` to the next in one transaction, unless it has been done. */
static enum migrate_rc step(const struct migrate_run *run, unsigned version)
{
    enum migrate_rc rc = migrate_run_begin(run);
    unsigned now = 0;
    if (rc == MIGRATE_OK)
        rc = read_version(run, &now);
    if (rc == MIGRATE_OK && now == version)
        rc = apply(run, &migrations[version]);
    return rc == MIGRATE_OK ? migrate_run_tell(run, "COMMIT", "COMMIT")
                            : rc; /* else the pool rolls back */
}

/* Compares the version of the schema with ours. Returns MIGRATE_RETRY if the schema is older. */
static enum migrate_rc check_version(const struct migrate_run *run, unsigned version)
{
    if (version == migrations_count)
        return MIGRATE_OK;
    err_set(run->err, 0, "the database's schema is version %u, this program knows %u", version,
            migrations_count);
    return version > migrations_count ? MIGRATE_TOO_NEW : MIGRATE_RETRY;
}

/* If partitions were requested, checks the table before anything is changed. There is no table yet
 * if the version is 0. */
static enum migrate_rc check_partitions(const struct migrate_run *run, unsigned version)
{
    const unsigned n = partitions_of(run);
    return version > 0 && n > 0 ? partitions_check(run, n) : MIGRATE_OK;
}

static enum migrate_rc migrate_all(const struct migrate_run *run)
{
    for (;;) {
        unsigned version;
        enum migrate_rc rc = read_version(run, &version);
        if (rc == MIGRATE_OK)
            rc = check_partitions(run, version);
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

static enum migrate_rc check_only(const struct migrate_run *run)
{
    unsigned version;
    enum migrate_rc rc = read_version(run, &version);
    return rc == MIGRATE_OK ? check_version(run, version) : rc;
}

enum migrate_rc store_migrate(struct pqpool *pool, int64_t deadline_at_ns, struct err *err)
{
    return migrate_run_with_lease(pool, deadline_at_ns, migrate_all, NULL, err);
}

enum migrate_rc store_migrate_partitioned(struct pqpool *pool, unsigned partitions,
                                          int64_t deadline_at_ns, struct err *err)
{
    return migrate_run_with_lease(pool, deadline_at_ns, migrate_all, &partitions, err);
}

enum migrate_rc store_check_schema(struct pqpool *pool, int64_t deadline_at_ns, struct err *err)
{
    return migrate_run_with_lease(pool, deadline_at_ns, check_only, NULL, err);
}

unsigned store_schema_version(void)
{
    return migrations_count;
}
