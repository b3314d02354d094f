/* The fields of an order: each bound on both sides, each code, and the rules between fields. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/rfc3339.h"
#include "orders/order.h"

#define X8 "xxxxxxxx"
#define X31 X8 X8 X8 "xxxxxxx"
#define X32 X8 X8 X8 X8
#define X64 X32 X32
#define UP8 "ABCD0123"
#define UP32 UP8 UP8 UP8 UP8
#define D18 "123456789012345678"

enum { DOC_SIZE = 8192 };

/* A good market order in which the members given take the place of those of the same name, and in
 * which "name" alone (no value) leaves the member out. */
struct change {
    const char *name, *value;
};

static void compose(char *doc, const struct change *changes, size_t n)
{
    static const struct change base[] = {
        { "account_id", "\"acc\"" }, { "client_order_id", "\"c-1\"" }, { "symbol", "\"BTC/USD\"" },
        { "side", "\"buy\"" },       { "type", "\"market\"" },         { "quantity", "\"1.5\"" },
    };
    const char *before = "{";
    size_t len = 0;
    for (size_t i = 0; i < sizeof base / sizeof base[0]; i++) {
        bool changed = false;
        for (size_t k = 0; k < n; k++)
            changed |= strcmp(changes[k].name, base[i].name) == 0;
        if (changed)
            continue;
        len += (size_t)snprintf(doc + len, DOC_SIZE - len, "%s\"%s\":%s", before, base[i].name,
                                base[i].value);
        before = ",";
    }
    for (size_t k = 0; k < n; k++) {
        if (changes[k].value == NULL)
            continue;
        len += (size_t)snprintf(doc + len, DOC_SIZE - len, "%s\"%s\":%s", before, changes[k].name,
                                changes[k].value);
        before = ",";
    }
    len += (size_t)snprintf(doc + len, DOC_SIZE - len, "%s", n == 0 && len == 0 ? "{}" : "}");
    cr_assert_lt(len, DOC_SIZE);
}

/* "" when the document is an order, else the errors as "pointer code, pointer code". */
static const char *errors_of(const char *doc, const char *key, struct order *order)
{
    static char text[2048];
    struct order_problem problem;
    struct order made;
    text[0] = '\0';
    enum order_rc rc = order_parse(doc, strlen(doc), key, &made, &problem);
    if (rc == ORDER_OK && order != NULL)
        *order = made;
    else if (rc == ORDER_OK)
        order_fini(&made);
    cr_assert(rc == ORDER_OK || rc == ORDER_INVALID, "%s: %s", doc, problem.detail);
    if (rc == ORDER_OK)
        return text;
    size_t len = 0;
    for (size_t i = 0; i < problem.n_errors; i++) {
        const struct order_error *e = &problem.errors[i];
        cr_expect_gt(strlen(e->detail), 10, "%s: a detail that says nothing", e->code);
        cr_expect_lt(strlen(e->detail), sizeof e->detail - 1, "cut: %s", e->detail);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s %s", i == 0 ? "" : ", ",
                                e->pointer, e->code);
    }
    return text;
}

static const char *errors_with(const char *name, const char *value)
{
    static char doc[DOC_SIZE];
    compose(doc, &(struct change){ name, value }, 1);
    return errors_of(doc, NULL, NULL);
}

struct field_case {
    const char *name, *value, *want; /* the errors */
};

static void check_cases(const struct field_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = errors_with(cases[i].name, cases[i].value);
        cr_expect_str_eq(got, cases[i].want, "%s = %.100s gave \"%s\"", cases[i].name,
                         cases[i].value != NULL ? cases[i].value : "(absent)", got);
    }
}

#define CHECK_CASES(cases) check_cases((cases), sizeof(cases) / sizeof(cases)[0])

