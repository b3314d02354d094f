/* batch_read.c - from a body to the entries of a batch. The orders are counted first, so that the
 * entries are allocated once and never move. Then each order is checked. All of it is done in
 * slices. Malformed JSON in an array makes the document invalid; malformed JSON on a line makes
 * that line invalid. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/batch.h"
#include "app/refuse.h"
#include "base/buf.h"
#include "base/check.h"

enum { ERROR_MAX = 16 * 1024 };

/* A slice ends when one of these limits is reached. Counting an order is cheap, reading it costs
 * more, and an invalid order costs most. */
enum {
    COUNT_SLICE_BYTES = 64 * 1024,
    READ_SLICE_BYTES = 16 * 1024,
    READ_SLICE_COST = 64,
    COST_OF_GOOD = 1,
    COST_OF_BAD = 5,
};

static void refuse_whole(struct batch *batch, enum order_refusal refusal)
{
    batch->refused = true;
    batch->problem = http_map_problem(refusal);
}

static void refuse_syntax(struct batch *batch, const struct order_problem *found)
{
    refuse_whole(batch, REFUSE_MALFORMED);
    batch->problem.code = found->code;
    batch->problem.offset = found->offset;
}

/* One that the queue could never take whole is too large too. */
static size_t orders_max(const struct options *options)
{
    return options->orders_batch_max < options->orders_queue_capacity
               ? options->orders_batch_max
               : options->orders_queue_capacity;
}

static void begin(struct batch *batch)
{
    order_batch_begin(&batch->reader, batch->is_lines ? ORDER_BATCH_LINES : ORDER_BATCH_ARRAY,
                      batch->body, batch->len);
    batch->n_read = 0;
}

/* The count is complete, or over the limit. */
static void settle_count(struct batch *batch, size_t max)
{
    struct order_problem found;
    if (batch->n_read > max) {
        refuse_whole(batch, REFUSE_BATCH_TOO_LARGE);
        (void)snprintf(batch->detail, sizeof batch->detail, "A batch may have %zu orders at most.",
                       max);
    } else if (!order_batch_whole(&batch->reader, &found)) {
        refuse_syntax(batch, &found);
        (void)snprintf(batch->detail, sizeof batch->detail, "%s", found.detail);
    } else if (batch->n_read == 0) {
        refuse_whole(batch, REFUSE_BATCH_EMPTY);
    } else {
        batch->n = batch->n_read;
    }
}

/* Counts one slice. True: the count is complete. */
static bool count(struct batch *batch)
{
    struct json_token item;
    size_t max = orders_max(&batch->service->options);
    const char *begun_at = batch->reader.at;
    while (batch->n_read <= max && order_batch_next(&batch->reader, &item)) {
        batch->n_read++;
        if (batch->reader.at - begun_at >= COUNT_SLICE_BYTES)
            return false;
    }
    settle_count(batch, max);
    return true;
}

/* Renders the error of one order, which is kept until the answer is written. NULL: there is no room
 * for this error, nor for the errors of later orders. */
static char *keep_error(struct batch *batch, const struct http_problem *problem)
{
    struct buf error = BUF_INIT(ERROR_MAX);
    char *kept = NULL;
    if (batch->errors_full)
        return NULL;
    refuse_add_occurrence(&error, problem);
    batch->errors_full = error.failed || batch->errors_bytes + error.len > BATCH_ERRORS_MAX ||
                         !budget_share_take(&batch->held, error.len);
    if (!batch->errors_full && error.len > 0)
        kept = strndup(error.data, error.len);
    batch->errors_bytes += error.len;
    buf_fini(&error);
    return kept;
}

void batch_entry_refuse(struct batch_entry *entry, const struct http_problem *problem)
{
    entry->error = keep_error(entry->batch, problem);
    entry->fate = FATE_REFUSED;
    entry->problem = *problem;
    entry->problem.detail = entry->problem.members = NULL;
}

static void refuse_malformed(struct batch *batch, const struct batch_entry *entry,
                             const struct order_problem *found)
{
    refuse_syntax(batch, found);
    (void)snprintf(batch->detail, sizeof batch->detail, "The order at index %zu: %s",
                   (size_t)(entry - batch->entries), found->detail);
}

