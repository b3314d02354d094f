/* GET of an account's orders, a page at a time: what comes, in which form, and how pages follow. */
#include "handlers_fixture.h"

TestSuite(list, .init = rig_init, .fini = rig_stop, .timeout = 60);

#define ALL "/v1/orders?account_id=acc"

enum { TARGET_MAX = 512 };

static void plant(const char *account_id, const char *client_order_id)
{
    struct order order = { .order_id = "01a2097c-351c-7786-b9b4-6445788ae8c4", .quantity = "1" };
    (void)snprintf(order.account_id, sizeof order.account_id, "%s", account_id);
    (void)snprintf(order.client_order_id, sizeof order.client_order_id, "%s", client_order_id);
    fake_store_plant(rig.store, &order);
}

/* Two days of orders of "acc", not in the order of their ids, and orders of other accounts. */
static void plant_days(void)
{
    static const char *const ids[] = { "d2/1", "d1/3", "d1/1", "d3", "d1/2", "d1" };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        plant("acc", ids[i]);
    plant("abc", "d1/1");
    plant("acc2", "d1/4");
}

/* Appends the client_order_ids of the answer: "a b c ". */
static void add_ids(struct buf *out)
{
    static const char member[] = "\"client_order_id\":\"";
    for (const char *at = rig.answer.body; (at = strstr(at, member)) != NULL;) {
        at += sizeof member - 1;
        buf_printf(out, "%.*s ", (int)strcspn(at, "\""), at);
    }
}

static void expect_ids(const char *target, const char *wanted)
{
    char text[1024];
    struct buf ids = BUF_OVER(text);
    text[0] = '\0';
    expect_get(200, target);
    add_ids(&ids);
    cr_expect_str_eq(text, wanted, "%s: %s", target, rig.answer.body);
}

/* Copies the target of the answer's Link. Returns false if there is none. */
static bool find_next(char target[TARGET_MAX])
{
    char link[TARGET_MAX];
    if (!answer_header(&rig.answer, "Link", link, sizeof link))
        return false;
    char *end = strchr(link, '>');
    cr_assert_not_null(end, "%s", link);
    cr_assert_eq(link[0], '<');
    cr_assert_str_eq(end, ">; rel=\"next\"");
    *end = '\0';
    memcpy(target, link + 1, strlen(link + 1) + 1);
    return true;
}

/* Follows the Links to the end. Returns the number of pages. */
static size_t follow(const char *first, struct buf *ids)
{
    char target[TARGET_MAX];
    size_t n = 0;
    (void)snprintf(target, sizeof target, "%s", first);
    do {
        expect_get(200, target);
        add_ids(ids);
        n++;
    } while (find_next(target));
    return n;
}

static void expect_pages(const char *first, size_t pages, const char *wanted)
{
    char text[1024];
    struct buf ids = BUF_OVER(text);
    text[0] = '\0';
    cr_expect_eq(follow(first, &ids), pages, "%s", first);
    cr_expect_str_eq(text, wanted, "%s", first);
}

Test(list, an_account_in_the_order_of_its_ids)
{
    rig_start();
    plant_days();
    expect_ids(ALL, "d1 d1/1 d1/2 d1/3 d2/1 d3 ");
    expect_not_in_body("next_cursor");
    expect_ids("/v1/orders?account_id=nobody", "");
    cr_expect_str_eq(rig.answer.body, "{\"orders\":[]}");
}

Test(list, a_part_of_an_account)
{
    rig_start();
    plant_days();
    expect_ids(ALL "&client_order_id_prefix=d1/", "d1/1 d1/2 d1/3 ");
    expect_ids(ALL "&client_order_id_prefix=d1", "d1 d1/1 d1/2 d1/3 ");
    expect_ids(ALL "&client_order_id_prefix=d1%2F1", "d1/1 ");
    expect_ids(ALL "&client_order_id_prefix=d4", "");
    expect_ids(ALL "&client_order_id_from=d1/2", "d1/2 d1/3 d2/1 d3 ");
    expect_ids(ALL "&client_order_id_from=d1/2&client_order_id_prefix=d1/", "d1/2 d1/3 ");
    expect_ids(ALL "&client_order_id_from=a&client_order_id_prefix=d2", "d2/1 ");
    expect_ids(ALL "&client_order_id_from=d2&client_order_id_prefix=d1", "");
}

Test(list, links_lead_through_all_pages)
{
    rig_start();
    plant_days();
    expect_pages(ALL "&limit=1", 6, "d1 d1/1 d1/2 d1/3 d2/1 d3 ");
    expect_pages(ALL "&limit=2", 3, "d1 d1/1 d1/2 d1/3 d2/1 d3 ");
    expect_pages(ALL "&limit=5", 2, "d1 d1/1 d1/2 d1/3 d2/1 d3 ");
    expect_pages(ALL "&limit=6", 1, "d1 d1/1 d1/2 d1/3 d2/1 d3 ");
    expect_pages(ALL "&limit=1000", 1, "d1 d1/1 d1/2 d1/3 d2/1 d3 ");
    expect_pages(ALL "&limit=2&client_order_id_prefix=d1/", 2, "d1/1 d1/2 d1/3 ");
    expect_pages(ALL "&limit=2&client_order_id_from=d1/2", 2, "d1/2 d1/3 d2/1 d3 ");
}

Test(list, the_link_has_the_query_and_the_position)
{
    rig_start();
    plant_days();
    expect_get(200, ALL "&client_order_id_from=d1/1&client_order_id_prefix=d1&limit=1");
    cr_expect(answer_has(&rig.answer, "Link",
                         "</v1/orders?account_id=acc&client_order_id_prefix=d1&limit=1"
                         "&cursor=AWQxLzE>; rel=\"next\""),
              "%s", rig.answer.head);
    expect_in_body("],\"next_cursor\":\"AWQxLzE\"}");
}

