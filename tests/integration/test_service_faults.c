/* Answers that need something to be broken: the outcome they tell must be true. */
#include <string.h>

#include "service_rig.h"

#define ORDER(id)                                                                                  \
    "{'account_id':'ACC','client_order_id':'" id "','symbol':'EURUSD','side':'buy','type':"        \
    "'market','quantity':'1'}"

/* A table that is gone is no reason to try again: the fault is told at once, and nothing stored. */
Test(faults, a_table_that_is_gone, .timeout = TEST_S)
{
    static const char *const reads[] = { "/v1/orders/01a2097c-351c-7786-b9b4-6445788ae8c4",
                                         "/v1/orders?account_id=ACC&client_order_id=1" };
    struct rig rig = rig_open(NULL);
    cluster_exec(rig.cluster, "ALTER TABLE orders RENAME TO elsewhere");
    struct answer answer = rig_post(&rig, ORDER("1"));
    expect_problem(&answer, 500, "internal_error", "not_accepted");
    answer_fini(&answer);
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        answer = rig_get(&rig, reads[i]);
        expect_problem(&answer, 500, "internal_error", NULL);
        answer_fini(&answer);
    }
    cluster_exec(rig.cluster, "ALTER TABLE elsewhere RENAME TO orders");
    answer = rig_post(&rig, ORDER("1"));
    EXPECT_STATUS(answer, 201);
    answer_fini(&answer);
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
