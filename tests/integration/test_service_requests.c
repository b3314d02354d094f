/* Requests that are no good orders, and the headers that go with one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service_rig.h"

#define MARKET "'account_id':'ACC','symbol':'EURUSD','side':'buy','type':'market','quantity':'1'"
#define ORDER(id) "{'client_order_id':'" id "'," MARKET "}"

static int64_t stored(struct rig *rig)
{
    return cluster_query_int(rig->cluster, "SELECT count(*) FROM orders");
}

static bool has_error(const struct answer *answer, const char *pointer, const char *code)
{
    size_t i;
    json_t *error;
    json_array_foreach(json_object_get(answer->json, "errors"), i, error)
    {
        if (strcmp(json_string_value(json_object_get(error, "pointer")), pointer) == 0 &&
            strcmp(json_string_value(json_object_get(error, "code")), code) == 0)
            return json_string_length(json_object_get(error, "detail")) > 0;
    }
    return false;
}

Test(requests, every_wrong_field_is_named_at_once, .timeout = TEST_S)
{
    static const struct {
        const char *pointer, *code;
    } wrong[] = {
        { "/account_id", "required" },
        { "/client_order_id", "invalid_format" },
        { "/symbol", "invalid_format" },
        { "/side", "invalid_value" },
        { "/quantity", "not_positive" },
        { "/limit_price", "required" },
        { "/stop_price", "forbidden" },
        { "/time_in_force", "wrong_type" },
        { "/max_age_ms", "required" },
        { "/metadata", "wrong_type" },
        { "/of~1another~0kind", "unknown_field" },
    };
    struct rig rig = rig_open(NULL);
    struct answer answer =
        rig_post(&rig, "{'client_order_id':'','symbol':'eurusd','side':'hold','type':'limit',"
                       "'quantity':'0','stop_price':'1','time_in_force':1,'metadata':[],"
                       "'sent_at':'2026-01-31T12:00:00Z','of/another~kind':1}");
    expect_problem(&answer, 422, "invalid_order", "not_accepted");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_expect(has_error(&answer, wrong[i].pointer, wrong[i].code), "%s %s in %s",
                  wrong[i].pointer, wrong[i].code, answer.reply.body);
    cr_expect_eq(json_array_size(json_object_get(answer.json, "errors")),
                 sizeof wrong / sizeof wrong[0]);
    answer_fini(&answer);
    cr_expect_eq(stored(&rig), 0);
    rig_close(&rig);
}

Test(requests, what_is_no_json_is_refused_with_the_place, .timeout = TEST_S)
{
    static const struct {
        const char *body, *code;
        int offset;
    } bad[] = {
        { "{'account_id':", "invalid_json", 14 },
        { "", "invalid_json", 0 },
        { "{'a':1,'a':2}", "duplicate_key", 10 },
        { "{'a':'\xff'}", "invalid_utf8", 6 },
        { "{'a':'\\u0000'}", "nul_character", 13 },
        { "{'a':1e999}", "number_out_of_range", 10 },
        { "{'a':[[[[[[[[1]]]]]]]]}", "nesting_too_deep", 12 },
    };
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct answer answer = rig_post(&rig, bad[i].body);
        expect_problem(&answer, 400, bad[i].code, "not_accepted");
        json_int_t offset = json_integer_value(json_object_get(answer.json, "offset"));
        cr_expect_eq(offset, bad[i].offset, "%s", answer.reply.body);
        answer_fini(&answer);
    }
    rig_close(&rig);
}

static struct answer post_with(struct rig *rig, const char *header, const char *body)
{
    const char *const headers[] = { "Content-Type: application/json", header, NULL };
    return rig_ask(rig, "POST", "/v1/orders", headers, body);
}

Test(requests, an_idempotency_key_names_an_order, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    struct answer made = post_with(&rig, "Idempotency-Key: k-1", "{" MARKET "}");
    EXPECT_STATUS(made, 201);
    cr_expect_str_eq(answer_text(&made, "client_order_id"), "k-1");
    answer_fini(&made);

    /* clang-format off */
    static const struct {
        const char *header, *body;
        int status;
    } again[] = {
        { "Idempotency-Key: \"k-1\"", "{" MARKET "}",        200 }, /* a structured string */
        { "Idempotency-Key: k-1",     ORDER("k-1"),          200 },
        { "Idempotency-Key: k-1 \t ", "{" MARKET "}",        200 }, /* blanks are no part of it */
        { "X-Other: 1",               ORDER("k-1"),          200 },
        { "Idempotency-Key: k-1",     ORDER("k-2"),          400 }, /* they disagree */
        { "Idempotency-Key: k 1",     "{" MARKET "}",        422 },
        { "X-Other: 1",               "{" MARKET "}",        422 },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof again / sizeof again[0]; i++) {
        struct answer answer = post_with(&rig, again[i].header, again[i].body);
        EXPECT_STATUS(answer, again[i].status);
        if (again[i].status != 200)
            cr_expect_not_null(strstr(answer.reply.body, "\"/client_order_id\""), "%s",
                               answer.reply.body);
        answer_fini(&answer);
    }
    cr_expect_eq(stored(&rig), 1);
    rig_close(&rig);
}

Test(requests, a_request_keeps_its_id, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    struct answer made = post_with(&rig, "X-Request-Id: Trace.1:a_b-c", ORDER("1"));
    EXPECT_STATUS(made, 201);
    cr_expect(answer_header_is(&made, "X-Request-Id", "Trace.1:a_b-c"));
    answer_fini(&made);

    struct answer refused = post_with(&rig, "X-Request-Id: r-2", "{}");
    cr_expect(answer_header_is(&refused, "X-Request-Id", "r-2"));
    cr_expect_str_eq(answer_text(&refused, "instance"), "urn:ordersd:request:r-2");
    answer_fini(&refused);

    static const char *const bad[] = { "X-Request-Id: a b", "X-Request-Id: <script>",
                                       "X-Other: 1" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char id[256];
        struct answer answer = post_with(&rig, bad[i], ORDER("1"));
        EXPECT_STATUS(answer, 200);
        cr_expect(http_reply_header(&answer.reply, "X-Request-Id", id, sizeof id));
        cr_expect_null(strstr(bad[i], id), "%s is not one of ours", id);
        answer_fini(&answer);
    }
    rig_close(&rig);
}

static struct answer post_to(struct rig *rig, const char *path, const char *body)
{
    const char *const headers[] = { "Content-Type: application/json", NULL };
    return rig_ask(rig, "POST", path, headers, body);
}

Test(requests, validate_only_judges_and_stores_nothing, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    struct answer valid = post_to(&rig, "/v1/orders?validate_only=true", ORDER("C-1"));
    EXPECT_STATUS(valid, 200);
    cr_expect_str_eq(answer_text(&valid, "status"), "valid");
    cr_expect_null(json_object_get(valid.json, "order_id"), "%s", valid.reply.body);
    answer_fini(&valid);
    struct answer wrong = post_to(&rig, "/v1/orders?validate_only=true", "{}");
    expect_problem(&wrong, 422, "invalid_order", "not_accepted");
    answer_fini(&wrong);
    struct answer unclear = post_to(&rig, "/v1/orders?validate_only=yes", ORDER("C-1"));
    expect_problem(&unclear, 422, "invalid_query", "not_accepted");
    answer_fini(&unclear);
    cr_expect_eq(stored(&rig), 0);
    struct answer real = post_to(&rig, "/v1/orders?validate_only=false", ORDER("C-1"));
    EXPECT_STATUS(real, 201);
    answer_fini(&real);
    rig_close(&rig);
}
