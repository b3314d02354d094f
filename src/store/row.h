/* row.h - reads a stored order from a row of a SELECT, and lists the columns of such a SELECT. */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "orders/order.h"

struct err;
struct pg_result;

/* The columns of a stored order without its metadata. The alias of the table must be `o`. */
#define ROW_FIELDS                                                                                 \
    "o.account_id, o.client_order_id, o.order_id, o.symbol, o.side, o.type, o.quantity, "          \
    "o.limit_price, o.stop_price, o.time_in_force, "                                               \
    "(extract(epoch FROM o.received_at) * 1000000)::bigint, o.submitted_by"

/* Two columns: the metadata, or NULL if their text is longer than `limit` bytes; and the size of
 * that text. The limit is in SQL, because libpq holds a whole result before its size can be
 * checked. */
#define ROW_METADATA(limit)                                                                        \
    "CASE WHEN octet_length(o.metadata::text) <= " limit "::int THEN o.metadata END, "             \
    "octet_length(o.metadata::text)"

enum {
    ROW_FIELD_COLUMNS = 12,
    ROW_COLUMNS = ROW_FIELD_COLUMNS + 2,          /* with the metadata */
    ROW_KEYED_COLUMNS = ROW_COLUMNS + 1,          /* with the position of the key too */
    ROW_COMPARED_PLACE = ROW_FIELD_COLUMNS,       /* column of the position in STATEMENT_COMPARE */
    ROW_COMPARED_COLUMNS = ROW_COMPARED_PLACE + 2 /* with the equality of metadata too */
};

enum row_rc { ROW_OK, ROW_NOMEM, ROW_STRANGE /* a value that this program never writes */ };

/* Reads a row of ROW_FIELDS and ROW_METADATA, in text format. *out is written only if the call
 * returns ROW_OK, and then the caller owns *out. If the metadata are longer than the limit of the
 * SELECT, out->metadata is NULL, and out->metadata_len is the size of their text. If that size is
 * above ORDER_SHOWN_METADATA_MAX, returns ROW_STRANGE, whatever the limit of the SELECT. */
enum row_rc row_read(const struct pg_result *rows, int row, struct order *out,
                     struct err *err) MUST_CHECK;

/* As row_read(), for a row of STATEMENT_BY_KEYS. Sets *place to the index of the order's key in the
 * arrays that the statement took. The index is below n_keys. */
enum row_rc row_read_keyed(const struct pg_result *rows, int row, size_t n_keys, struct order *out,
                           size_t *place, struct err *err) MUST_CHECK;

/* A row of STATEMENT_COMPARE. */
struct compared_row {
    struct order order; /* without its metadata, so there is nothing to free */
    size_t place;       /* index of its key in the arrays of the statement; below n_keys */
    bool same_metadata;
};

enum row_rc row_read_compared(const struct pg_result *rows, int row, size_t n_keys,
                              struct compared_row *out, struct err *err) MUST_CHECK;

#endif
