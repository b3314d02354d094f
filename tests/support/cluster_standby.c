/* cluster_standby.c - see cluster_standby.h. */
#include "support/cluster_standby.h"

#include <stdlib.h>

#include "support/process.h"
#include "support/wait.h"

enum { FOLLOW_S = 60 };

struct cluster *cluster_open_standby(struct cluster *primary)
{
    char *conf = support_text("primary_conninfo = 'host=%s port=%d user=postgres "
                              "application_name=" CLUSTER_STANDBY_NAME "'\n"
                              "wal_retrieve_retry_interval = 100ms",
                              cluster_folder(primary), cluster_port(primary));
    struct cluster *standby = cluster_open(
        &(struct cluster_options){ .standby_of = cluster_conninfo(primary), .conf = conf });
    free(conf);
    cluster_await_standby(primary);
    return standby;
}

void cluster_await_standby(struct cluster *primary)
{
    static const char follows[] =
        "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name "
        "= '" CLUSTER_STANDBY_NAME "' AND replay_lsn >= '%s'";
    char *written = cluster_query_text(primary, "SELECT pg_current_wal_lsn()");
    char *sql = support_text(follows, written);
    if (!WAIT_UNTIL(cluster_query_int(primary, sql) == 1, FOLLOW_S))
        support_fail("no standby follows the server in %s", cluster_folder(primary));
    free(sql);
    free(written);
}

void cluster_promote(struct cluster *standby)
{
    if (cluster_query_int(standby, "SELECT pg_promote(true, 60)::int") != 1)
        support_fail("the standby in %s cannot be promoted", cluster_folder(standby));
}

static char *loaded_at(struct cluster *cluster)
{
    return cluster_query_text(cluster, "SELECT pg_conf_load_time()");
}

/* Reloads the configuration, and waits until it is in force. A new session has what the postmaster
 * has read. But it is the checkpointer that tells all sessions whether commits wait for a standby,
 * and it reads its configuration only between two checkpoints. */
static void reload(struct cluster *cluster)
{
    char *before = loaded_at(cluster);
    char *newer = support_text("SELECT (pg_conf_load_time() > '%s')::int", before);
    cluster_exec(cluster, "SELECT pg_reload_conf()");
    if (!WAIT_UNTIL(cluster_query_int(cluster, newer) == 1, FOLLOW_S))
        support_fail("the server in %s does not read its configuration", cluster_folder(cluster));
    cluster_exec(cluster, "CHECKPOINT");
    cluster_exec(cluster, "CHECKPOINT");
    free(newer);
    free(before);
}

void cluster_set(struct cluster *cluster, const char *setting, const char *value)
{
    char *sql = value != NULL ? support_text("ALTER SYSTEM SET %s = '%s'", setting, value)
                              : support_text("ALTER SYSTEM RESET %s", setting);
    cluster_exec(cluster, sql);
    free(sql);
    reload(cluster);
}
