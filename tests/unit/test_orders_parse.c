/* The document around the fields: what is not JSON, what JSON libraries disagree on, attacks. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orders/order.h"

#define GOOD                                                                                       \
    "\"account_id\":\"acc\",\"client_order_id\":\"c-1\",\"symbol\":\"BTC/USD\",\"side\":\"sell\"," \
    "\"type\":\"limit\",\"quantity\":1.50,\"limit_price\":\"27000.10\",\"time_in_force\":\"ioc\""

static const char good[] = "{" GOOD ",\"metadata\":{\"desk\":\"a\\u0041\",\"n\":[1,2.50,{}]}}";

#define UNTOUCHED 0x5a

/* Parses the bytes out of memory of just their size, for ASan; checks that a refusal wrote no order
 * and an order no problem. */
static enum order_rc parse_bytes(const char *bytes, size_t len, struct order_problem *problem)
{
    static struct order_problem no_problem;
    struct order order, no_order;
    memset(&no_problem, UNTOUCHED, sizeof no_problem);
    memset(problem, UNTOUCHED, sizeof *problem);
    memset(&no_order, UNTOUCHED, sizeof no_order);
    memset(&order, UNTOUCHED, sizeof order);
    char *copy = malloc(len + (len == 0));
    cr_assert_not_null(copy);
    memcpy(copy, bytes, len);
    enum order_rc rc = order_parse(copy, len, NULL, &order, problem);
    if (rc == ORDER_OK) {
        cr_expect_eq(memcmp(problem, &no_problem, sizeof no_problem), 0,
                     "problem written on success");
        order_fini(&order);
    } else {
        cr_expect_eq(memcmp(&order, &no_order, sizeof no_order), 0, "order written on failure");
    }
    free(copy);
    return rc;
}

static enum order_rc parse(const char *text, struct order_problem *problem)
{
    return parse_bytes(text, strlen(text), problem);
}

Test(parse, every_field_of_a_good_order)
{
    struct order order;
    struct order_problem problem;
    cr_assert_eq(order_parse(good, sizeof good - 1, NULL, &order, &problem), ORDER_OK);
    cr_expect_str_eq(order.order_id, "");
    cr_expect_eq(order.received_at_us, 0);
    cr_expect_str_eq(order.account_id, "acc");
    cr_expect_str_eq(order.client_order_id, "c-1");
    cr_expect_str_eq(order.symbol, "BTC/USD");
    cr_expect_eq(order.side, ORDER_SELL);
    cr_expect_eq(order.type, ORDER_LIMIT);
    cr_expect_eq(order.time_in_force, ORDER_IOC);
    cr_expect_str_eq(order.quantity, "1.5");
    cr_expect_str_eq(order.limit_price, "27000.1");
    cr_expect_str_eq(order.stop_price, "");
    cr_expect_eq(order.max_age_ms, 0);
    cr_expect_str_eq(order.metadata, "{\"desk\":\"a\\u0041\",\"n\":[1,2.50,{}]}");
    order_fini(&order);
}

Test(parse, defaults)
{
    struct order order;
    struct order_problem problem;
    static const char doc[] = "{\"account_id\":\"a\",\"client_order_id\":\"c\",\"symbol\":\"S\","
                              "\"side\":\"buy\",\"type\":\"market\",\"quantity\":\"1\"}";
    cr_assert_eq(order_parse(doc, sizeof doc - 1, NULL, &order, &problem), ORDER_OK);
    cr_expect_eq(order.time_in_force, ORDER_DAY);
    cr_expect_null(order.metadata);
    cr_expect_str_eq(order.limit_price, "");
    order_fini(&order);
}

