/* The slicer of batches: the very bytes of each element, and no document that is not whole passes
 * for one. jansson is the judge of arrays: over every short text of the bytes that matter the two
 * agree. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "orders/order.h"
#include "orders/order_batch.h"

enum { ITEMS_MAX = 8, MIB = 1 << 20 };

struct reading {
    size_t n;
    struct json_token items[ITEMS_MAX];
    bool whole;
    struct order_problem problem;
};

static struct reading read_batch(enum order_batch_form form, const char *body, size_t len)
{
    struct order_batch batch;
    struct reading got = { .problem = { .code = "", .offset = -2 } };
    struct json_token item;
    order_batch_begin(&batch, form, body, len);
    while (order_batch_next(&batch, &item)) {
        cr_assert_lt(got.n, ITEMS_MAX);
        got.items[got.n++] = item;
    }
    cr_expect_not(order_batch_next(&batch, &item), "an end is an end");
    got.whole = order_batch_whole(&batch, &got.problem);
    return got;
}

static void expect_items(const struct reading *got, const char *const want[], const char *body)
{
    size_t n = 0;
    for (; want[n] != NULL; n++) {
        cr_assert_lt(n, got->n, "%s: no item %zu", body, n);
        cr_expect_eq(got->items[n].len, strlen(want[n]), "%s: item %zu", body, n);
        cr_expect_arr_eq(got->items[n].at, want[n], got->items[n].len, "%s: item %zu", body, n);
    }
    cr_expect_eq(got->n, n, "%s: %zu items", body, got->n);
}

Test(batch, arrays_that_are_whole)
{
    static const struct {
        const char *body, *items[ITEMS_MAX];
    } cases[] = {
        { "[]", { NULL } },
        { " \t\r\n[ \n ]\n", { NULL } },
        { "[{}]", { "{}" } },
        { "[{},{}]", { "{}", "{}" } },
        { " [ {\"a\": 1} ,\n\t{ } ]\r\n", { "{\"a\": 1}", "{ }" } },
        { "[{\"a\":\"],[\\\"}\\\\\"},{\"b\":[[1],{}]}]",
          { "{\"a\":\"],[\\\"}\\\\\"}", "{\"b\":[[1],{}]}" } },
        /* no orders, but elements: order_parse() says what they are not */
        { "[1,-2.5e3 ,null,true,\"x\",[],false]",
          { "1", "-2.5e3", "null", "true", "\"x\"", "[]", "false" } },
        { "[1\"a\"]", { "1\"a\"" } },
        { "[{]]", { "{]" } },
        { "[[}]", { "[}" } },
        { "[[[[[[[[[[[[]]]]]]]]]]]]", { "[[[[[[[[[[[]]]]]]]]]]]" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *body = cases[i].body;
        struct reading got = read_batch(ORDER_BATCH_ARRAY, body, strlen(body));
        expect_items(&got, cases[i].items, body);
        cr_expect(got.whole, "%s: %s", body, got.problem.detail);
        cr_expect_eq(got.problem.offset, -2, "%s: the problem is written", body);
    }
}

#define TEXT(literal) literal, sizeof literal - 1

