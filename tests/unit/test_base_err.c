#include <criterion/criterion.h>

#include "base/err.h"

Test(err, text_flags_and_code)
{
    struct err err;
    err_set_code(&err, ERR_RETRYABLE | ERR_UNCERTAIN, "40001", "could not %s", "serialize");
    cr_expect_str_eq(err.text, "could not serialize");
    cr_expect_str_eq(err.code, "40001");
    cr_expect_eq(err.flags, ERR_RETRYABLE | ERR_UNCERTAIN);

    err_set(&err, 0, "again");
    cr_expect_str_eq(err.code, "", "of the error before");
    cr_expect_eq(err.flags, 0);
    err_set_code(&err, 0, NULL, "no code");
    cr_expect_str_eq(err.code, "");
    err_set(NULL, 0, "nobody asks");
}

Test(err, is_one_line)
{
    struct err err;
    err_set(&err, 0, "%s", "ERROR:  no\n\tDETAIL: so\r\n\n");
    cr_expect_str_eq(err.text, "ERROR:  no  DETAIL: so");
    err_set(&err, 0, "%s", "\n");
    cr_expect_str_eq(err.text, "");
}

Test(err, may_quote_itself)
{
    struct err err;
    err_set(&err, 0, "refused");
    err_set(&err, 0, "dial: %s", err.text);
    cr_expect_str_eq(err.text, "dial: refused");
}

Test(err, long_text_is_cut)
{
    struct err err;
    err_set(&err, 0, "%0400d", 1);
    cr_expect_eq(strlen(err.text), sizeof err.text - 1);
}

Test(err, a_private_text_is_shown_to_nobody_else)
{
    struct err err;
    err_set_code(&err, ERR_PRIVATE | ERR_RETRYABLE, "22P02", "invalid input: \"%s\"", "4711");
    cr_expect_str_eq(err.text, "invalid input: \"4711\"");
    cr_expect_null(strstr(err_public_text(&err), "4711"));
    err_set(&err, 0, "no connection");
    cr_expect_str_eq(err_public_text(&err), "no connection");
}

Test(err, names_are_those_of_the_last_error)
{
    struct err err = { .constraint = "old", .table = "old" };
    err_set_code(&err, 0, "42P01", "gone");
    cr_expect_str_eq(err.constraint, "");
    cr_expect_str_eq(err.table, "");
}
