/* row.h - a stored order as the SELECTs fetch it: one list of columns, read in one place. */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "orders/order.h"

struct err;
struct pg_result;

/* Of the table under the name `o`. */
#define ROW_SELECT                                                                                 \
    "o.account_id, o.client_order_id, o.order_id, o.symbol, o.side, o.type, o.quantity, "          \
    "o.limit_price, o.stop_price, o.time_in_force, o.metadata, "                                   \
    "(extract(epoch FROM o.received_at) * 1000000)::bigint"
enum { ROW_COLUMNS = 12, ROW_KEYED_COLUMNS = ROW_COLUMNS + 2 };

enum row_rc { ROW_OK, ROW_NOMEM, ROW_STRANGE /* not what this program writes */ };

/* Reads a row in text format. Writes *out only on ROW_OK, and then the caller owns it. */
enum row_rc row_read(const struct pg_result *rows, int row, struct order *out,
                     struct err *err) MUST_CHECK;

/* A row of a SELECT by keys: ROW_SELECT, the key's place from 1, whether the metadata are equal. */
struct keyed_row {
    struct order order;
    size_t place; /* in the array of keys, from 0; checked to be below their number */
    bool same_metadata;
};

enum row_rc row_read_keyed(const struct pg_result *rows, int row, size_t n_keys,
                           struct keyed_row *out, struct err *err) MUST_CHECK;

#endif
