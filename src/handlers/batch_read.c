/* batch_read.c - parses the body of a batch into its entries. The orders are counted first, so that
 * the entries are allocated once and never move. Then each order is validated. Both are done in
 * slices. Malformed JSON in an array makes the whole body invalid. In NDJSON, malformed JSON makes
 * only the order on that line invalid. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "handlers/batch.h"
#include "handlers/reject.h"

enum { ERROR_MAX = 16 * 1024 };

/* A slice ends when it reaches the limit of bytes or of cost. The cost of an order stands for the
 * time that reading it takes. An invalid order costs more, because its error texts are written. */
enum {
    COUNT_SLICE_BYTES = 64 * 1024,
    READ_SLICE_BYTES = 16 * 1024,
    READ_SLICE_COST = 64,
    COST_OF_GOOD = 1,
    COST_OF_BAD = 5,
};

static void reject_whole(struct batch *batch, enum rejection rejection)
{
    batch_move(batch, BATCH_REJECTED);
    batch->problem = statuses_problem(rejection);
}

static void reject_syntax(struct batch *batch, const struct order_problem *found)
{
    reject_whole(batch, REJECT_MALFORMED);
    batch->problem.code = found->code;
    batch->problem.offset = found->offset;
}

static void begin(struct batch *batch)
{
    order_batch_begin(&batch->reader, batch->is_lines ? ORDER_BATCH_LINES : ORDER_BATCH_ARRAY,
                      batch->body, batch->len);
    batch->n_read = 0;
}

/* Ends the count, which is complete or exceeds `max`. */
static void end_count(struct batch *batch, size_t max)
{
    struct order_problem found;
    if (batch->n_read > max) {
        reject_whole(batch, REJECT_BATCH_TOO_LARGE);
        (void)snprintf(batch->detail, sizeof batch->detail, "A batch may have %zu orders at most.",
                       max);
    } else if (!order_batch_whole(&batch->reader, &found)) {
        reject_syntax(batch, &found);
        (void)snprintf(batch->detail, sizeof batch->detail, "%s", found.detail);
    } else if (batch->n_read == 0) {
        reject_whole(batch, REJECT_BATCH_EMPTY);
    } else {
        batch->n = batch->n_read;
    }
}

/* Counts the orders of one slice. Returns true when the count is complete. */
static bool count(struct batch *batch)
{
    struct json_token item;
    size_t max = batch->handlers->batch_max;
    const char *begun_at = batch->reader.at;
    while (batch->n_read <= max && order_batch_next(&batch->reader, &item)) {
        batch->n_read++;
        if (batch->reader.at - begun_at >= COUNT_SLICE_BYTES)
            return false;
    }
    end_count(batch, max);
    return true;
}

/* Writes the error text of one order, to keep it until the answer is written. Returns NULL if there
 * is no room for it; later orders then get no text either. */
static char *keep_error(struct batch *batch, const struct http_problem *problem)
{
    struct buf error = BUF_INIT(ERROR_MAX);
    char *kept = NULL;
    if (batch->errors_full)
        return NULL;
    reject_add_occurrence(&error, problem);
    batch->errors_full = error.failed || batch->errors_bytes + error.len > BATCH_ERRORS_MAX ||
                         !budget_share_take(&batch->held, error.len);
    if (!batch->errors_full && error.len > 0)
        kept = strndup(error.data, error.len);
    batch->errors_bytes += error.len;
    buf_fini(&error);
    return kept;
}

void batch_entry_reject(struct batch_entry *entry, const struct http_problem *problem)
{
    entry->error = keep_error(entry->batch, problem);
    batch_entry_move(entry, ENTRY_REJECTED);
    entry->problem = *problem;
    entry->problem.detail = entry->problem.members = NULL;
}

static void reject_malformed(struct batch *batch, const struct batch_entry *entry,
                             const struct order_problem *found)
{
    reject_syntax(batch, found);
    (void)snprintf(batch->detail, sizeof batch->detail, "The order at index %zu: %s",
                   (size_t)(entry - batch->entries), found->detail);
}

static void reject_one(struct batch *batch, struct batch_entry *entry, enum order_rc rc,
                       struct order_problem *found)
{
    struct reject_text text = { .detail = "" };
    if (rc == ORDER_MALFORMED && !batch->is_lines) {
        reject_malformed(batch, entry, found);
        return;
    }
    struct http_problem problem = reject_document(rc, found, batch->errors_full ? NULL : &text);
    batch_entry_reject(entry, &problem);
    reject_text_fini(&text);
}

