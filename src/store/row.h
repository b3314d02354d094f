/* row.h - a stored order as the SELECTs fetch it: one list of columns, read in one place. */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "orders/order.h"

struct err;
struct pg_result;

/* Of the table under the name `o`: all but the metadata. */
#define ROW_FIELDS                                                                                 \
    "o.account_id, o.client_order_id, o.order_id, o.symbol, o.side, o.type, o.quantity, "          \
    "o.limit_price, o.stop_price, o.time_in_force, "                                               \
    "(extract(epoch FROM o.received_at) * 1000000)::bigint"

/* The metadata if their text has at most `limit` bytes, else NULL; then the size of that text. The
 * limit is in SQL, because libpq holds a whole result before its size can be checked. */
#define ROW_METADATA(limit)                                                                        \
    "CASE WHEN octet_length(o.metadata::text) <= " limit "::int THEN o.metadata END, "             \
    "octet_length(o.metadata::text)"

enum {
    ROW_FIELD_COLUMNS = 11,
    ROW_COLUMNS = ROW_FIELD_COLUMNS + 2,          /* with the metadata */
    ROW_KEYED_COLUMNS = ROW_COLUMNS + 1,          /* and the place of the key */
    ROW_COMPARED_PLACE = ROW_FIELD_COLUMNS,       /* of a row of STATEMENT_COMPARE */
    ROW_COMPARED_COLUMNS = ROW_COMPARED_PLACE + 2 /* and whether the metadata are the same */
};

enum row_rc { ROW_OK, ROW_NOMEM, ROW_STRANGE /* not what this program writes */ };

/* Reads a row of ROW_FIELDS and ROW_METADATA, in text format. Writes *out only on ROW_OK, and then
 * the caller owns it. If the metadata were left out, out->metadata is NULL, and metadata_len is the
 * size that they have in the table. More than ORDER_SHOWN_METADATA_MAX is ROW_STRANGE. */
enum row_rc row_read(const struct pg_result *rows, int row, struct order *out,
                     struct err *err) MUST_CHECK;

/* The same for a SELECT by keys, with the place of the key in the parameters: from 0, and below
 * n_keys. */
enum row_rc row_read_keyed(const struct pg_result *rows, int row, size_t n_keys, struct order *out,
                           size_t *place, struct err *err) MUST_CHECK;

/* A row of STATEMENT_COMPARE. */
struct compared_row {
    struct order order; /* without metadata: nothing to free */
    size_t place;       /* in the array of keys, from 0; checked to be below their number */
    bool same_metadata;
};

enum row_rc row_read_compared(const struct pg_result *rows, int row, size_t n_keys,
                              struct compared_row *out, struct err *err) MUST_CHECK;

#endif
