/* The table of SQLSTATEs: each row by a code that it is about, with the neighbours that must not be
 * taken for it, and every code that PostgreSQL knows. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/err.h"
#include "store/failure.h"
#include "store/sqlstate.h"
#include "store/statement.h"

#define N FAULT_NONE
#define ORD FAULT_ORDER
#define OP FAULT_OPERATOR
#define SRV FAULT_SERVER
#define OUR FAULT_SERVICE

static const struct {
    const char *code;
    enum store_fault fault;
    enum store_action action;
} codes[] = {
    /* clang-format off */
    { "55P03", N, STORE_RETRY_THEN_SPLIT },   { "57014", N, STORE_RETRY_THEN_SPLIT },
    { "40001", N, STORE_RETRY_THEN_SPLIT },   { "40P01", N, STORE_RETRY_THEN_SPLIT },
    { "40003", N, STORE_RETRY_THEN_SPLIT },   { "25P03", N, STORE_RETRY },
    { "25P04", N, STORE_RETRY },

    { "08000", SRV, STORE_RETRY_THEN_SPLIT }, { "08006", SRV, STORE_RETRY_THEN_SPLIT },
    { "08P01", SRV, STORE_RETRY_THEN_SPLIT },
    { "57P01", SRV, STORE_RETRY },            { "57P05", SRV, STORE_RETRY },
    { "25006", SRV, STORE_RETRY },            { "72000", SRV, STORE_RETRY },
    { "53000", SRV, STORE_RETRY_THEN_SPLIT }, { "53100", SRV, STORE_RETRY_THEN_SPLIT },
    { "53400", SRV, STORE_RETRY_THEN_SPLIT }, { "58000", SRV, STORE_RETRY_THEN_SPLIT },
    { "58030", SRV, STORE_RETRY_THEN_SPLIT }, { "58P01", SRV, STORE_SPLIT_OR_FAIL },
    { "XX000", SRV, STORE_RETRY_THEN_SPLIT }, { "XX001", SRV, STORE_SPLIT_OR_FAIL },
    { "XX002", SRV, STORE_SPLIT_OR_FAIL },    { "54000", SRV, STORE_SPLIT_OR_FAIL },
    { "54001", SRV, STORE_SPLIT_OR_FAIL },    { "54023", SRV, STORE_SPLIT_OR_FAIL },

    { "42P01", OP, STORE_SPLIT_OR_FAIL },     { "42703", OP, STORE_SPLIT_OR_FAIL },
    { "42501", OP, STORE_SPLIT_OR_FAIL },     { "42P10", OP, STORE_SPLIT_OR_FAIL },
    { "42804", OP, STORE_SPLIT_OR_FAIL },     { "42883", OP, STORE_SPLIT_OR_FAIL },
    { "428C9", OP, STORE_SPLIT_OR_FAIL },     { "42601", OP, STORE_SPLIT_OR_FAIL },
    { "3F000", OP, STORE_SPLIT_OR_FAIL },     { "3D000", OP, STORE_SPLIT_OR_FAIL },
    { "28000", OP, STORE_SPLIT_OR_FAIL },     { "2200H", OP, STORE_SPLIT_OR_FAIL },
    { "0A000", OP, STORE_SPLIT_OR_FAIL },     { "0L000", OP, STORE_SPLIT_OR_FAIL },
    { "0P000", OP, STORE_SPLIT_OR_FAIL },     { "0Z002", OP, STORE_SPLIT_OR_FAIL },
    { "2BP01", OP, STORE_SPLIT_OR_FAIL },     { "2D000", OP, STORE_SPLIT_OR_FAIL },
    { "2F005", OP, STORE_SPLIT_OR_FAIL },     { "39P01", OP, STORE_SPLIT_OR_FAIL },
    { "55000", OP, STORE_SPLIT_OR_FAIL },     { "55006", OP, STORE_SPLIT_OR_FAIL },
    { "57000", OP, STORE_SPLIT_OR_FAIL },     { "F0001", OP, STORE_SPLIT_OR_FAIL },
    { "HV000", OP, STORE_SPLIT_OR_FAIL },

    { "03000", OUR, STORE_SPLIT_OR_FAIL },    { "0B000", OUR, STORE_SPLIT_OR_FAIL },
    { "0F001", OUR, STORE_SPLIT_OR_FAIL },    { "24000", OUR, STORE_SPLIT_OR_FAIL },
    { "25001", OUR, STORE_FAIL },             { "25P02", OUR, STORE_FAIL },
    { "26000", OUR, STORE_SPLIT_OR_FAIL },    { "34000", OUR, STORE_SPLIT_OR_FAIL },
    { "3B001", OUR, STORE_SPLIT_OR_FAIL },

    { "22003", ORD, STORE_SPLIT },            { "22P02", ORD, STORE_SPLIT },
    { "22P05", ORD, STORE_SPLIT },            { "23502", ORD, STORE_SPLIT },
    { "23503", ORD, STORE_SPLIT },            { "23505", ORD, STORE_SPLIT },
    { "23514", ORD, STORE_SPLIT },            { "23P01", ORD, STORE_SPLIT },
    { "44000", ORD, STORE_SPLIT },            { "P0001", ORD, STORE_SPLIT },
    { "P0004", ORD, STORE_SPLIT },            { "09000", ORD, STORE_SPLIT },
    { "20000", ORD, STORE_SPLIT },            { "21000", ORD, STORE_SPLIT },
    { "27000", ORD, STORE_SPLIT },            { "38000", ORD, STORE_SPLIT },
    { "01000", ORD, STORE_SPLIT },            { "U0001", ORD, STORE_SPLIT },
    { "52000", ORD, STORE_SPLIT },
    /* clang-format on */
};

