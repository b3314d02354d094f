/* batch_write.c - from the fates of a batch to its answer. Each order has the status that it would
 * have had alone; the request has that status if all orders have the same (docs/DESIGN.md,
 * "Statuses").
 *
 * The fates are counted first, so the answer is written once and in order. A result is written into
 * memory that was reserved or that the budget still has. A result without room is shortened: its
 * error has a fixed detail that says so, and no details of this occurrence. */
#include <inttypes.h>
#include <string.h>

#include "app/batch.h"
#include "app/refuse.h"
#include "base/buf.h"
#include "base/clock.h"

enum {
    RESULT_BYTES_MAX = 40 * 1024, /* in full */
    SUMMARY_MAX = 512,
    STATUS_MIXED = 207,
    ROOM_AHEAD = 64 * 1024, /* what is asked for at once */

    /* Entries in a slice. */
    TALLY_SLICE = 1024,
    WRITE_SLICE = 64,
};

#define SHORTENED                                                                                  \
    ",\"detail\":\"There is no room for more here: send this order again to see all errors.\""

/* ---- what became of one order ---- */

/* The status of a success; 0: it was refused, by *problem. */
static int success_of(const struct batch_entry *entry, struct http_problem *problem)
{
    switch (entry->fate) {
    case FATE_GOOD:
        return 200;
    case FATE_REFUSED:
        *problem = entry->problem;
        return 0;
    case FATE_SETTLED:
        if (entry->ticket.item.verdict == ITEM_CREATED)
            return 201;
        if (entry->ticket.item.verdict == ITEM_REPLAYED)
            return 200;
        *problem = refuse_verdict_kind(&entry->ticket.item);
        return 0;
    case FATE_MATE:
        *problem = http_map_problem(REFUSE_BATCH_MATE);
        return 0;
    case FATE_EXPIRED:
        *problem = http_map_problem(REFUSE_COMMIT_TIMEOUT);
        return 0;
    case FATE_WAITING:
    case FATE_UNKNOWN:
        break;
    }
    *problem = http_map_problem(REFUSE_COMMIT_UNKNOWN);
    return 0;
}

/* ---- all of them, counted ---- */

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
        tally_refusal(tally, &problem);
        return;
    }
    tally_status(tally, status);
    tally->created += status == 201;
    tally->replayed += status == 200 && entry->fate == FATE_SETTLED;
}

/* ---- one result ---- */

static void begin_result(struct buf *out, const struct batch_entry *entry, int status)
{
    const char *id = entry->ticket.item.order.client_order_id;
    buf_printf(out, "{\"index\":%zu,\"status\":%d", (size_t)(entry - entry->batch->entries),
               status);
    if (id[0] != '\0') {
        buf_add_str(out, ",\"client_order_id\":");
        buf_add_json(out, id);
    }
}

static void add_good(struct buf *out, const struct batch_entry *entry, int status)
{
    const struct ingest_item *item = &entry->ticket.item;
    begin_result(out, entry, status);
    if (entry->fate == FATE_SETTLED) {
        buf_add_str(out, ",\"order_id\":");
        buf_add_json(out, status == 201 ? item->order.order_id : item->put.stored.order_id);
        buf_add_str(out, status == 200 ? ",\"replayed\":true" : ",\"replayed\":false");
    }
    buf_add_char(out, '}');
}

/* `occurrence`: detail and members, as JSON members. */
static void add_refused(struct buf *out, const struct batch_entry *entry,
                        const struct http_problem *problem, const char *occurrence)
{
    begin_result(out, entry, problem->status);
    buf_printf(out, ",\"error\":{\"code\":\"%s\"%s,\"outcome\":\"%s\",\"retryable\":%s",
               problem->code, occurrence, problem->outcome, problem->retryable ? "true" : "false");
    if (problem->offset >= 0)
        buf_printf(out, ",\"offset\":%ld", problem->offset);
    if (problem->retry_after_ns > 0)
        buf_printf(out, ",\"retry_after_ms\":%" PRId64,
                   (problem->retry_after_ns + NS_PER_MS - 1) / NS_PER_MS);
    buf_add_str(out, "}}");
}

