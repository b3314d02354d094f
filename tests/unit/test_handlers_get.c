/* GET of orders by order_id, and by account and client ids. */
#include "handlers_fixture.h"

TestSuite(get, .init = rig_init, .fini = rig_stop, .timeout = 60);

static void store_order(const char *body)
{
    expect_post(201, "/v1/orders", JSON_TYPE, body);
}

Test(get, an_order_by_its_id)
{
    char target[64];
    rig_start();
    store_order(ORDER_OF("c-1", "3"));
    const char *order_id = fake_store_find(rig.store, "acc", "c-1")->order_id;
    (void)snprintf(target, sizeof target, "/v1/orders/%s", order_id);
    expect_get(200, target);
    expect_in_body(order_id);
    expect_in_body("\"quantity\":\"3\"");
}

Test(get, an_id_that_nobody_has)
{
    rig_start();
    expect_get(404, "/v1/orders/01a2097c-351c-7786-b9b4-6445788ae8c4");
    expect_in_body("\"code\":\"order_not_found\"");
    expect_get(404, "/v1/orders/no-uuid");
}

Test(get, orders_by_their_client_ids)
{
    rig_start();
    store_order(ORDER_OF("c-1", "3"));
    store_order(ORDER_OF("c-2", "4"));
    expect_get(200, "/v1/orders?account_id=acc&client_order_id=c-1,c-3,c-2");
    expect_in_body("\"client_order_id\":\"c-1\"");
    expect_in_body("\"client_order_id\":\"c-2\"");
    expect_in_body("\"not_found\":[\"c-3\"]");
}

Test(get, a_query_against_the_rules)
{
    static const char *const targets[] = {
        "/v1/orders?client_order_id=a",
        "/v1/orders?account_id=acc&client_order_id=",
        "/v1/orders?account_id=acc&client_order_id=a,,b",
        "/v1/orders?account_id=a%20c&client_order_id=a",
        "/v1/orders?account_id=acc&account_id=acc&client_order_id=a",
        "/v1/orders?account_id=acc&client_order_id=a&limit=1",
        "/v1/orders?account_id=acc&client_order_id=a&cursor=",
        "/v1/orders?account_id=acc&client_order_id=a&client_order_id_from=a",
        "/v1/orders?account_id=acc&client_order_id=a&client_order_id_prefix=a",
    };
    rig_start();
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        expect_get(422, targets[i]);
        expect_in_body("\"code\":\"invalid_query\"");
        expect_not_in_body("\"outcome\"");
    }
}

Test(get, keys_do_not_come_in_lines)
{
    rig_start();
    tell("GET", "/v1/orders?account_id=acc&client_order_id=a", "Accept: application/x-ndjson\r\n",
         NULL);
    expect_answer(406);
    expect_in_body("\"code\":\"not_acceptable\"");
    tell("GET", "/v1/orders?account_id=acc&client_order_id=a",
         "Accept: application/x-ndjson, application/json;q=0.1\r\n", NULL);
    expect_answer(200);
    cr_expect(answer_has(&rig.answer, "Content-Type", "application/json"));
}

Test(get, what_a_lookup_that_failed_is_answered)
{
    rig_start();
    expect_failures_of_the_store("/v1/orders/01a2097c-351c-7786-b9b4-6445788ae8c4");
}

Test(get, a_budget_that_is_used_up_rejects_the_lookup)
{
    rig_start();
    cr_assert(budget_take(&rig.memory, BUDGET_BYTES, 0));
    expect_get(503, "/v1/orders/01a2097c-351c-7786-b9b4-6445788ae8c4");
    expect_in_body("\"code\":\"overloaded\"");
    budget_give(&rig.memory, BUDGET_BYTES);
}
