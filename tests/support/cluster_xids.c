/* cluster_xids.c - see cluster_xids.h. Makes the server believe that billions of transactions have
 * run. The catalog_xmin of an old replication slot keeps autovacuum from repairing that
 * meanwhile. */
#include "support/cluster_xids.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "support/process.h"
#include "support/wait.h"

enum { RESET_S = 60, VACUUM_S = 60 };

/* The segment of pg_xact with the next transaction's status must exist. */
static const char reset_script[] = "%s/pg_resetwal -f -x %s ../data && head -c 262144 /dev/zero > "
                                   "../data/pg_xact/$(printf %%04X $((%s / 1048576)))\n";

/* The server stops giving ids 3,000,000 before the oldest id would count as a future one. */
static const char next_xid[] =
    "SELECT min(datfrozenxid::text::bigint) + 2147483647 - 3000000 + 10 FROM pg_database";

static void reset_wal(struct cluster *cluster, const char *bin, const char *xid)
{
    char *script = support_text(reset_script, bin, xid, xid);
    pid_t pid = cluster_beside(cluster, "resetwal", "sh", "script", script);
    if (process_wait(pid, RESET_S) != 0)
        support_fail("pg_resetwal fails in %s", cluster_folder(cluster));
    free(script);
}

void cluster_exhaust_xids(struct cluster *cluster)
{
    /* leaves one database to vacuum in the end */
    cluster_exec(cluster, "UPDATE pg_database SET datistemplate = false");
    cluster_exec(cluster, "DROP DATABASE template0 WITH (FORCE)");
    cluster_exec(cluster, "DROP DATABASE template1 WITH (FORCE)");
    cluster_exec(cluster, "SELECT pg_create_logical_replication_slot('old', 'pgoutput')");
    char *bin = cluster_query_text(cluster, "SELECT setting FROM pg_config WHERE name = 'BINDIR'");
    char *xid = cluster_query_text(cluster, next_xid);
    cluster_stop(cluster, CLUSTER_FAST);
    reset_wal(cluster, bin, xid);
    cluster_start(cluster);
    free(xid);
    free(bin);
}

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

/* Uses a connection of its own, because the server warns at each table. */
static bool vacuum(struct cluster *cluster)
{
    PGconn *conn = PQconnectdb(cluster_conninfo(cluster));
    (void)PQsetNoticeProcessor(conn, ignore_notice, NULL);
    PQclear(PQexec(conn, "VACUUM (FREEZE, TRUNCATE false)"));
    PQfinish(conn);
    return cluster_query_int(cluster, "SELECT max(age(datfrozenxid)) FROM pg_database") < 1000000;
}

void cluster_vacuum_xids(struct cluster *cluster)
{
    cluster_exec(cluster, "SELECT pg_drop_replication_slot('old')");
    if (!WAIT_UNTIL(vacuum(cluster), VACUUM_S))
        support_fail("VACUUM frees no transaction ids in %s", cluster_folder(cluster));
}
