/* The last errors: what counts as the same, what an entry shows, and which one goes. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "observability/last_errors.h"

static struct last_errors errors;
static struct last_error seen[LAST_ERRORS_MAX];

static void open_errors(void)
{
    last_errors_init(&errors);
}

#define NOTE(at_us, level, event, ...)                                                             \
    do {                                                                                           \
        const struct log_field fields_[] = { __VA_ARGS__ };                                        \
        last_errors_note(&errors, at_us, level, event, fields_,                                    \
                         (int)(sizeof fields_ / sizeof fields_[0]));                               \
    } while (0)

TestSuite(last_errors, .init = open_errors, .timeout = 60);

Test(last_errors, none)
{
    cr_expect_eq(last_errors_read(&errors, seen), 0);
}

Test(last_errors, code_and_text_are_kept_and_nothing_else)
{
    NOTE(5, LOG_WARN, "http.answer", log_str("request_id", "id-1"), log_str("method", "POST"),
         log_str("route", "/v1/orders"), log_str("key", "alice"), log_int("status", 503));
    NOTE(6, LOG_ERROR, "group.failed", log_int("orders", 3), log_str("sqlstate", "23514"),
         log_str("constraint", "small"), log_str("table", "orders"), log_str("error", "no"));
    cr_assert_eq(last_errors_read(&errors, seen), 2);
    cr_expect_str_eq(seen[0].event, "group.failed", "the latest first");
    cr_expect_str_eq(seen[0].code, "23514 small");
    cr_expect_str_eq(seen[0].text, "no");
    cr_expect_eq(seen[0].level, LOG_ERROR);
    cr_expect_str_eq(seen[1].code, "POST /v1/orders 503");
    cr_expect_str_eq(seen[1].text, "");
}

Test(last_errors, the_same_but_for_numbers_is_counted)
{
    NOTE(10, LOG_WARN, "pool.dial_failed", log_str("text", "refused; next try in 0.51 s"));
    NOTE(20, LOG_WARN, "pool.dial_failed", log_str("text", "refused; next try in 12 s"));
    NOTE(30, LOG_WARN, "pool.dial_failed", log_str("text", "refused; next try in 3.5 s"));
    cr_assert_eq(last_errors_read(&errors, seen), 1);
    cr_expect_eq(seen[0].count, 3);
    cr_expect_eq(seen[0].first_at_us, 10);
    cr_expect_eq(seen[0].last_at_us, 30);
    cr_expect_str_eq(seen[0].text, "refused; next try in 3.5 s");
}

Test(last_errors, what_is_another_kind)
{
    NOTE(1, LOG_WARN, "a.a", log_str("text", "one"));
    NOTE(2, LOG_WARN, "a.b", log_str("text", "one"));
    NOTE(3, LOG_WARN, "a.a", log_str("text", "one more"));
    NOTE(4, LOG_WARN, "a.a", log_str("text", "on"));
    NOTE(5, LOG_WARN, "a.a", log_str("text", "one"), log_int("status", 503));
    NOTE(6, LOG_WARN, "a.a", log_str("text", "one"), log_int("status", 504));
    NOTE(7, LOG_WARN, "a.a", log_str("text", "one 1"));
    cr_expect_eq(last_errors_read(&errors, seen), 7);
}

Test(last_errors, the_one_seen_least_lately_goes)
{
    char text[LAST_ERRORS_MAX + 1][8];
    for (int i = 0; i <= LAST_ERRORS_MAX; i++)
        (void)snprintf(text[i], sizeof text[i], "%c", 'a' + i);
    for (int i = 0; i < LAST_ERRORS_MAX; i++)
        NOTE(100 + i, LOG_WARN, "a.a", log_str("text", text[i]));
    NOTE(200, LOG_WARN, "a.a", log_str("text", text[0])); /* seen again, so the second goes */
    NOTE(201, LOG_WARN, "a.a", log_str("text", text[LAST_ERRORS_MAX]));
    cr_assert_eq(last_errors_read(&errors, seen), LAST_ERRORS_MAX);
    cr_expect_str_eq(seen[0].text, text[LAST_ERRORS_MAX]);
    cr_expect_str_eq(seen[1].text, text[0]);
    cr_expect_eq(seen[1].count, 2);
    for (int i = 0; i < LAST_ERRORS_MAX; i++)
        cr_expect_str_neq(seen[i].text, text[1]);
}

Test(last_errors, long_texts_are_cut)
{
    static char text[LAST_ERRORS_TEXT * 2], code[LAST_ERRORS_CODE * 2];
    memset(text, 't', sizeof text - 1);
    memset(code, 'c', sizeof code - 1);
    NOTE(1, LOG_WARN, "a.a", log_str("error", text), log_str("text", "more"),
         log_str("route", code));
    cr_assert_eq(last_errors_read(&errors, seen), 1);
    cr_expect_eq(strlen(seen[0].text), LAST_ERRORS_TEXT - 1);
    cr_expect_eq(strlen(seen[0].code), LAST_ERRORS_CODE - 1);
    last_errors_fini(&errors);
}
