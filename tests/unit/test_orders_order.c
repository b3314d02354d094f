/* An order that is one: words, stamp, age, key, difference, and how it is shown. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "orders/order.h"
#include "orders/uuid7.h"

static struct order sample(void)
{
    return (struct order){
        .order_id = "018fabcd-ef01-7234-89ab-cdef01234567",
        .received_at_us = 1709251199123456,
        .account_id = "acc",
        .client_order_id = "c-1",
        .symbol = "BTC/USD",
        .side = ORDER_SELL,
        .type = ORDER_STOP_LIMIT,
        .time_in_force = ORDER_GTC,
        .quantity = "1.5",
        .limit_price = "27000.1",
        .stop_price = "26999",
    };
}

Test(order, words_both_ways)
{
    enum order_side side = ORDER_BUY;
    enum order_type type = ORDER_MARKET;
    enum order_tif tif = ORDER_DAY;
    for (int i = ORDER_BUY; i <= ORDER_SELL; i++)
        cr_expect(order_side_of(order_side_name((enum order_side)i), &side) && (int)side == i);
    for (int i = ORDER_MARKET; i <= ORDER_STOP_LIMIT; i++)
        cr_expect(order_type_of(order_type_name((enum order_type)i), &type) && (int)type == i);
    for (int i = ORDER_DAY; i <= ORDER_FOK; i++)
        cr_expect(order_tif_of(order_tif_name((enum order_tif)i), &tif) && (int)tif == i);
    cr_expect_not(order_side_of("", &side));
    cr_expect_not(order_type_of("Market", &type));
    cr_expect_not(order_tif_of("day ", &tif));
    cr_expect_eq(side, ORDER_SELL);
    cr_expect_eq(type, ORDER_STOP_LIMIT);
    cr_expect_eq(tif, ORDER_FOK);
}

Test(order, stamp)
{
    struct order order = { 0 };
    unsigned char id[16];
    order_stamp(&order, 1709251199123456);
    cr_expect_eq(order.received_at_us, 1709251199123456);
    cr_assert(uuid_parse(order.order_id, id));
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id[i];
    cr_expect_eq(ms, 1709251199123);
}

Test(order, submitted_by_is_a_copy_of_the_name_of_the_key)
{
    char name[] = "1234567890123456789012345678901234567890123456789012345678901234";
    struct order order = { 0 };
    order_set_submitted_by(&order, name);
    cr_expect_str_eq(order.submitted_by, name, "the longest");
    name[0] = 'x';
    cr_expect_eq(order.submitted_by[0], '1');
    order_set_submitted_by(&order, NULL);
    cr_expect_str_eq(order.submitted_by, "");
}

Test(order, stale_only_past_its_age)
{
    struct order order = { .sent_at_us = 1000000, .max_age_ms = 5 };
    cr_expect_not(order_is_stale(&order, 0));
    cr_expect_not(order_is_stale(&order, 1005000));
    cr_expect(order_is_stale(&order, 1005001));
    order.max_age_ms = 0;
    cr_expect_not(order_is_stale(&order, INT64_MAX));
}

Test(order, key_order_is_bytewise)
{
    static const char *const rising[][2] = {
        { "", "z" },  { "A", "a" },  { "A", "b" }, { "A-", "" },  { "AA", "" },
        { "_", "9" }, { "a", "10" }, { "a", "2" }, { "a", "2a" },
    };
    for (size_t i = 0; i < sizeof rising / sizeof rising[0]; i++) {
        for (size_t k = 0; k < sizeof rising / sizeof rising[0]; k++) {
            struct order a = { 0 }, b = { 0 };
            memcpy(a.account_id, rising[i][0], strlen(rising[i][0]) + 1);
            memcpy(a.client_order_id, rising[i][1], strlen(rising[i][1]) + 1);
            memcpy(b.account_id, rising[k][0], strlen(rising[k][0]) + 1);
            memcpy(b.client_order_id, rising[k][1], strlen(rising[k][1]) + 1);
            int order = order_compare_key(&a, &b);
            cr_expect_eq((order > 0) - (order < 0), (i > k) - (i < k), "%zu %zu", i, k);
        }
    }
}

static void expect_diff(const struct order *changed, unsigned want, const char *names)
{
    struct order order = sample();
    struct buf out = BUF_INIT(1024);
    cr_expect_eq(order_diff(&order, changed), want);
    cr_expect_eq(order_diff(changed, &order), want);
    order_diff_render(&out, want);
    cr_expect_str_eq(out.data, names);
    buf_fini(&out);
}

Test(order, differences)
{
    struct order other = sample();
    expect_diff(&other, 0, "[]");

    memcpy(other.order_id, "x", 2);
    memcpy(other.submitted_by, "x", 2);
    other.received_at_us = other.sent_at_us = other.max_age_ms = 1;
    expect_diff(&other, 0, "[]");

    other = sample();
    memcpy(other.symbol, "ETH", 4);
    expect_diff(&other, ORDER_DIFF_SYMBOL, "[\"symbol\"]");
    other.side = ORDER_BUY;
    expect_diff(&other, ORDER_DIFF_SYMBOL | ORDER_DIFF_SIDE, "[\"symbol\",\"side\"]");

    other = sample();
    other.type = ORDER_LIMIT;
    other.stop_price[0] = '\0';
    expect_diff(&other, ORDER_DIFF_TYPE | ORDER_DIFF_STOP_PRICE, "[\"type\",\"stop_price\"]");

    other = sample();
    memcpy(other.quantity, "1.50001", 8);
    memcpy(other.limit_price, "27000", 6);
    other.time_in_force = ORDER_DAY;
    expect_diff(&other, ORDER_DIFF_QUANTITY | ORDER_DIFF_LIMIT_PRICE | ORDER_DIFF_TIME_IN_FORCE,
                "[\"quantity\",\"limit_price\",\"time_in_force\"]");
}

Test(order, difference_of_metadata_is_shown)
{
    struct buf out = BUF_INIT(1024);
    order_diff_render(&out, ORDER_DIFF_METADATA);
    cr_expect_str_eq(out.data, "[\"metadata\"]");
    buf_fini(&out);
}

Test(order, rendered_with_every_field)
{
    static char metadata[] = "{ \"a\":1.0}";
    struct order order = sample();
    struct buf out = BUF_INIT(4096);
    order.metadata = metadata;
    order.metadata_len = strlen(metadata);
    order_set_submitted_by(&order, "alice");
    order_render(&out, &order, true);
    cr_expect_str_eq(
        out.data, "{\"order_id\":\"018fabcd-ef01-7234-89ab-cdef01234567\",\"account_id\":\"acc\","
                  "\"client_order_id\":\"c-1\",\"symbol\":\"BTC/USD\",\"side\":\"sell\","
                  "\"type\":\"stop_limit\",\"quantity\":\"1.5\",\"limit_price\":\"27000.1\","
                  "\"stop_price\":\"26999\",\"time_in_force\":\"gtc\",\"metadata\":{ \"a\":1.0},"
                  "\"received_at\":\"2024-02-29T23:59:59.123456Z\",\"submitted_by\":\"alice\","
                  "\"status\":\"accepted\",\"replayed\":true}");
    buf_fini(&out);
}

Test(order, rendered_without_what_is_absent)
{
    struct order order = sample();
    struct buf out = BUF_INIT(4096);
    order.limit_price[0] = order.stop_price[0] = '\0';
    order_render(&out, &order, false);
    cr_assert_not_null(out.data);
    cr_expect_null(strstr(out.data, "price"));
    cr_expect_null(strstr(out.data, "metadata"));
    cr_expect_null(strstr(out.data, "sent_at"));
    cr_expect_null(strstr(out.data, "submitted_by"));
    cr_expect_not_null(strstr(out.data, "\"status\":\"accepted\",\"replayed\":false}"));
    buf_fini(&out);
}

Test(order, fini_accepts_a_zeroed_order_and_twice)
{
    struct order order = { 0 };
    order_fini(&order);
    order_fini(&order);
    cr_expect_null(order.metadata);
}