Test(fields, names_symbols_and_words)
{
    static const struct field_case cases[] = {
        /* clang-format off */
        { "account_id", "\"a\"",             "" },
        { "account_id", "\"" X64 "\"",       "" },
        { "account_id", "\"AZaz09._:/-\"",   "" },
        { "account_id", "\"\"",              "/account_id invalid_format" },
        { "account_id", "\"" X64 "x\"",      "/account_id invalid_format" },
        { "account_id", "\"a b\"",           "/account_id invalid_format" },
        { "account_id", "\"a@b\"",           "/account_id invalid_format" },
        { "account_id", "\"\xc3\xa9\"",      "/account_id invalid_format" },
        { "account_id", "7",                 "/account_id wrong_type" },
        { "account_id", "[\"a\"]",           "/account_id wrong_type" },
        { "account_id", "null",              "/account_id required" },
        { "account_id", NULL,                "/account_id required" },
        { "client_order_id", "\"" X64 "\"",  "" },
        { "client_order_id", "\"" X64 "x\"", "/client_order_id invalid_format" },
        { "client_order_id", NULL,           "/client_order_id required" },
        { "symbol", "\"A\"",                 "" },
        { "symbol", "\"" UP32 "\"",          "" },
        { "symbol", "\"AZ09._/-\"",          "" },
        { "symbol", "\"" UP32 "A\"",         "/symbol invalid_format" },
        { "symbol", "\"btc\"",               "/symbol invalid_format" },
        { "symbol", "\"A:B\"",               "/symbol invalid_format" },
        { "symbol", "\"\"",                  "/symbol invalid_format" },
        { "symbol", NULL,                    "/symbol required" },
        { "side", "\"sell\"",                "" },
        { "side", "\"BUY\"",                 "/side invalid_value" },
        { "side", "\"buy \"",                "/side invalid_value" },
        { "side", "true",                    "/side wrong_type" },
        { "side", NULL,                      "/side required" },
        { "type", "\"iceberg\"",             "/type invalid_value" },
        { "type", "1",                       "/type wrong_type" },
        { "type", NULL,                      "/type required" },
        { "time_in_force", "\"day\"",        "" },
        { "time_in_force", "\"gtc\"",        "" },
        { "time_in_force", "\"ioc\"",        "" },
        { "time_in_force", "\"fok\"",        "" },
        { "time_in_force", "null",           "" },
        { "time_in_force", "\"gtd\"",        "/time_in_force invalid_value" },
        { "time_in_force", "{}",             "/time_in_force wrong_type" },
        /* clang-format on */
    };
    CHECK_CASES(cases);
}

Test(fields, quantity)
{
    static const struct field_case cases[] = {
        /* clang-format off */
        { "quantity", "\"0.000000000000000001\"", "" },
        { "quantity", "\"" D18 "." D18 "\"",      "" },
        { "quantity", "0.1",                      "" },
        { "quantity", "10",                       "" },
        { "quantity", "123456789012345",          "" },
        { "quantity", "1234567890123456",         "/quantity number_not_exact" },
        { "quantity", "0.1000000000000000055",    "/quantity number_not_exact" },
        { "quantity", "1e3",                      "/quantity number_not_exact" },
        { "quantity", "9223372036854775808",      "/quantity number_not_exact" },
        { "quantity", "-9223372036854775809",     "/quantity invalid_decimal" },
        { "side", "18446744073709551616",         "/side wrong_type" },
        { "quantity", "1E-3",                     "/quantity number_not_exact" },
        { "quantity", "-1e3",                     "/quantity invalid_decimal" },
        { "quantity", "-1",                       "/quantity invalid_decimal" },
        { "quantity", "-0",                       "/quantity invalid_decimal" },
        { "quantity", "\"1e3\"",                  "/quantity invalid_decimal" },
        { "quantity", "\"-1\"",                   "/quantity invalid_decimal" },
        { "quantity", "\"00.1\"",                 "/quantity invalid_decimal" },
        { "quantity", "\"" D18 "9\"",             "/quantity invalid_decimal" },
        { "quantity", "\"1." D18 "9\"",           "/quantity invalid_decimal" },
        { "quantity", "\"\"",                     "/quantity invalid_decimal" },
        { "quantity", "0",                        "/quantity not_positive" },
        { "quantity", "0.00",                     "/quantity not_positive" },
        { "quantity", "\"0.000000000000000000\"", "/quantity not_positive" },
        { "quantity", "true",                     "/quantity wrong_type" },
        { "quantity", "{\"value\":1}",            "/quantity wrong_type" },
        { "quantity", NULL,                       "/quantity required" },
        /* clang-format on */
    };
    CHECK_CASES(cases);
}

