/* Under load, the database is restarted, killed, stopped for a while, or the service is killed:
 * every acknowledged order is stored once, and all is well again by itself. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "order_herd.h"

enum {
    CLIENTS = 32,
    MISHAPS = 4,
    BETWEEN = 50 * CLIENTS, /* orders acknowledged from one mishap to the next */
    POOL_MIN = 2,           /* these two by the rig's settings */
    POOL_MAX = 8,
};

static int64_t sessions(struct rig *rig)
{
    return cluster_query_int(rig->cluster, "SELECT count(*) FROM pg_stat_activity WHERE "
                                           "application_name LIKE 'ordersd%'");
}

/* Every connection idle, the floor filled, and no more of them at the server than the pool says,
 * with the one for health checks. */
static bool is_whole(struct rig *rig)
{
    double total = rig_metric(rig, "ordersd_pool_connections{pool=\"main\",state=\"total\"}");
    double idle = rig_metric(rig, "ordersd_pool_connections{pool=\"main\",state=\"idle\"}");
    return total >= POOL_MIN && idle == total && sessions(rig) <= POOL_MAX + 1;
}

static void terminate_sessions(struct cluster *cluster)
{
    cluster_exec(cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                          "WHERE application_name LIKE 'ordersd%'");
}

static void kill9_and_start(struct cluster *cluster)
{
    cluster_kill9(cluster);
    cluster_start(cluster);
}

static void end_herd(struct rig *rig, struct herd *herd)
{
    cr_assert(herd_await(herd, BETWEEN, SOON_S), "orders are acknowledged again");
    herd_stop(herd);
    herd_expect_truth(herd, rig->cluster);
    cr_expect(daemon_wait_status(rig->daemon, "/health/ready", 200, SOON_S));
    cr_expect(WAIT_UNTIL(is_whole(rig), SOON_S), "the pool is whole again");
    herd_close(&herd);
}

/* This happens to the database, again and again. */
static void survives(void (*mishap)(struct cluster *cluster))
{
    struct rig rig = rig_open(NULL);
    struct herd *herd = herd_start(&rig, CLIENTS);
    for (int i = 0; i < MISHAPS; i++) {
        cr_assert(herd_await(herd, BETWEEN, SOON_S), "orders are acknowledged");
        mishap(rig.cluster);
    }
    end_herd(&rig, herd);
    rig_close(&rig);
}

Test(restarts, a_restart_under_load_loses_nothing, .timeout = TEST_S)
{
    survives(cluster_restart);
}

Test(restarts, a_killed_server_under_load_loses_nothing, .timeout = TEST_S)
{
    survives(kill9_and_start);
}

Test(restarts, terminated_sessions_under_load_lose_nothing, .timeout = TEST_S)
{
    survives(terminate_sessions);
}

/* For longer than an order may take: what was sent ends in 504, and is found when it is repeated.
 * Connections are not validated, and health checks are rare: on a slow machine they could fail
 * before anything is sent. */
Test(restarts, a_frozen_server_under_load_loses_nothing, .timeout = TEST_S)
{
    struct rig rig =
        rig_open(LIST("DATABASE_HEALTH_CHECK_INTERVAL=5s", "DATABASE_HEALTH_CHECK_TIMEOUT=5s",
                      "ORDERS_COMMIT_TIMEOUT=2s", "DATABASE_VALIDATION_BYPASS=1h"));
    struct herd *herd = herd_start(&rig, CLIENTS);
    for (int i = 0; i < 2; i++) {
        cr_assert(herd_await(herd, BETWEEN, SOON_S), "orders are acknowledged");
        uint64_t unknown = herd_count(herd, 504);
        cluster_freeze(rig.cluster);
        cr_expect(WAIT_UNTIL(herd_count(herd, 504) > unknown, SOON_S));
        cluster_thaw(rig.cluster);
    }
    end_herd(&rig, herd);
    rig_close(&rig);
}

Test(restarts, a_killed_service_under_load_loses_nothing, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    char *port = support_text("HTTP_PORT=%d", daemon_port(rig.daemon));
    struct herd *herd = herd_start(&rig, CLIENTS);
    for (int i = 0; i < MISHAPS; i++) {
        cr_assert(herd_await(herd, BETWEEN, SOON_S), "orders are acknowledged");
        daemon_signal(rig.daemon, SIGKILL);
        cr_assert_eq(daemon_wait_exit(rig.daemon, SOON_S), 128 + SIGKILL);
        daemon_close(&rig.daemon);
        http_client_close(&rig.http);
        rig = rig_spawn(rig.cluster, LIST(port));
    }
    end_herd(&rig, herd);
    free(port);
    rig_close(&rig);
}
