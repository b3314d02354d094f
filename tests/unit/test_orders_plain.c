/* The plain form: what it takes is what the general way makes of the same bytes, and what is not
 * plain is left to the general way. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "orders/order_plain.h"

static const int64_t now_us = 1700000000000000;

#define HEAD                                                                                       \
    "{\"account_id\":\"a-1\",\"client_order_id\":\"c:1\",\"symbol\":\"S\",\"side\":\"buy\","
#define LIMIT HEAD "\"type\":\"limit\",\"quantity\":\"1.50\",\"limit_price\":2.5"
#define MARKET HEAD "\"type\":\"market\",\"quantity\":10"

static bool is_plain(const char *text, size_t len, struct order_draft *draft)
{
    *draft = (struct order_draft){ 0 };
    return order_plain_parse((struct json_token){ text, len }, NULL, now_us, draft);
}

/* The copy has no byte behind it, so that a sanitizer sees a read beyond the text. */
static bool is_plain_copy(const char *text, size_t len)
{
    struct order_draft draft;
    char *copy = malloc(len > 0 ? len : 1);
    cr_assert_not_null(copy);
    memcpy(copy, text, len);
    bool plain = is_plain(copy, len, &draft);
    free(copy);
    return plain;
}

static void expect_same(const char *text, size_t len, const struct order_draft *draft)
{
    struct order order;
    struct order_problem problem;
    enum order_rc rc =
        order_parse_general((struct json_token){ text, len }, NULL, &order, &problem);
    cr_assert_eq(rc, ORDER_OK, "%.*s", (int)len, text);
    cr_expect_eq(order_compare_key(&order, &draft->order), 0, "%.*s", (int)len, text);
    cr_expect_eq(order_diff(&order, &draft->order), 0, "%.*s", (int)len, text);
    cr_expect_eq(order.sent_at_us, draft->order.sent_at_us);
    cr_expect_eq(order.max_age_ms, draft->order.max_age_ms);
    cr_expect_eq(order.replay_only, draft->order.replay_only);
    cr_expect_eq(order.metadata != NULL, draft->metadata.at != NULL);
    cr_expect_eq(order.metadata_len, draft->metadata.len);
    if (order.metadata != NULL)
        cr_expect_arr_eq(order.metadata, draft->metadata.at, draft->metadata.len);
    order_fini(&order);
}

static const char *const plain[] = {
    LIMIT "}",
    MARKET "}",
    " \t\r\n" LIMIT " , \"time_in_force\" :\t\"ioc\"\n}\r\n ",
    LIMIT ",\"stop_price\":null}",
    LIMIT ",\"metadata\":{}}",
    LIMIT
    ",\"metadata\": { \"a\" : \"b \" , \"\":0 ,\"n\":null,\"t\":true,\"f\":false,\"x\":0.50 } }",
    LIMIT ",\"metadata\":{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1}}",
    MARKET ",\"sent_at\":\"2023-11-14T22:13:20.250Z\",\"max_age_ms\":60000}",
};

Test(plain, is_as_the_general_way_has_it)
{
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        struct order_draft draft;
        cr_assert(is_plain(plain[i], strlen(plain[i]), &draft), "%s", plain[i]);
        expect_same(plain[i], strlen(plain[i]), &draft);
    }
}

/* Whatever byte stands in whatever place: if the document is still plain, both ways agree. */
Test(plain, any_other_byte, .timeout = 60)
{
    const char *text = plain[5];
    size_t len = strlen(text), still = 0;
    char *changed = strdup(text);
    cr_assert_not_null(changed);
    for (size_t i = 0; i < len; i++) {
        for (int byte = 0; byte < 256; byte++) {
            struct order_draft draft;
            changed[i] = (char)byte;
            if (!is_plain(changed, len, &draft))
                continue;
            expect_same(changed, len, &draft);
            still++;
        }
        changed[i] = text[i];
    }
    cr_expect_gt(still, len);
    free(changed);
}

Test(plain, no_part_is_plain_and_none_is_read_beyond)
{
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        size_t end = (size_t)(strrchr(plain[i], '}') - plain[i]);
        for (size_t len = 0; len <= end; len++)
            cr_expect_not(is_plain_copy(plain[i], len), "%.*s", (int)len, plain[i]);
        cr_expect(is_plain_copy(plain[i], strlen(plain[i])));
    }
}

Test(plain, is_not)
{
    static const char *const others[] = {
        "",
        "{}",
        "[]",
        "null",
        LIMIT "",
        LIMIT ",}",
        LIMIT "}}",
        LIMIT "} x",
        LIMIT ",\"side\":\"buy\"}",     /* twice */
        LIMIT ",\"other\":\"x\"}",      /* no field */
        LIMIT ",\"stop_price\":nul}",   /* no word */
        LIMIT ",\"stop_price\":\"1\"}", /* against the rules */
        LIMIT ",\"stop_price\":{}}",    /* no object */
        LIMIT ",\"metadata\":[]}",
        LIMIT ",\"metadata\":{\"a\":{}}}",
        LIMIT ",\"metadata\":{\"a\":[]}}",
        LIMIT ",\"metadata\":{\"a\":1,\"a\":2}}",
        LIMIT ",\"metadata\":{\"a\":1e3}}",
        LIMIT ",\"metadata\":{\"a\":-1}}",
        LIMIT ",\"metadata\":{\"a\":\"\\u0041\"}}",
        LIMIT ",\"metadata\":{\"a\":\"\xc3\xa4\"}}",
        LIMIT
        ",\"metadata\":{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1}}",
        HEAD "\"type\":\"market\",\"quantity\":01}",
        HEAD "\"type\":\"market\",\"quantity\":1.}",
        HEAD "\"type\":\"market\",\"quantity\":.1}",
        HEAD "\"type\":\"market\",\"quantity\":-1}",
        HEAD "\"type\":\"market\",\"quantity\":1e2}",
        HEAD "\"type\":\"market\",\"quantity\":\"1\n\"}",
        HEAD "\"type\":\"market\" \"quantity\":1}",
        HEAD "\"type\":\"market\",\"quantity\" 1}",
        HEAD "\"type\":\"mark\\u0065t\",\"quantity\":1}",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_expect_not(is_plain_copy(others[i], strlen(others[i])), "%s", others[i]);
}

Test(plain, is_bounded_as_every_document_is)
{
    size_t len = strlen(MARKET "}");
    char *text = malloc(ORDER_BYTES_MAX + 1);
    cr_assert_not_null(text);
    memset(text, ' ', ORDER_BYTES_MAX + 1);
    memcpy(text, MARKET "}", len);
    cr_expect(is_plain_copy(text, ORDER_BYTES_MAX));
    cr_expect_not(is_plain_copy(text, ORDER_BYTES_MAX + 1));
    free(text);
}
