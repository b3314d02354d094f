/* list.c - lists the orders of an account by their client_order_ids, a page at a time.
 *
 * A page is a range of the primary key (account_id, client_order_id), so the server reads only the
 * orders of the page, and one more. That one shows whether the range goes on. The statement
 * compares ids by the collation "C", that is by their bytes, as store_list_until() does. The column
 * has this collation, so the index serves the comparison and the order. (LIKE with a parameter for
 * its pattern is no range: the index would not bound it.)
 *
 * The statement also ends the page before the order with which the metadata would exceed
 * ORDER_PAGE_METADATA_MAX bytes (statement_text.c). That order comes as the last row, without its
 * metadata. The first order never ends a page, because its metadata alone always fit. */
#include "store/list.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "orders/order_store.h"
#include "store/fetch.h"
#include "store/impl.h"
#include "store/params.h"
#include "store/row.h"

static_assert((int)ORDER_SHOWN_METADATA_MAX <= (int)ORDER_PAGE_METADATA_MAX,
              "the metadata of one order fit into a page");

enum { NUMBER_SIZE = 16 };

/* Parameters that are made here. */
struct made {
    char until[ORDER_NAME_SIZE];
    char rows[NUMBER_SIZE], metadata_bytes[NUMBER_SIZE];
};

void store_list_until(const char *prefix, char until[ORDER_NAME_SIZE])
{
    static const char above_all[] = "{"; /* the character after 'z' */
    const size_t len = strlen(prefix);
    CHECK(len < ORDER_NAME_SIZE);
    if (len == 0) {
        memcpy(until, above_all, sizeof above_all);
        return;
    }
    memcpy(until, prefix, len + 1);
    until[len - 1]++;
}

/* Adds the parameters of STATEMENT_LIST. They borrow the texts in *made. */
static void add_params(struct params *params, const struct order_range *range, struct made *made)
{
    const bool from_is_higher = strcmp(range->from, range->prefix) > 0;
    store_list_until(range->prefix, made->until);
    (void)snprintf(made->rows, sizeof made->rows, "%zu", range->limit + 1);
    (void)snprintf(made->metadata_bytes, sizeof made->metadata_bytes, "%d",
                   (int)ORDER_PAGE_METADATA_MAX);
    params_text(params, range->account_id);
    params_text(params, from_is_higher ? range->from : range->prefix);
    params_text(params, range->after);
    params_text(params, made->until);
    params_text(params, made->rows);
    params_text(params, made->metadata_bytes);
}

static bool is_left_out(const struct order *order)
{
    return order->metadata == NULL && order->metadata_len > 0;
}

/* Returns true if the order may come next on the page. Otherwise another program has stored an id
 * that ordersd would refuse, or the collation of the column is not "C" any more, or the answer is
 * malformed. A page that began after such an id could miss orders or repeat them. */
static bool is_next(const struct order *order, const struct order_range *range,
                    const struct order_page *page)
{
    const char *before = page->n > 0 ? page->orders[page->n - 1].client_order_id : range->after;
    return strcmp(order->account_id, range->account_id) == 0 &&
           order_name_is_valid(order->client_order_id) &&
           strcmp(before, order->client_order_id) < 0 && (page->n > 0 || !is_left_out(order));
}

static enum lookup_rc read_page(const PGresult *rows, const struct order_range *range,
                                struct order_page *page, struct err *err)
{
    for (int i = 0; i < PQntuples(rows) && !page->more; i++) {
        struct order order;
        if (page->n == range->limit) {
            page->more = true;
            break;
        }
        if (row_read(rows, i, &order, err) != ROW_OK)
            return LOOKUP_FAILED;
        if (!is_next(&order, range, page)) {
            err_set(err, 0, "the client_order_id of the stored order %s has no place in a list",
                    order.order_id);
            order_fini(&order);
            return LOOKUP_FAILED;
        }
        page->more = is_left_out(&order);
        if (!page->more)
            page->orders[page->n++] = order;
    }
    return LOOKUP_OK;
}

static void empty(struct order_page *page)
{
    for (; page->n > 0; page->n--)
        order_fini(&page->orders[page->n - 1]);
    page->more = false;
}

enum lookup_rc store_list(void *ctx, const struct order_range *range, struct order_page *page,
                          int64_t deadline_at_ns, struct err *err)
{
    struct params params = { 0 };
    struct made made;
    PGresult *rows = NULL;
    struct err why = { 0 };
    CHECK(range->limit > 0);
    CHECK(range->limit <= ORDER_PAGE_MAX);
    page->n = 0;
    page->more = false;
    add_params(&params, range, &made);
    enum lookup_rc rc = store_fetch(ctx, STATEMENT_LIST, &params, deadline_at_ns, &rows, &why);
    if (rc == LOOKUP_OK)
        rc = read_page(rows, range, page, &why);
    if (rc != LOOKUP_OK) {
        empty(page);
        if (err != NULL)
            *err = why;
    }
    PQclear(rows);
    return rc;
}