Test(parse, malformed_documents)
{
    static const struct {
        const char *text, *code;
        long offset; /* -2: any */
    } cases[] = {
        /* clang-format off */
        { "",                                  "invalid_json",        0 },
        { "   ",                               "invalid_json",        -2 },
        { "{",                                 "invalid_json",        1 },
        { "{\"a\":1,}",                        "invalid_json",        8 },
        { "{\"a\" 1}",                         "invalid_json",        -2 },
        { "{'a':1}",                           "invalid_json",        -2 },
        { "{\"a\":01}",                        "invalid_json",        -2 },
        { "{\"a\":.5}",                        "invalid_json",        -2 },
        { "{\"a\":+1}",                        "invalid_json",        -2 },
        { "{\"a\":NaN}",                       "invalid_json",        -2 },
        { "{\"a\":\"\n\"}",                    "invalid_json",        -2 },
        { "{\"a\":\"\\x\"}",                   "invalid_json",        -2 },
        { "{\"a\":\"\\ud800\"}",               "invalid_json",        -2 },
        { "{\"a\":\"\\udc00\\ud800\"}",        "invalid_json",        -2 },
        { "{} {}",                             "invalid_json",        -2 },
        { "{}x",                               "invalid_json",        -2 },
        { "/**/{}",                            "invalid_json",        -2 },
        { "\xef\xbb\xbf{}",                    "invalid_json",        -2 },
        { "{\"a\":\"\\u0000\"}",               "nul_character",       -2 },
        { "{\"\\u0000\":1}",                   "nul_character",       -2 },
        { "{\"metadata\":{\"a\":\"\\u0000\"}}", "nul_character",      -2 },
        { "{\"a\":\"\xff\"}",                  "invalid_utf8",        6 },
        { "{\"a\":\"\xc0\x80\"}",              "invalid_utf8",        -2 },
        { "{\"a\":\"\xed\xa0\x80\"}",          "invalid_utf8",        -2 },
        { "{\"a\":\"\xf4\x90\x80\x80\"}",      "invalid_utf8",        -2 },
        { "{\"a\":\"\xc3\"}",                  "invalid_utf8",        -2 },
        { "{\"a\":1,\"a\":1}",                 "duplicate_key",       -2 },
        { "{\"a\":1,\"\\u0061\":2}",           "duplicate_key",       -2 },
        { "{\"side\":null,\"side\":\"buy\"}",  "duplicate_key",       -2 },
        { "{\"metadata\":{\"a\":1,\"a\":2}}",  "duplicate_key",       -2 },
        { "{\"quantity\":1e400}",              "number_out_of_range", 17 },
        { "{\"metadata\":{\"a\":1e309}}",       "number_out_of_range", -2 },
        { "{\"metadata\":{\"a\":-1e999}}",     "number_out_of_range", -2 },
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct order_problem problem;
        cr_assert_eq(parse(cases[i].text, &problem), ORDER_MALFORMED, "%s", cases[i].text);
        cr_expect_str_eq(problem.code, cases[i].code, "%s", cases[i].text);
        cr_expect_gt(strlen(problem.detail), 10, "%s: %s", cases[i].text, problem.detail);
        cr_expect_geq(problem.offset, 0);
        cr_expect_leq(problem.offset, (long)strlen(cases[i].text));
        if (cases[i].offset >= 0)
            cr_expect_eq(problem.offset, cases[i].offset, "%s: at %ld", cases[i].text,
                         problem.offset);
    }
}

Test(parse, a_nul_byte_anywhere_is_refused)
{
    for (size_t at = 0; at <= sizeof good - 1; at++) {
        char doc[sizeof good];
        memcpy(doc, good, at);
        doc[at] = '\0';
        memcpy(doc + at + 1, good + at, sizeof good - 1 - at);
        struct order_problem problem;
        cr_assert_eq(parse_bytes(doc, sizeof doc, &problem), ORDER_MALFORMED, "at %zu", at);
        cr_expect_str_eq(problem.code, "nul_character");
        cr_expect_eq(problem.offset, (long)at);
    }
}

Test(parse, space_around_is_fine)
{
    struct order_problem problem;
    cr_expect_eq(parse(" \r\n\t{ " GOOD " } \n", &problem), ORDER_OK);
}

Test(parse, json_that_is_no_object)
{
    static const char *const cases[] = { "[]", "[{}]", "null", "true", "1", "\"{}\"", " 1.5 " };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct order_problem problem;
        cr_assert_eq(parse(cases[i], &problem), ORDER_INVALID, "%s", cases[i]);
        cr_expect_eq(problem.n_errors, 1);
        cr_expect_str_eq(problem.errors[0].pointer, "");
        cr_expect_str_eq(problem.errors[0].code, "not_an_object");
        cr_expect_eq(problem.offset, -1);
    }
}

Test(parse, depth_8_is_held_and_9_refused)
{
    struct order_problem problem;
    cr_expect_eq(parse("{" GOOD ",\"metadata\":{\"a\":[[[[[[]]]]]]}}", &problem), ORDER_OK);
    cr_expect_eq(parse("{" GOOD ",\"metadata\":{\"a\":[[[[[{}]]]]],\"[\":\"[{\"}}", &problem),
                 ORDER_OK);
    static const char deep[] = "{" GOOD ",\"metadata\":{\"a\":[[[[[[[]]]]]]]}}";
    cr_assert_eq(parse(deep, &problem), ORDER_MALFORMED);
    cr_expect_str_eq(problem.code, "nesting_too_deep");
    cr_expect_eq(problem.offset, strstr(deep, "[]") - deep);
}

