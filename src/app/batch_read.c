/* batch_read.c - from a body to the entries of a batch: counted first, so that they are allocated
 * once and stay put, then judged one by one. A fault of JSON in an array is the document's, on a
 * line it is that line's. */
#include <stdio.h>
#include <stdlib.h>

#include "app/batch.h"
#include "app/refuse.h"
#include "base/check.h"
#include "orders/order_batch.h"

enum { ERROR_MAX = 16 * 1024 };

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

static void begin(struct order_batch *reader, const struct batch *batch)
{
    order_batch_begin(reader, batch->is_lines ? ORDER_BATCH_LINES : ORDER_BATCH_ARRAY, batch->body,
                      batch->len);
}

/* False: the document is refused. */
static bool count(struct batch *batch)
{
    struct order_batch reader;
    struct json_token item;
    struct order_problem found;
    size_t max = orders_max(&batch->service->options), n = 0;
    begin(&reader, batch);
    while (n <= max && order_batch_next(&reader, &item))
        n++;
    if (n > max) {
        refuse_whole(batch, REFUSE_BATCH_TOO_LARGE);
        (void)snprintf(batch->detail, sizeof batch->detail, "A batch may have %zu orders at most.",
                       max);
    } else if (!order_batch_whole(&reader, &found)) {
        refuse_syntax(batch, &found);
        (void)snprintf(batch->detail, sizeof batch->detail, "%s", found.detail);
    } else if (n == 0) {
        refuse_whole(batch, REFUSE_BATCH_EMPTY);
    }
    if (!batch->refused)
        batch->n = n;
    return !batch->refused;
}

void batch_entry_refuse(struct batch_entry *entry, const struct http_problem *problem)
{
    struct batch *batch = entry->batch;
    struct buf error = BUF_INIT(ERROR_MAX);
    refuse_add_occurrence(&error, problem);
    if (batch->errors_bytes + error.len > batch->service->options.http_max_body_bytes) {
        buf_clear(&error);
        buf_add_str(&error, ",\"detail\":\"Too much is wrong with this batch to say all of it: "
                            "correct what is said of the others and send again.\"");
    }
    batch->errors_bytes += error.len;
    size_t len;
    entry->error = buf_steal(&error, &len);
    entry->fate = FATE_REFUSED;
    entry->problem = *problem;
    entry->problem.detail = entry->problem.members = NULL;
}

/* False: the document is refused. */
static bool read_one(struct batch *batch, struct batch_entry *entry, struct json_token item)
{
    struct order_problem found;
    struct refuse_text text = { .detail = "" };
    long at = item.at - batch->body;
    enum order_rc rc = order_parse(item.at, item.len, NULL, &entry->ticket.item.order, &found);
    if (rc == ORDER_OK)
        return true;
    if (rc == ORDER_MALFORMED && found.offset >= 0)
        found.offset += at;
    if (rc == ORDER_MALFORMED && !batch->is_lines) {
        refuse_syntax(batch, &found);
        (void)snprintf(batch->detail, sizeof batch->detail, "The order at index %zu: %s",
                       (size_t)(entry - batch->entries), found.detail);
        return false;
    }
    struct http_problem problem = refuse_document(rc, &found, &text);
    batch_entry_refuse(entry, &problem);
    refuse_text_fini(&text);
    return true;
}

void batch_read(struct batch *batch)
{
    struct order_batch reader;
    struct json_token item;
    if (!count(batch))
        return;
    CHECK(batch->n > 0);
    batch->entries = calloc(batch->n, sizeof *batch->entries);
    if (batch->entries == NULL) {
        batch->n = 0;
        refuse_whole(batch, REFUSE_NO_MEMORY);
        return;
    }
    begin(&reader, batch);
    for (size_t i = 0; i < batch->n && order_batch_next(&reader, &item); i++) {
        batch->entries[i].batch = batch;
        if (!read_one(batch, &batch->entries[i], item))
            return;
    }
}
