/* engine.c - see engine.h. */
#include "support/engine.h"

#include <stdlib.h>
#include <string.h>

#include "support/cluster.h"
#include "support/daemon.h"
#include "support/process.h"

enum { MIGRATE_S = 60 };

static const char distribute[] =
    "CREATE EXTENSION citus;"
    "SELECT citus_set_coordinator_host('127.0.0.1', current_setting('port')::int);"
    "SELECT citus_set_node_property('127.0.0.1', current_setting('port')::int, 'shouldhaveshards', "
    "true);";

static const char shards[] =
    "SELECT create_distributed_table('orders', 'account_id', shard_count := 4)";

enum engine engine_wanted(void)
{
    const char *name = getenv("ORDERSD_TEST_ENGINE");
    if (name == NULL || name[0] == '\0')
        return ENGINE_PLAIN;
    if (strcmp(name, "partitions") == 0)
        return ENGINE_HASH_PARTITIONS;
    if (strcmp(name, "citus") != 0)
        support_fail("ORDERSD_TEST_ENGINE=%s: neither partitions nor citus", name);
    return ENGINE_CITUS;
}

const char *engine_conf(void)
{
    return engine_wanted() == ENGINE_CITUS ? "shared_preload_libraries = 'citus'\n" : "";
}

static void migrate(struct cluster *cluster, const char *partitions)
{
    char *url = support_text("DATABASE_URL=%s", cluster_conninfo(cluster));
    const char *const settings[] = { url, "LOG_FORMAT=json", NULL };
    const char *const args[] = { "migrate", partitions, NULL };
    struct daemon *daemon = daemon_spawn(settings, args);
    if (daemon_wait_exit(daemon, MIGRATE_S) != 0)
        support_fail("ordersd migrate fails: %s", daemon_log(daemon));
    daemon_close(&daemon);
    free(url);
}

void engine_prepare(struct cluster *cluster)
{
    if (engine_wanted() == ENGINE_PLAIN)
        return;
    if (engine_wanted() == ENGINE_HASH_PARTITIONS) {
        char *flag = support_text("--partitions=%d", ENGINE_PARTITIONS);
        migrate(cluster, flag);
        free(flag);
        return;
    }
    cluster_exec(cluster, distribute);
    migrate(cluster, NULL);
    cluster_exec(cluster, shards);
}
