/* row.c - see row.h. The table may hold what another program wrote, so every value is checked. */
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

/* In the order of ROW_SELECT. */
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
    METADATA,
    RECEIVED_AT,
    PLACE, /* of a SELECT by keys, and the next too */
    SAME_METADATA,
};
static_assert(RECEIVED_AT + 1 == ROW_COLUMNS, "one name, one column");

struct cursor {
    const PGresult *rows;
    int row;
};

static const char *value(const struct cursor *at, enum column column)
{
    return PQgetvalue(at->rows, at->row, (int)column);
}

static size_t value_len(const struct cursor *at, enum column column)
{
    return (size_t)PQgetlength(at->rows, at->row, (int)column);
}

static bool is_null(const struct cursor *at, enum column column)
{
    return PQgetisnull(at->rows, at->row, (int)column) != 0;
}

static bool read_text(const struct cursor *at, enum column column, char *out, size_t size)
{
    size_t len = value_len(at, column);
    if (len >= size)
        return false;
    memcpy(out, value(at, column), len + 1);
    return true;
}

static bool read_decimal(const struct cursor *at, enum column column, char *out)
{
    return decimal_canonical(value(at, column), value_len(at, column), out);
}

static bool read_price(const struct cursor *at, enum column column, char *out)
{
    return is_null(at, column) || read_decimal(at, column, out);
}

static bool read_int(const struct cursor *at, enum column column, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(value(at, column), &end, 10);
    return errno == 0 && end != value(at, column) && *end == '\0';
}

/* All but the metadata, into a zeroed order. */
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
           read_int(at, RECEIVED_AT, &o->received_at_us);
}

static bool read_metadata(const struct cursor *at, struct order *o)
{
    if (is_null(at, METADATA))
        return true;
    size_t len = value_len(at, METADATA);
    o->metadata = malloc(len + 1);
    if (o->metadata == NULL)
        return false;
    memcpy(o->metadata, value(at, METADATA), len + 1);
    o->metadata_len = len;
    return true;
}

static enum row_rc strange(const struct cursor *at, struct err *err)
{
    err_set(err, 0, "the stored order %s is not of a form this program knows", value(at, ORDER_ID));
    return ROW_STRANGE;
}

enum row_rc row_read(const struct pg_result *rows, int row, struct order *out, struct err *err)
{
    const struct cursor at = { .rows = rows, .row = row };
    struct order read = { 0 };
    if (!read_fields(&at, &read))
        return strange(&at, err);
    if (!read_metadata(&at, &read)) {
        err_set(err, ERR_RETRYABLE, "out of memory for a stored order");
        return ROW_NOMEM;
    }
    *out = read;
    return ROW_OK;
}

enum row_rc row_read_keyed(const struct pg_result *rows, int row, size_t n_keys,
                           struct keyed_row *out, struct err *err)
{
    const struct cursor at = { .rows = rows, .row = row };
    int64_t place;
    if (!read_int(&at, PLACE, &place) || place < 1 || (uint64_t)place > n_keys)
        return strange(&at, err);
    struct order order;
    enum row_rc rc = row_read(rows, row, &order, err);
    if (rc == ROW_OK)
        *out = (struct keyed_row){
            .order = order,
            .place = (size_t)place - 1,
            .same_metadata = value(&at, SAME_METADATA)[0] == 't',
        };
    return rc;
}