/* The store ends a page before its limit if its metadata are large. */
Test(list, a_page_may_end_before_its_limit)
{
    rig_start();
    plant_days();
    rig.store->page_max = 2;
    expect_pages(ALL, 3, "d1 d1/1 d1/2 d1/3 d2/1 d3 ");
}

Test(list, orders_that_come_meanwhile_shift_nothing)
{
    char target[TARGET_MAX];
    rig_start();
    plant_days();
    expect_ids(ALL "&limit=3", "d1 d1/1 d1/2 ");
    cr_assert(find_next(target));
    plant("acc", "d0");
    plant("acc", "d1/21");
    expect_ids(target, "d1/21 d1/3 d2/1 ");
    cr_assert(find_next(target));
    expect_ids(target, "d3 ");
}

Test(list, a_cursor_is_a_position_in_any_account)
{
    rig_start();
    plant_days();
    expect_ids(ALL "&cursor=AWQxLzE", "d1/2 d1/3 d2/1 d3 ");
    expect_ids("/v1/orders?account_id=acc2&cursor=AWQxLzE", "d1/4 ");
    expect_ids("/v1/orders?account_id=abc&cursor=AWQxLzE", "");
}

Test(list, one_order_a_line)
{
    rig_start();
    plant_days();
    tell("GET", ALL "&limit=2", "Accept: application/x-ndjson\r\n", NULL);
    expect_answer(200);
    cr_expect(answer_has(&rig.answer, "Content-Type", "application/x-ndjson"));
    expect_not_in_body("next_cursor");
    char target[TARGET_MAX], *line = strchr(rig.answer.body, '\n');
    cr_assert(find_next(target));
    cr_assert_not_null(line);
    cr_expect_eq(rig.answer.body[0], '{');
    cr_expect_eq(line[1], '{');
    cr_expect_eq(rig.answer.body[rig.answer.body_len - 1], '\n');

    tell("GET", "/v1/orders?account_id=nobody", "Accept: application/x-ndjson\r\n", NULL);
    expect_answer(200);
    cr_expect_str_eq(rig.answer.body, "");
}

Test(list, a_query_against_the_rules)
{
    static const char *const targets[] = {
        "/v1/orders",
        "/v1/orders?limit=1",
        "/v1/orders?account_id=",
        "/v1/orders?account_id=a%20c",
        ALL "&account_id=acc",
        ALL "&limit=0",
        ALL "&limit=1001",
        ALL "&limit=",
        ALL "&limit=-1",
        ALL "&limit=1x",
        ALL "&limit=99999999999999999999",
        ALL "&limit=1&limit=1",
        ALL "&client_order_id_prefix=",
        ALL "&client_order_id_prefix=%25",
        ALL "&client_order_id_prefix=a&client_order_id_prefix=b",
        ALL "&client_order_id_from=",
        ALL "&client_order_id_from=a,b",
    };
    rig_start();
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        expect_get(422, targets[i]);
        expect_in_body("\"code\":\"invalid_query\"");
        expect_in_body("\"detail\":");
        expect_not_in_body("\"outcome\"");
    }
}

Test(list, a_cursor_that_cannot_be_read)
{
    static const char *const targets[] = {
        ALL "&cursor=",
        ALL "&cursor=!",
        ALL "&cursor=AWE%3D",
        ALL "&cursor=AmE",
        ALL "&cursor=AWE&cursor=AWE",
    };
    rig_start();
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        expect_get(400, targets[i]);
        expect_in_body("\"code\":\"invalid_cursor\"");
        expect_not_in_body("\"outcome\"");
    }
}

Test(list, what_a_page_that_failed_is_answered)
{
    rig_start();
    expect_failures_of_the_store(ALL);
}

/* Returns the status that the target has while the budget has so much room. */
static int status_with_room(const char *target, size_t room)
{
    cr_assert(budget_take(&rig.memory, BUDGET_BYTES - room, 0));
    tell("GET", target, "", NULL);
    cr_assert(read_answer(rig.fd, &rig.answer));
    budget_give(&rig.memory, BUDGET_BYTES - room);
    return rig.answer.status;
}

/* The room that a page of no orders needs is not enough for the same page with orders. */
Test(list, each_order_of_a_page_counts_in_the_budget)
{
    static const size_t step = 256, bytes_of_order = 1024;
    size_t room = 0;
    rig_start();
    plant_days();
    while (status_with_room("/v1/orders?account_id=nobody&limit=6", room) != 200) {
        expect_in_body("\"code\":\"overloaded\"");
        cr_assert_lt(room += step, BUDGET_BYTES);
    }
    cr_expect_eq(status_with_room(ALL "&limit=6", room), 503);
    expect_in_body("\"code\":\"overloaded\"");
    cr_expect_eq(status_with_room(ALL "&limit=6", room + 6 * bytes_of_order - step), 503);
    cr_expect_eq(status_with_room(ALL "&limit=6", room + 6 * bytes_of_order), 200);
}

Test(list, a_budget_that_is_used_up_rejects_the_page)
{
    rig_start();
    plant_days();
    cr_assert(budget_take(&rig.memory, BUDGET_BYTES, 0));
    expect_get(503, ALL);
    expect_in_body("\"code\":\"overloaded\"");
    budget_give(&rig.memory, BUDGET_BYTES);
    expect_ids(ALL "&limit=1", "d1 ");
}