static void refuse_one(struct batch *batch, struct batch_entry *entry, enum order_rc rc,
                       struct order_problem *found)
{
    struct refuse_text text = { .detail = "" };
    if (rc == ORDER_MALFORMED && !batch->is_lines) {
        refuse_malformed(batch, entry, found);
        return;
    }
    struct http_problem problem = refuse_document(rc, found, batch->errors_full ? NULL : &text);
    batch_entry_refuse(entry, &problem);
    refuse_text_fini(&text);
}

/* An order that is only validated is not looked up, so it cannot be found to be a replay. */
static void refuse_unstored(struct batch *batch, struct batch_entry *entry)
{
    struct refuse_text text = { .detail = "" };
    struct http_problem problem = refuse_replay_only(batch->errors_full ? NULL : &text);
    batch_entry_refuse(entry, &problem);
    refuse_text_fini(&text);
}

static void take_good(struct batch *batch, struct batch_entry *entry)
{
    struct ticket *ticket = &entry->ticket;
    if (!http_may_use(batch->req, ticket->item.order.account_id)) {
        const struct http_problem forbidden = http_map_problem(REFUSE_FORBIDDEN);
        batch_entry_refuse(entry, &forbidden);
        return;
    }
    ticket->service = batch->service;
    if (batch->wishes.validate_only && ticket->item.order.replay_only)
        refuse_unstored(batch, entry);
    else if (!batch->wishes.validate_only)
        ticket_stamp(ticket, http_received_at_ns(batch->req));
}

/* If there is no room for errors of entries, only an error of the document gets a text. */
static enum order_rc parse(const struct batch *batch, struct batch_entry *entry,
                           struct json_token item, struct order_problem *found)
{
    const bool brief = batch->errors_full;
    struct order *order = &entry->ticket.item.order;
    enum order_rc rc = order_parse(item.at, item.len, NULL, order, brief ? NULL : found);
    if (rc == ORDER_MALFORMED && brief)
        rc = order_parse(item.at, item.len, NULL, order, found);
    if (rc == ORDER_MALFORMED && found->offset >= 0)
        found->offset += item.at - batch->body;
    return rc;
}

/* Returns what reading the order cost. */
static int read_one(struct batch *batch, struct batch_entry *entry, struct json_token item)
{
    struct order_problem found;
    entry->batch = batch;
    enum order_rc rc = parse(batch, entry, item, &found);
    if (rc == ORDER_OK)
        take_good(batch, entry);
    else
        refuse_one(batch, entry, rc, &found);
    return rc == ORDER_OK ? COST_OF_GOOD : COST_OF_BAD;
}

/* Reads one slice. True: all orders are read, or the document is refused. */
static bool read_some(struct batch *batch)
{
    struct json_token item;
    const char *begun_at = batch->reader.at;
    for (int cost = 0; batch->n_read < batch->n; batch->n_read++) {
        if (cost >= READ_SLICE_COST || batch->reader.at - begun_at >= READ_SLICE_BYTES)
            return false;
        CHECK(order_batch_next(&batch->reader, &item)); /* it was counted */
        cost += read_one(batch, &batch->entries[batch->n_read], item);
        if (batch->refused)
            return true;
    }
    return true;
}

/* Takes from the budget what the batch needs, whatever the outcomes of its orders are. False: there
 * is no room. */
static bool reserve(struct batch *batch)
{
    size_t results = batch->n * BATCH_RESULT_MAX;
    size_t block = results < HTTP_BLOCK_BYTES ? results : (size_t)HTTP_BLOCK_BYTES;
    return budget_share_take(&batch->held, batch->n * sizeof *batch->entries + batch->len) &&
           pieces_reserve(&batch->out, results + BATCH_DOCUMENT_MAX + block);
}

/* Between the count and the reading. */
static void make_entries(struct batch *batch)
{
    bool room = reserve(batch);
    batch->entries = room ? calloc(batch->n, sizeof *batch->entries) : NULL;
    if (batch->entries != NULL)
        return;
    batch->n = 0;
    refuse_whole(batch, room ? REFUSE_NO_MEMORY : REFUSE_OVERLOADED);
}

bool batch_read(struct batch *batch)
{
    if (batch->entries != NULL)
        return read_some(batch);
    if (batch->reader.begin == NULL)
        begin(batch);
    if (!count(batch))
        return false;
    if (batch->refused)
        return true;
    make_entries(batch);
    begin(batch);
    return batch->refused || (batch->len < READ_SLICE_BYTES && read_some(batch));
}
