/* Rows as libpq gives them, made by hand: what this program writes is read, anything else is said
 * to be strange and leaves the output alone. */
#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <string.h>

#include "base/err.h"
#include "orders/order.h"
#include "store/row.h"

enum { ALL_COLUMNS = ROW_FIELD_COLUMNS + 3, METADATA = ROW_FIELD_COLUMNS };

/* ROW_FIELDS, then as a lookup by keys has it: metadata, their length, the place. */
static const char *const good[ALL_COLUMNS] = {
    "ACC-1",
    "c-1",
    "0192f0c1-2345-7abc-8def-0123456789ab",
    "EURUSD",
    "sell",
    "stop_limit",
    "123456789012345678.123456789012345678",
    "1.500000000000000000",
    "0.000000000000000001",
    "ioc",
    "1700000000123456",
    "alice",
    "{\"a\": 1}",
    "8",
    "2",
};

struct change {
    int column;
    const char *value;
};

/* One row: `good`, with some columns replaced; a list that ends with column -1. */
static PGresult *make_row_of(const struct change *changes)
{
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc columns[ALL_COLUMNS] = { 0 };
    const char *values[ALL_COLUMNS];
    char name[] = "c";
    memcpy(values, good, sizeof values);
    for (; changes->column >= 0; changes++)
        values[changes->column] = changes->value;
    for (int i = 0; i < ALL_COLUMNS; i++)
        columns[i].name = name;
    cr_assert(PQsetResultAttrs(rows, ALL_COLUMNS, columns));
    for (int i = 0; i < ALL_COLUMNS; i++) {
        char text[128] = "";
        if (values[i] != NULL)
            (void)snprintf(text, sizeof text, "%s", values[i]);
        cr_assert(PQsetvalue(rows, 0, i, text, values[i] != NULL ? (int)strlen(text) : -1));
    }
    return rows;
}

static PGresult *make_row(int column, const char *value)
{
    return make_row_of((const struct change[]){ { column, value }, { -1, NULL } });
}

static void expect_fields(const struct order *got)
{
    cr_expect_str_eq(got->account_id, "ACC-1");
    cr_expect_str_eq(got->client_order_id, "c-1");
    cr_expect_str_eq(got->order_id, good[2]);
    cr_expect_str_eq(got->symbol, "EURUSD");
    cr_expect_eq(got->side, ORDER_SELL);
    cr_expect_eq(got->type, ORDER_STOP_LIMIT);
    cr_expect_str_eq(got->quantity, "123456789012345678.123456789012345678");
    cr_expect_str_eq(got->limit_price, "1.5");
    cr_expect_str_eq(got->stop_price, "0.000000000000000001");
    cr_expect_eq(got->time_in_force, ORDER_IOC);
    cr_expect_eq(got->received_at_us, INT64_C(1700000000123456));
    cr_expect_str_eq(got->submitted_by, "alice");
}

Test(row, every_field_is_read)
{
    PGresult *rows = make_row(-1, NULL);
    struct order got;
    size_t place = 0;
    struct err err = { 0 };
    cr_assert_eq(row_read_keyed(rows, 0, 2, &got, &place, &err), ROW_OK, "%s", err.text);
    PQclear(rows);
    expect_fields(&got);
    cr_expect_str_eq(got.metadata, "{\"a\": 1}");
    cr_expect_eq(got.metadata_len, 8);
    cr_expect_eq(place, 1);
    order_fini(&got);
}

/* As STATEMENT_COMPARE has it: the place, and whether the metadata are equal. */
Test(row, a_compared_row_has_no_metadata)
{
    for (int same = 0; same < 2; same++) {
        PGresult *rows =
            make_row_of((const struct change[]){ { ROW_FIELD_COLUMNS, "2" },
                                                 { ROW_FIELD_COLUMNS + 1, same ? "t" : "f" },
                                                 { -1, NULL } });
        struct compared_row got;
        struct err err = { 0 };
        cr_assert_eq(row_read_compared(rows, 0, 2, &got, &err), ROW_OK, "%s", err.text);
        PQclear(rows);
        expect_fields(&got.order);
        cr_expect_null(got.order.metadata);
        cr_expect_eq(got.place, 1);
        cr_expect_eq(got.same_metadata, same == 1);
    }
}

Test(row, nulls_are_absent)
{
    static const int optional[] = { 7, 8, 11 };
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        PGresult *rows = make_row(optional[i], NULL);
        struct order got;
        cr_assert_eq(row_read(rows, 0, &got, NULL), ROW_OK, "column %d", optional[i]);
        PQclear(rows);
        cr_expect_eq(got.limit_price[0] == '\0', optional[i] == 7);
        cr_expect_eq(got.stop_price[0] == '\0', optional[i] == 8);
        cr_expect_eq(got.submitted_by[0] == '\0', optional[i] == 11);
        order_fini(&got);
    }
}

Test(row, metadata_that_are_absent_or_were_left_out)
{
    PGresult *absent = make_row_of(
        (const struct change[]){ { METADATA, NULL }, { METADATA + 1, NULL }, { -1, NULL } });
    PGresult *left_out = make_row_of(
        (const struct change[]){ { METADATA, NULL }, { METADATA + 1, "262144" }, { -1, NULL } });
    struct order got;
    cr_assert_eq(row_read(absent, 0, &got, NULL), ROW_OK);
    cr_expect_null(got.metadata);
    cr_expect_eq(got.metadata_len, 0);
    cr_assert_eq(row_read(left_out, 0, &got, NULL), ROW_OK);
    cr_expect_null(got.metadata);
    cr_expect_eq(got.metadata_len, 262144);
    PQclear(absent);
    PQclear(left_out);
}

static const struct change strange[] = {
    { 0, "12345678901234567890123456789012345678901234567890123456789012345" }, /* 65 */
    { 3, "123456789012345678901234567890123" },                                 /* 33 */
    { 4, "short" },
    { 5, "iceberg" },
    { 6, "NaN" },
    { 6, "-1" },
    { 6, NULL },
    { 7, "1234567890123456789" },
    { 9, "" },
    { 10, "2023-11-14" },
    { 10, "" },
    { 11, "12345678901234567890123456789012345678901234567890123456789012345" }, /* 65 */
    { METADATA + 1, "262145" },
    { METADATA + 1, "0" },
    { METADATA + 2, "0" },
    { METADATA + 2, "3" }, /* of two keys */
    { METADATA + 2, "-1" },
};

Test(row, strange_values_are_refused_and_write_nothing)
{
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        PGresult *rows = make_row(strange[i].column, strange[i].value);
        struct order got, before;
        size_t place;
        memset(&got, 0x5a, sizeof got);
        memcpy(&before, &got, sizeof got);
        struct err err = { 0 };
        cr_expect_eq(row_read_keyed(rows, 0, 2, &got, &place, &err), ROW_STRANGE, "row %zu", i);
        cr_expect_arr_eq(&got, &before, sizeof got, "row %zu: written on failure", i);
        cr_expect_neq(err.text[0], '\0');
        PQclear(rows);
    }
}
