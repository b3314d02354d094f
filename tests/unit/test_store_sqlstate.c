/* The error table, row by row, with the neighbours that must not be taken for each row. */
#include <criterion/criterion.h>

#include "base/err.h"
#include "store/sqlstate.h"

static const struct {
    const char *sqlstate;
    enum store_action action;
} states[] = {
    /* clang-format off */
    { "40001", STORE_RETRY },            { "40002", STORE_SPLIT_OR_FAIL },
    { "40P01", STORE_RETRY_THEN_SPLIT }, { "40003", STORE_SPLIT_OR_FAIL },
    { "55P03", STORE_RETRY_THEN_SPLIT }, { "55006", STORE_SPLIT_OR_FAIL },
    { "57014", STORE_RETRY_THEN_SPLIT }, { "57000", STORE_SPLIT_OR_FAIL },
    { "57P01", STORE_RETRY },            { "57P03", STORE_RETRY },
    { "53000", STORE_RETRY },            { "53100", STORE_RETRY },
    { "53300", STORE_RETRY },            { "52000", STORE_SPLIT_OR_FAIL },
    { "58030", STORE_RETRY },            { "58P01", STORE_SPLIT_OR_FAIL },
    { "08000", STORE_RETRY },            { "08006", STORE_RETRY },
    { "25006", STORE_RETRY },            { "25001", STORE_FAIL },
    { "25P02", STORE_FAIL },             { "25P03", STORE_RETRY },            { "XX000", STORE_RETRY_THEN_SPLIT },
    { "XX001", STORE_SPLIT_OR_FAIL },    { "22003", STORE_SPLIT },
    { "22P05", STORE_SPLIT },            { "23502", STORE_SPLIT },
    { "23514", STORE_SPLIT },            { "P0001", STORE_SPLIT },
    { "44000", STORE_SPLIT },            { "54000", STORE_SPLIT },
    { "42P01", STORE_FAIL },             { "42501", STORE_FAIL },
    { "28000", STORE_FAIL },             { "3D000", STORE_FAIL },
    { "3F000", STORE_FAIL },             { "3B000", STORE_SPLIT_OR_FAIL },
    { "26000", STORE_SPLIT_OR_FAIL },    { "0A000", STORE_SPLIT_OR_FAIL },
    { "F0001", STORE_SPLIT_OR_FAIL },
    /* clang-format on */
};

Test(sqlstate, each_row_of_the_table)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        cr_expect_eq(sqlstate_action(states[i].sqlstate), states[i].action, "%s: %d",
                     states[i].sqlstate, (int)sqlstate_action(states[i].sqlstate));
}

static const struct {
    enum pqpool_rc rc;
    const char *sqlstate;
    enum store_action action;
    bool passing;
} answers[] = {
    { PQPOOL_TIMEOUT, "", STORE_RETRY_THEN_SPLIT, true },
    { PQPOOL_LOST, "", STORE_RETRY, true },
    { PQPOOL_LOST, "23505", STORE_RETRY, true }, /* whatever the last word was */
    { PQPOOL_NOMEM, "", STORE_RETRY, true },
    { PQPOOL_REFUSED, "40001", STORE_RETRY, true },
    { PQPOOL_REFUSED, "57014", STORE_RETRY_THEN_SPLIT, true },
    { PQPOOL_REFUSED, "23514", STORE_SPLIT, false },
    { PQPOOL_REFUSED, "42P01", STORE_FAIL, false },
    { PQPOOL_REFUSED, "", STORE_RETRY, true }, /* no memory for the answer */
};

Test(sqlstate, what_an_exchange_that_failed_allows)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct err err;
        err_set_code(&err, 0, answers[i].sqlstate, "x");
        cr_expect_eq(exec_action(answers[i].rc, &err), answers[i].action, "row %zu", i);
        cr_expect_eq(exec_is_passing(answers[i].rc, &err), answers[i].passing, "row %zu", i);
    }
}