Test(sqlstate, each_row_of_the_table)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        const struct sqlstate_row *row = sqlstate_find_code(codes[i].code);
        cr_expect_eq(row->fault, codes[i].fault, "%s: %d", codes[i].code, (int)row->fault);
        cr_expect_eq(row->action, codes[i].action, "%s: %d", codes[i].code, (int)row->action);
        cr_expect_eq(row->unless_neighbour_stored, strncmp(codes[i].code, "54", 2) == 0);
    }
}

/* No row without a code above, and none that an earlier one hides. */
Test(sqlstate, each_row_without_a_condition_is_reached_by_a_code)
{
    const struct sqlstate_row *row;
    for (size_t i = 0; (row = sqlstate_row(i)) != NULL; i++) {
        size_t n = 0;
        for (size_t c = 0; c < sizeof codes / sizeof codes[0]; c++)
            n += sqlstate_find_code(codes[c].code) == row;
        cr_expect_eq(n > 0, row->condition == SQLSTATE_ALWAYS, "row %zu, \"%s\"", i, row->prefix);
        cr_expect_gt(strlen(row->meaning), 0);
    }
}

static const struct {
    struct sqlstate_error error;
    enum store_fault fault;
} told_apart[] = {
    /* clang-format off */
    { { "54000", "orders_pkey", "orders", "", false, false }, ORD },       /* an index row is too large */
    { { "54000", "", "", "", false, true }, ORD },                  /* the same of no constraint */
    { { "54000", "", "", "", false, false }, SRV },                        /* no transaction ids are left */
    { { "23505", "orders_pkey", "orders", "", false, false }, N },         /* while it is indexed anew */
    { { "23505", "orders_pkey_ccnew", "orders", "", false, false }, N },
    { { "23505", "desk_ccold12", "orders", "", false, false }, N },
    { { "23505", "orders_symbol_key", "orders", "", false, false }, ORD },
    { { "23505", "_ccnewer", "orders", "", false, false }, ORD },
    { { "23505", "7", "orders", "", false, false }, ORD },
    { { "23514", "", "orders", "", false, false }, OP },                   /* no partition for the row */
    { { "23514", "orders_quantity_check", "orders", "", false, false }, ORD },
    { { "23514", "", "", "", false, false }, ORD },                        /* raised by a trigger */
    { { "23514", "positive", "", "", false, false }, ORD },                /* of a domain */
    { { "23502", "", "orders", "limit_price", false, false }, ORD },
    { { "23502", "", "orders", "desk", false, false }, OP },
    { { "23502", "", "orders", "limit", false, false }, OP },              /* the beginning of a column's name */
    { { "23502", "", "orders", "received_at", false, false }, ORD },       /* the last one */
    { { "23502", "", "orders", "account_id", false, false }, ORD },        /* the first one */
    { { "23502", "", "", "", false, false }, ORD },                        /* of a domain, or raised */
    { { "42501", "", "", "", true, false }, ORD },
    { { "42501", "", "", "", false, false }, OP },
    { { "42P01", "", "", "", true, false }, OP },
    /* clang-format on */
};

