/* POST /v1/orders/batch: what a batch is answered when all, some or none of its orders are stored,
 * and when its deadline comes first. */
#include "handlers_fixture.h"

#include <signal.h>

#include "handlers/batch.h"
#include "support/hide_report.h"

TestSuite(batch, .init = rig_init, .fini = rig_stop, .timeout = 60);

static void batch(int status, const char *query, const char *body)
{
    char target[64];
    (void)snprintf(target, sizeof target, "/v1/orders/batch%s", query);
    expect_post(status, target, JSON_TYPE, body);
}

#define GOOD ORDER_OF("c-1", "1") "," ORDER_OF("c-2", "2") "," ORDER_OF("c-3", "3")

Test(batch, all_created)
{
    rig_start();
    batch(201, "", "[" GOOD "]");
    expect_in_body(
        "\"summary\":{\"total\":3,\"created\":3,\"replayed\":0,\"rejected\":0,\"unknown\":0}");
    expect_in_body("\"client_order_id\":\"c-3\"");
    expect_counted(RESULT_CREATED, 3);
}

Test(batch, replays_beside_new_orders)
{
    rig_start();
    batch(201, "", "[" ORDER_OF("c-2", "2") "]");
    batch(200, "", "[" GOOD "]");
    expect_in_body("\"created\":2,\"replayed\":1");
    batch(200, "", "[" GOOD "]");
    expect_in_body("\"created\":0,\"replayed\":3");
}

Test(batch, some_are_rejected)
{
    rig.store->poison = "c-2";
    rig_start();
    batch(207, "", "[" GOOD "," ORDER_OF("c-4", "-4") "]");
    expect_in_body("\"total\":4,\"created\":2,\"replayed\":0,\"rejected\":2,\"unknown\":0");
    expect_in_body("\"code\":\"refused_by_database\"");
    expect_in_body("\"pointer\":\"/quantity\"");
    expect_counted(RESULT_INVALID, 1);
    expect_counted(RESULT_REFUSED, 1);
}

Test(batch, all_are_rejected_alike)
{
    rig_start();
    batch(422, "", "[" ORDER_OF("c-1", "0") "," ORDER_OF("c-2", "0") "]");
    expect_in_body("\"code\":\"invalid_order\"");
    expect_in_body("\"rejected\":2");
    cr_expect_eq(rig.store->n_calls, 0);
}

Test(batch, minimal_shows_only_what_was_rejected)
{
    rig_start();
    expect_post(207, "/v1/orders/batch", JSON_TYPE "Prefer: return=minimal\r\n",
                "[" GOOD "," ORDER_OF("c-4", "-4") "]");
    cr_expect(answer_has(&rig.answer, "Preference-Applied", "return=minimal"));
    expect_in_body("\"created\":3");
    expect_in_body("\"results\":[{\"index\":3,\"status\":422");
    expect_not_in_body("\"index\":0");
}

Test(batch, lines_in_and_lines_out)
{
    rig_start();
    expect_post(207, "/v1/orders/batch",
                "Content-Type: application/x-ndjson\r\nAccept: application/x-ndjson\r\n",
                ORDER_OF("c-1", "1") "\nnonsense\n" ORDER_OF("c-2", "2") "\n");
    cr_expect(answer_has(&rig.answer, "Content-Type", "application/x-ndjson"));
    expect_in_body("\"code\":\"invalid_json\"");
    expect_in_body("\n{\"summary\":{\"total\":3,\"created\":2");
}

Test(batch, a_document_that_is_no_batch)
{
    rig_start();
    batch(400, "", "[" ORDER_OF("c-1", "1") ",");
    batch(400, "", "[" ORDER_OF("c-1", "1") ",{]");
    batch(422, "", "[]");
    expect_in_body("\"code\":\"empty_batch\"");
    expect_post(400, "/v1/orders/batch", JSON_TYPE "Idempotency-Key: k\r\n", "[" GOOD "]");
    expect_in_body("\"code\":\"idempotency_key_on_batch\"");
    cr_expect_eq(rig.store->n_calls, 0);
}

Test(batch, too_many_orders)
{
    rig.handlers.batch_max = 2;
    rig_start();
    batch(413, "", "[" GOOD "]");
    expect_in_body("A batch may have 2 orders at most.");
}

Test(batch, atomic_is_rejected_whole_before_the_queue)
{
    rig_start();
    batch(422, "?atomic=true", "[" GOOD "," ORDER_OF("c-4", "-4") "]");
    expect_in_body("\"code\":\"batch_refused\"");
    expect_in_body("\"status\":424");
    expect_counted(RESULT_BATCH_REFUSED, 3);
    cr_expect_eq(rig.store->n_calls, 0);
}

