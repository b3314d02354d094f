/* batch_write.c - writes the answer to a batch from the outcomes of its orders. Each order has a
 * status of its own. If all orders have the same status, the request has that status too
 * (docs/DESIGN.md, "Statuses").
 *
 * The outcomes are counted first, because the status of the request must be known before the
 * results are written. If the full result of a rejected order fits neither into the reserved memory
 * nor into the budget, a fixed text replaces the detail and the members of the result. That text
 * says that there was no room. */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "handlers/batch.h"
#include "handlers/reject.h"

enum {
    RESULT_BYTES_MAX = 40 * 1024, /* longest full result */
    SUMMARY_MAX = 512,
    STATUS_MIXED = 207,
    ROOM_AHEAD = 64 * 1024, /* bytes taken from the budget beyond what is needed now */

    /* Entries per slice. */
    TALLY_SLICE = 1024,
    WRITE_SLICE = 64,
};

#define SHORTENED                                                                                  \
    ",\"detail\":\"There is no room for more here: send this order again to see all errors.\""

/* ---- the outcome of one order ---- */

/* Returns the status of an order that is stored or valid. Returns 0 and sets *problem if the order
 * was rejected or its outcome is unknown. */
static int success_of(const struct batch_entry *entry, struct http_problem *problem)
{
    switch (entry->state) {
    case ENTRY_VALID:
        return 200;
    case ENTRY_REJECTED:
        *problem = entry->problem;
        return 0;
    case ENTRY_RESOLVED:
        if (entry->submission.item.verdict == ITEM_CREATED)
            return 201;
        if (entry->submission.item.verdict == ITEM_REPLAYED)
            return 200;
        *problem = reject_verdict_kind(&entry->submission.item);
        return 0;
    case ENTRY_BATCH_REJECTED:
        *problem = statuses_problem(REJECT_WITH_BATCH);
        return 0;
    case ENTRY_EXPIRED:
        *problem = statuses_problem(REJECT_COMMIT_TIMEOUT);
        return 0;
    case ENTRY_QUEUED:
    case ENTRY_UNKNOWN:
        break;
    }
    *problem = statuses_problem(REJECT_COMMIT_UNKNOWN);
    return 0;
}

/* ---- the totals ---- */

static void tally_status(struct batch_tally *tally, int status)
{
    bool both_good =
        (tally->status == 200 || tally->status == 201) && (status == 200 || status == 201);
    if (tally->status == 0 || tally->status == status)
        tally->status = status;
    else
        tally->status = both_good ? 200 : STATUS_MIXED;
}

