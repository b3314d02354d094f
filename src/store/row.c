/* row.c - reads stored orders from rows. Other programs may write rows, so every value is
 * checked. */
#include "store/row.h"

#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "orders/decimal.h"
#include "orders/order.h"
#include "orders/order_store.h"

/* The columns of ROW_FIELDS, in its order. */
enum column {
    ACCOUNT_ID,
    CLIENT_ORDER_ID,
    ORDER_ID,
    SYMBOL,
    SIDE,
    TYPE,
    QUANTITY,
    LIMIT_PRICE,
    STOP_PRICE,
    TIME_IN_FORCE,
    RECEIVED_AT,
    SUBMITTED_BY,
};
static_assert(SUBMITTED_BY + 1 == ROW_FIELD_COLUMNS, "one name, one column");

/* The columns after ROW_FIELDS. The first enum is for SELECTs with ROW_METADATA; only
 * STATEMENT_BY_KEYS has FOUND_PLACE. The second enum is for STATEMENT_COMPARE. */
enum { METADATA = ROW_FIELD_COLUMNS, METADATA_BYTES, FOUND_PLACE };
enum { COMPARED_PLACE = ROW_COMPARED_PLACE, SAME_METADATA };

struct cursor {
    const PGresult *rows;
    int row;
};

static const char *value(const struct cursor *at, int column)
{
    return PQgetvalue(at->rows, at->row, column);
}

static size_t value_len(const struct cursor *at, int column)
{
    return (size_t)PQgetlength(at->rows, at->row, column);
}

static bool is_null(const struct cursor *at, int column)
{
    return PQgetisnull(at->rows, at->row, column) != 0;
}

/* A value that is NULL is read as "". */
static bool read_text(const struct cursor *at, int column, char *out, size_t size)
{
    size_t len = value_len(at, column);
    if (len >= size)
        return false;
    memcpy(out, value(at, column), len + 1);
    return true;
}

static bool read_decimal(const struct cursor *at, int column, char *out)
{
    return decimal_canonical(value(at, column), value_len(at, column), out);
}

static bool read_price(const struct cursor *at, int column, char *out)
{
    return is_null(at, column) || read_decimal(at, column, out);
}

static bool read_int(const struct cursor *at, int column, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(value(at, column), &end, 10);
    return errno == 0 && end != value(at, column) && *end == '\0';
}

/* Reads all columns but the metadata into a zeroed order. */
static bool read_fields(const struct cursor *at, struct order *o)
{
    return read_text(at, ACCOUNT_ID, o->account_id, sizeof o->account_id) &&
           read_text(at, CLIENT_ORDER_ID, o->client_order_id, sizeof o->client_order_id) &&
           read_text(at, ORDER_ID, o->order_id, sizeof o->order_id) &&
           read_text(at, SYMBOL, o->symbol, sizeof o->symbol) &&
           order_side_of(value(at, SIDE), &o->side) && order_type_of(value(at, TYPE), &o->type) &&
           read_decimal(at, QUANTITY, o->quantity) && read_price(at, LIMIT_PRICE, o->limit_price) &&
           read_price(at, STOP_PRICE, o->stop_price) &&
           order_tif_of(value(at, TIME_IN_FORCE), &o->time_in_force) &&
           read_int(at, RECEIVED_AT, &o->received_at_us) &&
           read_text(at, SUBMITTED_BY, o->submitted_by, sizeof o->submitted_by);
}

static enum row_rc strange(const struct cursor *at, struct err *err)
{
    err_set(err, 0, "the stored order %s has a form that this program does not know",
            value(at, ORDER_ID));
    return ROW_STRANGE;
}

static enum row_rc read_metadata(const struct cursor *at, struct order *o, struct err *err)
{
    int64_t bytes = 0;
    if (is_null(at, METADATA_BYTES))
        return ROW_OK;
    if (!read_int(at, METADATA_BYTES, &bytes) || bytes < 1 || bytes > ORDER_SHOWN_METADATA_MAX)
        return strange(at, err);
    o->metadata_len = (size_t)bytes;
    if (is_null(at, METADATA))
        return ROW_OK;
    o->metadata_len = value_len(at, METADATA);
    o->metadata = malloc(o->metadata_len + 1);
    if (o->metadata == NULL) {
        err_set(err, ERR_RETRYABLE, "out of memory for a stored order");
        return ROW_NOMEM;
    }
    memcpy(o->metadata, value(at, METADATA), o->metadata_len + 1);
    return ROW_OK;
}

enum row_rc row_read(const struct pg_result *rows, int row, struct order *out, struct err *err)
{
    const struct cursor at = { .rows = rows, .row = row };
    struct order read = { 0 };
    if (!read_fields(&at, &read))
        return strange(&at, err);
    enum row_rc rc = read_metadata(&at, &read, err);
    if (rc == ROW_OK)
        *out = read;
    return rc;
}

static bool read_place(const struct cursor *at, int column, size_t n_keys, size_t *out)
{
    int64_t place;
    if (!read_int(at, column, &place) || place < 1 || (uint64_t)place > n_keys)
        return false;
    *out = (size_t)place - 1;
    return true;
}

enum row_rc row_read_keyed(const struct pg_result *rows, int row, size_t n_keys, struct order *out,
                           size_t *place, struct err *err)
{
    const struct cursor at = { .rows = rows, .row = row };
    if (!read_place(&at, FOUND_PLACE, n_keys, place))
        return strange(&at, err);
    return row_read(rows, row, out, err);
}

enum row_rc row_read_compared(const struct pg_result *rows, int row, size_t n_keys,
                              struct compared_row *out, struct err *err)
{
    const struct cursor at = { .rows = rows, .row = row };
    struct compared_row read = { .same_metadata = value(&at, SAME_METADATA)[0] == 't' };
    if (!read_place(&at, COMPARED_PLACE, n_keys, &read.place) || !read_fields(&at, &read.order))
        return strange(&at, err);
    *out = read;
    return ROW_OK;
}
