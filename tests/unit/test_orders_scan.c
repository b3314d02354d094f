/* The scanner: raw tokens out of good objects, and no byte read outside of bad ones. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "orders/json_scan.h"

static struct json_token token_of(const char *text)
{
    return (struct json_token){ text, strlen(text) };
}

Test(scan, values_as_they_were_written)
{
    struct json_token rest =
        token_of(" { \"a\" : 1.50 ,\"b\\\"}\":\"x\\\\\\\"y\", \"\":{ \"k\":[1,{}]} ,"
                 "\"c\":[\"]\"],\"d\":true\n,\"e\":-0e+1}\n");
    static const char *const want[] = {
        "1.50", "\"x\\\\\\\"y\"", "{ \"k\":[1,{}]}", "[\"]\"]", "true", "-0e+1",
    };
    struct json_token value;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        cr_assert(json_next_value(&rest, &value));
        cr_expect_eq(value.len, strlen(want[i]), "%.*s", (int)value.len, value.at);
        cr_expect_arr_eq(value.at, want[i], value.len, "%.*s", (int)value.len, value.at);
    }
    cr_expect_not(json_next_value(&rest, &value));
    rest = token_of("{ }");
    cr_expect_not(json_next_value(&rest, &value));
}

Test(scan, depth)
{
    static const struct {
        const char *text;
        int max, offset; /* -1: not too deep */
    } cases[] = {
        { "", 1, -1 },
        { "1", 1, -1 },
        { "{}", 1, -1 },
        { "{\"a\":{}}", 1, 5 },
        { "{\"a\":{}}", 2, -1 },
        { "[[],[],[[]]]", 2, 8 },
        { "[[],[],[[]]]", 3, -1 },
        { "[\"[[[[\\\"[[[\"]", 1, -1 },
        { "]]]][[[", 1, -1 },
        { "\"[[[", 1, -1 }, /* a string that never ends */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t offset = 99;
        bool deep = json_too_deep(token_of(cases[i].text), cases[i].max, &offset);
        cr_expect_eq(deep, cases[i].offset >= 0, "%s", cases[i].text);
        cr_expect_eq(offset, deep ? (size_t)cases[i].offset : 99, "%s at %zu", cases[i].text,
                     offset);
    }
}

Test(scan, exponents)
{
    static const struct {
        const char *text;
        bool within;
    } cases[] = {
        { "{\"a\":1}", true },
        { "{\"a\":1e308,\"b\":2E+308,\"c\":3e-308}", true },
        { "{\"a\":1e309}", false },
        { "{\"a\":1E-309}", false },
        { "{\"a\":[{\"b\":0e+99999999999999999999}]}", false },
        { "{\"a\":0.0e-00000308}", true },
        { "{\"e999\":\"1e999\",\"b\":true,\"c\":false}", true },
        { "{\"\\\"\":1e400}", false },
        { "1e", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(json_exponents_within(token_of(cases[i].text), 308), cases[i].within, "%s",
                     cases[i].text);
}

Test(scan, the_sum_of_exponents)
{
    static const struct {
        const char *text;
        size_t sum;
    } cases[] = {
        { "{\"a\":1,\"b\":18446744073709551615,\"c\":-0.5}", 0 },
        { "{\"a\":1e308,\"b\":2E+308,\"c\":3e-308}", 3 * 308 },
        { "{\"a\":[1e1,{\"b\":[1e20,1.5e-3]}]}", 24 },
        { "{\"e999\":\"1e999 \\\" 1e9\",\"b\":true,\"c\":false,\"d\":null}", 0 },
        { "{\"a\":0.0e-00000308}", 308 },
        { "1e", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(json_exponents_sum(token_of(cases[i].text)), cases[i].sum, "%s: %zu",
                     cases[i].text, json_exponents_sum(token_of(cases[i].text)));
}

/* Every text of up to five of the bytes that matter, in memory of just its size, for ASan. */
Test(scan, stays_within_any_bytes)
{
    static const char bytes[] = "{}[]\"\\:,e1 ";
    enum { KINDS = sizeof bytes - 1, LONGEST = 5 };
    for (size_t len = 0; len <= LONGEST; len++) {
        char *text = malloc(len + 1);
        cr_assert_not_null(text);
        size_t all = 1, offset;
        for (size_t i = 0; i < len; i++)
            all *= KINDS;
        for (size_t n = 0; n < all; n++) {
            size_t left = n;
            for (size_t i = 0; i < len; i++, left /= KINDS)
                text[i + 1] = bytes[left % KINDS];
            struct json_token rest = { text + 1, len }, value;
            (void)!json_too_deep(rest, 2, &offset);
            (void)!json_exponents_within(rest, 10);
            size_t members = 0;
            while (json_next_value(&rest, &value)) {
                cr_assert(value.at + value.len <= text + 1 + len);
                cr_assert_leq(++members, len);
            }
        }
        free(text);
    }
}
