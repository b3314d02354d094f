/* Orders posted: what is answered, what is stored, and that both are the same. */
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

/* Members of both, in any order of keys: equal, but for those that the service makes. */
static void expect_order(const struct answer *answer, const char *want)
{
    char *text = quoted(want);
    json_t *expected = json_loads(text, 0, NULL), *got = json_deep_copy(answer->json);
    cr_assert_not_null(expected);
    cr_expect_eq(json_object_del(got, "order_id"), 0);
    cr_expect_eq(json_object_del(got, "received_at"), 0);
    cr_expect(json_equal(got, expected), "%s", answer->reply.body);
    json_decref(expected);
    json_decref(got);
    free(text);
}

/* Posts it as a new order; its order_id. */
static void create(struct rig *rig, const char *body, char order_id[64])
{
    struct answer made = rig_post(rig, body);
    EXPECT_STATUS(made, 201);
    snprintf(order_id, 64, "%s", answer_text(&made, "order_id"));
    answer_fini(&made);
}

Test(orders, a_new_one_is_answered_with_every_field, .timeout = TEST_S)
{
    static const char order[] =
        "{'account_id':'ACC-1','client_order_id':'a:b/c','symbol':'BTC/USD','side':'sell',"
        "'type':'stop_limit','quantity':'3.50','limit_price':100,'stop_price':99.5,"
        "'time_in_force':'gtc','metadata':{ 'desk' : 'ldn', 'n':[1, 2.50,1e2] }}";
    static const char all[] =
        "{'account_id':'ACC-1','client_order_id':'a:b/c','symbol':'BTC/USD','side':'sell',"
        "'type':'stop_limit','quantity':'3.5','limit_price':'100','stop_price':'99.5',"
        "'time_in_force':'gtc','metadata':{'desk':'ldn','n':[1,2.50,1e2]},"
        "'status':'accepted','replayed':false}";
    struct rig rig = rig_open(NULL);
    struct answer made = rig_post(&rig, order);
    EXPECT_STATUS(made, 201);
    expect_order(&made, all);
    char *metadata = quoted("'metadata':{ 'desk' : 'ldn', 'n':[1, 2.50,1e2] }");
    cr_expect_not_null(strstr(made.reply.body, metadata), "metadata byte for byte");
    free(metadata);

    char *path = support_text("/v1/orders/%s", answer_text(&made, "order_id"));
    cr_expect(answer_header_is(&made, "Location", path));
    cr_expect(answer_header_is(&made, "Content-Type", "application/json"));
    cr_expect(answer_header_is(&made, "Cache-Control", "no-store"));
    cr_expect_eq(answer_text(&made, "order_id")[14], '7', "the version of the UUID");
    cr_expect_eq(strlen(answer_text(&made, "received_at")), strlen("2026-01-31T12:00:00.123456Z"));

    struct answer got = rig_get(&rig, path);
    EXPECT_STATUS(got, 200);
    expect_order(&got, "{'account_id':'ACC-1','client_order_id':'a:b/c','symbol':'BTC/USD',"
                       "'side':'sell','type':'stop_limit','quantity':'3.5','limit_price':'100',"
                       "'stop_price':'99.5','time_in_force':'gtc','status':'accepted',"
                       "'metadata':{'desk':'ldn','n':[1,2.50,100]},'replayed':false}");
    cr_expect_str_eq(answer_text(&got, "order_id"), answer_text(&made, "order_id"));
    cr_expect_str_eq(answer_text(&got, "received_at"), answer_text(&made, "received_at"));
    free(path);
    answer_fini(&got);
    answer_fini(&made);
    rig_close(&rig);
}

#define LIMIT(id, more)                                                                            \
    "{'account_id':'ACC','client_order_id':'" id "','symbol':'EURUSD','side':'buy','type':"        \
    "'limit'," more "}"

/* clang-format off */
static const struct {
    const char *first, *again;
} same[] = {
    { LIMIT("1", "'quantity':'1.0','limit_price':'2'"), LIMIT("1", "'quantity':'1.00','limit_price':2.0") },
    { LIMIT("2", "'quantity':'1','limit_price':'2'"), LIMIT("2", "'limit_price':'2','quantity':'1','time_in_force':'day'") },
    { LIMIT("3", "'quantity':'1','limit_price':'2','time_in_force':'day'"), LIMIT("3", "'quantity':'1','limit_price':'2','time_in_force':null") },
    { LIMIT("4", "'quantity':'1','limit_price':'2','metadata':{'a':1,'b':[true,null]}"),
      LIMIT("4", "'quantity':'1','limit_price':'2','metadata':{ 'b' : [ true, null ], 'a' : 1.0 }") },
    { LIMIT("5", "'quantity':'1','limit_price':'2','metadata':{}"), LIMIT("5", "'quantity':'1','limit_price':'2','metadata':{ }") },
};
/* clang-format on */