/* Rejects a replay_only order of a request with validate_only. Such an order could only be accepted
 * as a replay, but a request with validate_only looks up no stored order. */
static void reject_unstored(struct batch *batch, struct batch_entry *entry)
{
    struct reject_text text = { .detail = "" };
    struct http_problem problem = reject_replay_only(batch->errors_full ? NULL : &text);
    batch_entry_reject(entry, &problem);
    reject_text_fini(&text);
}

static void take_good(struct batch *batch, struct batch_entry *entry)
{
    struct submission *submission = &entry->submission;
    if (!http_may_use(batch->req, submission->item.order.account_id)) {
        const struct http_problem forbidden = statuses_problem(REJECT_FORBIDDEN);
        batch_entry_reject(entry, &forbidden);
        return;
    }
    submission->handlers = batch->handlers;
    if (batch->preferences.validate_only && submission->item.order.replay_only)
        reject_unstored(batch, entry);
    else if (!batch->preferences.validate_only)
        submission_stamp(submission, batch->req);
}

/* Parses one order. If batch->errors_full is set, no text is made for an error of this order. An
 * error that makes the whole body invalid always has a text. */
static enum order_rc parse(const struct batch *batch, struct batch_entry *entry,
                           struct json_token item, struct order_problem *found)
{
    const bool brief = batch->errors_full;
    struct order *order = &entry->submission.item.order;
    enum order_rc rc = order_parse(item.at, item.len, NULL, order, brief ? NULL : found);
    if (rc == ORDER_MALFORMED && brief)
        rc = order_parse(item.at, item.len, NULL, order, found);
    if (rc == ORDER_MALFORMED && found->offset >= 0)
        found->offset += item.at - batch->body;
    return rc;
}

/* Reads one order. Returns its cost (COST_OF_GOOD or COST_OF_BAD). */
static int read_one(struct batch *batch, struct batch_entry *entry, struct json_token item)
{
    struct order_problem found;
    entry->batch = batch;
    enum order_rc rc = parse(batch, entry, item, &found);
    if (rc == ORDER_OK)
        take_good(batch, entry);
    else
        reject_one(batch, entry, rc, &found);
    return rc == ORDER_OK ? COST_OF_GOOD : COST_OF_BAD;
}

/* Reads one slice. Returns true when all orders are read or the document is rejected. */
static bool read_some(struct batch *batch)
{
    struct json_token item;
    const char *begun_at = batch->reader.at;
    for (int cost = 0; batch->n_read < batch->n; batch->n_read++) {
        if (cost >= READ_SLICE_COST || batch->reader.at - begun_at >= READ_SLICE_BYTES)
            return false;
        CHECK(order_batch_next(&batch->reader, &item)); /* count() has found this many */
        cost += read_one(batch, &batch->entries[batch->n_read], item);
        if (batch->state == BATCH_REJECTED)
            return true;
    }
    batch_move(batch, BATCH_READ);
    return true;
}

/* Takes from the budget the bytes of the entries, of their metadata, and of an answer in which each
 * result is shortened. Returns false if there is no room. */
static bool reserve(struct batch *batch)
{
    size_t results = batch->n * BATCH_RESULT_MAX;
    size_t block = results < HTTP_BLOCK_BYTES ? results : (size_t)HTTP_BLOCK_BYTES;
    return budget_share_take(&batch->held,
                             batch->n * (sizeof *batch->entries + sizeof(struct err)) +
                                 batch->len) &&
           pieces_reserve(&batch->out, results + BATCH_DOCUMENT_MAX + block);
}

/* Allocates the entries, after the count and before the first order is read. */
static void make_entries(struct batch *batch)
{
    bool room = reserve(batch);
    batch->entries = room ? calloc(batch->n, sizeof *batch->entries) : NULL;
    if (batch->entries != NULL) {
        batch_move(batch, BATCH_READING);
        begin(batch);
        return;
    }
    batch->n = 0;
    reject_whole(batch, room ? REJECT_NO_MEMORY : REJECT_OVERLOADED);
}

bool batch_read(struct batch *batch)
{
    if (batch->state == BATCH_READING)
        return read_some(batch);
    if (batch->reader.begin == NULL)
        begin(batch);
    if (!count(batch))
        return false;
    if (batch->state == BATCH_COUNTING)
        make_entries(batch);
    return batch->state == BATCH_REJECTED || (batch->len < READ_SLICE_BYTES && read_some(batch));
}
