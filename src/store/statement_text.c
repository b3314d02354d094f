/* statement_text.c - has the SQL of the store, and writes it with literals for the health check. */
#include "store/statement_text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "orders/order_store.h"
#include "store/row.h"

static const struct statement_text texts[] = {
    [STATEMENT_INSERT] = {
        "ordersd_insert",
        "INSERT INTO orders (" STATEMENT_COLUMNS ") "
        "SELECT n.account_id, n.client_order_id, n.order_id, n.symbol, n.side, n.type, "
        "n.quantity::numeric, n.limit_price::numeric, n.stop_price::numeric, n.time_in_force, "
        "n.metadata::jsonb, n.received_at, n.submitted_by "
        "FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], "
        "$7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::timestamptz[], "
        "$13::text[]) "
        "AS n(" STATEMENT_COLUMNS ") "
        "ON CONFLICT (account_id, client_order_id) DO NOTHING RETURNING order_id",
        .columns = 1,
        .max_rows = INT_MAX,
    },
    /* This form makes the lookup read only the rows that have the given keys, whatever the
     * statistics say. "= ANY (ARRAY[...])" rules out a hash or merge join, so the plan is a nested
     * loop. Sequential scans are off, so the inner side of the loop searches the primary key by
     * both columns. (If client_order_id were compared with ANY too, the planner might search by
     * account_id alone.) */
    [STATEMENT_COMPARE] = {
        "ordersd_compare",
        "SELECT " ROW_FIELDS ", k.place, o.metadata IS NOT DISTINCT FROM k.metadata::jsonb "
        "FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY "
        "AS k(account_id, client_order_id, metadata, place) "
        "JOIN orders o ON o.account_id = ANY (ARRAY[k.account_id]) "
        "AND o.client_order_id = k.client_order_id",
        .columns = ROW_COMPARED_COLUMNS,
        .max_rows = INT_MAX,
    },
    [STATEMENT_BY_KEYS] = {
        "ordersd_by_keys",
        "SELECT " ROW_FIELDS ", " ROW_METADATA("$3") ", k.place "
        "FROM unnest($1::text[], $2::text[]) WITH ORDINALITY "
        "AS k(account_id, client_order_id, place) "
        "JOIN orders o ON o.account_id = ANY (ARRAY[k.account_id]) "
        "AND o.client_order_id = k.client_order_id",
        .columns = ROW_KEYED_COLUMNS,
        .max_rows = INT_MAX,
    },
    [STATEMENT_BY_ID] = {
        "ordersd_by_id",
        "SELECT " ROW_FIELDS ", " ROW_METADATA("$2") " FROM orders o WHERE o.order_id = $1::uuid",
        .columns = ROW_COLUMNS,
        .max_rows = INT_MAX,
    },
    /* The innermost SELECT reads the rows from the primary key, in its order, and stops at the
     * LIMIT: sorting is off. The next one sums the sizes of the metadata up to each row. The
     * outermost one ends with the first row at which the sum exceeds the limit. This row has no
     * metadata, but their size. */
    [STATEMENT_LIST] = {
        "ordersd_list",
        "SELECT " ROW_FIELDS ", CASE WHEN o.total <= $6::int THEN o.metadata END, o.bytes "
        "FROM (SELECT p.*, sum(p.bytes) OVER (ORDER BY p.client_order_id ROWS UNBOUNDED PRECEDING) "
        "AS total FROM (SELECT " STATEMENT_COLUMNS ", octet_length(o.metadata::text) AS bytes "
        "FROM orders o WHERE o.account_id = $1::text "
        "AND o.client_order_id >= $2::text COLLATE \"C\" "
        "AND o.client_order_id > $3::text COLLATE \"C\" "
        "AND o.client_order_id < $4::text COLLATE \"C\" "
        "ORDER BY o.client_order_id LIMIT $5::int) AS p) AS o "
        "WHERE coalesce(o.total, 0) - coalesce(o.bytes, 0) <= $6::int ORDER BY o.client_order_id",
        .columns = ROW_COLUMNS,
        .max_rows = ORDER_PAGE_MAX + 1,
    },
    /* Writes a message to the WAL, because a commit that wrote no WAL does not wait for standbys.
     * (pg_current_xact_id() writes none.) If there are no standbys to wait for, the statement
     * writes nothing, because a row that is visible is durable already. */
    [STATEMENT_SEAL] = {
        "ordersd_seal",
        "SELECT pg_logical_emit_message(true, 'ordersd', '') "
        "WHERE current_setting('synchronous_standby_names') <> ''",
        .columns = 1,
        .max_rows = 1,
    },
};

const struct statement_text *statement_text(enum statement which)
{
    return &texts[which];
}

void statement_spell(enum statement which, const char *const literals[], struct buf *out)
{
    const char *at = texts[which].sql, *dollar;
    while ((dollar = strchr(at, '$')) != NULL) {
        char *end;
        unsigned long number = strtoul(dollar + 1, &end, 10);
        buf_add(out, at, (size_t)(dollar - at));
        buf_add_str(out, literals != NULL ? literals[number - 1] : "NULL");
        at = end;
    }
    buf_add_str(out, at);
}

bool statement_fills(const char *column)
{
    const size_t len = strlen(column);
    for (const char *at = STATEMENT_COLUMNS; *at != '\0'; at += strspn(at, ", ")) {
        const size_t name = strcspn(at, ", ");
        if (name == len && memcmp(at, column, len) == 0)
            return true;
        at += name;
    }
    return false;
}
