/* partitions.c - see partitions.h. */
#include "store/partitions.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

enum { SQL_MAX = 4096 };

/* The last line of the CREATE TABLE closes its list of columns, so the clause can follow it. */
static enum migrate_rc create_parent(const struct migrate_run *run, const char *sql)
{
    char partitioned[SQL_MAX];
    int len = snprintf(partitioned, sizeof partitioned, "%s PARTITION BY HASH (account_id)", sql);
    CHECK(len > 0 && len < SQL_MAX);
    return migrate_run_tell(run, partitioned, "CREATE TABLE");
}

static enum migrate_rc create_partition(const struct migrate_run *run, unsigned i, unsigned n)
{
    char sql[SQL_MAX];
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE orders_p%u PARTITION OF orders "
                   "FOR VALUES WITH (MODULUS %u, REMAINDER %u)",
                   i, n, i);
    return migrate_run_tell(run, sql, "CREATE TABLE");
}

enum migrate_rc partitions_tell(const struct migrate_run *run, const char *sql, unsigned n)
{
    if (strstr(sql, "CREATE TABLE orders (") == NULL) /* comments may come before it */
        return migrate_run_tell(run, sql, NULL);
    enum migrate_rc rc = create_parent(run, sql);
    for (unsigned i = 0; rc == MIGRATE_OK && i < n; i++)
        rc = create_partition(run, i, n);
    return rc;
}

/* The number of partitions, 0 if the table has none. */
#define COUNT_SQL                                                                                  \
    "SELECT count(*) FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid "                    \
    "WHERE p.relispartition AND i.inhparent = 'orders'::regclass"

/* 1 if the partitions are by the hash of account_id, and each of them has the same modulus. */
#define KIND_SQL                                                                                   \
    "SELECT (coalesce(pg_get_partkeydef('orders'::regclass), '') = 'HASH (account_id)' "           \
    "AND (SELECT bool_and(pg_get_expr(p.relpartbound, p.oid) LIKE '%%(modulus %u,%%') "            \
    "FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid "                                    \
    "WHERE p.relispartition AND i.inhparent = 'orders'::regclass))::int"

static enum migrate_rc refuse(const struct migrate_run *run, unsigned count, unsigned n)
{
    static const char how[] = "--partitions makes partitions of a new table only; "
                              "docs/SCALING.md says how to move the orders of this one";
    if (count == 0)
        err_set(run->err, 0, "the table orders exists and has no partitions: %s", how);
    else
        err_set(run->err, 0,
                "the table orders exists with %u partitions, and not with %u by the hash of "
                "account_id: %s",
                count, n, how);
    return MIGRATE_FAILED;
}

enum migrate_rc partitions_check(const struct migrate_run *run, unsigned n)
{
    char sql[SQL_MAX];
    unsigned count = 0, same_kind = 0;
    enum migrate_rc rc = migrate_run_ask(run, COUNT_SQL, &count);
    if (rc != MIGRATE_OK || count != n)
        return rc == MIGRATE_OK ? refuse(run, count, n) : rc;
    (void)snprintf(sql, sizeof sql, KIND_SQL, n);
    rc = migrate_run_ask(run, sql, &same_kind);
    return rc == MIGRATE_OK && same_kind == 0 ? refuse(run, count, n) : rc;
}
