/* Several replicas on one database: each names its sessions, they count one another, and say so if
 * the database has not connections enough for all of them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service_rig.h"

/* Of 100 connections 3 are reserved. */
#define CONF "max_connections = 100\n"
#define FITS "DATABASE_MAX_POOL_SIZE=30"     /* 3 x 31 = 93 */
#define TOO_MANY "DATABASE_MAX_POOL_SIZE=60" /* 2 x 61 = 122 */

static char *url_of(struct cluster *cluster, const char *more)
{
    return support_text("DATABASE_URL=%s %s", cluster_conninfo(cluster), more);
}

/* Not through a pooler: a pooler's sessions are no replica's own. */
static struct rig open_first(const char *pool, const char *more)
{
    struct cluster *cluster = cluster_open(&(struct cluster_options){ .conf = CONF });
    char *url = url_of(cluster, more);
    struct rig rig = rig_spawn(cluster, LIST(url, CHECKED_EACH_SECOND, pool));
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    free(url);
    return rig;
}

static struct daemon *add_replica(const struct rig *rig, const char *pool)
{
    char *url = url_of(rig->cluster, "");
    struct daemon *daemon = daemon_start(LIST(url, CHECKED_EACH_SECOND, pool, "LOG_FORMAT=json"));
    free(url);
    return daemon;
}

static bool counts(struct rig *rig, double replicas)
{
    return rig_metric(rig, "ordersd_database_replicas") == replicas;
}

static bool status_has(struct rig *rig, const char *text)
{
    struct answer status = rig_get(rig, "/status");
    bool has = strstr(status.reply.body, text) != NULL;
    answer_fini(&status);
    return has;
}

Test(replicas, a_session_has_the_name_of_its_replica, .timeout = TEST_S)
{
    char host[65] = "";
    struct rig rig = open_first(FITS, "");
    cr_assert_eq(gethostname(host, sizeof host - 1), 0);
    char *want = support_text("/%d", (int)daemon_pid(rig.daemon));
    char *name =
        cluster_query_text(rig.cluster, "SELECT min(application_name) FROM pg_stat_activity WHERE "
                                        "application_name LIKE 'ordersd/%' HAVING "
                                        "min(application_name) = max(application_name)");
    cr_assert_not_null(name, "all sessions have one name");
    cr_expect(strncmp(name, "ordersd/", 8) == 0 && strlen(name) < 64);
    cr_expect_str_eq(name + strlen(name) - strlen(want), want);
    cr_expect(strlen(host) > 40 || strstr(name, host) != NULL, "%s", name);
    free(name);
    free(want);
    rig_close(&rig);
}

Test(replicas, count_one_another, .timeout = TEST_S)
{
    struct rig rig = open_first(FITS, "");
    struct daemon *second = add_replica(&rig, FITS);
    cr_expect(WAIT_UNTIL(counts(&rig, 2), SOON_S));
    cr_expect(status_has(&rig, "\"replicas\":2,\"connections\":{\"wanted\":62,\"room\":97}"));
    cr_expect_not(daemon_log_contains(rig.daemon, "database.connections_short"));
    daemon_close(&second);
    cr_expect(WAIT_UNTIL(counts(&rig, 1), SOON_S), "one that has ended is not counted");
    rig_close(&rig);
}

Test(replicas, say_that_the_database_has_too_few_connections, .timeout = TEST_S)
{
    static const char numbers[] =
        "2 replicas may open 2 x (60 + 1) = 122 connections to the database, which has room for 97";
    struct rig rig = open_first(TOO_MANY, "");
    struct daemon *second = add_replica(&rig, TOO_MANY);
    cr_expect(daemon_log_wait(second, "database.connections_short", SOON_S),
              "the one that is too many says so at its start");
    cr_expect(WAIT_UNTIL(status_has(&rig, numbers), SOON_S));
    cr_expect_eq(rig_metric(&rig, "ordersd_database_warning{warning=\"connections_short\"}"), 1);
    cr_expect(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S), "it is a warning");
    daemon_close(&second);
    cr_expect(WAIT_UNTIL(!status_has(&rig, numbers), SOON_S), "what is mended is said no more");
    rig_close(&rig);
}

Test(replicas, look_at_the_limit_of_the_role, .timeout = TEST_S)
{
    static const char numbers[] = "(30 + 1) = 31 connections to the database, which has room for "
                                  "20: the CONNECTION LIMIT of the role";
    struct cluster *cluster = cluster_open(NULL);
    char *output, *url = url_of(cluster, "user=clerk");
    cr_assert_eq(rig_run(cluster, NULL, LIST("migrate"), &output), 0, "%s", output);
    cluster_exec(cluster, "CREATE ROLE clerk LOGIN CONNECTION LIMIT 20;"
                          "GRANT SELECT, INSERT ON orders TO clerk;"
                          "GRANT SELECT ON ordersd_migrations TO clerk");
    struct rig rig =
        rig_spawn(cluster, LIST(url, CHECKED_EACH_SECOND, FITS, "DATABASE_MIGRATE=false"));
    cr_expect(WAIT_UNTIL(status_has(&rig, numbers), SOON_S));
    cr_expect(daemon_log_contains(rig.daemon, "database.connections_short"));
    free(url);
    free(output);
    rig_close(&rig);
}

Test(replicas, say_that_they_cannot_be_counted, .timeout = TEST_S)
{
    struct rig rig = open_first(TOO_MANY, "application_name=mine");
    cr_expect(daemon_log_wait(rig.daemon, "database.replicas_unknown", SOON_S));
    cr_expect(status_has(&rig, "\"replicas\":null,\"connections\":null"));
    cr_expect(counts(&rig, 0));
    rig_close(&rig);
}

Test(replicas, say_that_they_may_not_look, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    char *output, *url = url_of(cluster, "user=clerk");
    cr_assert_eq(rig_run(cluster, NULL, LIST("migrate"), &output), 0, "%s", output);
    cluster_exec(cluster, "REVOKE SELECT ON pg_stat_activity FROM PUBLIC; CREATE ROLE clerk LOGIN;"
                          "GRANT SELECT, INSERT ON orders TO clerk;"
                          "GRANT SELECT ON ordersd_migrations TO clerk");
    struct rig rig =
        rig_spawn(cluster, LIST(url, CHECKED_EACH_SECOND, TOO_MANY, "DATABASE_MIGRATE=false"));
    cr_expect(WAIT_UNTIL(status_has(&rig, "may not read"), SOON_S));
    cr_expect(daemon_log_contains(rig.daemon, "pg_stat_activity"));
    cr_expect(counts(&rig, 0));
    free(url);
    free(output);
    rig_close(&rig);
}

/* The sessions with the server are the pooler's, however many replicas there are. */
Test(replicas, are_not_counted_through_a_pooler, .timeout = TEST_S)
{
    if (!pooler_installed())
        cr_skip("PgBouncer is not installed");
    struct cluster *cluster = cluster_open(&(struct cluster_options){ .conf = CONF });
    struct pooler *pooler = pooler_open(cluster, POOLER_SESSION);
    char *url = support_text("DATABASE_URL=%s", pooler_conninfo(pooler));
    struct rig rig =
        rig_spawn(cluster, LIST(url, CHECKED_EACH_SECOND, "DATABASE_MAX_POOL_SIZE=100"));
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    cr_expect(daemon_log_wait(rig.daemon, "database.replicas_unknown", SOON_S));
    cr_expect(counts(&rig, 0));
    cr_expect_not(daemon_log_contains(rig.daemon, "database.connections_short"));
    free(url);
    pooler_close(&pooler);
    rig_close(&rig);
}
