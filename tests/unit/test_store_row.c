/* Rows as libpq gives them, made by hand: what this program writes is read, anything else is said
 * to be strange and leaves the output alone. */
#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <string.h>

#include "base/err.h"
#include "orders/order.h"
#include "store/row.h"

enum { ALL_COLUMNS = ROW_COLUMNS + 2 };

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
    "{\"a\": 1}",
    "1700000000123456",
    "2",
    "t",
};

/* One row: `good`, with one column replaced. */
static PGresult *make_row(int column, const char *value)
{
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc columns[ALL_COLUMNS] = { 0 };
    char name[] = "c";
    for (int i = 0; i < ALL_COLUMNS; i++)
        columns[i].name = name;
    cr_assert(PQsetResultAttrs(rows, ALL_COLUMNS, columns));
    for (int i = 0; i < ALL_COLUMNS; i++) {
        const char *from = i == column ? value : good[i];
        char text[128] = "";
        if (from != NULL)
            (void)snprintf(text, sizeof text, "%s", from);
        cr_assert(PQsetvalue(rows, 0, i, text, from != NULL ? (int)strlen(text) : -1));
    }
    return rows;
}

Test(row, every_field_is_read)
{
    PGresult *rows = make_row(-1, NULL);
    struct keyed_row got;
    struct err err = { 0 };
    cr_assert_eq(row_read_keyed(rows, 0, 2, &got, &err), ROW_OK, "%s", err.text);
    PQclear(rows);
    cr_expect_str_eq(got.order.account_id, "ACC-1");
    cr_expect_str_eq(got.order.client_order_id, "c-1");
    cr_expect_str_eq(got.order.order_id, good[2]);
    cr_expect_str_eq(got.order.symbol, "EURUSD");
    cr_expect_eq(got.order.side, ORDER_SELL);
    cr_expect_eq(got.order.type, ORDER_STOP_LIMIT);
    cr_expect_str_eq(got.order.quantity, "123456789012345678.123456789012345678");
    cr_expect_str_eq(got.order.limit_price, "1.5");
    cr_expect_str_eq(got.order.stop_price, "0.000000000000000001");
    cr_expect_eq(got.order.time_in_force, ORDER_IOC);
    cr_expect_str_eq(got.order.metadata, "{\"a\": 1}");
    cr_expect_eq(got.order.metadata_len, 8);
    cr_expect_eq(got.order.received_at_us, INT64_C(1700000000123456));
    cr_expect_eq(got.place, 1);
    cr_expect(got.same_metadata);
    order_fini(&got.order);
}

Test(row, nulls_are_absent)
{
    static const int optional[] = { 7, 8, 10 };
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        PGresult *rows = make_row(optional[i], NULL);
        struct order got;
        cr_assert_eq(row_read(rows, 0, &got, NULL), ROW_OK, "column %d", optional[i]);
        PQclear(rows);
        cr_expect_eq(got.limit_price[0] == '\0', optional[i] == 7);
        cr_expect_eq(got.stop_price[0] == '\0', optional[i] == 8);
        cr_expect_eq(got.metadata == NULL, optional[i] == 10);
        order_fini(&got);
    }
}

static const struct {
    int column;
    const char *value;
} strange[] = {
    { 0, "12345678901234567890123456789012345678901234567890123456789012345" }, /* 65 */
    { 3, "123456789012345678901234567890123" },                                 /* 33 */
    { 4, "short" },
    { 5, "iceberg" },
    { 6, "NaN" },
    { 6, "-1" },
    { 6, NULL },
    { 7, "1234567890123456789" },
    { 9, "" },
    { 11, "2023-11-14" },
    { 11, "" },
    { 12, "0" },
    { 12, "3" }, /* of two keys */
    { 12, "-1" },
};

Test(row, strange_values_are_refused_and_write_nothing)
{
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        PGresult *rows = make_row(strange[i].column, strange[i].value);
        struct keyed_row got, before;
        memset(&got, 0x5a, sizeof got);
        memcpy(&before, &got, sizeof got);
        struct err err = { 0 };
        cr_expect_eq(row_read_keyed(rows, 0, 2, &got, &err), ROW_STRANGE, "row %zu", i);
        cr_expect_arr_eq(&got, &before, sizeof got, "row %zu: written on failure", i);
        cr_expect_neq(err.text[0], '\0');
        PQclear(rows);
    }
}
