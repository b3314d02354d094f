/* Field errors: pointers, quotes and their bounds, and what happens when there are too many. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "orders/order_errors.h"

enum { POINTER_MAX = sizeof((struct order_error *)0)->pointer - 1 };

/* The pointer made for a member of that name. */
static const char *pointer_of(const char *member)
{
    static struct order_problem problem;
    struct order_errors errors = { .problem = &problem };
    order_errors_add(&errors, member, ORDER_CODE_REQUIRED, "detail");
    return problem.errors[0].pointer;
}

Test(errors, pointers)
{
    cr_expect_str_eq(pointer_of(NULL), "");
    cr_expect_str_eq(pointer_of(""), "/");
    cr_expect_str_eq(pointer_of("side"), "/side");
    cr_expect_str_eq(pointer_of("a/b~c"), "/a~1b~0c");
    cr_expect_str_eq(pointer_of("~1"), "/~01");
}

Test(errors, long_pointers_end_between_characters)
{
    for (size_t shift = 0; shift < 4; shift++) {
        char name[128] = "";
        memset(name, 'x', shift);
        for (size_t n = shift; n + 4 < sizeof name; n += 3)
            memcpy(name + n, "\xe2\x82\xac", 4);
        const char *pointer = pointer_of(name);
        size_t len = strlen(pointer);
        cr_expect_leq(len, POINTER_MAX);
        cr_expect_geq(len, POINTER_MAX - 4);
        cr_expect_eq((len - 1 - shift) % 3, 0, "half a character at the end");
        cr_expect_eq(strncmp(pointer + 1, name, len - 1), 0);
    }
}

Test(errors, long_pointers_end_between_escapes)
{
    for (size_t plain = POINTER_MAX - 6; plain < POINTER_MAX; plain++) {
        char name[POINTER_MAX + 2] = "";
        memset(name, 'x', plain);
        name[plain] = '/';
        const char *pointer = pointer_of(name);
        bool whole = 1 + plain + strlen("~1") <= POINTER_MAX;
        cr_expect_eq(strlen(pointer), whole ? plain + 3 : POINTER_MAX - 1, "%zu", plain);
        cr_expect_str_eq(pointer + strlen(pointer) - 2, whole ? "~1" : "xx");
    }
}

Test(errors, quotes)
{
    static const struct {
        const char *token, *shown;
    } cases[] = {
        { "", "" },
        { "\"BUY\"", "\"BUY\"" },
        { "1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890" },
        { "12345678901234567890123456789012345678901",
          "1234567890123456789012345678901234567890... (41 bytes)" },
        { "123456789012345678901234567890123456789\xc3\xa9",
          "123456789012345678901234567890123456789... (41 bytes)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char shown[ORDER_SHOWN_SIZE];
        struct json_token token = { cases[i].token, strlen(cases[i].token) };
        order_errors_quote(token, shown);
        cr_expect_str_eq(shown, cases[i].shown);
    }
}

Test(errors, nothing_is_written_before_the_first)
{
    struct order_problem problem = { .code = "before", .offset = 7 };
    struct order_errors errors = { .problem = &problem };
    cr_expect_str_eq(problem.code, "before");
    order_errors_add(&errors, "a", ORDER_CODE_REQUIRED, "number %d", 1);
    cr_expect_eq(problem.n_errors, 1);
    cr_expect_eq(problem.offset, -1);
    cr_expect_str_eq(problem.code, "");
    cr_expect_str_eq(problem.detail, "");
    cr_expect_str_eq(problem.errors[0].code, order_codes[ORDER_CODE_REQUIRED].code);
    cr_expect_str_eq(problem.errors[0].detail, "number 1");
}

Test(errors, the_last_says_that_there_are_more)
{
    static struct order_problem problem;
    struct order_errors errors = { .problem = &problem };
    const struct order_error *last = &problem.errors[ORDER_ERRORS_MAX - 1];
    for (size_t n = 1; n <= ORDER_ERRORS_MAX + 5; n++) {
        order_errors_add(&errors, "a", ORDER_CODE_REQUIRED, "detail");
        cr_expect_eq(problem.n_errors, n < ORDER_ERRORS_MAX ? n : ORDER_ERRORS_MAX);
        cr_expect_eq(errors.full, n > ORDER_ERRORS_MAX, "%zu", n);
        if (n == ORDER_ERRORS_MAX)
            cr_expect_str_eq(last->code, order_codes[ORDER_CODE_REQUIRED].code,
                             "all of them are told");
        if (n > ORDER_ERRORS_MAX)
            cr_expect_str_eq(last->code, "too_many_errors");
    }
    cr_expect_str_eq(last->pointer, "");
    cr_expect_str_eq(problem.errors[ORDER_ERRORS_MAX - 2].code,
                     order_codes[ORDER_CODE_REQUIRED].code);
}

/* What is full is not written to again, whatever comes. */
Test(errors, no_text_is_made_that_is_not_kept)
{
    static struct order_problem problem, full;
    struct order_errors errors = { .problem = &problem };
    for (size_t n = 0; n <= ORDER_ERRORS_MAX; n++)
        order_errors_add(&errors, "a", ORDER_CODE_REQUIRED, "detail");
    cr_assert(errors.full);
    full = problem;
    problem.errors[ORDER_ERRORS_MAX - 1].detail[0] = '?';
    order_errors_add(&errors, "b", ORDER_CODE_REQUIRED, "another");
    cr_expect_eq(problem.errors[ORDER_ERRORS_MAX - 1].detail[0], '?');
    cr_expect_str_eq(problem.errors[0].pointer, full.errors[0].pointer);
}

Test(errors, without_a_problem_the_first_one_fills_them)
{
    struct order_errors errors = { .problem = NULL };
    cr_expect_not(errors.full);
    order_errors_add(&errors, "a", ORDER_CODE_REQUIRED, "detail");
    cr_expect(errors.full);
    cr_expect_eq(errors.n, 1);
}
