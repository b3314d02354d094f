/* The database is away, or hangs: what is refused is refused truthfully and soon, and the service
 * mends itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "order_herd.h"
#include "order_volley.h"

enum { CLIENTS = 32 };

static bool says(struct rig *rig, const char *path, int status, const char *text)
{
    struct answer answer = rig_get(rig, path);
    bool met = answer.status == status && strstr(answer_text(&answer, "output"), text) != NULL;
    answer_fini(&answer);
    return met;
}

/* Posts it; true when it is refused with this code. Whatever else the answer is, it may not say
 * that the order is stored. */
static bool refused_as(struct rig *rig, const char *body, const char *code)
{
    struct answer answer = rig_post(rig, body);
    bool met = strcmp(answer_text(&answer, "code"), code) == 0;
    cr_expect(answer.status == 503 || answer.status == 504, "%d", answer.status);
    if (met)
        expect_problem(&answer, 503, code, "not_accepted");
    char retry_after[32];
    cr_expect(!met ||
              http_reply_header(&answer.reply, "Retry-After", retry_after, sizeof retry_after));
    answer_fini(&answer);
    return met;
}

static void expect_created(struct rig *rig, const char *body)
{
    struct answer answer = rig_post(rig, body);
    EXPECT_STATUS(answer, 201);
    answer_fini(&answer);
}

Test(outage, without_a_database_at_the_start, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("it keeps its clients waiting for a database that is away");
    struct cluster *cluster = cluster_open(NULL);
    cluster_stop(cluster, CLUSTER_FAST);
    struct rig rig = rig_spawn(cluster, NULL);
    char *body = order_body("1", "EURUSD");
    cr_assert(daemon_wait_status(rig.daemon, "/health/live", 200, SOON_S));
    cr_expect(WAIT_UNTIL(says(&rig, "/health/ready", 503, "no connection can be opened"), SOON_S),
              "ready says why it is not");
    cr_expect(WAIT_UNTIL(refused_as(&rig, body, "database_down"), SOON_S));

    cluster_start(cluster);
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    expect_created(&rig, body);
    cr_expect_eq(cluster_query_int(cluster, "SELECT count(*) FROM orders"), 1);
    free(body);
    rig_close(&rig);
}

/* Refused at once, though an order may take 90 s: long before a client gives up. */
Test(outage, a_database_that_is_gone_is_known_to_be_gone, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("it keeps its clients waiting for a database that is away");
    struct rig rig = rig_open(LIST("ORDERS_COMMIT_TIMEOUT=90s"));
    char *body = order_body("late", "EURUSD"), *known = order_body("early", "EURUSD");
    expect_created(&rig, known);
    struct herd *herd = herd_start(&rig, CLIENTS);
    cr_assert(herd_await(herd, CLIENTS, SOON_S));
    cluster_stop(rig.cluster, CLUSTER_IMMEDIATE);
    cr_expect(WAIT_UNTIL(says(&rig, "/health/ready", 503, "the database is down"), SOON_S));
    cr_expect(refused_as(&rig, body, "database_down"));
    struct answer lookup = rig_get(&rig, "/v1/orders?account_id=ACC&client_order_id=early");
    expect_problem(&lookup, 503, "database_down", NULL);
    answer_fini(&lookup);
    struct answer list = rig_get(&rig, "/v1/orders?account_id=ACC");
    expect_problem(&list, 503, "database_down", NULL);
    answer_fini(&list);

    cluster_start(rig.cluster);
    cr_assert(herd_await(herd, CLIENTS, SOON_S), "the service mends itself");
    herd_stop(herd);
    cr_expect(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    expect_created(&rig, body);
    cluster_exec(rig.cluster, "DELETE FROM orders WHERE client_order_id IN ('early', 'late')");
    herd_expect_truth(herd, rig.cluster);
    herd_close(&herd);
    free(known);
    free(body);
    rig_close(&rig);
}

/* ---- a database that hangs ---- */

enum { CAPACITY = 64 };

static int64_t count_stored(struct rig *rig, const char *client_order_id)
{
    char *sql =
        support_text("SELECT count(*) FROM orders WHERE client_order_id = '%s'", client_order_id);
    int64_t count = cluster_query_int(rig->cluster, sql);
    free(sql);
    return count;
}

/* Each was refused, and only what may be stored after all says so. */
static void expect_no_promises(struct rig *rig, const struct volley *volley)
{
    for (size_t i = 0; i < CAPACITY; i++) {
        const struct answer *answer = volley_answer(volley, i);
        char id[32];
        snprintf(id, sizeof id, "%zu", i);
        if (answer->status == 504)
            expect_problem(answer, 504, "commit_unknown", "unknown");
        else
            expect_problem(answer, 503, "commit_timeout", "not_accepted");
        cr_expect(answer->status == 504 || count_stored(rig, id) == 0, "%s is stored", id);
    }
}

static bool nothing_runs(struct rig *rig)
{
    return rig_metric(rig, "ordersd_queue_depth") == 0 &&
           rig_metric(rig, "ordersd_workers{state=\"busy\"}") == 0 &&
           cluster_query_int(rig->cluster, "SELECT count(*) FROM pg_stat_activity WHERE "
                                           "application_name LIKE 'ordersd%' AND "
                                           "state <> 'idle'") == 0;
}

Test(outage, a_database_that_hangs_fills_the_queue, .timeout = TEST_S)
{
    struct rig rig =
        rig_open(LIST(CHECKED_EACH_SECOND, "ORDERS_QUEUE_CAPACITY=64", "ORDERS_GROUP_MAX=16",
                      "ORDERS_WORKERS=2", "ORDERS_COMMIT_TIMEOUT=12s"));
    char *bodies[CAPACITY], *surplus = order_body("surplus", "EURUSD");
    for (size_t i = 0; i < CAPACITY; i++) {
        char id[32];
        snprintf(id, sizeof id, "%zu", i);
        bodies[i] = order_body(id, "EURUSD");
    }
    cluster_freeze(rig.cluster);
    struct volley *volley = volley_start(&rig, (const char *const *)bodies, CAPACITY);
    cr_assert(WAIT_UNTIL(rig_metric(&rig, "http_server_active_requests") > CAPACITY, SOON_S));
    cr_expect(refused_as(&rig, surplus, "queue_full"));
    cr_expect_eq(volley_answered(volley), 0, "the others wait");
    volley_join(volley);
    cluster_thaw(rig.cluster);
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    cr_assert(WAIT_UNTIL(nothing_runs(&rig), SOON_S));
    expect_no_promises(&rig, volley);
    cr_expect_eq(count_stored(&rig, "surplus"), 0);

    struct volley *again = volley_start(&rig, (const char *const *)bodies, CAPACITY);
    volley_join(again);
    cr_expect_eq(volley_count(again, 200) + volley_count(again, 201), CAPACITY);
    expect_created(&rig, surplus);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"), CAPACITY + 1);
    volley_close(&again);
    volley_close(&volley);
    for (size_t i = 0; i < CAPACITY; i++)
        free(bodies[i]);
    free(surplus);
    rig_close(&rig);
}
