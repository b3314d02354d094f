/* batch_write.c - from the fates of a batch to its answer (design.md section 5, "Batch"). Each
 * order has the status that it would have had alone; the request has theirs if it is one for all.
 */
#include <inttypes.h>
#include <string.h>

#include "app/batch.h"
#include "app/refuse.h"
#include "base/clock.h"

enum { RESULT_BYTES_MAX = 4096, ANSWER_BYTES = 64 * 1024, STATUS_MIXED = 207 };

enum { WRITE_SLICE = 64 }; /* entries */

static void tally_status(struct batch_tally *tally, int status)
{
    bool both_good =
        (tally->status == 200 || tally->status == 201) && (status == 200 || status == 201);
    if (tally->status == 0 || tally->status == status)
        tally->status = status;
    else
        tally->status = both_good ? 200 : STATUS_MIXED;
}

static void tally_refusal(struct batch_tally *tally, const struct http_problem *problem)
{
    if (problem->status >= 500)
        tally->failed_status = problem->status;
    bool unknown = strcmp(problem->outcome, "unknown") == 0;
    tally->unknown += unknown;
    tally->rejected += !unknown;
    if (tally->first.code == NULL) {
        tally->first = *problem;
        tally->one_code = true;
    }
    tally->one_code = tally->one_code && strcmp(tally->first.code, problem->code) == 0;
    if (unknown)
        tally->first.outcome = problem->outcome;
    if (problem->retry_after_ns > tally->retry_after_ns)
        tally->retry_after_ns = problem->retry_after_ns;
}

/* ---- one result ---- */

static void begin_result(struct buf *out, const struct batch_entry *entry, int status,
                         struct batch_tally *tally)
{
    const struct batch *batch = entry->batch;
    const char *id = entry->ticket.item.order.client_order_id;
    if (tally->n_shown++ > 0)
        buf_add_char(out, batch->wishes.lines ? '\n' : ',');
    buf_printf(out, "{\"index\":%zu,\"status\":%d", (size_t)(entry - batch->entries), status);
    if (id[0] != '\0') {
        buf_add_str(out, ",\"client_order_id\":");
        buf_add_json(out, id);
    }
}

static void add_good(struct buf *out, const struct batch_entry *entry, int status,
                     const char *order_id, struct batch_tally *tally)
{
    tally_status(tally, status);
    if (entry->batch->wishes.minimal)
        return;
    begin_result(out, entry, status, tally);
    if (order_id != NULL) {
        buf_add_str(out, ",\"order_id\":");
        buf_add_json(out, order_id);
        buf_add_str(out, status == 200 ? ",\"replayed\":true" : ",\"replayed\":false");
    }
    buf_add_char(out, '}');
}

/* `occurrence`: detail and members, as JSON members; may be NULL. */
static void add_refused(struct buf *out, const struct batch_entry *entry,
                        const struct http_problem *problem, const char *occurrence,
                        struct batch_tally *tally)
{
    tally_status(tally, problem->status);
    tally_refusal(tally, problem);
    begin_result(out, entry, problem->status, tally);
    buf_printf(out, ",\"error\":{\"code\":\"%s\"", problem->code);
    if (occurrence != NULL)
        buf_add_str(out, occurrence);
    buf_printf(out, ",\"outcome\":\"%s\",\"retryable\":%s", problem->outcome,
               problem->retryable ? "true" : "false");
    if (problem->offset >= 0)
        buf_printf(out, ",\"offset\":%ld", problem->offset);
    if (problem->retry_after_ns > 0)
        buf_printf(out, ",\"retry_after_ms\":%" PRId64,
                   (problem->retry_after_ns + NS_PER_MS - 1) / NS_PER_MS);
    buf_add_str(out, "}}");
}

static void add_problem(struct buf *out, const struct batch_entry *entry,
                        const struct http_problem *problem, struct batch_tally *tally)
{
    struct buf occurrence = BUF_INIT(RESULT_BYTES_MAX);
    refuse_add_occurrence(&occurrence, problem);
    add_refused(out, entry, problem, occurrence.data, tally);
    buf_fini(&occurrence);
}

static void add_settled(struct buf *out, const struct batch_entry *entry, struct batch_tally *tally)
{
    const struct ingest_item *item = &entry->ticket.item;
    if (item->verdict == ITEM_CREATED) {
        tally->created++;
        add_good(out, entry, 201, item->order.order_id, tally);
    } else if (item->verdict == ITEM_REPLAYED) {
        tally->replayed++;
        add_good(out, entry, 200, item->put.stored.order_id, tally);
    } else {
        struct refuse_text text = { .detail = "" };
        struct http_problem problem = refuse_verdict(item, &text);
        add_problem(out, entry, &problem, tally);
        refuse_text_fini(&text);
    }
}