Test(orders, the_same_again_is_a_replay, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char order_id[64];
        create(&rig, same[i].first, order_id);
        struct answer again = rig_post(&rig, same[i].again);
        EXPECT_STATUS(again, 200);
        cr_expect(answer_header_is(&again, "Idempotent-Replayed", "true"));
        cr_expect(json_is_true(json_object_get(again.json, "replayed")));
        cr_expect_str_eq(answer_text(&again, "order_id"), order_id);
        answer_fini(&again);
    }
    cr_expect_eq(stored(&rig), sizeof same / sizeof same[0]);
    rig_close(&rig);
}

/* Whatever HTTP_MAX_BODY is; a large one is read by another thread. */
Test(orders, one_has_64_kib_at_most, .timeout = TEST_S)
{
    enum { MOST = 64 * 1024 };
    struct rig rig = rig_open(NULL);
    char *order = order_body("padded", "EURUSD"), *body = malloc(MOST + 2);
    cr_assert_not_null(body);
    memset(body, ' ', MOST + 2);
    memcpy(body, order, strlen(order));
    body[MOST + 1] = '\0';
    struct answer large = rig_post(&rig, body);
    expect_problem(&large, 413, "body_too_large", "not_accepted");
    cr_expect_not_null(strstr(answer_text(&large, "detail"), "65536 bytes"));
    answer_fini(&large);
    body[MOST] = '\0';
    struct answer made = rig_post(&rig, body);
    EXPECT_STATUS(made, 201);
    answer_fini(&made);
    free(body);
    free(order);
    rig_close(&rig);
}

/* jsonb keeps every digit of a number: what is shown may be far longer than what came. */
Test(orders, one_with_wide_numbers_can_be_replayed_and_read, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    char numbers[600] = "1e308", body[1024], path[96], order_id[64];
    while (strlen(numbers) + sizeof ",1e308" < sizeof numbers)
        snprintf(numbers + strlen(numbers), sizeof numbers - strlen(numbers), ",1e308");
    snprintf(body, sizeof body,
             "{'account_id':'ACC','client_order_id':'wide','symbol':'EURUSD','side':'buy',"
             "'type':'market','quantity':'1','metadata':{'a':[%s]}}",
             numbers);
    create(&rig, body, order_id);
    struct answer again = rig_post(&rig, body);
    EXPECT_STATUS(again, 200);
    answer_fini(&again);
    snprintf(path, sizeof path, "/v1/orders/%s", order_id);
    struct answer read = rig_get(&rig, path);
    EXPECT_STATUS(read, 200);
    answer_fini(&read);
    rig_close(&rig);
}

/* clang-format off */
static const struct {
    const char *first, *other, *fields;
} reused[] = {
    { LIMIT("1", "'quantity':'1','limit_price':'2'"), LIMIT("1", "'quantity':'1.000000000000000001','limit_price':'2'"), "['quantity']" },
    { LIMIT("2", "'quantity':'1','limit_price':'2'"), LIMIT("2", "'quantity':'1','limit_price':'2','time_in_force':'gtc'"), "['time_in_force']" },
    { LIMIT("3", "'quantity':'1','limit_price':'2'"), LIMIT("3", "'quantity':'1','limit_price':'2','metadata':{}"), "['metadata']" },
    { LIMIT("4", "'quantity':'1','limit_price':'2','metadata':{'a':1}"), LIMIT("4", "'quantity':'1','limit_price':'2','metadata':{'a':'1'}"), "['metadata']" },
    { LIMIT("6", "'quantity':'1','limit_price':'2','metadata':{'id':18446744073709551615}"), LIMIT("6", "'quantity':'1','limit_price':'2','metadata':{'id':18446744073709551614}"), "['metadata']" },
    { LIMIT("5", "'quantity':'1','limit_price':'2'"),
      "{'account_id':'ACC','client_order_id':'5','symbol':'GBPUSD','side':'sell','type':'stop','quantity':'2','stop_price':'3'}",
      "['symbol','side','type','quantity','limit_price','stop_price']" },
};
/* clang-format on */

