/* POST /v1/orders: what each outcome of an order is answered, and how it is counted. */
#include "handlers_fixture.h"

TestSuite(post, .init = rig_init, .fini = rig_stop, .timeout = 60);

static void post(int status, const char *body)
{
    expect_post(status, "/v1/orders", JSON_TYPE, body);
}

Test(post, a_new_order_is_created)
{
    char location[128] = "";
    rig_start();
    post(201, ORDER_OF("c-1", "3"));
    expect_in_body("\"client_order_id\":\"c-1\"");
    cr_expect(answer_header(&rig.answer, "Location", location, sizeof location));
    const struct order *stored = fake_store_find(rig.store, "acc", "c-1");
    cr_assert_not_null(stored);
    cr_expect_str_eq(location + strlen("/v1/orders/"), stored->order_id);
    expect_counted(RESULT_CREATED, 1);
    struct histogram_view commits;
    histogram_read(&rig.handlers.metrics.commit_duration, &commits);
    cr_expect_eq(commits.count, 1);
}

Test(post, the_same_order_again_is_a_replay)
{
    rig_start();
    post(201, ORDER_OF("c-1", "3"));
    post(200, ORDER_OF("c-1", "3"));
    cr_expect(answer_has(&rig.answer, "Idempotent-Replayed", "true"));
    expect_in_body(fake_store_find(rig.store, "acc", "c-1")->order_id);
    expect_counted(RESULT_REPLAYED, 1);
}

Test(post, another_order_under_the_same_id_is_rejected)
{
    rig_start();
    post(201, ORDER_OF("c-1", "3"));
    post(422, ORDER_OF("c-1", "4"));
    expect_in_body("\"code\":\"client_order_id_reused\"");
    expect_in_body("\"differing_fields\":[\"quantity\"]");
    expect_counted(RESULT_REUSED, 1);
}

Test(post, minimal_is_without_the_fields_that_the_client_knows)
{
    rig_start();
    expect_post(201, "/v1/orders", JSON_TYPE "Prefer: return=minimal\r\n", ORDER_OF("c-1", "3"));
    cr_expect(answer_has(&rig.answer, "Preference-Applied", "return=minimal"));
    expect_in_body("\"order_id\":");
    expect_not_in_body("\"symbol\"");
}

Test(post, a_body_that_is_no_order_is_rejected)
{
    rig_start();
    post(422, ORDER_OF("c-1", "-3"));
    expect_in_body("\"code\":\"invalid_order\"");
    expect_in_body("\"pointer\":\"/quantity\"");
    post(400, "{\"account_id\":");
    expect_in_body("\"outcome\":\"not_accepted\"");
    expect_post(400, "/v1/orders", JSON_TYPE "Idempotency-Key: other\r\n", ORDER_OF("c-1", "3"));
    expect_in_body("\"code\":\"invalid_order\"");
    expect_counted(RESULT_INVALID, 3);
    cr_expect_eq(rig.store->n_calls, 0);
}

Test(post, a_large_body_is_read_by_the_offload_thread)
{
    char body[12 * 1024];
    rig_start();
    (void)snprintf(body, sizeof body, "%10240s%s", "", ORDER_OF("c-1", "3"));
    post(201, body);
    (void)snprintf(body, sizeof body, "%10240s%s", "", "[]");
    post(422, body);
}

Test(post, validate_only_stores_nothing)
{
    rig_start();
    expect_post(200, "/v1/orders?validate_only=true", JSON_TYPE, ORDER_OF("c-1", "3"));
    expect_post(422, "/v1/orders?validate_only=true", JSON_TYPE, ORDER_OF("c-1", "0"));
    expect_post(422, "/v1/orders?validate_only=maybe", JSON_TYPE, ORDER_OF("c-1", "3"));
    expect_in_body("\"code\":\"invalid_query\"");
    cr_expect_eq(rig.store->n_calls, 0);
}

Test(post, nothing_is_accepted_while_the_database_is_down)
{
    rig.down = true;
    rig_start();
    post(503, ORDER_OF("c-1", "3"));
    expect_in_body("\"code\":\"database_down\"");
    cr_expect(strstr(rig.answer.head, "Retry-After:") != NULL);
    expect_counted(RESULT_UNAVAILABLE, 1);
    expect_post(200, "/v1/orders?validate_only=true", JSON_TYPE, ORDER_OF("c-1", "3"));
}

