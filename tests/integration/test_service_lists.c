/* Lists of an account's orders over HTTP: pages and the Links between them, lines, what is refused,
 * and orders that are posted while somebody reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "batch_bodies.h"
#include "order_herd.h"
#include "service_rig.h"

enum { LINK_MAX = 512, BEFORE = 300, CLIENTS = 2, PAGES_MAX = 100000 };

#define ALL "/v1/orders?account_id=ACC"

static void post_many(struct rig *rig, const char *prefix, size_t n)
{
    char *body = batch_body(prefix, n);
    struct answer made =
        rig_ask(rig, "POST", "/v1/orders/batch", LIST("Content-Type: application/json"), body);
    EXPECT_STATUS(made, 201);
    answer_fini(&made);
    free(body);
}

static void post_one(struct rig *rig, const char *client_order_id)
{
    char *body = order_body(client_order_id, "EURUSD");
    struct answer made = rig_post(rig, body);
    EXPECT_STATUS(made, 201);
    answer_fini(&made);
    free(body);
}

/* Copies the path of the answer's Link to the next page. Returns false if there is none. */
static bool find_next(const struct answer *answer, char path[LINK_MAX])
{
    char link[LINK_MAX];
    if (!http_reply_header(&answer->reply, "Link", link, sizeof link))
        return false;
    char *end = strchr(link, '>');
    cr_assert_not_null(end, "%s", link);
    cr_assert_eq(link[0], '<');
    cr_assert_str_eq(end, ">; rel=\"next\"");
    *end = '\0';
    memcpy(path, link + 1, strlen(link + 1) + 1);
    return true;
}

static const char *id_of(json_t *order)
{
    return json_string_value(json_object_get(order, "client_order_id"));
}

static void expect_ids(struct rig *rig, const char *path, const char *wanted)
{
    char text[256];
    struct buf ids = BUF_OVER(text);
    struct answer page = rig_get(rig, path);
    size_t i;
    json_t *order;
    text[0] = '\0';
    EXPECT_STATUS(page, 200);
    json_array_foreach(json_object_get(page.json, "orders"), i, order)
    {
        buf_printf(&ids, "%s ", id_of(order));
    }
    cr_expect_str_eq(text, wanted, "%s", path);
    answer_fini(&page);
}

/* ---- ranges and forms ---- */

/* A day of orders is the orders whose ids begin with that day. */
Test(lists, a_day_of_an_account, .timeout = TEST_S)
{
    static const char *const ids[] = { "2026-11-23/0003", "2026-11-24/0001", "2026-11-23/0001",
                                       "2026-11-22/0009", "2026-11-23/0002" };
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        post_one(&rig, ids[i]);
    expect_ids(&rig, ALL "&client_order_id_prefix=2026-11-23/",
               "2026-11-23/0001 2026-11-23/0002 2026-11-23/0003 ");
    expect_ids(&rig, ALL "&client_order_id_from=2026-11-23/0003",
               "2026-11-23/0003 2026-11-24/0001 ");
    expect_ids(&rig, ALL "&client_order_id_prefix=2026-11-25", "");
    expect_ids(&rig, "/v1/orders?account_id=OTHER", "");

    char path[LINK_MAX];
    struct answer page = rig_get(&rig, ALL "&client_order_id_prefix=2026-11-23/&limit=2");
    EXPECT_STATUS(page, 200);
    cr_assert(find_next(&page, path));
    cr_expect_not_null(strstr(path, answer_text(&page, "next_cursor")), "%s", path);
    answer_fini(&page);
    expect_ids(&rig, path, "2026-11-23/0003 ");
    rig_close(&rig);
}

Test(lists, lines_have_the_same_orders, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    post_many(&rig, "l", 3);
    struct answer lines =
        rig_ask(&rig, "GET", ALL "&limit=2", LIST("Accept: application/x-ndjson"), NULL);
    EXPECT_STATUS(lines, 200);
    cr_expect(answer_header_is(&lines, "Content-Type", "application/x-ndjson"));
    char path[LINK_MAX], *rest = lines.reply.body;
    cr_expect(find_next(&lines, path));
    for (int i = 0; i < 2; i++) {
        char *line = strsep(&rest, "\n"), wanted[16];
        json_t *order = json_loads(line, 0, NULL);
        cr_assert_not_null(order, "%s", line);
        (void)snprintf(wanted, sizeof wanted, "l-%d", i);
        cr_expect_str_eq(id_of(order), wanted);
        json_decref(order);
    }
    cr_expect_str_eq(rest, "");
    answer_fini(&lines);

    struct answer head = rig_ask(&rig, "HEAD", ALL, NULL, NULL);
    EXPECT_STATUS(head, 200);
    answer_fini(&head);
    rig_close(&rig);
}