Test(batch, arrays_that_are_not)
{
    static const struct {
        const char *body;
        size_t len, items;
        const char *code;
        long offset;
        const char *detail;
    } cases[] = {
        { TEXT(""), 0, "invalid_json", 0, "not JSON: the body ends before the '[' of an array" },
        { TEXT("  "), 0, "invalid_json", 2, "not JSON: the body ends before the '[' of an array" },
        { TEXT("{}"), 0, "not_an_array", 0,
          "not an array: '{' where the '[' of an array must stand" },
        { TEXT(" 17"), 0, "not_an_array", 1,
          "not an array: '1' where the '[' of an array must stand" },
        { TEXT("\"[]\""), 0, "not_an_array", 0,
          "not an array: '\"' where the '[' of an array must stand" },
        { TEXT("null"), 0, "not_an_array", 0,
          "not an array: 'n' where the '[' of an array must stand" },
        { TEXT("]"), 0, "invalid_json", 0, "not JSON: ']' where the '[' of an array must stand" },
        { TEXT("\xef\xbb\xbf[]"), 0, "invalid_json", 0,
          "not JSON: byte 0xef where the '[' of an array must stand" },
        { TEXT("\0[]"), 0, "nul_character", 0,
          "not JSON: byte 0x00 where the '[' of an array must stand" },
        { TEXT("["), 0, "invalid_json", 1, "not JSON: the body ends before an order" },
        { TEXT("[,]"), 0, "invalid_json", 1, "not JSON: ',' where an order must stand" },
        { TEXT("[}]"), 0, "invalid_json", 1, "not JSON: '}' where an order must stand" },
        { TEXT("[x]"), 0, "invalid_json", 1, "not JSON: 'x' where an order must stand" },
        { TEXT("[\0]"), 0, "nul_character", 1, "not JSON: byte 0x00 where an order must stand" },
        { TEXT("[{}"), 1, "invalid_json", 3, "not JSON: the body ends before ',' or ']'" },
        { TEXT("[1"), 1, "invalid_json", 2, "not JSON: the body ends before ',' or ']'" },
        { TEXT("[{},"), 1, "invalid_json", 4, "not JSON: the body ends before an order" },
        { TEXT("[{},]"), 1, "invalid_json", 4, "not JSON: ']' where an order must stand" },
        { TEXT("[{},,{}]"), 1, "invalid_json", 4, "not JSON: ',' where an order must stand" },
        { TEXT("[1 2]"), 1, "invalid_json", 3, "not JSON: '2' where ',' or ']' must stand" },
        { TEXT("[{}{}]"), 1, "invalid_json", 3, "not JSON: '{' where ',' or ']' must stand" },
        { TEXT("[{}:{}]"), 1, "invalid_json", 3, "not JSON: ':' where ',' or ']' must stand" },
        { TEXT("[\"a\"b]"), 1, "invalid_json", 4, "not JSON: 'b' where ',' or ']' must stand" },
        { TEXT("[{}\0]"), 1, "nul_character", 3,
          "not JSON: byte 0x00 where ',' or ']' must stand" },
        { TEXT("[{}\f]"), 1, "invalid_json", 3, "not JSON: byte 0x0c where ',' or ']' must stand" },
        { TEXT("[{]}]"), 1, "invalid_json", 3, "not JSON: '}' where ',' or ']' must stand" },
        { TEXT("[{}] x"), 1, "invalid_json", 5,
          "not JSON: 'x' where the end of the body must stand" },
        { TEXT("[]]"), 0, "invalid_json", 2, "not JSON: ']' where the end of the body must stand" },
        { TEXT("[][]"), 0, "invalid_json", 2,
          "not JSON: '[' where the end of the body must stand" },
        { TEXT("[]\0"), 0, "nul_character", 2,
          "not JSON: byte 0x00 where the end of the body must stand" },
        { TEXT("[{},{\"a\":[1"), 1, "invalid_json", 11,
          "not JSON: the body ends before the end of the last order" },
        { TEXT("[\"a]"), 0, "invalid_json", 4,
          "not JSON: the body ends before the end of the last order" },
        { TEXT("[\"a\\\"]"), 0, "invalid_json", 6,
          "not JSON: the body ends before the end of the last order" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading got = read_batch(ORDER_BATCH_ARRAY, cases[i].body, cases[i].len);
        cr_expect_not(got.whole, "%s", cases[i].body);
        cr_expect_eq(got.n, cases[i].items, "%s: %zu items", cases[i].body, got.n);
        cr_expect_str_eq(got.problem.code, cases[i].code, "%s", cases[i].body);
        cr_expect_eq(got.problem.offset, cases[i].offset, "%s: %ld", cases[i].body,
                     got.problem.offset);
        cr_expect_str_eq(got.problem.detail, cases[i].detail, "%s", cases[i].body);
        cr_expect_eq(got.problem.n_errors, 0);
    }
}

Test(batch, lines)
{
    static const struct {
        const char *body;
        size_t len;
        const char *items[ITEMS_MAX];
    } cases[] = {
        { TEXT(""), { NULL } },
        { TEXT(" \r\n\n\t\n"), { NULL } },
        { TEXT("{}"), { "{}" } },
        { TEXT("{}\n"), { "{}" } },
        { TEXT("{}\r\n\r\n  { } \t\r\n\n{}"), { "{}", "{ }", "{}" } },
        { TEXT("{\n}"), { "{", "}" } },
        { TEXT("[1, 2]\n]\n\"\n,\\\n\xef\xbb\xbf{}\n\xff"),
          { "[1, 2]", "]", "\"", ",\\", "\xef\xbb\xbf{}", "\xff" } },
        { TEXT("a\rb\fc\v\n"), { "a\rb\fc\v" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading got = read_batch(ORDER_BATCH_LINES, cases[i].body, cases[i].len);
        expect_items(&got, cases[i].items, cases[i].body);
        cr_expect(got.whole);
        cr_expect_eq(got.problem.offset, -2);
    }
}

Test(batch, a_line_may_hold_a_nul)
{
    struct reading got = read_batch(ORDER_BATCH_LINES, TEXT("a\0b\n\0\n"));
    cr_assert(got.whole && got.n == 2);
    cr_expect_eq(got.items[0].len, 3);
    cr_expect_eq(got.items[1].len, 1);
}

Test(batch, no_body_at_all)
{
    cr_expect_not(read_batch(ORDER_BATCH_ARRAY, NULL, 0).whole);
    cr_expect(read_batch(ORDER_BATCH_LINES, NULL, 0).whole);
}

/* Whole, and no element that order_parse() calls malformed. */
static bool is_good_array(const char *body, size_t len, size_t *items)
{
    struct order_batch batch;
    struct json_token item;
    struct order order;
    struct order_problem problem;
    bool good = true;
    const char *last = body;
    *items = 0;
    order_batch_begin(&batch, ORDER_BATCH_ARRAY, body, len);
    while (order_batch_next(&batch, &item)) {
        cr_assert(item.len > 0 && item.at > last && item.at + item.len <= body + len);
        last = item.at + item.len - 1;
        ++*items;
        good &= order_parse(item.at, item.len, NULL, &order, &problem) == ORDER_INVALID;
    }
    bool whole = order_batch_whole(&batch, &problem);
    cr_assert(whole || (problem.offset >= 0 && (size_t)problem.offset <= len));
    return whole && good;
}

static void agrees_with_jansson(const char *body, size_t len)
{
    size_t items;
    bool good = is_good_array(body, len, &items);
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    cr_assert_eq(good, json_is_array(root), "%.*s", (int)len, body);
    if (good)
        cr_assert_eq(items, json_array_size(root), "%.*s: %zu", (int)len, body, items);
    json_decref(root);
}

/* Every text of up to seven of the bytes that matter, in memory of just its size, for ASan. */
Test(batch, agrees_with_jansson_over_any_bytes, .timeout = 60)
{
    static const char bytes[] = "[]{},\"1\\ ";
    enum { KINDS = sizeof bytes - 1, LONGEST = 7 };
    for (size_t len = 1; len <= LONGEST; len++) {
        char *text = malloc(len);
        cr_assert_not_null(text);
        size_t all = 1;
        for (size_t i = 1; i < len; i++)
            all *= KINDS;
        text[0] = '[';
        for (size_t n = 0; n < all; n++) {
            size_t left = n;
            for (size_t i = 1; i < len; i++, left /= KINDS)
                text[i] = bytes[left % KINDS];
            agrees_with_jansson(text, len);
        }
        free(text);
    }
}

Test(batch, every_prefix_and_every_gap_of_a_good_batch)
{
    static const char batch[] = " [ {\"a\":\"],\\\\\\\"[\", \"b\" : [ 1, {}, [\"}\"]]} , 1.5e-1,\n"
                                "\"x\\u00e9\", [{}] ,null ]\r\n ";
    size_t len = sizeof batch - 1, items, end = (size_t)(strrchr(batch, ']') + 1 - batch);
    for (size_t n = 1; n <= len; n++) {
        char *prefix = malloc(n);
        cr_assert_not_null(prefix);
        memcpy(prefix, batch, n);
        cr_expect_eq(is_good_array(prefix, n, &items), n >= end, "%.*s", (int)n, prefix);
        agrees_with_jansson(prefix, n);
        free(prefix);

        char gapped[sizeof batch];
        memcpy(gapped, batch, n - 1);
        memcpy(gapped + n - 1, batch + n, len - n);
        agrees_with_jansson(gapped, len - 1);
    }
}

/* An element of `len` bytes between good ones, in a body that goes on for long. */
static struct reading read_around(enum order_batch_form form, char *body, const char *before,
                                  char fill, size_t len)
{
    size_t n = strlen(before);
    memset(body, ' ', 4 * MIB);
    memcpy(body, before, n);
    memset(body + n, fill, len);
    if (fill == '"' && len > 2)
        memset(body + n + 1, 'x', len - 2);
    memcpy(body + n + len, form == ORDER_BATCH_LINES ? "\n{}" : ",{}", 3);
    size_t end = n + len + 3;
    if (form == ORDER_BATCH_ARRAY)
        body[end++] = ']';
    return read_batch(form, body, end);
}

Test(batch, an_element_has_so_many_bytes_and_no_more)
{
    char *body = malloc(4 * MIB);
    cr_assert_not_null(body);
    for (const char *fill = "\"1"; *fill != '\0'; fill++) {
        struct reading got = read_around(ORDER_BATCH_ARRAY, body, "[{},", *fill, ORDER_BYTES_MAX);
        cr_expect(got.whole, "%c", *fill);
        cr_expect_eq(got.n, 3);
        for (size_t len = ORDER_BYTES_MAX + 1; len < 3 * MIB; len += MIB) {
            got = read_around(ORDER_BATCH_ARRAY, body, "[{},", *fill, len);
            cr_expect_not(got.whole, "%c", *fill);
            cr_expect_eq(got.n, 1);
            cr_expect_str_eq(got.problem.code, "order_too_large");
            cr_expect_eq(got.problem.offset, 4 + ORDER_BYTES_MAX);
        }
    }
    free(body);
}

/* A line is found whole; order_parse() finds it too large. */
Test(batch, a_line_is_judged_alone)
{
    char *body = malloc(4 * MIB);
    cr_assert_not_null(body);
    struct order order;
    struct order_problem problem;
    struct reading got = read_around(ORDER_BATCH_LINES, body, "{}\n", '1', MIB);
    cr_expect(got.whole);
    cr_assert_eq(got.n, 3);
    cr_expect_eq(got.items[1].len, MIB);
    cr_expect_eq(order_parse(got.items[1].at, got.items[1].len, NULL, &order, &problem),
                 ORDER_MALFORMED);
    cr_expect_str_eq(problem.code, "order_too_large");
    free(body);
}

Test(batch, white_space_in_a_row_is_bounded_too)
{
    static const char *const before[] = { "", "[", "[{}", "[{}," };
    char *body = malloc(4 * MIB);
    cr_assert_not_null(body);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        struct reading got = read_around(ORDER_BATCH_ARRAY, body, before[i], ' ', MIB);
        cr_expect_not(got.whole, "%zu", i);
        cr_expect_str_eq(got.problem.code, "order_too_large", "%zu: %s", i, got.problem.detail);
    }
    memset(body, ' ', 4 * MIB);
    memcpy(body, "[{}]", 4);
    struct reading got = read_batch(ORDER_BATCH_ARRAY, body, 4 * MIB);
    cr_expect_not(got.whole);
    cr_expect_str_eq(got.problem.code, "order_too_large");
    got = read_batch(ORDER_BATCH_ARRAY, body, 4 + ORDER_BYTES_MAX);
    cr_expect(got.whole);
    free(body);
}

/* What would take hours if any of it were quadratic. */
Test(batch, hostile_bodies_take_linear_time, .timeout = 120)
{
    static const char *const units[] = { "[",  "\"",  ",",    "{",   "[]",   "\\",  "1", " ", "\n",
                                         "1,", "{},", "{}\n", "1\n", "\"\\", "\"[", "]", "[1" };
    char *body = malloc(4 * MIB);
    cr_assert_not_null(body);
    for (size_t i = 0; i < 2 * (sizeof units / sizeof units[0]); i++) {
        const char *unit = units[i / 2];
        size_t n = strlen(unit);
        struct order_batch batch;
        struct json_token item;
        struct order_problem problem;
        for (size_t at = 0; at < 4 * MIB; at++)
            body[at] = unit[at % n];
        body[0] = '[';
        order_batch_begin(&batch, i % 2 == 0 ? ORDER_BATCH_ARRAY : ORDER_BATCH_LINES, body,
                          4 * MIB);
        size_t items = 0;
        while (order_batch_next(&batch, &item))
            items++;
        cr_expect_leq(items, 2 * MIB, "%s", unit);
        cr_expect_eq(order_batch_whole(&batch, &problem), i % 2 == 1, "%s", unit);
    }
    free(body);
}
