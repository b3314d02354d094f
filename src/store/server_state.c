/* server_state.c - see server_state.h. */
#include "store/server_state.h"

#include <stdlib.h>
#include <string.h>

#include "pqpool/result.h"

/* The sessions of replicas, which are those of this database whose application_name begins so. */
#define IS_REPLICA                                                                                 \
    "(a.datname = current_database() AND a.application_name LIKE '" STORE_REPLICA_PREFIX "%')"

/* pg_stat_activity shows the type of a session only to its own role and to pg_read_all_stats. A
 * session without a type that is in a database is counted as a client's. */
#define IS_CLIENT                                                                                  \
    "(coalesce(a.backend_type, 'client backend') = 'client backend' AND a.datid IS NOT NULL)"

/* How many standbys a commit waits for: n of 'ANY n (...)', 'FIRST n (...)' and 'n (...)', 1 of
 * a plain list, and 0 if synchronous_standby_names is empty. */
#define STANDBYS_NEEDED                                                                            \
    "CASE WHEN current_setting('synchronous_standby_names') = '' THEN 0 ELSE coalesce(substring("  \
    "current_setting('synchronous_standby_names') from "                                           \
    "'^ *(?:[aA][nN][yY]|[fF][iI][rR][sS][tT])? *([0-9]+) *[(]')::int, 1) END"

/* Without the rights of pg_read_all_stats, pg_stat_replication hides the states, so none counts. */
#define STANDBYS_STREAMING                                                                         \
    "(SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' "                         \
    "AND sync_state IN ('sync', 'quorum'))"

/* The rows of a partitioned table are in its leaves, so all tables below it are searched for
 * unlogged ones. PostgreSQL refuses new transaction ids when only 3 million are left (1 million
 * before version 14). A standby has no pg_current_wal_lsn(), and a slot that is lost has no
 * restart_lsn. A connection limit of -1 is none. */
static const char sql[] =
    "WITH RECURSIVE tables(id) AS (SELECT to_regclass('orders')::oid "
    "UNION ALL SELECT i.inhrelid FROM tables JOIN pg_inherits i ON i.inhparent = tables.id "
    "JOIN pg_class p ON p.oid = i.inhrelid AND p.relispartition) "
    "SELECT pg_is_in_recovery(), current_setting('transaction_read_only'), "
    "(SELECT max(age(datfrozenxid)) FROM pg_database) >= 2147483647 - CASE WHEN "
    "current_setting('server_version_num')::int < 140000 THEN 1000000 ELSE 3000000 END, "
    "current_setting('fsync'), "
    "EXISTS (SELECT FROM tables JOIN pg_class c ON c.oid = tables.id AND c.relpersistence = "
    "'u'), "
    "(SELECT coalesce(max(CASE WHEN NOT pg_is_in_recovery() THEN "
    "pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) END), 0)::bigint FROM "
    "pg_replication_slots), "
    "current_setting('application_name') LIKE '" STORE_REPLICA_PREFIX "%', "
    "s.replicas, s.others, current_setting('max_connections'), "
    "current_setting('superuser_reserved_connections')::int + "
    "coalesce(current_setting('reserved_connections', true)::int, 0), "
    "least((SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user), "
    "(SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())), "
    "EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_read_all_stats' AND pg_has_role(oid, "
    "'USAGE')), " STANDBYS_NEEDED ", " STANDBYS_STREAMING ", "
    "CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN 'on' END "
    "FROM (SELECT count(DISTINCT a.application_name) FILTER (WHERE " IS_REPLICA ") AS replicas, "
    "count(*) FILTER (WHERE " IS_CLIENT " AND " IS_REPLICA " IS NOT TRUE) AS others "
    "FROM pg_stat_activity a) AS s";

enum column {
    IN_RECOVERY,
    READ_ONLY,
    XIDS_EXHAUSTED,
    FSYNC,
    UNLOGGED,
    SLOT_WAL,
    NAMED,
    REPLICAS,
    OTHERS,
    MAX_CONNECTIONS,
    RESERVED,
    CONNECTION_LIMIT,
    SEES_STANDBYS,
    NEEDED,
    STREAMING,
    CITUS,
    COLUMNS
};

const char *server_state_sql(void)
{
    return sql;
}

const char *server_state_has_standbys(void)
{
    return STANDBYS_NEEDED " BETWEEN 1 AND " STANDBYS_STREAMING;
}

static bool is_true(const PGresult *row, enum column column)
{
    const char *value = PQgetvalue(row, 0, (int)column);
    return strcmp(value, "t") == 0 || strcmp(value, "on") == 0;
}

/* Returns `otherwise` if the cell is NULL or no whole number from 0 to max. */
static uint64_t number(const PGresult *row, enum column column, uint64_t max, uint64_t otherwise)
{
    uint64_t value = 0;
    return result_number(row, 0, (int)column, max, &value) ? value : otherwise;
}

static uint32_t count(const PGresult *row, enum column column)
{
    return (uint32_t)number(row, column, UINT32_MAX, 0);
}

static void read_connections(const PGresult *row, struct store_connections *out)
{
    out->replicas = is_true(row, NAMED) ? count(row, REPLICAS) : 0;
    out->others = count(row, OTHERS);
    out->max = count(row, MAX_CONNECTIONS);
    out->reserved = count(row, RESERVED);
    out->limit = (uint32_t)number(row, CONNECTION_LIMIT, UINT32_MAX - 1, STORE_NO_LIMIT);
}

static void read_standbys(const PGresult *row, struct store_standbys *out)
{
    out->seen = is_true(row, SEES_STANDBYS);
    out->needed = count(row, NEEDED);
    out->streaming = count(row, STREAMING);
}

bool server_state_read(const PGresult *row, struct server_state *out)
{
    if (PQntuples(row) != 1 || PQnfields(row) != COLUMNS)
        return false;
    out->in_recovery = is_true(row, IN_RECOVERY);
    out->read_only = is_true(row, READ_ONLY);
    out->xids_exhausted = is_true(row, XIDS_EXHAUSTED);
    out->fsync = is_true(row, FSYNC);
    out->unlogged = is_true(row, UNLOGGED);
    out->citus = is_true(row, CITUS);
    out->slot_wal_bytes = number(row, SLOT_WAL, INT64_MAX, 0);
    read_connections(row, &out->connections);
    read_standbys(row, &out->standbys);
    return true;
}

const char *server_state_refusal(const struct server_state *state)
{
    if (state->in_recovery)
        return "the database is a standby: it takes no orders";
    if (state->read_only)
        return "the database takes no orders: default_transaction_read_only is on";
    if (state->xids_exhausted)
        return "the database takes no orders: it has stopped to avoid transaction id wraparound, "
               "until VACUUM has frozen old rows";
    return NULL;
}

bool server_state_check_standbys(const struct store_standbys *standbys, struct err *err)
{
    if (!standbys->seen)
        err_set(err, 0,
                "DATABASE_REQUIRE_SYNC_STANDBY: the role may not see the standbys: GRANT "
                "pg_read_all_stats to the role");
    else if (standbys->needed == 0)
        err_set(err, 0,
                "DATABASE_REQUIRE_SYNC_STANDBY: no commit waits for a standby: "
                "synchronous_standby_names is empty");
    else if (standbys->streaming < standbys->needed)
        err_set(err, 0,
                "DATABASE_REQUIRE_SYNC_STANDBY: commits wait for %u synchronous standbys, and %u "
                "are connected",
                standbys->needed, standbys->streaming);
    else
        return true;
    return false;
}