Test(fields, decimals_are_kept_exactly)
{
    static const struct {
        const char *value, *canonical;
    } cases[] = {
        { "0.1", "0.1" },
        { "1.500", "1.5" },
        { "100", "100" },
        { "\"" D18 "." D18 "\"", D18 "." D18 },
        { "\"\\u0031.\\u0035\"", "1.5" },
        { "0.10000000000000", "0.1" },
        { "0.000000000000000001", "0.000000000000000001" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char doc[DOC_SIZE];
        struct order order;
        compose(doc, &(struct change){ "quantity", cases[i].value }, 1);
        cr_assert_str_eq(errors_of(doc, NULL, &order), "", "%s", cases[i].value);
        cr_expect_str_eq(order.quantity, cases[i].canonical);
        order_fini(&order);
    }
}

Test(fields, prices_by_type)
{
    static const char *const absent = "required", *const given = "forbidden";
    static const struct {
        const char *type, *limit, *stop; /* the code when the price is absent, or given */
    } cases[] = {
        { "\"market\"", given, given },
        { "\"limit\"", absent, given },
        { "\"stop\"", given, absent },
        { "\"stop_limit\"", absent, absent },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int give = 0; give < 4; give++) {
            char doc[DOC_SIZE], want[128] = "";
            bool limit = (give & 1) != 0, stop = (give & 2) != 0;
            compose(doc,
                    (struct change[]){ { "type", cases[i].type },
                                       { "limit_price", limit ? "\"2\"" : NULL },
                                       { "stop_price", stop ? "3" : NULL } },
                    3);
            bool bad_limit = limit == (cases[i].limit == given);
            bool bad_stop = stop == (cases[i].stop == given);
            (void)snprintf(want, sizeof want, "%s%s%s%s%s", bad_limit ? "/limit_price " : "",
                           bad_limit ? cases[i].limit : "", bad_limit && bad_stop ? ", " : "",
                           bad_stop ? "/stop_price " : "", bad_stop ? cases[i].stop : "");
            cr_expect_str_eq(errors_of(doc, NULL, NULL), want, "%s", doc);
        }
    }
}

Test(fields, prices_are_decimals_and_null_is_absent)
{
    char doc[DOC_SIZE];
    compose(doc, (struct change[]){ { "type", "\"limit\"" }, { "limit_price", "0" } }, 2);
    cr_expect_str_eq(errors_of(doc, NULL, NULL), "/limit_price not_positive");
    compose(doc, (struct change[]){ { "type", "\"limit\"" }, { "limit_price", "null" } }, 2);
    cr_expect_str_eq(errors_of(doc, NULL, NULL), "/limit_price required");
    compose(doc, (struct change[]){ { "type", "\"stop\"" }, { "stop_price", "\"x\"" } }, 2);
    cr_expect_str_eq(errors_of(doc, NULL, NULL), "/stop_price invalid_decimal");
    cr_expect_str_eq(errors_with("stop_price", "null"), "");
    compose(doc, (struct change[]){ { "type", "\"no\"" }, { "limit_price", "1" } }, 2);
    cr_expect_str_eq(errors_of(doc, NULL, NULL), "/type invalid_value", "the type is not known");
}

/* The document with sent_at so many milliseconds from now, and this max_age_ms. */
static const char *errors_with_age(int64_t ahead_ms, const char *max_age_ms)
{
    char doc[DOC_SIZE], text[RFC3339_SIZE], quoted[RFC3339_SIZE + 2];
    rfc3339_format_us(clock_wall_us() + ahead_ms * 1000, text);
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", text);
    compose(doc, (struct change[]){ { "sent_at", quoted }, { "max_age_ms", max_age_ms } }, 2);
    return errors_of(doc, NULL, NULL);
}

