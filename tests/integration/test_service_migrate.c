/* `ordersd migrate` beside a transaction that uses the table. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "citus_stub.h"
#include "service_rig.h"

enum { STATUS_OF_SIGNAL = 128 };

struct beside {
    struct cluster *cluster;
    PGconn *report; /* reads the table, in a transaction */
    struct daemon *daemon;
};

/* Opens a cluster whose schema has version 1, a report, and a migration that waits for it. */
static struct beside begin(void)
{
    struct beside b = { .cluster = cluster_open(NULL) };
    char *output, *url = support_text("DATABASE_URL=%s", cluster_conninfo(b.cluster));
    cr_assert_eq(rig_run(b.cluster, NULL, LIST("migrate"), &output), 0, "%s", output);
    free(output);
    cluster_exec(b.cluster, "ALTER TABLE orders DROP COLUMN submitted_by;"
                            "DELETE FROM ordersd_migrations WHERE version = 2");
    b.report = PQconnectdb(cluster_conninfo(b.cluster));
    PQclear(PQexec(b.report, "BEGIN; SELECT count(*) FROM orders"));
    b.daemon = daemon_spawn(LIST(url, "LOG_FORMAT=json"), LIST("migrate"));
    cr_assert(daemon_log_wait(b.daemon, "schema.waiting", SOON_S), "%s", daemon_log(b.daemon));
    free(url);
    return b;
}

static void end(struct beside *b, int want, int64_t version)
{
    int status = daemon_wait_exit(b->daemon, SOON_S);
    cr_expect_eq(status, want, "%d, not %d: %s", status, want, daemon_log(b->daemon));
    cr_expect_eq(cluster_query_int(b->cluster, "SELECT max(version) FROM ordersd_migrations"),
                 version);
    daemon_close(&b->daemon);
    PQfinish(b->report);
    cluster_close(&b->cluster);
}

Test(migrate, goes_on_when_the_transaction_has_ended, .timeout = TEST_S)
{
    struct beside b = begin();
    PQclear(PQexec(b.report, "COMMIT"));
    end(&b, 0, 2);
}

static int migrate_with(struct cluster *cluster, const char *flag, const char *want)
{
    char *output;
    int status = rig_run(cluster, NULL, LIST("migrate", flag), &output);
    cr_expect_not_null(strstr(output, want), "%s: %s", flag, output);
    free(output);
    return status;
}

Test(migrate, partitions, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    cr_expect_eq(migrate_with(cluster, "--partitions=2", "\"partitions\":2"), 0);
    cr_expect_eq(migrate_with(cluster, "--partitions=2", "\"partitions\":2"), 0);
    cr_expect_eq(migrate_with(cluster, "--partitions=3", "with 2 partitions, and not with 3"), 1);
    static const char *const bad[] = { "--partitions",     "--partitions=",   "--partitions=0",
                                       "--partitions=257", "--partitions=-1", "--partitions=8x",
                                       "--partitions=08" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_eq(migrate_with(cluster, bad[i], "must be 1 to 256"), 78, "%s", bad[i]);
    cr_expect_eq(
        cluster_query_int(cluster,
                          "SELECT count(*) FROM pg_inherits WHERE inhparent = 'orders'::regclass"),
        2);
    cluster_close(&cluster);
}

Test(migrate, either_partitions_or_distributes, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    char *output;
    cr_expect_eq(
        rig_run(cluster, NULL, LIST("migrate", "--distribute=2", "--partitions=2"), &output), 78);
    cr_expect_not_null(strstr(output, "--partitions and --distribute exclude each other"), "%s",
                       output);
    free(output);
    cr_expect_eq(cluster_query_int(cluster, "SELECT count(to_regclass('orders'))"), 0);
    cluster_close(&cluster);
}

Test(migrate, a_signal_ends_it_between_two_attempts, .timeout = TEST_S)
{
    struct beside b = begin();
    daemon_signal(b.daemon, SIGTERM);
    end(&b, STATUS_OF_SIGNAL + SIGTERM, 1);
}

Test(migrate, says_that_there_is_nothing_to_distribute, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    char *output;
    int status =
        rig_run(cluster, LIST("LOG_FORMAT=json"), LIST("migrate", "--distribute=4"), &output);
    cr_expect_eq(status, 0, "%s", output);
    cr_expect_not_null(strstr(output, "\"distribution.skipped\""), "%s", output);
    cr_expect_not_null(strstr(output, "no extension citus"), "%s", output);
    free(output);
    cluster_close(&cluster);
}

Test(migrate, distributes_and_says_so, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    char *output;
    cluster_exec(cluster, CITUS_STUB);
    cr_expect_eq(
        rig_run(cluster, LIST("LOG_FORMAT=json"), LIST("migrate", "--distribute"), &output), 0,
        "%s", output);
    cr_expect_not_null(strstr(output, "\"distribution.ready\",\"shards\":8"), "%s", output);
    cr_expect_not_null(strstr(output, "\"distribution.slow\",\"cached\":1,\"wanted\":4"), "%s",
                       output);
    free(output);
    cluster_exec(cluster, "UPDATE pg_dist_local_group SET groupid = 1");
    cr_expect_eq(
        rig_run(cluster, LIST("LOG_FORMAT=json"), LIST("migrate", "--distribute"), &output), 1,
        "%s", output);
    cr_expect_not_null(strstr(output, "\"distribution.failed\""), "%s", output);
    free(output);
    cluster_close(&cluster);
}
