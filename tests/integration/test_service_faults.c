/* Answers that need something to be broken: the outcome they tell must be true. */
#include <stdlib.h>
#include <string.h>

#include "service_rig.h"
#include "support/cluster_xids.h"

#define ORDER(id)                                                                                  \
    "{'account_id':'ACC','client_order_id':'" id "','symbol':'EURUSD','side':'buy','type':"        \
    "'market','quantity':'1'}"

static void expect_unavailable(const struct answer *answer, const char *sqlstate)
{
    expect_problem(answer, 503, "database_unavailable", "not_accepted");
    cr_expect_str_eq(answer_text(answer, "sqlstate"), sqlstate);
    cr_expect(json_is_true(json_object_get(answer->json, "retryable")));
    cr_expect(answer_header_is(answer, "Retry-After", "1"));
}

/* A missing table is answered at once, nothing is stored, and the same order succeeds when the
 * table is back. */
Test(faults, a_table_that_is_gone, .timeout = TEST_S)
{
    static const char *const reads[] = { "/v1/orders/01a2097c-351c-7786-b9b4-6445788ae8c4",
                                         "/v1/orders?account_id=ACC&client_order_id=1" };
    struct rig rig = rig_open(NULL);
    cluster_exec(rig.cluster, "ALTER TABLE orders RENAME TO elsewhere");
    struct answer answer = rig_post(&rig, ORDER("1"));
    expect_unavailable(&answer, "42P01");
    answer_fini(&answer);
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        answer = rig_get(&rig, reads[i]);
        expect_problem(&answer, 503, "database_unavailable", NULL);
        answer_fini(&answer);
    }
    cluster_exec(rig.cluster, "ALTER TABLE elsewhere RENAME TO orders");
    answer = rig_post(&rig, ORDER("1"));
    EXPECT_STATUS(answer, 201);
    answer_fini(&answer);
    rig_close(&rig);
}

#define BATCH "[" ORDER("b-1") "," ORDER("b-2") "," ORDER("b-3") "]"

static struct answer post_batch(struct rig *rig, const char *path)
{
    char *body = quoted(BATCH);
    struct answer answer = rig_ask(rig, "POST", path, LIST("Content-Type: application/json"), body);
    free(body);
    return answer;
}

static bool refused_for_xids(struct rig *rig)
{
    struct answer answer = rig_post(rig, ORDER("1"));
    bool refused = strcmp(answer_text(&answer, "sqlstate"), "54000") == 0;
    if (refused)
        expect_unavailable(&answer, "54000");
    answer_fini(&answer);
    return refused;
}

/* The server stops to write before its transaction ids wrap around: no order is at fault, and the
 * same orders are good after a VACUUM. */
Test(faults, a_server_without_transaction_ids, .timeout = TEST_S)
{
    static const char *const batches[] = { "/v1/orders/batch", "/v1/orders/batch?atomic=true" };
    struct rig rig =
        rig_spawn(cluster_open(&(struct cluster_options){ .conf = CLUSTER_XIDS_CONF }), NULL);
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    struct answer answer = rig_post(&rig, ORDER("0"));
    EXPECT_STATUS(answer, 201);
    answer_fini(&answer);

    cluster_exhaust_xids(rig.cluster);
    cr_expect(WAIT_UNTIL(refused_for_xids(&rig), SOON_S));
    for (size_t i = 0; i < 2; i++) {
        answer = post_batch(&rig, batches[i]);
        expect_problem(&answer, 503, "database_unavailable", "not_accepted");
        answer_fini(&answer);
    }
    answer = rig_post(&rig, ORDER("0"));
    EXPECT_STATUS(answer, 200);
    answer_fini(&answer);

    cluster_vacuum_xids(rig.cluster);
    answer = rig_post(&rig, ORDER("1"));
    EXPECT_STATUS(answer, 201);
    answer_fini(&answer);
    for (size_t i = 0; i < 2; i++) {
        answer = post_batch(&rig, batches[i]);
        EXPECT_STATUS(answer, i == 0 ? 201 : 200);
        answer_fini(&answer);
    }
    rig_close(&rig);
}

/* A row that another program has written may be no valid order: that is a fault, and logged. */
Test(faults, a_stored_row_of_another_form, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    struct answer answer = rig_post(&rig, ORDER("1"));
    EXPECT_STATUS(answer, 201);
    answer_fini(&answer);
    cluster_exec(rig.cluster, "ALTER TABLE orders DROP CONSTRAINT orders_symbol_check; "
                              "UPDATE orders SET symbol = repeat('X', 100)");
    answer = rig_get(&rig, "/v1/orders?account_id=ACC&client_order_id=1");
    expect_problem(&answer, 500, "internal_error", NULL);
    answer_fini(&answer);
    answer = rig_post(&rig, ORDER("1"));
    expect_problem(&answer, 500, "internal_error", "not_accepted");
    answer_fini(&answer);
    cr_expect(daemon_log_wait(rig.daemon, "a form that this program does not know", SOON_S));
    rig_close(&rig);
}

/* Without a database from the start: alive, not started, not ready, and orders are not taken. */
Test(faults, a_database_that_is_not_there, .timeout = TEST_S)
{
    static const char *const probes[] = { "/health/startup", "/health/ready", "/health" };
    struct rig rig = rig_spawn(cluster_open(NULL), LIST("DATABASE_URL=host=/nowhere"));
    cr_assert(daemon_wait_status(rig.daemon, "/health/live", 200, SOON_S));
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        struct answer answer = rig_get(&rig, probes[i]);
        EXPECT_STATUS(answer, 503);
        cr_expect_str_eq(answer_text(&answer, "status"), "fail", "%s", probes[i]);
        cr_expect_gt(strlen(answer_text(&answer, "output")), 0, "%s", probes[i]);
        answer_fini(&answer);
    }
    rig_close(&rig);
}
