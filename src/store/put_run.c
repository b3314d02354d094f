/* put_run.c - runs STATEMENT_INSERT or STATEMENT_COMPARE with orders as its parameters; see
 * put_attempt.h. insert_columns and key_columns have the columns in the sequence of the parameters
 * in the SQL (statement_text.c). Decimals and metadata are sent as text, which the SQL casts. */
#include <assert.h>

#include "base/err.h"
#include "store/params.h"
#include "store/put_attempt.h"

static void add_optional(struct buf *out, const char *text)
{
    if (text == NULL || text[0] == '\0')
        pg_array_null(out);
    else
        pg_array_text(out, text);
}

static void add_account_id(struct buf *out, const struct order *o)
{
    pg_array_text(out, o->account_id);
}

static void add_client_order_id(struct buf *out, const struct order *o)
{
    pg_array_text(out, o->client_order_id);
}

static void add_order_id(struct buf *out, const struct order *o)
{
    pg_array_uuid(out, o->order_id);
}

static void add_symbol(struct buf *out, const struct order *o)
{
    pg_array_text(out, o->symbol);
}

static void add_side(struct buf *out, const struct order *o)
{
    pg_array_text(out, order_side_name(o->side));
}

static void add_type(struct buf *out, const struct order *o)
{
    pg_array_text(out, order_type_name(o->type));
}

static void add_quantity(struct buf *out, const struct order *o)
{
    pg_array_text(out, o->quantity);
}

static void add_limit_price(struct buf *out, const struct order *o)
{
    add_optional(out, o->limit_price);
}

static void add_stop_price(struct buf *out, const struct order *o)
{
    add_optional(out, o->stop_price);
}

static void add_time_in_force(struct buf *out, const struct order *o)
{
    pg_array_text(out, order_tif_name(o->time_in_force));
}

static void add_metadata(struct buf *out, const struct order *o)
{
    add_optional(out, o->metadata);
}

static void add_received_at(struct buf *out, const struct order *o)
{
    pg_array_timestamptz(out, o->received_at_us);
}

static void add_submitted_by(struct buf *out, const struct order *o)
{
    add_optional(out, o->submitted_by);
}

struct column {
    enum pg_type type;
    size_t max_bytes;
    void (*add)(struct buf *out, const struct order *order);
};

enum { WORD_MAX = 16 }; /* longest name of a side, type or time_in_force */

static const struct column insert_columns[] = {
    { PG_TEXT, ORDER_NAME_SIZE, add_account_id },
    { PG_TEXT, ORDER_NAME_SIZE, add_client_order_id },
    { PG_UUID, 16, add_order_id },
    { PG_TEXT, ORDER_SYMBOL_SIZE, add_symbol },
    { PG_TEXT, WORD_MAX, add_side },
    { PG_TEXT, WORD_MAX, add_type },
    { PG_TEXT, ORDER_DECIMAL_SIZE, add_quantity },
    { PG_TEXT, ORDER_DECIMAL_SIZE, add_limit_price },
    { PG_TEXT, ORDER_DECIMAL_SIZE, add_stop_price },
    { PG_TEXT, WORD_MAX, add_time_in_force },
    { PG_TEXT, ORDER_METADATA_MAX, add_metadata },
    { PG_TIMESTAMPTZ, 8, add_received_at },
    { PG_TEXT, ORDER_NAME_SIZE, add_submitted_by },
};

static const struct column key_columns[] = {
    { PG_TEXT, ORDER_NAME_SIZE, add_account_id },
    { PG_TEXT, ORDER_NAME_SIZE, add_client_order_id },
    { PG_TEXT, ORDER_METADATA_MAX, add_metadata },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
static_assert(COUNT(insert_columns) <= PARAMS_MAX, "a parameter a column");

/* Makes one array for each column. Returns false if out of memory. */
static bool make_params(struct params *params, const struct column *columns, size_t n_columns,
                        struct put_part part)
{
    for (size_t c = 0; c < n_columns; c++) {
        struct buf *array = params_array(params, columns[c].type, part.n, columns[c].max_bytes);
        for (size_t i = 0; i < part.n; i++)
            columns[c].add(array, part.puts[i]->order);
    }
    return params_ready(params);
}

enum pqpool_rc put_run(const struct put_attempt *a, statement_runner *run, enum statement which,
                       struct put_part part, struct pg_result **rows, struct err *err)
{
    const bool insert = which == STATEMENT_INSERT;
    struct params params = { 0 };
    enum pqpool_rc rc = PQPOOL_NOMEM;
    if (make_params(&params, insert ? insert_columns : key_columns,
                    insert ? COUNT(insert_columns) : COUNT(key_columns), part))
        rc = run(&a->session, which, &params, rows, err);
    else
        err_set(err, ERR_RETRYABLE, "out of memory for a group of %zu orders", a->group->n);
    params_fini(&params);
    return rc;
}