static void expect_reused(struct rig *rig, const char *other, const char *fields,
                          const char *order_id)
{
    struct answer answer = rig_post(rig, other);
    char *text = quoted(fields);
    json_t *expected = json_loads(text, 0, NULL);
    expect_problem(&answer, 422, "client_order_id_reused", "not_accepted");
    cr_expect(json_equal(json_object_get(answer.json, "differing_fields"), expected), "%s",
              answer.reply.body);
    cr_expect_str_eq(answer_text(&answer, "order_id"), order_id);
    json_decref(expected);
    free(text);
    answer_fini(&answer);
}

Test(orders, another_one_under_the_same_id_is_refused, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof reused / sizeof reused[0]; i++) {
        char order_id[64];
        create(&rig, reused[i].first, order_id);
        expect_reused(&rig, reused[i].other, reused[i].fields, order_id);
        struct answer again = rig_post(&rig, reused[i].first);
        EXPECT_STATUS(again, 200);
        answer_fini(&again);
    }
    cr_expect_eq(stored(&rig), sizeof reused / sizeof reused[0]);
    rig_close(&rig);
}

/* clang-format off */
static const struct {
    const char *token, *stored; /* JSON; NULL: refused */
    const char *code;
} decimals[] = {
    { "'0.1'", "0.1", NULL },
    { "0.1", "0.1", NULL },
    { "'123456789012345678.123456789012345678'", "123456789012345678.123456789012345678", NULL },
    { "'999999999999999999.999999999999999999'", "999999999999999999.999999999999999999", NULL },
    { "'0.000000000000000001'", "0.000000000000000001", NULL },
    { "123456789.012345", "123456789.012345", NULL }, /* 15 digits */
    { "'1.50'", "1.5", NULL },
    { "100", "100", NULL },
    { "0.1000000000000000", NULL, "number_not_exact" },
    { "1e2", NULL, "number_not_exact" },
    { "'1e2'", NULL, "invalid_decimal" },
    { "'1234567890123456789'", NULL, "invalid_decimal" },
    { "'0.1234567890123456789'", NULL, "invalid_decimal" },
    { "'01'", NULL, "invalid_decimal" },
    { "'.5'", NULL, "invalid_decimal" },
    { "'1.'", NULL, "invalid_decimal" },
    { "-1", NULL, "invalid_decimal" },
    { "'0.0'", NULL, "not_positive" },
    { "true", NULL, "wrong_type" },
};
/* clang-format on */

static void expect_quantity(struct rig *rig, const struct answer *answer, const char *want)
{
    cr_expect_str_eq(answer_text(answer, "quantity"), want);
    char *path = support_text("/v1/orders/%s", answer_text(answer, "order_id"));
    struct answer got = rig_get(rig, path);
    cr_expect_str_eq(answer_text(&got, "quantity"), want);
    answer_fini(&got);
    char *sql = support_text("SELECT trim_scale(quantity)::text FROM orders WHERE order_id = '%s'",
                             answer_text(answer, "order_id"));
    char *in_table = cluster_query_text(rig->cluster, sql);
    cr_expect_str_eq(in_table, want);
    free(in_table);
    free(sql);
    free(path);
}

Test(orders, decimals_are_exact_or_refused, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof decimals / sizeof decimals[0]; i++) {
        char *body =
            support_text("{'account_id':'ACC','client_order_id':'d-%zu','symbol':'X','side':'buy',"
                         "'type':'market','quantity':%s}",
                         i, decimals[i].token);
        struct answer answer = rig_post(&rig, body);
        if (decimals[i].stored != NULL) {
            EXPECT_STATUS(answer, 201);
            expect_quantity(&rig, &answer, decimals[i].stored);
        } else {
            expect_problem(&answer, 422, "invalid_order", "not_accepted");
            cr_expect_not_null(strstr(answer.reply.body, decimals[i].code), "%s: %s",
                               decimals[i].token, answer.reply.body);
        }
        answer_fini(&answer);
        free(body);
    }
    rig_close(&rig);
}

#define OLD "'sent_at':'2020-01-31T12:00:00Z','max_age_ms':1000"

/* Too old for a first send; no matter for one that is stored. */
Test(orders, an_old_one_is_looked_up_and_not_stored, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    char order_id[64];
    create(&rig, ORDER("known"), order_id);
    struct answer known = rig_post(&rig, "{'client_order_id':'known'," MARKET "," OLD "}");
    EXPECT_STATUS(known, 200);
    cr_expect_str_eq(answer_text(&known, "order_id"), order_id);
    answer_fini(&known);
    struct answer stale = rig_post(&rig, "{'client_order_id':'new'," MARKET "," OLD "}");
    expect_problem(&stale, 422, "stale_order", "not_accepted");
    answer_fini(&stale);
    cr_expect_eq(stored(&rig), 1);
    rig_close(&rig);
}
