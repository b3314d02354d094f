/* GET of orders: by order_id, and by account and client ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "service_rig.h"

enum { IDS_MAX = 100 };

static void create(struct rig *rig, const char *client_order_id)
{
    char *body = order_body(client_order_id, "EURUSD");
    struct answer made = rig_post(rig, body);
    EXPECT_STATUS(made, 201);
    answer_fini(&made);
    free(body);
}

/* The client ids in an answer's `orders` and its `not_found`: "a,b;c,". */
static void found_in(const struct answer *answer, char out[256])
{
    struct buf text = { .data = out, .cap = 256, .max = 255 };
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(answer->json, "orders"), i, item)
    {
        buf_printf(&text, "%s,", json_string_value(json_object_get(item, "client_order_id")));
    }
    buf_add_char(&text, ';');
    json_array_foreach(json_object_get(answer->json, "not_found"), i, item)
    {
        buf_printf(&text, "%s,", json_string_value(item));
    }
    cr_assert_not(text.failed);
}

Test(lookups, by_client_ids_in_the_order_asked, .timeout = TEST_S)
{
    static const struct {
        const char *query, *found;
    } cases[] = {
        { "account_id=ACC&client_order_id=c", "c,;" },
        { "account_id=ACC&client_order_id=c,nope,a", "c,a,;nope," },
        { "client_order_id=b,a,c&account_id=ACC", "b,a,c,;" },
        { "account_id=ACC&client_order_id=d%3Ae%2Ff", "d:e/f,;" },
        { "account_id=OTHER&client_order_id=a,b", ";a,b," },
    };
    struct rig rig = rig_open(NULL);
    static const char *const ids[] = { "a", "b", "c", "d:e/f" };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        create(&rig, ids[i]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = support_text("/v1/orders?%s", cases[i].query), found[256];
        struct answer got = rig_get(&rig, path);
        EXPECT_STATUS(got, 200);
        found_in(&got, found);
        cr_expect_str_eq(found, cases[i].found, "%s", cases[i].query);
        answer_fini(&got);
        free(path);
    }
    static const char *const ill_formed[] = { "account_id=ACC&client_order_id=%27%20OR%201%3D1--",
                                              "account_id=%FF&client_order_id=a" };
    for (size_t i = 0; i < sizeof ill_formed / sizeof ill_formed[0]; i++) {
        char *path = support_text("/v1/orders?%s", ill_formed[i]);
        struct answer got = rig_get(&rig, path);
        expect_problem(&got, 422, "invalid_query", NULL);
        answer_fini(&got);
        free(path);
    }
    rig_close(&rig);
}

static struct answer ask_many(struct rig *rig, size_t n)
{
    struct buf url = BUF_INIT(64 * 1024);
    buf_add_str(&url, daemon_url(rig->daemon, "/v1/orders?account_id=ACC&client_order_id="));
    for (size_t i = 0; i < n; i++)
        buf_printf(&url, "%s%zu", i > 0 ? "," : "", i);
    struct answer answer = { .status = 0 };
    (void)http_get(rig->http, url.data, &answer.reply);
    answer_read(&answer);
    buf_fini(&url);
    return answer;
}

Test(lookups, up_to_a_hundred_at_once, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    struct answer most = ask_many(&rig, IDS_MAX);
    EXPECT_STATUS(most, 200);
    cr_expect_eq(json_array_size(json_object_get(most.json, "not_found")), IDS_MAX);
    answer_fini(&most);
    struct answer over = ask_many(&rig, IDS_MAX + 1);
    expect_problem(&over, 422, "invalid_query", NULL);
    answer_fini(&over);
    rig_close(&rig);
}

Test(lookups, unclear_questions_are_refused, .timeout = TEST_S)
{
    static const char *const queries[] = {
        "?client_order_id=a",
        "?account_id=&client_order_id=a",
        "?account_id=ACC&client_order_id=",
        "?account_id=ACC&client_order_id=a,,b",
        "?account_id=ACC&client_order_id=a,",
        "?account_id=ACC&account_id=ACC&client_order_id=a",
        "?account_id=ACC&client_order_id=a&client_order_id=b",
    };
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        char *path = support_text("/v1/orders%s", queries[i]);
        struct answer got = rig_get(&rig, path);
        expect_problem(&got, 422, "invalid_query", NULL);
        cr_expect_neq(answer_text(&got, "detail")[0], '\0');
        answer_fini(&got);
        free(path);
    }
    rig_close(&rig);
}

Test(lookups, ids_that_no_order_has_are_refused, .timeout = TEST_S)
{
    static const char letters[] =
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    static const struct {
        int account, id; /* their lengths */
        int status;
    } cases[] = { { 64, 64, 200 }, { 65, 1, 422 }, { 1, 65, 422 } };
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = support_text("/v1/orders?account_id=%.*sA&client_order_id=%.*sA",
                                  cases[i].account - 1, letters, cases[i].id - 1, letters);
        struct answer got = rig_get(&rig, path);
        EXPECT_STATUS(got, cases[i].status);
        answer_fini(&got);
        free(path);
    }
    rig_close(&rig);
}

Test(lookups, what_is_not_there_is_404, .timeout = TEST_S)
{
    static const char *const paths[] = {
        "/v1/orders/01890a5d-ac96-774b-bcce-b302099a8057",
        "/v1/orders/01890A5D-AC96-774B-BCCE-B302099A8057",
        "/v1/orders/1",
        "/v1/orders/01890a5d-ac96-774b-bcce-b302099a8057%27",
    };
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct answer got = rig_get(&rig, paths[i]);
        expect_problem(&got, 404, "order_not_found", NULL);
        answer_fini(&got);
    }
    struct answer nowhere = rig_get(&rig, "/v1/order");
    EXPECT_STATUS(nowhere, 404);
    answer_fini(&nowhere);
    rig_close(&rig);
}