Test(lists, unclear_questions_are_refused, .timeout = TEST_S)
{
    static const struct {
        const char *path;
        int status;
        const char *code;
    } cases[] = {
        { "/v1/orders", 422, "invalid_query" },
        { "/v1/orders?account_id=", 422, "invalid_query" },
        { ALL "&account_id=ACC", 422, "invalid_query" },
        { ALL "&limit=0", 422, "invalid_query" },
        { ALL "&limit=1001", 422, "invalid_query" },
        { ALL "&client_order_id_prefix=%25", 422, "invalid_query" },
        { ALL "&client_order_id_from=", 422, "invalid_query" },
        { ALL "&client_order_id=a&limit=2", 422, "invalid_query" },
        { ALL "&cursor=", 400, "invalid_cursor" },
        { ALL "&cursor=AWE&cursor=AWE", 400, "invalid_cursor" },
        { ALL "&cursor=%27%20OR%201%3D1--", 400, "invalid_cursor" },
    };
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer got = rig_get(&rig, cases[i].path);
        expect_problem(&got, cases[i].status, cases[i].code, NULL);
        cr_expect_neq(answer_text(&got, "detail")[0], '\0');
        answer_fini(&got);
    }
    struct answer keys =
        rig_ask(&rig, "GET", ALL "&client_order_id=a", LIST("Accept: application/x-ndjson"), NULL);
    expect_problem(&keys, 406, "not_acceptable", NULL);
    answer_fini(&keys);
    rig_close(&rig);
}

/* ---- pages ---- */

/* Orders that another program has given large metadata: a page ends before its limit. */
Test(lists, a_page_ends_at_a_number_of_bytes, .timeout = TEST_S)
{
    static const size_t wanted[] = { 4, 4, 1 };
    struct rig rig = rig_open(NULL);
    char path[LINK_MAX] = ALL;
    cluster_exec(rig.cluster,
                 "INSERT INTO orders SELECT 'ACC', 'l-' || g, gen_random_uuid(), 'S', 'buy', "
                 "'market', 1, NULL, NULL, 'day', jsonb_build_object('x', repeat('a', 250000)), "
                 "now() FROM generate_series(1, 9) g");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct answer page = rig_get(&rig, path);
        EXPECT_STATUS(page, 200);
        cr_expect_eq(json_array_size(json_object_get(page.json, "orders")), wanted[i]);
        cr_expect_lt(page.reply.body_len, 2 << 20);
        cr_expect_eq(find_next(&page, path), i + 1 < sizeof wanted / sizeof wanted[0]);
        answer_fini(&page);
    }
    cr_expect(WAIT_UNTIL(rig_metric(&rig, "ordersd_client_memory_bytes") == 0, SOON_S));
    rig_close(&rig);
}

struct reading {
    char last[65];         /* the last client_order_id */
    unsigned seen[BEFORE]; /* how often each order came that was there before */
    size_t others;
};

/* The orders of before are "1-5x-0", "1-5x-1", ...: among those of the herd's clients. */
static void read_page(struct reading *reading, const struct answer *page)
{
    static const char before[] = "1-5x-";
    size_t i;
    json_t *order;
    json_array_foreach(json_object_get(page->json, "orders"), i, order)
    {
        const char *id = id_of(order);
        cr_assert_lt(strcmp(reading->last, id), 0, "%s after %s", id, reading->last);
        (void)snprintf(reading->last, sizeof reading->last, "%s", id);
        if (strncmp(id, before, sizeof before - 1) == 0)
            reading->seen[strtoul(id + sizeof before - 1, NULL, 10) % BEFORE]++;
        else
            reading->others++;
    }
}

/* Returns what came, from the first page to the last. */
static struct reading read_all(struct rig *rig)
{
    struct reading reading = { .others = 0 };
    char path[LINK_MAX] = ALL "&limit=70";
    bool more = true;
    for (int n = 0; more && n < PAGES_MAX; n++) {
        struct answer page = rig_get(rig, path);
        EXPECT_STATUS(page, 200);
        read_page(&reading, &page);
        more = page.status == 200 && find_next(&page, path);
        answer_fini(&page);
    }
    cr_expect_not(more);
    return reading;
}

Test(lists, every_order_of_before_comes_once_while_others_are_posted, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    post_many(&rig, "1-5x", BEFORE);
    struct herd *herd = herd_start(&rig, CLIENTS);
    cr_assert(herd_await(herd, BEFORE, SOON_S));
    for (int round = 0; round < 2; round++) {
        struct reading reading = read_all(&rig);
        for (size_t i = 0; i < BEFORE; i++)
            cr_expect_eq(reading.seen[i], 1, "1-5x-%zu came %u times", i, reading.seen[i]);
        cr_expect_gt(reading.others, 0);
    }
    herd_stop(herd);
    struct reading whole = read_all(&rig);
    cr_expect_eq((int64_t)whole.others + BEFORE,
                 cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"));
    cluster_exec(rig.cluster, "DELETE FROM orders WHERE client_order_id LIKE '1-5x-%'");
    herd_expect_truth(herd, rig.cluster);
    herd_close(&herd);
    rig_close(&rig);
}