Test(parse, attack_by_nesting)
{
    enum { BRACKETS = ORDER_BYTES_MAX };
    struct order_problem problem;
    char *attack = malloc(BRACKETS);
    cr_assert_not_null(attack);
    memset(attack, '[', BRACKETS);
    cr_assert_eq(parse_bytes(attack, BRACKETS, &problem), ORDER_MALFORMED);
    cr_expect_str_eq(problem.code, "nesting_too_deep");
    cr_expect_eq(problem.offset, ORDER_DEPTH_MAX);
    free(attack);
}

Test(parse, attack_by_many_members)
{
    enum { MEMBERS = 7000, ROOM = ORDER_BYTES_MAX };
    struct order_problem problem;
    char *attack = malloc(ROOM);
    cr_assert_not_null(attack);
    size_t len = 0;
    for (size_t i = 0; i < MEMBERS; i++)
        len += (size_t)snprintf(attack + len, ROOM - len, "%s\"%zu\":0", i == 0 ? "{" : ",", i);
    attack[len++] = '}';
    cr_assert_eq(parse_bytes(attack, len, &problem), ORDER_INVALID);
    cr_expect_eq(problem.n_errors, ORDER_ERRORS_MAX);
    free(attack);
}

Test(parse, an_order_has_so_many_bytes_and_no_more)
{
    struct order_problem problem;
    char *padded = malloc(ORDER_BYTES_MAX + 1);
    cr_assert_not_null(padded);
    memset(padded, ' ', ORDER_BYTES_MAX + 1);
    memcpy(padded, good, sizeof good - 1);
    cr_expect_eq(parse_bytes(padded, ORDER_BYTES_MAX, &problem), ORDER_OK);
    cr_assert_eq(parse_bytes(padded, ORDER_BYTES_MAX + 1, &problem), ORDER_MALFORMED);
    cr_expect_str_eq(problem.code, "order_too_large");
    cr_expect_eq(problem.offset, ORDER_BYTES_MAX);
    cr_expect_not_null(strstr(problem.detail, "65536 bytes"));
    free(padded);
}

/* The same verdict, and no text. */
Test(parse, nobody_need_ask_why)
{
    static const struct {
        const char *text;
        enum order_rc rc;
    } cases[] = {
        { good, ORDER_OK },
        { "{}", ORDER_INVALID },
        { "[]", ORDER_INVALID },
        { "{\"a\":1,\"b\":2}", ORDER_INVALID },
        { "{", ORDER_MALFORMED },
        { "{\"a\":1,\"a\":1}", ORDER_MALFORMED },
        { "[[[[[[[[[]]]]]]]]]", ORDER_MALFORMED },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct order order = { .metadata = NULL };
        cr_expect_eq(order_parse(cases[i].text, strlen(cases[i].text), NULL, &order, NULL),
                     cases[i].rc, "%s", cases[i].text);
        order_fini(&order);
    }
}

Test(parse, cut_at_every_byte)
{
    struct order_problem problem;
    cr_assert_eq(parse(good, &problem), ORDER_OK);
    for (size_t len = 0; len < sizeof good - 1; len++)
        cr_expect_eq(parse_bytes(good, len, &problem), ORDER_MALFORMED, "cut at %zu", len);
}

Test(parse, each_byte_replaced_by_each_other)
{
    struct order_problem problem;
    for (size_t at = 0; at < sizeof good - 1; at++) {
        for (int c = 0; c < 256; c++) {
            char doc[sizeof good];
            memcpy(doc, good, sizeof doc);
            doc[at] = (char)c;
            cr_assert_neq(parse_bytes(doc, sizeof good - 1, &problem), ORDER_NOMEM);
        }
    }
}

/* jansson's allocator, failing from the n-th call on. */
static size_t calls_left;

static void *failing_malloc(size_t size)
{
    if (calls_left == 0)
        return NULL;
    calls_left--;
    return malloc(size);
}

Test(parse, out_of_memory_at_every_allocation)
{
    struct order_problem problem;
    enum order_rc rc = ORDER_NOMEM;
    size_t n = 0;
    json_object_seed(1);
    json_set_alloc_funcs(failing_malloc, free);
    for (; rc != ORDER_OK && n < 1000; n++) {
        calls_left = n;
        rc = parse(good, &problem);
        cr_expect(rc == ORDER_OK || rc == ORDER_NOMEM, "allocation %zu: %s %s", n, problem.code,
                  problem.detail);
    }
    cr_expect_gt(n, 10);
    cr_expect_lt(n, 1000);
}