static void tally_rejection(struct batch_tally *tally, const struct http_problem *problem)
{
    tally_status(tally, problem->status);
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

static void tally_one(struct batch_tally *tally, const struct batch_entry *entry)
{
    struct http_problem problem;
    int status = success_of(entry, &problem);
    if (status == 0) {
        tally_rejection(tally, &problem);
        return;
    }
    tally_status(tally, status);
    tally->created += status == 201;
    tally->replayed += status == 200 && entry->state == ENTRY_RESOLVED;
}

/* ---- one result ---- */

static void begin_result(struct buf *out, const struct batch_entry *entry, int status)
{
    const char *id = entry->submission.item.order.client_order_id;
    buf_printf(out, "{\"index\":%zu,\"status\":%d", (size_t)(entry - entry->batch->entries),
               status);
    if (id[0] != '\0') {
        buf_add_str(out, ",\"client_order_id\":");
        buf_add_json(out, id);
    }
}

static void add_good(struct buf *out, const struct batch_entry *entry, int status)
{
    const struct ingest_item *item = &entry->submission.item;
    begin_result(out, entry, status);
    if (entry->state == ENTRY_RESOLVED) {
        buf_add_str(out, ",\"order_id\":");
        buf_add_json(out,
                     status == 201 ? item->order.order_id : ingest_item_stored(item)->order_id);
        buf_add_str(out, status == 200 ? ",\"replayed\":true" : ",\"replayed\":false");
    }
    buf_add_char(out, '}');
}

/* Adds the result of a rejected order. `occurrence` is SHORTENED, or the text that
 * reject_add_occurrence() made of the detail and the members of the problem. */
static void add_rejected(struct buf *out, const struct batch_entry *entry,
                         const struct http_problem *problem, const char *occurrence)
{
    begin_result(out, entry, problem->status);
    buf_printf(out, ",\"error\":{\"code\":\"%s\"%s,\"outcome\":\"%s\",\"retryable\":%s",
               problem->code, occurrence, problem->outcome, json_bool(problem->retryable));
    if (problem->offset >= 0)
        buf_printf(out, ",\"offset\":%ld", problem->offset);
    if (problem->retry_after_ns > 0)
        buf_printf(out, ",\"retry_after_ms\":%" PRId64,
                   (problem->retry_after_ns + NS_PER_MS - 1) / NS_PER_MS);
    buf_add_str(out, "}}");
}

/* Adds the full result of a rejected order. */
static void add_problem(struct buf *out, const struct batch_entry *entry,
                        const struct http_problem *problem)
{
    struct reject_text text = { .detail = "" };
    struct http_problem told = *problem;
    struct buf occurrence = BUF_INIT(RESULT_BYTES_MAX);
    if (entry->state == ENTRY_RESOLVED)
        told = reject_verdict(&entry->submission.item, &text);
    reject_add_occurrence(&occurrence, &told);
    add_rejected(out, entry, problem, occurrence.failed ? SHORTENED : occurrence.data);
    buf_fini(&occurrence);
    reject_text_fini(&text);
}

/* ---- into the answer ---- */

/* Returns true if a result of `len` bytes fits and the later results keep their reserved memory. */
static bool has_room(struct batch *batch, size_t len)
{
    size_t n_left = batch->n - batch->n_written - 1;
    size_t kept = n_left * BATCH_RESULT_MAX + SUMMARY_MAX;
    return kept + len <= pieces_room(&batch->out) ||
           pieces_reserve(&batch->out, kept + len + ROOM_AHEAD);
}

static void write_rejected(struct batch *batch, const struct batch_entry *entry,
                           const struct http_problem *problem, struct buf *result)
{
    if (entry->state == ENTRY_REJECTED)
        add_rejected(result, entry, problem, entry->error != NULL ? entry->error : SHORTENED);
    else
        add_problem(result, entry, problem);
    if (!result->failed && (result->len < BATCH_RESULT_MAX || has_room(batch, result->len + 1)))
        return;
    buf_clear(result);
    add_rejected(result, entry, problem, SHORTENED);
}

static void write_result(struct batch *batch, const struct batch_entry *entry, struct buf *result)
{
    struct http_problem problem;
    int status = success_of(entry, &problem);
    if (status != 0 && batch->preferences.minimal)
        return;
    buf_clear(result);
    if (status != 0)
        add_good(result, entry, status);
    else
        write_rejected(batch, entry, &problem, result);
    if (batch->n_shown++ > 0)
        pieces_add_str(&batch->out, batch->answer_lines ? "\n" : ",");
    pieces_add(&batch->out, result->data, result->len);
    batch->out.failed = batch->out.failed || result->failed;
}

/* ---- the whole ---- */

static void add_summary(struct batch *batch)
{
    const struct batch_tally *tally = &batch->tally;
    char text[SUMMARY_MAX];
    struct buf summary = BUF_OVER(text);
    buf_printf(&summary,
               "\"summary\":{\"total\":%zu,\"created\":%" PRIu64 ",\"replayed\":%" PRIu64
               ",\"rejected\":%" PRIu64 ",\"unknown\":%" PRIu64 "}",
               batch->n, tally->created, tally->replayed, tally->rejected, tally->unknown);
    pieces_add(&batch->out, summary.data, summary.len);
}

/* Returns the problem of the whole request. Called if no order is known to be stored. */
static struct http_problem whole_problem(const struct batch_tally *tally, int status)
{
    struct http_problem problem = statuses_problem(REJECT_BATCH);
    if (tally->one_code) {
        problem.code = tally->first.code;
        problem.title = tally->first.title;
        problem.detail = "Every order of the batch was refused for this reason; see `results`.";
    }
    problem.status = status;
    problem.outcome = tally->unknown > 0 ? "unknown" : "not_accepted";
    problem.retryable = tally->first.retryable;
    problem.retry_after_ns = tally->retry_after_ns;
    return problem;
}

/* Returns the status of the request. If the tally of an atomic batch is STATUS_MIXED, the request
 * gets failed_status or 422, never 207. */
static int status_of(const struct batch *batch, const struct batch_tally *tally)
{
    if (!batch->preferences.atomic || tally->status != STATUS_MIXED)
        return tally->status;
    return tally->failed_status != 0 ? tally->failed_status : 422;
}

/* Counts the outcomes of one slice. Returns true when all entries are counted. */
static bool tally_some(struct batch *batch)
{
    size_t left = batch->n - batch->n_tallied;
    size_t stop = batch->n_tallied + (left < TALLY_SLICE ? left : (size_t)TALLY_SLICE);
    while (batch->n_tallied < stop)
        tally_one(&batch->tally, &batch->entries[batch->n_tallied++]);
    return batch->n_tallied == batch->n;
}

/* Writes the part of the answer before the results. In NDJSON nothing is before them: end() adds
 * the summary. */
static void begin(struct batch *batch)
{
    const struct http_problem *first = &batch->tally.first;
    batch->status = status_of(batch, &batch->tally);
    batch->code = first->code == NULL || batch->tally.one_code ? first->code : "several";
    if (batch->status >= 400) {
        batch->answer_lines = false; /* a problem document is never NDJSON */
        batch->answer = whole_problem(&batch->tally, batch->status);
        http_problem_open(batch->req, &batch->answer, &batch->out);
    }
    if (batch->answer_lines)
        return;
    pieces_add_str(&batch->out, batch->status >= 400 ? "," : "{");
    add_summary(batch);
    pieces_add_str(&batch->out, ",\"results\":[");
}

/* Writes the results of one slice. Returns true when all results are written. */
static bool write_some(struct batch *batch)
{
    size_t left = batch->n - batch->n_written;
    size_t stop = batch->n_written + (left < WRITE_SLICE ? left : (size_t)WRITE_SLICE);
    struct buf result = BUF_INIT(RESULT_BYTES_MAX);
    for (; batch->n_written < stop; batch->n_written++)
        write_result(batch, &batch->entries[batch->n_written], &result);
    buf_fini(&result);
    return batch->n_written == batch->n;
}

static void end(struct batch *batch)
{
    if (!batch->answer_lines) {
        pieces_add_str(&batch->out, batch->status >= 400 ? "]}\n" : "]}");
        return;
    }
    pieces_add_str(&batch->out, batch->n_shown > 0 ? "\n{" : "{");
    add_summary(batch);
    pieces_add_str(&batch->out, "}\n");
}

bool batch_write(struct batch *batch)
{
    bool begun = batch->n_tallied == batch->n;
    if (!begun && !tally_some(batch))
        return false;
    if (!begun)
        begin(batch);
    if (!write_some(batch))
        return false;
    end(batch);
    return true;
}