static void add_entry(struct buf *out, const struct batch_entry *entry, struct batch_tally *tally)
{
    struct http_problem problem;
    switch (entry->fate) {
    case FATE_GOOD:
        add_good(out, entry, 200, NULL, tally);
        return;
    case FATE_REFUSED:
        add_refused(out, entry, &entry->problem, entry->error, tally);
        return;
    case FATE_SETTLED:
        add_settled(out, entry, tally);
        return;
    case FATE_MATE:
        problem = http_map_problem(REFUSE_BATCH_MATE);
        break;
    case FATE_EXPIRED:
        problem = http_map_problem(REFUSE_COMMIT_TIMEOUT);
        break;
    case FATE_WAITING:
    case FATE_UNKNOWN:
        problem = http_map_problem(REFUSE_COMMIT_UNKNOWN);
        break;
    }
    add_problem(out, entry, &problem, tally);
}

/* ---- the whole ---- */

static void add_summary(struct buf *out, const struct batch *batch, const struct batch_tally *tally)
{
    buf_printf(out,
               "\"summary\":{\"total\":%zu,\"created\":%" PRIu64 ",\"replayed\":%" PRIu64
               ",\"journaled\":0,\"rejected\":%" PRIu64 ",\"unknown\":%" PRIu64 "}",
               batch->n, tally->created, tally->replayed, tally->rejected, tally->unknown);
}

/* Of a batch of which nothing is known to be stored. */
static struct http_problem whole_problem(const struct batch_tally *tally, int status)
{
    struct http_problem problem = http_map_problem(REFUSE_BATCH);
    if (tally->one_code) {
        problem.code = tally->first.code;
        problem.title = tally->first.title;
        problem.detail = "It is so for each order of the batch; see `results`.";
    }
    problem.status = status;
    problem.outcome = tally->unknown > 0 ? "unknown" : "not_accepted";
    problem.retryable = tally->first.retryable;
    problem.retry_after_ns = tally->retry_after_ns;
    return problem;
}

/* All or none: where some are refused, all are. */
static int status_of(const struct batch *batch, const struct batch_tally *tally)
{
    if (!batch->wishes.atomic || tally->status != STATUS_MIXED)
        return tally->status;
    return tally->failed_status != 0 ? tally->failed_status : 422;
}

static void add_lines(struct buf *out, const struct batch *batch, const struct buf *results,
                      const struct batch_tally *tally)
{
    buf_add(out, results->data, results->len);
    buf_add_str(out, results->len > 0 ? "\n{" : "{");
    add_summary(out, batch, tally);
    buf_add_str(out, "}\n");
}

static void add_members(struct buf *out, const struct batch *batch, const struct buf *results,
                        const struct batch_tally *tally)
{
    add_summary(out, batch, tally);
    buf_add_str(out, ",\"results\":[");
    buf_add(out, results->data, results->len);
    buf_add_char(out, ']');
}

static void add_object(struct buf *out, const struct batch *batch, const struct buf *results,
                       const struct batch_tally *tally)
{
    buf_add_char(out, '{');
    add_members(out, batch, results, tally);
    buf_add_char(out, '}');
}

static void begin(struct batch *batch, size_t max)
{
    buf_fini(&batch->results);
    batch->results = BUF_INIT(max);
    batch->tally = (struct batch_tally){ .status = 0 };
    batch->n_written = 0;
}

/* One slice. True: all entries are written. */
static bool add_results(struct batch *batch)
{
    size_t left = batch->n - batch->n_written;
    size_t stop = batch->n_written + (left < WRITE_SLICE ? left : WRITE_SLICE);
    while (batch->n_written < stop)
        add_entry(&batch->results, &batch->entries[batch->n_written++], &batch->tally);
    return batch->n_written == batch->n;
}

static void finish(struct batch *batch, size_t max)
{
    struct buf *out = &batch->out;
    *out = BUF_INIT(max);
    if (batch->status >= 400) {
        batch->answer = whole_problem(&batch->tally, batch->status);
        add_members(out, batch, &batch->results, &batch->tally);
    } else if (batch->wishes.lines) {
        add_lines(out, batch, &batch->results, &batch->tally);
    } else {
        add_object(out, batch, &batch->results, &batch->tally);
    }
    out->failed = out->failed || batch->results.failed;
    buf_fini(&batch->results);
}

bool batch_write(struct batch *batch)
{
    size_t max = batch->n * RESULT_BYTES_MAX + batch->errors_bytes + ANSWER_BYTES;
    if (batch->n_written == 0)
        begin(batch, max);
    if (!add_results(batch))
        return false;
    const struct http_problem *first = &batch->tally.first;
    batch->status = status_of(batch, &batch->tally);
    batch->code = first->code == NULL || batch->tally.one_code ? first->code : "several";
    if (batch->status >= 400 && batch->wishes.lines) { /* a problem document has no lines */
        batch->wishes.lines = false;
        batch->n_written = 0;
        return false;
    }
    finish(batch, max + ANSWER_BYTES);
    return true;
}
