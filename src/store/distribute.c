/* distribute.c - distributes the table orders over the nodes of a Citus cluster, by account_id.
 *
 * All is one transaction on the coordinator, so a refusal or an interruption leaves nothing. The
 * table ordersd_migrations becomes a reference table, which every node can read: so replicas of
 * ordersd may connect to any node. Names of Citus are in a statement only after the extension was
 * found, because PostgreSQL without Citus refuses the names even if the statement never uses
 * them. */
#include "store/migrate_run.h"

#include <stdio.h>

#include "base/err.h"
#include "store/sqlstate.h"

enum { SQL_MAX = 256, SHARDS_A_NODE = 4 };

#define OF(table) " WHERE logicalrelid = '" table "'::regclass"

static enum migrate_rc refuse(const struct migrate_run *run, const char *why)
{
    err_set(run->err, 0, "cannot distribute the table orders: %s", why);
    return MIGRATE_FAILED;
}

/* Sets *citus to 1 if the database has the extension, and refuses a node that is not the
 * coordinator. */
static enum migrate_rc look_at_node(const struct migrate_run *run, unsigned *citus)
{
    unsigned worker = 0;
    enum migrate_rc rc =
        migrate_run_ask(run, "SELECT count(*) FROM pg_extension WHERE extname = 'citus'", citus);
    if (rc != MIGRATE_OK || *citus == 0)
        return rc;
    rc = migrate_run_ask(run, "SELECT count(*) FROM pg_dist_local_group WHERE groupid <> 0",
                         &worker);
    if (rc != MIGRATE_OK || worker == 0)
        return rc;
    return refuse(run, "this server is a worker of the Citus cluster; connect to the coordinator");
}

static enum migrate_rc check_node(const struct migrate_run *run)
{
    unsigned citus;
    return look_at_node(run, &citus);
}

static enum migrate_rc count_in_catalog(const struct migrate_run *run, const char *what,
                                        unsigned *n)
{
    char sql[SQL_MAX];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", what);
    return migrate_run_ask(run, sql, n);
}

/* Checks a table that is distributed already. Sets the number of its shards. */
static enum migrate_rc check_distributed(const struct migrate_run *run, uint32_t wanted)
{
    struct store_distribution *d = run->arg;
    unsigned as_wanted = 0;
    char why[SQL_MAX];
    enum migrate_rc rc = count_in_catalog(
        run,
        "pg_dist_partition" OF("orders") " AND partmethod = 'h' "
                                         "AND column_to_column_name(logicalrelid, partkey) = "
                                         "'account_id'",
        &as_wanted);
    if (rc != MIGRATE_OK)
        return rc;
    if (as_wanted == 0)
        return refuse(run, "it is distributed already, and not by the hash of account_id; "
                           "SELECT * FROM citus_tables shows how");
    rc = count_in_catalog(run, "pg_dist_shard" OF("orders"), &d->shards);
    if (rc != MIGRATE_OK || wanted == 0 || wanted == d->shards)
        return rc;
    (void)snprintf(why, sizeof why,
                   "it has %u shards already, and not %u; alter_distributed_table() changes that",
                   d->shards, wanted);
    return refuse(run, why);
}

/* Says which right is missing, because the server names the table only. */
static enum migrate_rc explain_rights(const struct migrate_run *run, enum migrate_rc rc)
{
    const struct err said = *run->err;
    if (rc != MIGRATE_OK && sqlstate_is(said.code, SQLSTATE_INSUFFICIENT_PRIVILEGE))
        err_set_code(run->err, said.flags, said.code,
                     "cannot distribute the table orders: the role must own the tables orders and "
                     "ordersd_migrations (%s)",
                     said.text);
    return rc;
}