Test(post, nothing_is_accepted_before_the_schema_is_ready)
{
    atomic_store(&rig.schema_ready, false);
    rig_start();
    post(503, ORDER_OF("c-1", "3"));
    expect_in_body("\"code\":\"starting\"");
    atomic_store(&rig.schema_ready, true);
    post(201, ORDER_OF("c-1", "3"));
}

Test(post, nothing_is_accepted_without_the_standby_that_is_required)
{
    atomic_store(&rig.lacks_standby, true);
    rig_start();
    post(503, ORDER_OF("c-1", "3"));
    expect_in_body("\"code\":\"no_sync_standby\"");
    expect_in_body("\"outcome\":\"not_accepted\"");
    expect_counted(RESULT_UNAVAILABLE, 1);
    expect_post(200, "/v1/orders?validate_only=true", JSON_TYPE, ORDER_OF("c-1", "3"));
    atomic_store(&rig.lacks_standby, false);
    post(201, ORDER_OF("c-1", "3"));
}

Test(post, a_full_queue_rejects_the_order)
{
    rig.ingest.capacity = 1;
    fake_store_gate(rig.store, true);
    rig_start();
    int first = rig.fd, second = dial(rig.server);
    tell("POST", "/v1/orders", JSON_TYPE, ORDER_OF("c-1", "3"));
    cr_assert(fake_store_wait_calls(rig.store, 1));
    rig.fd = second;
    post(503, ORDER_OF("c-2", "3"));
    expect_in_body("\"code\":\"queue_full\"");
    expect_in_body("\"outcome\":\"not_accepted\"");
    expect_counted(RESULT_REFUSED_FULL, 1);
    fake_store_gate(rig.store, false);
    (void)close(second);
    rig.fd = first;
    expect_answer(201);
}

Test(post, a_drained_ingest_rejects_the_order)
{
    rig_start();
    ingest_drain(rig.handlers.ingest);
    post(503, ORDER_OF("c-1", "3"));
    expect_in_body("\"code\":\"shutting_down\"");
}

Test(post, a_budget_that_is_used_up_rejects_the_order)
{
    rig_start();
    cr_assert(budget_take(&rig.memory, BUDGET_BYTES, 0));
    post(503, ORDER_OF("c-1", "3"));
    expect_in_body("\"code\":\"overloaded\"");
    budget_give(&rig.memory, BUDGET_BYTES);
    post(201, ORDER_OF("c-1", "3"));
}

Test(post, what_the_database_refuses_is_rejected_with_its_reason)
{
    rig.store->poison = "c-1";
    rig_start();
    post(422, ORDER_OF("c-1", "3"));
    expect_in_body("\"code\":\"refused_by_database\"");
    expect_in_body("\"sqlstate\":\"22P02\"");
    expect_counted(RESULT_REFUSED, 1);
}

Test(post, an_order_that_was_never_sent_is_not_accepted_at_its_deadline)
{
    rig.handlers.commit_timeout_ns = 50 * NS_PER_MS;
    fake_store_gate(rig.store, true);
    rig_start();
    post(503, ORDER_OF("c-1", "3"));
    expect_in_body("\"code\":\"commit_timeout\"");
    expect_in_body("\"outcome\":\"not_accepted\"");
    fake_store_gate(rig.store, false);
    expect_counted(RESULT_UNAVAILABLE, 1);
    cr_expect_null(fake_store_find(rig.store, "acc", "c-1"));
}

Test(post, an_order_that_was_sent_is_unknown_at_its_deadline)
{
    rig.handlers.commit_timeout_ns = 100 * NS_PER_MS;
    rig.store->plan = plan_lost_answer;
    rig_start();
    post(504, ORDER_OF("c-1", "3"));
    expect_in_body("\"code\":\"commit_unknown\"");
    expect_in_body("\"outcome\":\"unknown\"");
    expect_counted(RESULT_UNKNOWN, 1);
}