/* In full. */
static void add_problem(struct buf *out, const struct batch_entry *entry,
                        const struct http_problem *problem)
{
    struct refuse_text text = { .detail = "" };
    struct http_problem told = *problem;
    struct buf occurrence = BUF_INIT(RESULT_BYTES_MAX);
    if (entry->fate == FATE_SETTLED)
        told = refuse_verdict(&entry->ticket.item, &text);
    refuse_add_occurrence(&occurrence, &told);
    add_refused(out, entry, problem, occurrence.failed ? SHORTENED : occurrence.data);
    buf_fini(&occurrence);
    refuse_text_fini(&text);
}

/* ---- into the answer ---- */

/* True if a result of `len` bytes fits beside the room reserved for the later results. */
static bool has_room(struct batch *batch, size_t len)
{
    size_t n_left = batch->n - batch->n_written - 1;
    size_t kept = n_left * BATCH_RESULT_MAX + SUMMARY_MAX;
    return kept + len <= pieces_room(&batch->out) ||
           pieces_reserve(&batch->out, kept + len + ROOM_AHEAD);
}

static void write_refused(struct batch *batch, const struct batch_entry *entry,
                          const struct http_problem *problem, struct buf *result)
{
    if (entry->fate == FATE_REFUSED)
        add_refused(result, entry, problem, entry->error != NULL ? entry->error : SHORTENED);
    else
        add_problem(result, entry, problem);
    if (!result->failed && (result->len < BATCH_RESULT_MAX || has_room(batch, result->len + 1)))
        return;
    buf_clear(result);
    add_refused(result, entry, problem, SHORTENED);
}

static void write_result(struct batch *batch, const struct batch_entry *entry, struct buf *result)
{
    struct http_problem problem;
    int status = success_of(entry, &problem);
    if (status != 0 && batch->wishes.minimal)
        return;
    buf_clear(result);
    if (status != 0)
        add_good(result, entry, status);
    else
        write_refused(batch, entry, &problem, result);
    if (batch->n_shown++ > 0)
        pieces_add_str(&batch->out, batch->wishes.lines ? "\n" : ",");
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

/* Of a batch of which nothing is known to be stored. */
static struct http_problem whole_problem(const struct batch_tally *tally, int status)
{
    struct http_problem problem = http_map_problem(REFUSE_BATCH);
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

/* All or none: where some are refused, all are. */
static int status_of(const struct batch *batch, const struct batch_tally *tally)
{
    if (!batch->wishes.atomic || tally->status != STATUS_MIXED)
        return tally->status;
    return tally->failed_status != 0 ? tally->failed_status : 422;
}

/* Counts one slice. True: all entries are counted. */
static bool tally_some(struct batch *batch)
{
    size_t left = batch->n - batch->n_tallied;
    size_t stop = batch->n_tallied + (left < TALLY_SLICE ? left : (size_t)TALLY_SLICE);
    while (batch->n_tallied < stop)
        tally_one(&batch->tally, &batch->entries[batch->n_tallied++]);
    return batch->n_tallied == batch->n;
}

/* What stands before the results. Lines have their summary at the end. */
static void begin(struct batch *batch)
{
    const struct http_problem *first = &batch->tally.first;
    batch->status = status_of(batch, &batch->tally);
    batch->code = first->code == NULL || batch->tally.one_code ? first->code : "several";
    if (batch->status >= 400) {
        batch->wishes.lines = false; /* a problem document has none */
        batch->answer = whole_problem(&batch->tally, batch->status);
        http_problem_open(batch->req, &batch->answer, &batch->out);
    }
    if (batch->wishes.lines)
        return;
    pieces_add_str(&batch->out, batch->status >= 400 ? "," : "{");
    add_summary(batch);
    pieces_add_str(&batch->out, ",\"results\":[");
}

/* Writes one slice. True: all results are written. */
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
    if (!batch->wishes.lines) {
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
