/* lookup.c - looks up stored orders, one by its order_id or several by their keys. */
#include "store/impl.h"

#include <libpq-fe.h>
#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "orders/uuid7.h"
#include "store/fetch.h"
#include "store/params.h"
#include "store/row.h"

enum { LIMIT_SIZE = 16 };

/* Adds the parameter that limits the metadata of each order, in bytes. Together, the n orders of a
 * lookup have at most LOOKUP_METADATA_MAX bytes of metadata. */
static void add_limit(struct params *params, size_t n, char text[LIMIT_SIZE])
{
    CHECK(n > 0);
    size_t share = LOOKUP_METADATA_MAX / n;
    size_t limit = share < ORDER_SHOWN_METADATA_MAX ? share : ORDER_SHOWN_METADATA_MAX;
    (void)snprintf(text, LIMIT_SIZE, "%zu", limit);
    params_text(params, text);
}

static bool make_keys(struct params *params, const struct order_key *keys, size_t n,
                      char limit[LIMIT_SIZE])
{
    struct buf *accounts = params_array(params, PG_TEXT, n, ORDER_NAME_SIZE);
    struct buf *client_ids = params_array(params, PG_TEXT, n, ORDER_NAME_SIZE);
    for (size_t i = 0; i < n; i++) {
        pg_array_text(accounts, keys[i].account_id);
        pg_array_text(client_ids, keys[i].client_order_id);
    }
    add_limit(params, n, limit);
    return params_ready(params);
}

static enum lookup_rc read_found(const PGresult *rows, struct order *out, size_t n, struct err *err)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        struct order found;
        size_t place;
        if (row_read_keyed(rows, i, n, &found, &place, err) != ROW_OK)
            return LOOKUP_FAILED;
        if (out[place].order_id[0] != '\0') {
            err_set(err, 0, "malformed answer to a lookup: two rows for one key");
            order_fini(&found);
            return LOOKUP_FAILED;
        }
        out[place] = found;
    }
    return LOOKUP_OK;
}

static void empty(struct order *orders, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        order_fini(&orders[i]);
        orders[i] = (struct order){ 0 };
    }
}

enum lookup_rc store_get_by_keys(void *ctx, const struct order_key *keys, size_t n,
                                 struct order *out, int64_t deadline_at_ns, struct err *err)
{
    struct params params = { 0 };
    PGresult *rows = NULL;
    struct err why = { 0 };
    enum lookup_rc rc = LOOKUP_FAILED;
    char limit[LIMIT_SIZE];
    for (size_t i = 0; i < n; i++)
        out[i] = (struct order){ 0 };
    if (make_keys(&params, keys, n, limit))
        rc = store_fetch(ctx, STATEMENT_BY_KEYS, &params, deadline_at_ns, &rows, &why);
    else
        err_set(&why, ERR_RETRYABLE, "out of memory for a lookup");
    if (rc == LOOKUP_OK)
        rc = read_found(rows, out, n, &why);
    if (rc != LOOKUP_OK) {
        empty(out, n);
        if (err != NULL)
            *err = why;
    }
    PQclear(rows);
    params_fini(&params);
    return rc;
}

enum lookup_rc store_get_by_id(void *ctx, const char *order_id, struct order *out,
                               int64_t deadline_at_ns, struct err *err)
{
    unsigned char uuid[16];
    struct params params = { 0 };
    PGresult *rows = NULL;
    struct err why = { 0 };
    *out = (struct order){ 0 };
    if (!uuid_parse(order_id, uuid))
        return LOOKUP_OK; /* no order has this id */
    char limit[LIMIT_SIZE];
    params_text(&params, order_id);
    add_limit(&params, 1, limit);
    enum lookup_rc rc = store_fetch(ctx, STATEMENT_BY_ID, &params, deadline_at_ns, &rows, &why);
    if (rc == LOOKUP_OK && PQntuples(rows) > 0 && row_read(rows, 0, out, &why) != ROW_OK)
        rc = LOOKUP_FAILED;
    if (rc != LOOKUP_OK && err != NULL)
        *err = why;
    PQclear(rows);
    return rc;
}