Test(sqlstate, what_the_server_names_tells_faults_apart)
{
    for (size_t i = 0; i < sizeof told_apart / sizeof told_apart[0]; i++)
        cr_expect_eq(sqlstate_find(&told_apart[i].error)->fault, told_apart[i].fault, "row %zu: %s",
                     i, told_apart[i].error.code);
}

/* An order is called at fault only where the classes say so: a class that nobody has thought of
 * must not end as "do not retry". These are all the classes of PostgreSQL 18. */
Test(sqlstate, every_class_of_postgresql_has_a_row)
{
    static const char *const classes[] = {
        "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20", "21", "22", "23", "24",
        "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F", "40",
        "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX",
    };
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        char code[6];
        (void)snprintf(code, sizeof code, "%s000", classes[i]);
        cr_expect_str_neq(sqlstate_find_code(code)->prefix, "", "class %s", classes[i]);
    }
}

static const struct {
    enum pqpool_rc rc;
    const char *sqlstate;
    bool passing;
} answers[] = {
    { PQPOOL_TIMEOUT, "", true },         { PQPOOL_LOST, "", true },
    { PQPOOL_LOST, "23505", true }, /* whatever the last word was */
    { PQPOOL_NOMEM, "", true },           { PQPOOL_NOT_SENT, "", true },
    { PQPOOL_SQL_ERROR, "40001", true },  { PQPOOL_SQL_ERROR, "57014", true },
    { PQPOOL_SQL_ERROR, "23514", false }, { PQPOOL_SQL_ERROR, "42P01", false },
    { PQPOOL_SQL_ERROR, "", true }, /* no memory for the answer */
};

Test(sqlstate, what_passes_by_itself)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct err err;
        err_set_code(&err, 0, answers[i].sqlstate, "x");
        cr_expect_eq(failure_is_passing(answers[i].rc, &err), answers[i].passing, "row %zu", i);
    }
}

static const struct {
    enum store_action action;
    const char *sqlstate;
    enum retry_reason retry;
} retries[] = {
    { STORE_UNAVAILABLE, "", RETRY_UNAVAILABLE },
    { STORE_RETRY, "", RETRY_LOST },
    { STORE_RETRY, "57P01", RETRY_LOST },
    { STORE_RETRY, "25006", RETRY_LOST },
    { STORE_RETRY, "53100", RETRY_SERVER },
    { STORE_RETRY, "25P03", RETRY_SERVER },
    { STORE_RETRY_THEN_SPLIT, "", RETRY_LOST },
    { STORE_RETRY_THEN_SPLIT, "08006", RETRY_SERVER },
    { STORE_RETRY_THEN_SPLIT, "08P01", RETRY_LOST },
    { STORE_RETRY_THEN_SPLIT, "40001", RETRY_LOCK },
    { STORE_RETRY_THEN_SPLIT, "55P03", RETRY_LOCK },
    { STORE_RETRY_THEN_SPLIT, "57014", RETRY_LOCK },
    { STORE_RETRY_THEN_SPLIT, "XX000", RETRY_SERVER },
    { STORE_SPLIT_OR_FAIL, "55000", RETRY_LOCK },
    { STORE_SPLIT_OR_FAIL, "42P01", RETRY_SERVER },
};

Test(sqlstate, why_a_group_is_tried_again)
{
    for (size_t i = 0; i < sizeof retries / sizeof retries[0]; i++) {
        struct store_failure failure = { .action = retries[i].action };
        err_set_code(&failure.err, 0, retries[i].sqlstate, "x");
        cr_expect_eq(failure_retry(&failure), retries[i].retry, "row %zu", i);
    }
}

/* A migration may be refused because of the rows that are stored: those are nobody's business. */
Test(sqlstate, errors_about_rows_stay_private)
{
    struct err err;
    err_set_code(&err, ERR_PRIVATE, "22P02", "invalid input syntax for type integer: \"4711\"");
    failure_publish(&err);
    cr_expect_null(strstr(err_public_text(&err), "4711"));
    err_set_code(&err, ERR_PRIVATE, "42501", "permission denied for schema public");
    failure_publish(&err);
    cr_expect_str_eq(err_public_text(&err), "permission denied for schema public");
    failure_publish(NULL);
}
