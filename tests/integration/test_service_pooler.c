/* A PgBouncer between the service and its database, in both modes that are promised to work
 * (docs/OPERATIONS.md): all kinds of writes and reads, and mishaps of either under load. */
#include <stdio.h>
#include <stdlib.h>

#include "order_herd.h"

enum { CLIENTS = 16, BETWEEN = 20 * CLIENTS };

/* A rig whose way leads through a pooler of its own. */
struct front {
    struct pooler *pooler;
    struct rig rig;
};

static struct front front_open(enum pooler_mode mode)
{
    if (!pooler_installed())
        cr_skip("no PgBouncer here: scripts/deps test installs it");
    SKIP_BEHIND_POOLER("it has poolers of its own");
    struct cluster *cluster = cluster_open(NULL);
    struct front front = { .pooler = pooler_open(cluster, mode) };
    char *url = support_text("DATABASE_URL=%s", pooler_conninfo(front.pooler));
    front.rig = rig_spawn(cluster, LIST(url, mode == POOLER_TRANSACTION ? "DATABASE_PREPARE=false"
                                                                        : "DATABASE_PREPARE=true"));
    free(url);
    cr_assert(daemon_wait_status(front.rig.daemon, "/health/ready", 200, SOON_S));
    return front;
}

static void front_close(struct front *front)
{
    struct cluster *cluster = front->rig.cluster;
    front->rig.cluster = NULL; /* it goes last */
    rig_close(&front->rig);
    pooler_close(&front->pooler);
    cluster_close(&cluster);
}

static void expect_status(struct rig *rig, const char *path, const char *body, int status)
{
    const char *const *headers = body != NULL ? LIST("Content-Type: application/json") : NULL;
    struct answer answer = rig_ask(rig, body != NULL ? "POST" : "GET", path, headers, body);
    EXPECT_STATUS(answer, status);
    answer_fini(&answer);
}

/* Each kind of statement that the store has. */
static void serves(struct rig *rig)
{
    char *one = order_body("one", "EURUSD"), *other = order_body("one", "GBPUSD");
    char *pair = support_text("[%s,%s]", one, other);
    char *two = order_body("two", "EURUSD"), *three = order_body("three", "EURUSD");
    char *list = support_text("[%s,%s]", two, three);
    expect_status(rig, "/v1/orders", one, 201);
    expect_status(rig, "/v1/orders", one, 200);
    expect_status(rig, "/v1/orders", other, 422);
    expect_status(rig, "/v1/orders/batch?atomic=true", list, 201);
    expect_status(rig, "/v1/orders/batch?atomic=true", pair, 422);
    expect_status(rig, "/v1/orders?account_id=ACC&client_order_id=two", NULL, 200);
    cr_expect_eq(cluster_query_int(rig->cluster, "SELECT count(*) FROM orders"), 3);
    char *const all[] = { one, other, pair, two, three, list };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void pooler_is_killed(struct front *front)
{
    pooler_kill9(front->pooler);
    pooler_start(front->pooler);
}

static void database_restarts(struct front *front)
{
    cluster_restart(front->rig.cluster);
}

/* Every transaction ends, the next ones wait: as for a switch to another server. */
static void pooler_pauses(struct front *front)
{
    pooler_command(front->pooler, "PAUSE");
    pooler_command(front->pooler, "RESUME");
}

static void survives(struct front *front, void (*const mishaps[])(struct front *front))
{
    struct herd *herd = herd_start(&front->rig, CLIENTS);
    for (size_t i = 0; mishaps[i] != NULL; i++) {
        cr_assert(herd_await(herd, BETWEEN, SOON_S), "orders are acknowledged");
        mishaps[i](front);
    }
    cr_assert(herd_await(herd, BETWEEN, SOON_S), "orders are acknowledged again");
    herd_stop(herd);
    herd_expect_truth(herd, front->rig.cluster);
    cr_expect(daemon_wait_status(front->rig.daemon, "/health/ready", 200, SOON_S));
    herd_close(&herd);
}

Test(pooler, session_mode, .timeout = TEST_S)
{
    struct front front = front_open(POOLER_SESSION);
    serves(&front.rig);
    survives(&front, (void (*const[])(struct front *)){ pooler_is_killed, database_restarts,
                                                        pooler_is_killed, NULL });
    front_close(&front);
}

Test(pooler, transaction_mode, .timeout = TEST_S)
{
    struct front front = front_open(POOLER_TRANSACTION);
    serves(&front.rig);
    survives(&front,
             (void (*const[])(struct front *)){ pooler_is_killed, pooler_pauses, database_restarts,
                                                pooler_is_killed, pooler_pauses, NULL });
    front_close(&front);
}
