/* batch.c - handles POST /v1/orders/batch: many orders in one request, each with its own verdict.
 *
 * The queue accepts all valid orders of a batch or none. If the batch is not atomic, its orders may
 * be committed in several groups, together with orders of other requests. The request is answered
 * when each order has its verdict, or at the deadline with the verdicts known at that time. */
#include "handlers/batch.h"

#include <stdlib.h>

#include "base/check.h"
#include "handlers/admission.h"
#include "handlers/handlers.h"
#include "handlers/reject.h"

/* A small body has at most READ_INLINE_MAX bytes, a small answer at most WRITE_INLINE_MAX orders.
 * The loop itself does the first slice of a small body or answer. The offload thread does all other
 * slices. */
enum { READ_INLINE_MAX = 2 * 1024, WRITE_INLINE_MAX = 64 };

void batch_drop_entries(struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        ingest_item_fini(&batch->entries[i].submission.item);
        free(batch->entries[i].error);
    }
    free(batch->entries);
    batch->entries = NULL;
    batch->n = 0;
    budget_share_give(&batch->held, batch->held.bytes - sizeof *batch);
}

static void batch_free(struct batch *batch)
{
    batch_move(batch, BATCH_ENDED);
    batch_drop_entries(batch);
    pieces_fini(&batch->out);
    struct budget_share held = batch->held;
    free(batch);
    budget_share_end(&held);
}

/* ---- the answer ---- */

static void send_results(struct batch *batch)
{
    const char *type = batch->answer_lines ? "application/x-ndjson" : "application/json";
    if (batch->preferences.minimal)
        http_add_header(batch->req, "Preference-Applied", "return=minimal");
    http_note_code(batch->req, batch->code);
    http_answer_pieces(batch->req, batch->status, type, &batch->out);
}

static void send_answer(struct http_completion *completion)
{
    struct batch *batch = CONTAINER_OF(completion, struct batch, work.done);
    if (batch->status >= 400)
        http_problem_pieces(batch->req, &batch->answer, &batch->out);
    else
        send_results(batch); /* answers 500 with outcome unknown if memory ran out */
    batch->req = NULL;
    if (batch->n_waiting == 0)
        batch_free(batch);
    else
        batch_move(batch, BATCH_ANSWERED);
}

static bool write_answer(struct http_work *work)
{
    struct batch *batch = CONTAINER_OF(work, struct batch, work);
    if (!batch_write(batch))
        return false;
    if (batch->state == BATCH_ANSWERING)
        batch_drop_entries(batch);
    return true;
}

static void answer(struct batch *batch)
{
    batch_move(batch, batch->n_waiting == 0 ? BATCH_ANSWERING : BATCH_ANSWERING_LATE);
    batch->work.do_slice = write_answer;
    batch->work.done.finish = send_answer;
    batch->work.keep = true; /* never dropped, because the answer says which orders are stored */
    if (batch->n > WRITE_INLINE_MAX)
        http_offload(batch->req, &batch->work);
    else if (http_offload_rest(batch->req, &batch->work))
        send_answer(&batch->work.done);
}

/* ---- verdicts and the deadline ---- */

static void resolved(struct http_completion *completion)
{
    struct batch_entry *entry = CONTAINER_OF(completion, struct batch_entry, submission.done);
    struct batch *batch = entry->batch;
    submission_count_verdict(&entry->submission, entry->state == ENTRY_QUEUED ? batch->req : NULL);
    if (entry->state == ENTRY_QUEUED)
        batch_entry_move(entry, ENTRY_RESOLVED);
    batch->n_waiting--;
    if (batch->n_waiting == 0 && batch->state == BATCH_QUEUED)
        answer(batch);
    else if (batch->n_waiting == 0 && batch->state == BATCH_ANSWERED)
        batch_free(batch); /* send_answer() frees the batch in the other states */
}

/* Makes each queued entry EXPIRED if its order was not sent, else UNKNOWN. The ingest lets an
 * atomic batch expire as a whole, so ingest_expire() is called only for its first entry. */
static void expire(struct batch *batch)
{
    bool asked = false, expired = false;
    for (size_t i = 0; i < batch->n; i++) {
        struct batch_entry *entry = &batch->entries[i];
        if (entry->state != ENTRY_QUEUED)
            continue;
        if (!asked || !batch->preferences.atomic)
            expired = ingest_expire(&entry->submission.item);
        asked = true;
        batch_entry_move(entry, expired ? ENTRY_EXPIRED : ENTRY_UNKNOWN);
    }
}

static void on_deadline(struct http_request *req, void *arg)
{
    (void)req;
    struct batch *batch = arg;
    if (batch->state != BATCH_QUEUED)
        return;
    expire(batch);
    answer(batch);
}

/* ---- into the ingest ---- */

static size_t count_valid(const struct batch *batch)
{
    size_t n = 0;
    for (size_t i = 0; i < batch->n; i++)
        n += batch->entries[i].state == ENTRY_VALID;
    return n;
}