Test(fields, sent_at_and_max_age_go_together)
{
    static const struct field_case cases[] = {
        { "sent_at", "\"2024-02-29T12:00:00Z\"", "/max_age_ms required" },
        { "sent_at", "\"2023-02-29T12:00:00Z\"", "/sent_at invalid_format, /max_age_ms required" },
        { "sent_at", "\"2024-02-29t12:00:00.5z\"", "/max_age_ms required" },
        { "sent_at", "\"2024-02-29T12:00:00+00:00\"", "/max_age_ms required" },
        { "sent_at", "\"2024-02-29T12:00:00-00:00\"", "/max_age_ms required" },
        { "sent_at", "\"2024-02-29T12:00:00+01:00\"",
          "/sent_at invalid_format, /max_age_ms required" },
        { "sent_at", "1714521600", "/sent_at wrong_type, /max_age_ms required" },
        { "max_age_ms", "1000", "/sent_at required" },
        { "max_age_ms", "null", "" },
    };
    CHECK_CASES(cases);
}

Test(fields, max_age_and_the_future)
{
    enum { MINUTE_MS = 60000, HOUR_MS = 3600000 };
    static const struct {
        int64_t ahead_ms;
        const char *max_age_ms, *want;
    } cases[] = {
        { -HOUR_MS, "1", "" }, /* too old is not wrong: it may be stored already */
        { -HOUR_MS, "60000", "" },
        { -HOUR_MS, "0", "/max_age_ms out_of_range" },
        { -HOUR_MS, "60001", "/max_age_ms out_of_range" },
        { -HOUR_MS, "999999999999999999", "/max_age_ms out_of_range" },
        { -HOUR_MS, "18446744073709551617", "/max_age_ms out_of_range" },
        { -HOUR_MS, "-18446744073709551617", "/max_age_ms out_of_range" },
        { -HOUR_MS, "-1", "/max_age_ms out_of_range" },
        { -HOUR_MS, "1.5", "/max_age_ms out_of_range" },
        { -HOUR_MS, "1e3", "/max_age_ms out_of_range" },
        { -HOUR_MS, "\"1000\"", "/max_age_ms wrong_type" },
        { 0, "60000", "" },
        { MINUTE_MS / 2, "60000", "" },
        { HOUR_MS, "60000", "/sent_at in_the_future" },
        { HOUR_MS, "1", "/sent_at in_the_future" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_str_eq(errors_with_age(cases[i].ahead_ms, cases[i].max_age_ms), cases[i].want,
                         "%ld ms ahead, %s", (long)cases[i].ahead_ms, cases[i].max_age_ms);
}

Test(fields, metadata_keeps_its_bytes)
{
    static const char *const cases[] = {
        "{}",
        "{ }",
        "{\"b\": 1.0,\"a\" :1.00 , \"z\":[ 1e5,-0.0E+3, true,null,{\"\":\"\"} ]}",
        "{\n\t\"k\\u00e9y\":\"\\ud83d\\ude00 \xf0\x9f\x98\x80 \\\\ \\\" } ] , \"}",
        "{\"n\":9007199254740993,\"x\":0.1000000000000000055}",
        "{\"tiny\":1e-308,\"huge\":1e308}",
        ("{\"id\":18446744073709551615,\"below\":-9223372036854775809,\"list\":["
         "99999999999999999999]}"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char doc[DOC_SIZE];
        struct order order;
        compose(doc, &(struct change){ "metadata", cases[i] }, 1);
        cr_assert_str_eq(errors_of(doc, NULL, &order), "", "%s", cases[i]);
        cr_expect_str_eq(order.metadata, cases[i]);
        cr_expect_eq(order.metadata_len, strlen(cases[i]));
        order_fini(&order);
        cr_expect_null(order.metadata);
    }
}

/* {"a":[NUMBER,NUMBER,...]} */
static const char *numbers(const char *number, size_t n)
{
    static char text[ORDER_METADATA_MAX + 1];
    struct buf out = BUF_OVER(text);
    buf_add_str(&out, "{\"a\":[");
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s%s", i > 0 ? "," : "", number);
    buf_add_str(&out, "]}");
    cr_assert_not(out.failed);
    return text;
}

/* What a double may be passes by the hundred; what would fill the database with zeros does not. */
Test(fields, metadata_whose_numbers_are_wide_are_for_replays_only)
{
    static const struct {
        const char *number;
        size_t n;
        bool replay_only;
    } cases[] = {
        { "18446744073709551615", 190, false },
        { "1.7976931348623157e308", 100, false },
        { "-2.2250738585072014e-308", 100, false },
        { "6.02214076e23", 280, false },
        { "1e21", 800, false },
        { "1e308", ORDER_ZEROS_MAX / 308, false },
        { "1e308", ORDER_ZEROS_MAX / 308 + 1, true },
        { "1e308", 670, true },
        { "1E-308", 500, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char doc[DOC_SIZE];
        struct order order;
        compose(doc, &(struct change){ "metadata", numbers(cases[i].number, cases[i].n) }, 1);
        cr_assert_str_eq(errors_of(doc, NULL, &order), "", "%s", cases[i].number);
        cr_expect_eq(order.replay_only, cases[i].replay_only, "%zu of %s", cases[i].n,
                     cases[i].number);
        order_fini(&order);
    }
}

/* What else is wrong makes sure that it is no replay: so all is said at once. */
Test(fields, wide_numbers_are_named_beside_other_errors)
{
    char doc[DOC_SIZE];
    const struct change changes[] = { { "side", "\"hold\"" },
                                      { "metadata", numbers("1e308", 670) } };
    compose(doc, changes, 2);
    cr_expect_str_eq(errors_of(doc, NULL, NULL),
                     "/side invalid_value, /metadata number_out_of_range");
}

Test(fields, metadata_bounds)
{
    static char most[ORDER_METADATA_MAX + 2];
    memset(most, ' ', ORDER_METADATA_MAX);
    most[0] = '{';
    most[ORDER_METADATA_MAX - 1] = '}';
    cr_expect_str_eq(errors_with("metadata", most), "");
    most[ORDER_METADATA_MAX - 1] = ' ';
    most[ORDER_METADATA_MAX] = '}';
    cr_expect_str_eq(errors_with("metadata", most), "/metadata too_large");

    static const struct field_case cases[] = {
        { "metadata", "null", "" },
        { "metadata", "[]", "/metadata wrong_type" },
        { "metadata", "\"{}\"", "/metadata wrong_type" },
        { "metadata", "{\"a\":1e-309}", "/metadata number_out_of_range" },
        { "metadata", "{\"a\":[0e99999999999]}", "/metadata number_out_of_range" },
    };
    CHECK_CASES(cases);
}

Test(fields, unknown_fields_and_their_pointers)
{
    static const struct field_case cases[] = {
        { "price", "1", "/price unknown_field" },
        { "Symbol", "null", "/Symbol unknown_field" },
        { "a/b~c", "1", "/a~1b~0c unknown_field" },
        { "", "1", "/ unknown_field" },
        { "order_id", "\"x\"", "/order_id unknown_field" },
        { "\\u0041\\\"", "[]", "/A\" unknown_field" },
    };
    CHECK_CASES(cases);
}

Test(fields, escapes_in_keys_and_values)
{
    static const char doc[] =
        "{\"\\u0061ccount_id\":\"\\u0061cc\",\"client_order_id\":\"a\\/b\",\"symbol\":\"A\\/B\","
        "\"sid\\u0065\":\"b\\u0075y\",\"type\":\"market\",\"quantity\":1}";
    struct order order;
    cr_assert_str_eq(errors_of(doc, NULL, &order), "");
    cr_expect_str_eq(order.account_id, "acc");
    cr_expect_str_eq(order.client_order_id, "a/b");
    cr_expect_str_eq(order.symbol, "A/B");
    cr_expect_eq(order.side, ORDER_BUY);
    order_fini(&order);
}

Test(fields, all_errors_at_once)
{
    static const char doc[] = "{\"account_id\":\"\",\"nope\":1,\"symbol\":\"x\",\"quantity\":-1,"
                              "\"type\":\"limit\",\"stop_price\":\"1\",\"sent_at\":\"now\"}";
    cr_expect_str_eq(
        errors_of(doc, NULL, NULL),
        "/account_id invalid_format, /nope unknown_field, /symbol invalid_format, "
        "/quantity invalid_decimal, /sent_at invalid_format, /client_order_id required, "
        "/side required, /limit_price required, /stop_price forbidden, "
        "/max_age_ms required");
    cr_expect_str_eq(errors_of("{}", NULL, NULL),
                     "/account_id required, /client_order_id required, /symbol required, "
                     "/side required, /type required, /quantity required");
}

Test(fields, idempotency_key)
{
    static const struct {
        const char *body, *key, *want; /* body: client_order_id's value */
    } cases[] = {
        { NULL, "k-1", "" },
        { NULL, "\"k-1\"", "" },
        { "null", "k-1", "" },
        { "\"k-1\"", "k-1", "" },
        { "\"k-1\"", "\"k-1\"", "" },
        { "\"k-2\"", "k-1", "/client_order_id idempotency_key_mismatch" },
        { "\"K-1\"", "\"k-1\"", "/client_order_id idempotency_key_mismatch" },
        { "\"a b\"", "k-1", "/client_order_id invalid_format" },
        { NULL, X64, "" },
        { NULL, "\"" X64 "\"", "" },
        { NULL, X64 "x", "/client_order_id invalid_idempotency_key" },
        { NULL, "\"" X64 "x\"", "/client_order_id invalid_idempotency_key" },
        { NULL, "", "/client_order_id invalid_idempotency_key" },
        { NULL, "\"\"", "/client_order_id invalid_idempotency_key" },
        { NULL, "\"", "/client_order_id invalid_idempotency_key" },
        { NULL, "\"k-1", "/client_order_id invalid_idempotency_key" },
        { NULL, "k-1\"", "/client_order_id invalid_idempotency_key" },
        { NULL, "\"k-1\";a=1", "/client_order_id invalid_idempotency_key" },
        { NULL, "\"k\\\\1\"", "/client_order_id invalid_idempotency_key" },
        { NULL, "k 1", "/client_order_id invalid_idempotency_key" },
        { "\"k-1\"", "k 1", "/client_order_id invalid_idempotency_key" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char doc[DOC_SIZE];
        struct order order = { 0 };
        compose(doc, &(struct change){ "client_order_id", cases[i].body }, 1);
        const char *got = errors_of(doc, cases[i].key, &order);
        cr_expect_str_eq(got, cases[i].want, "%s with key %s gave %s", doc, cases[i].key, got);
        const char *id = cases[i].key + (cases[i].key[0] == '"');
        if (got[0] == '\0')
            cr_expect_eq(strncmp(order.client_order_id, id, strlen(order.client_order_id)), 0);
        order_fini(&order);
    }
}

Test(fields, a_detail_says_what_was_and_what_would_be_right)
{
    static const struct {
        const char *name, *value, *detail;
    } cases[] = {
        { "side", "\"BUY\"", "must be buy or sell, not \"BUY\"" },
        { "quantity", "0.00", "must be greater than 0, not 0.00" },
        { "quantity", "1e3",
          "must be sent as a string (a number with an exponent or over 15 digits is not exact), "
          "not 1e3" },
        { "symbol", "\"" UP32 "A" X32 "\"",
          "must be 1 to 32 characters of A-Z 0-9 . _ / -, not "
          "\"" UP32 "Axxxxxx... (67 bytes)" },
        { "sent_at", "\"2024-02-29T12:00:00+01:00\"",
          "must be a moment in UTC such as 2026-01-31T12:00:00.250Z (Z or +00:00, no other "
          "offset), not \"2024-02-29T12:00:00+01:00\"" },
        { "limit_price", "1", "must be left out: an order of type market has none" },
        { "side", NULL, "is missing: must be buy or sell" },
        { "qty", "1",
          "an order has only account_id client_order_id symbol side type quantity limit_price "
          "stop_price time_in_force sent_at max_age_ms metadata" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char doc[DOC_SIZE];
        struct order_problem problem;
        struct order order;
        compose(doc, &(struct change){ cases[i].name, cases[i].value }, 1);
        cr_assert_eq(order_parse(doc, strlen(doc), NULL, &order, &problem), ORDER_INVALID);
        cr_expect_str_eq(problem.errors[0].detail, cases[i].detail, "%s", problem.errors[0].detail);
    }
}
