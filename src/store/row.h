/* row.h - a stored order as the SELECTs fetch it: one list of columns, read in one place. */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "orders/order.h"

struct err;
struct pg_result;

/* The columns of a stored order without its metadata. The statement must name the table `o`. */
#define ROW_FIELDS                                                                                 \
    "o.account_id, o.client_order_id, o.order_id, o.symbol, o.side, o.type, o.quantity, "          \
    "o.limit_price, o.stop_price, o.time_in_force, "                                               \
    "(extract(epoch FROM o.received_at) * 1000000)::bigint"

/* Two columns: the metadata, or NULL if their text is longer than `limit` bytes; and the size of
 * that text. The limit is in SQL, because libpq holds a whole result before its size can be
 * checked. */
#define ROW_METADATA(limit)                                                                        \
    "CASE WHEN octet_length(o.metadata::text) <= " limit "::int THEN o.metadata END, "             \
    "octet_length(o.metadata::text)"

enum {
    ROW_FIELD_COLUMNS = 11,
    ROW_COLUMNS = ROW_FIELD_COLUMNS + 2,          /* with the metadata */
    ROW_KEYED_COLUMNS = ROW_COLUMNS + 1,          /* with the metadata and the place of the key */
    ROW_COMPARED_PLACE = ROW_FIELD_COLUMNS,       /* the column of the place in STATEMENT_COMPARE */
    ROW_COMPARED_COLUMNS = ROW_COMPARED_PLACE + 2 /* with the place and the equality of metadata */
};

enum row_rc { ROW_OK, ROW_NOMEM, ROW_STRANGE /* a value that this program never writes */ };

/* Reads a row of ROW_FIELDS and ROW_METADATA, in text format. Writes *out only if it returns
 * ROW_OK, and then the caller owns *out. If the row leaves the metadata out, out->metadata is NULL,
 * and out->metadata_len is the size of the metadata in the table. Returns ROW_STRANGE if the row
 * has metadata of more than ORDER_SHOWN_METADATA_MAX bytes. */
enum row_rc row_read(const struct pg_result *rows, int row, struct order *out,
                     struct err *err) MUST_CHECK;

/* As row_read(), for a row of a SELECT by keys. Sets *place to the place of the order's key in the
 * parameters, which counts from 0 and is below n_keys. */
enum row_rc row_read_keyed(const struct pg_result *rows, int row, size_t n_keys, struct order *out,
                           size_t *place, struct err *err) MUST_CHECK;

/* A row of STATEMENT_COMPARE. */
struct compared_row {
    struct order order; /* without its metadata, so there is nothing to free */
    size_t place;       /* place in the array of keys, from 0; checked to be below n_keys */
    bool same_metadata;
};

enum row_rc row_read_compared(const struct pg_result *rows, int row, size_t n_keys,
                              struct compared_row *out, struct err *err) MUST_CHECK;

#endif