Test(batch, atomic_is_stored_whole_or_not_at_all)
{
    rig.store->poison = "c-2";
    rig_start();
    batch(422, "?atomic=true", "[" GOOD "]");
    cr_expect_eq(rig.store->n_stored, 0);
    batch(201, "?atomic=true", "[" ORDER_OF("c-1", "1") "," ORDER_OF("c-3", "3") "]");
    cr_expect_eq(rig.store->n_stored, 2);
}

Test(batch, validate_only_stores_nothing)
{
    rig_start();
    batch(200, "?validate_only=true", "[" GOOD "]");
    expect_not_in_body("\"order_id\"");
    cr_expect_eq(rig.store->n_calls, 0);
}

Test(batch, the_queue_takes_all_or_none)
{
    rig.ingest.capacity = 2;
    rig_start();
    batch(503, "", "[" GOOD "]");
    expect_in_body("\"code\":\"queue_full\"");
    expect_counted(RESULT_REFUSED_FULL, 3);
    cr_expect_eq(rig.store->n_calls, 0);
}

Test(batch, nothing_is_accepted_while_the_database_is_down)
{
    rig.down = true;
    rig_start();
    batch(503, "", "[" GOOD "]");
    expect_in_body("\"code\":\"database_down\"");
}

Test(batch, a_budget_that_is_used_up_rejects_the_batch)
{
    rig_start();
    cr_assert(budget_take(&rig.memory, BUDGET_BYTES, 0));
    batch(503, "", "[" GOOD "]");
    expect_in_body("\"code\":\"overloaded\"");
    budget_give(&rig.memory, BUDGET_BYTES);
}

Test(batch, never_sent_is_not_accepted_at_the_deadline)
{
    rig.handlers.commit_timeout_ns = 50 * NS_PER_MS;
    fake_store_gate(rig.store, true);
    rig_start();
    batch(503, "", "[" GOOD "]");
    expect_in_body("\"code\":\"commit_timeout\"");
    fake_store_gate(rig.store, false);
    expect_counted(RESULT_UNAVAILABLE, 3);
    cr_expect_eq(rig.store->n_stored, 0);
}

Test(batch, sent_is_unknown_at_the_deadline)
{
    rig.handlers.commit_timeout_ns = 100 * NS_PER_MS;
    rig.store->plan = plan_lost_answer;
    rig_start();
    batch(504, "", "[" GOOD "]");
    expect_in_body("\"unknown\":3");
    expect_counted(RESULT_UNKNOWN, 3);
}

Test(batch, atomic_expires_as_one)
{
    rig.handlers.commit_timeout_ns = 50 * NS_PER_MS;
    fake_store_gate(rig.store, true);
    rig_start();
    batch(503, "?atomic=true", "[" GOOD "]");
    expect_in_body("\"rejected\":3");
    fake_store_gate(rig.store, false);
    expect_counted(RESULT_UNAVAILABLE, 3);
    cr_expect_eq(rig.store->n_stored, 0);
}

/* More bytes than the loop reads by itself, and more results than it writes by itself. */
Test(batch, a_large_batch_goes_through_the_offload_thread)
{
    enum { N = 90 };
    static char body[N * 160];
    size_t len = 0;
    rig.handlers.batch_max = N;
    rig_start();
    for (int i = 0; i < N; i++)
        len += (size_t)snprintf(body + len, sizeof body - len,
                                "%c{\"account_id\":\"acc\",\"client_order_id\":\"c-%d\",\"symbol\":"
                                "\"S\",\"side\":\"buy\",\"type\":\"market\",\"quantity\":\"1\"}",
                                i == 0 ? '[' : ',', i);
    (void)snprintf(body + len, sizeof body - len, "]");
    batch(201, "", body);
    expect_in_body("\"total\":90,\"created\":90");
    expect_counted(RESULT_CREATED, N);
}

/* ---- states ---- */

Test(batch_state, a_move_that_is_not_in_the_table_ends_the_process, .signal = SIGABRT)
{
    struct batch_entry entry = { .state = ENTRY_EXPIRED };
    hide_report();
    batch_entry_move(&entry, ENTRY_RESOLVED);
}

Test(batch_state, a_batch_whose_members_contradict_the_state_ends_the_process, .signal = SIGABRT)
{
    struct batch batch = { .state = BATCH_ANSWERING_LATE, .n_waiting = 1 };
    hide_report();
    batch_move(&batch, BATCH_ENDED); /* the ingest still has an entry */
}