static struct fifo list_valid(struct batch *batch)
{
    struct fifo items = { NULL, NULL };
    for (size_t i = 0; i < batch->n; i++) {
        struct submission *submission = &batch->entries[i].submission;
        if (batch->entries[i].state != ENTRY_VALID)
            continue;
        submission->loop = http_loop_of(batch->req);
        submission->done.finish = resolved;
        fifo_push(&items, &submission->item.link);
    }
    return items;
}

static void move_valid(struct batch *batch, enum entry_state to)
{
    for (size_t i = 0; i < batch->n; i++)
        if (batch->entries[i].state == ENTRY_VALID)
            batch_entry_move(&batch->entries[i], to);
}

/* Submits the valid entries. If the ingest does not accept them, rejects the request and returns
 * false. */
static bool enqueue(struct batch *batch, size_t n_valid)
{
    struct ingest *ingest = batch->handlers->ingest;
    int64_t retry_after_ns = 0;
    struct fifo items = list_valid(batch);
    CHECK(items.first != NULL);
    struct ingest_item *first = CONTAINER_OF(items.first, struct ingest_item, link);
    first->client_hash = http_client_hash(batch->req);
    int64_t deadline_at_ns = first->deadline_at_ns; /* read before the ingest owns the items */
    enum ingest_rc rc = batch->preferences.atomic
                            ? ingest_submit_atomic(ingest, &items, &retry_after_ns)
                            : ingest_submit(ingest, &items, &retry_after_ns);
    if (rc == INGEST_OK) {
        move_valid(batch, ENTRY_QUEUED);
        batch->n_waiting = n_valid;
        batch_move(batch, BATCH_QUEUED);
        http_deadline(batch->req, deadline_at_ns, on_deadline, batch);
        return true;
    }
    order_metrics_count(&batch->handlers->metrics, RESULT_REFUSED_FULL, n_valid);
    reject_request(batch->req, reject_submit_rc(rc), retry_after_ns);
    return false;
}

static void reject_whole(struct batch *batch)
{
    if (batch->problem.detail == NULL)
        batch->problem.detail = batch->detail;
    bool invalid = batch->problem.status < 500;
    order_metrics_count(&batch->handlers->metrics, invalid ? RESULT_INVALID : RESULT_REFUSED_FULL,
                        1);
    http_problem(batch->req, &batch->problem);
    batch_free(batch);
}

static void on_read(struct http_completion *completion)
{
    struct batch *batch = CONTAINER_OF(completion, struct batch, work.done);
    http_body_done(batch->req);
    if (batch->work.dropped) {
        order_metrics_count(&batch->handlers->metrics, RESULT_REFUSED_FULL, 1);
        http_overloaded(batch->req);
        batch_free(batch);
        return;
    }
    if (batch->state == BATCH_REJECTED) {
        reject_whole(batch);
        return;
    }
    http_charge(batch->req, (uint32_t)(batch->n - 1)); /* the request itself counted as one */
    size_t n_valid = count_valid(batch);
    order_metrics_count(&batch->handlers->metrics, RESULT_INVALID, batch->n - n_valid);
    if (batch->preferences.atomic && n_valid < batch->n) {
        move_valid(batch, ENTRY_BATCH_REJECTED);
        order_metrics_count(&batch->handlers->metrics, RESULT_BATCH_REFUSED, n_valid);
        n_valid = 0;
    }
    if (n_valid == 0 || batch->preferences.validate_only)
        answer(batch);
    else if (!enqueue(batch, n_valid))
        batch_free(batch);
}

/* ---- the request ---- */

static bool read_orders(struct http_work *work)
{
    return batch_read(CONTAINER_OF(work, struct batch, work));
}

/* Makes the batch of a request. If there is no memory, rejects the request and returns NULL. */
static struct batch *batch_new(struct http_request *req, struct handlers *handlers)
{
    struct budget_share held = { .budget = handlers->memory };
    if (!budget_share_take(&held, sizeof(struct batch))) {
        order_metrics_count(&handlers->metrics, RESULT_REFUSED_FULL, 1);
        reject_request(req, REJECT_OVERLOADED, 0);
        return NULL;
    }
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) {
        budget_share_end(&held);
        reject_request(req, REJECT_NO_MEMORY, 0);
        return NULL;
    }
    batch->held = held;
    pieces_init(&batch->out, handlers->memory);
    batch->work.do_slice = read_orders;
    batch->work.done.finish = on_read;
    batch->handlers = handlers;
    batch->req = req;
    batch->body = http_body(req, &batch->len);
    batch->is_lines = http_body_is_lines(req);
    return batch;
}

void handlers_post_batch(struct http_request *req, void *ctx)
{
    struct handlers *handlers = ctx;
    struct preferences preferences;
    if (http_header(req, "Idempotency-Key") != NULL) {
        reject_request(req, REJECT_BATCH_KEY, 0);
        return;
    }
    if (!preferences_read(req, &preferences) ||
        (!preferences.validate_only && !admission_check(handlers, req)))
        return;
    struct batch *batch = batch_new(req, handlers);
    if (batch == NULL)
        return;
    batch->preferences = preferences;
    batch->answer_lines = http_prefers(req, "application/x-ndjson", "application/json");
    if (batch->len > READ_INLINE_MAX)
        http_offload(req, &batch->work);
    else if (http_offload_rest(req, &batch->work))
        on_read(&batch->work.done);
}