/* Locks the table against writes, so that no row comes between the check and the distribution. */
static enum migrate_rc check_rows(const struct migrate_run *run)
{
    const struct store_distribution *d = run->arg;
    unsigned rows = 0;
    enum migrate_rc rc = migrate_run_tell(run, "LOCK TABLE orders IN EXCLUSIVE MODE", "LOCK TABLE");
    if (rc == MIGRATE_OK)
        rc = migrate_run_ask(run, "SELECT (EXISTS (SELECT FROM orders))::int", &rows);
    if (rc != MIGRATE_OK || rows == 0 || d->with_rows)
        return rc;
    return refuse(run, "it has rows, and no order can be stored while they are copied to the "
                       "nodes; say --distribute-rows, or see docs/SCALING.md for the way without "
                       "a pause");
}

static enum migrate_rc distribute_now(const struct migrate_run *run)
{
    struct store_distribution *d = run->arg;
    char sql[SQL_MAX];
    enum migrate_rc rc = check_rows(run);
    if (d->shards == 0)
        d->shards = SHARDS_A_NODE * (d->nodes > 0 ? d->nodes : 1);
    (void)snprintf(sql, sizeof sql,
                   "SELECT create_distributed_table('orders', 'account_id', "
                   "colocate_with := 'none', shard_count := %u)",
                   d->shards);
    if (rc == MIGRATE_OK)
        rc = migrate_run_ask(run, sql, NULL);
    d->made = rc == MIGRATE_OK;
    return rc;
}

static enum migrate_rc share_version(const struct migrate_run *run)
{
    unsigned shared = 0;
    enum migrate_rc rc =
        count_in_catalog(run, "pg_dist_partition" OF("ordersd_migrations"), &shared);
    if (rc == MIGRATE_OK && shared == 0)
        rc = migrate_run_ask(run, "SELECT create_reference_table('ordersd_migrations')", NULL);
    return rc;
}

static enum migrate_rc distribute_on_citus(const struct migrate_run *run)
{
    struct store_distribution *d = run->arg;
    const uint32_t wanted = d->shards;
    unsigned distributed = 0;
    enum migrate_rc rc = count_in_catalog(run,
                                          "pg_dist_node WHERE isactive AND shouldhaveshards "
                                          "AND noderole = 'primary'",
                                          &d->nodes);
    if (rc == MIGRATE_OK)
        rc = count_in_catalog(run, "pg_dist_partition" OF("orders"), &distributed);
    if (rc == MIGRATE_OK)
        rc = distributed > 0 ? check_distributed(run, wanted) : distribute_now(run);
    if (rc == MIGRATE_OK)
        rc = share_version(run);
    if (rc == MIGRATE_OK)
        rc = migrate_run_ask(
            run, "SELECT current_setting('citus.max_cached_conns_per_worker')::int", &d->cached);
    return explain_rights(run, rc);
}

static enum migrate_rc distribute(const struct migrate_run *run)
{
    struct store_distribution *d = run->arg;
    unsigned citus = 0;
    enum migrate_rc rc = migrate_run_begin(run);
    if (rc == MIGRATE_OK)
        rc = look_at_node(run, &citus);
    d->possible = citus > 0;
    if (rc == MIGRATE_OK && d->possible)
        rc = distribute_on_citus(run);
    return rc == MIGRATE_OK ? migrate_run_tell(run, "COMMIT", "COMMIT") : rc;
}

enum migrate_rc store_distribute_check(struct pqpool *pool, int64_t deadline_at_ns, struct err *err)
{
    return migrate_run_with_lease(pool, deadline_at_ns, check_node, NULL, err);
}

enum migrate_rc store_distribute(struct pqpool *pool, struct store_distribution *distribution,
                                 int64_t deadline_at_ns, struct err *err)
{
    const uint32_t wanted = distribution->shards;
    distribution->possible = distribution->made = false;
    enum migrate_rc rc =
        migrate_run_with_lease(pool, deadline_at_ns, distribute, distribution, err);
    if (rc != MIGRATE_OK) { /* for another attempt */
        distribution->shards = wanted;
        distribution->made = false;
    }
    return rc;
}
