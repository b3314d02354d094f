/* batch.c - POST /v1/orders/batch: many orders of one request, each with its own verdict.
 *
 * The queue takes all of them or none. Unless the batch is atomic they are then as good as
 * strangers to each other: they share groups with whatever else is queued, and the request is
 * answered when the last of them has its verdict, or at its deadline with what is known. */
#include "app/batch.h"

#include <stdlib.h>

#include "app/admission.h"
#include "app/refuse.h"
#include "app/routes.h"
#include "base/check.h"

/* The loop itself reads the first slice of a small body and writes the first slice of a small
 * answer. The offload thread does the remaining slices. */
enum { READ_INLINE_MAX = 2 * 1024, WRITE_INLINE_MAX = 64 };

void batch_drop_entries(struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        ingest_item_fini(&batch->entries[i].ticket.item);
        free(batch->entries[i].error);
    }
    free(batch->entries);
    batch->entries = NULL;
    batch->n = 0;
    budget_share_give(&batch->held, batch->held.bytes - sizeof *batch);
}

static void batch_free(struct batch *batch)
{
    batch_drop_entries(batch);
    pieces_fini(&batch->out);
    struct budget_share held = batch->held;
    free(batch);
    budget_share_end(&held);
}

/* ---- the answer ---- */

static void send_results(struct batch *batch)
{
    const char *type = batch->wishes.lines ? "application/x-ndjson" : "application/json";
    if (batch->wishes.minimal)
        http_add_header(batch->req, "Preference-Applied", "return=minimal");
    http_note_code(batch->req, batch->code);
    http_answer_pieces(batch->req, batch->status, type, &batch->out);
}

static void send_answer(struct http_completion *completion)
{
    struct batch *batch = (struct batch *)(void *)completion;
    if (batch->status >= 400)
        http_problem_pieces(batch->req, &batch->answer, &batch->out);
    else
        send_results(batch); /* a failed one is answered 500, outcome unknown */
    batch->req = NULL;
    if (batch->n_waiting == 0)
        batch_free(batch);
}

static bool write_answer(struct http_work *work)
{
    struct batch *batch = (struct batch *)work;
    if (!batch_write(batch))
        return false;
    if (batch->spent)
        batch_drop_entries(batch);
    return true;
}

static void answer(struct batch *batch)
{
    batch->answering = true;
    batch->spent = batch->n_waiting == 0;
    batch->work.run = write_answer;
    batch->work.done.finish = send_answer;
    batch->work.keep = true; /* it tells what is stored */
    if (batch->n > WRITE_INLINE_MAX)
        http_offload(batch->req, &batch->work);
    else if (http_offload_rest(batch->req, &batch->work))
        send_answer(&batch->work.done);
}

/* ---- verdicts and the deadline ---- */

static void settled(struct ticket *ticket)
{
    struct batch_entry *entry = (struct batch_entry *)ticket; /* its first member */
    struct batch *batch = entry->batch;
    ticket_count_verdict(ticket, entry->fate != FATE_WAITING);
    if (entry->fate == FATE_WAITING)
        entry->fate = FATE_SETTLED;
    batch->n_waiting--;
    if (batch->n_waiting > 0)
        return;
    if (!batch->answering)
        answer(batch);
    else if (batch->req == NULL)
        batch_free(batch);
}

/* An atomic batch expires as one: what is said of its first order is said of all. */
static void expire(struct batch *batch)
{
    bool asked = false, expired = false;
    for (size_t i = 0; i < batch->n; i++) {
        struct batch_entry *entry = &batch->entries[i];
        if (entry->fate != FATE_WAITING)
            continue;
        if (!asked || !batch->wishes.atomic)
            expired = ingest_expire(&entry->ticket.item);
        asked = true;
        entry->fate = expired ? FATE_EXPIRED : FATE_UNKNOWN;
    }
}

static void on_deadline(struct http_request *req, void *arg)
{
    (void)req;
    struct batch *batch = arg;
    if (batch->answering)
        return;
    expire(batch);
    answer(batch);
}

/* ---- into the ingest ---- */

static size_t count_fate(const struct batch *batch, enum batch_fate fate)
{
    size_t n = 0;
    for (size_t i = 0; i < batch->n; i++)
        n += batch->entries[i].fate == fate;
    return n;
}

static struct fifo list_good(struct batch *batch)
{
    struct fifo items = { NULL, NULL };
    for (size_t i = 0; i < batch->n; i++) {
        struct ticket *ticket = &batch->entries[i].ticket;
        if (batch->entries[i].fate != FATE_GOOD)
            continue;
        ticket->loop = http_loop_of(batch->req);
        ticket->settled = settled;
        fifo_push(&items, &ticket->item.link);
    }
    return items;
}

static void set_fate(struct batch *batch, enum batch_fate from, enum batch_fate to)
{
    for (size_t i = 0; i < batch->n; i++)
        if (batch->entries[i].fate == from)
            batch->entries[i].fate = to;
}

/* True: the ingest has the good ones, and the request waits for them. */
static bool enqueue(struct batch *batch, size_t n_good)
{
    struct ingest *ingest = batch->service->ingest;
    int64_t retry_after_ns = 0;
    struct fifo items = list_good(batch);
    CHECK(items.first != NULL);
    int64_t deadline_at_ns = /* the items are not ours to read any more then */
        CONTAINER_OF(items.first, struct ingest_item, link)->deadline_at_ns;
    set_fate(batch, FATE_GOOD, FATE_WAITING);
    batch->n_waiting = n_good;
    enum ingest_rc rc = batch->wishes.atomic ? ingest_submit_atomic(ingest, &items, &retry_after_ns)
                                             : ingest_submit(ingest, &items, &retry_after_ns);
    if (rc == INGEST_OK) {
        http_deadline(batch->req, deadline_at_ns, on_deadline, batch);
        return true;
    }
    ticket_count(batch->service, RESULT_REFUSED_FULL, n_good);
    refuse(batch->req, refuse_admission(rc), retry_after_ns);
    return false;
}

static void refuse_whole(struct batch *batch)
{
    if (batch->problem.detail == NULL)
        batch->problem.detail = batch->detail;
    bool invalid = batch->problem.status < 500;
    ticket_count(batch->service, invalid ? RESULT_INVALID : RESULT_REFUSED_FULL, 1);
    http_problem(batch->req, &batch->problem);
    batch_free(batch);
}

static void go_on(struct http_completion *completion)
{
    struct batch *batch = (struct batch *)(void *)completion;
    http_body_done(batch->req);
    if (batch->work.dropped) {
        ticket_count(batch->service, RESULT_REFUSED_FULL, 1);
        http_overloaded(batch->req);
        batch_free(batch);
        return;
    }
    if (batch->refused) {
        refuse_whole(batch);
        return;
    }
    http_charge(batch->req, (uint32_t)(batch->n - 1)); /* the first was taken with the request */
    size_t n_good = count_fate(batch, FATE_GOOD);
    ticket_count(batch->service, RESULT_INVALID, batch->n - n_good);
    if (batch->wishes.atomic && n_good < batch->n) {
        set_fate(batch, FATE_GOOD, FATE_MATE);
        ticket_count(batch->service, RESULT_BATCH_REFUSED, n_good);
        n_good = 0;
    }
    if (n_good == 0 || batch->wishes.validate_only)
        answer(batch);
    else if (!enqueue(batch, n_good))
        batch_free(batch);
}

/* ---- the way in ---- */

static bool read_orders(struct http_work *work)
{
    return batch_read((struct batch *)work);
}

/* NULL: the request was refused. */
static struct batch *batch_new(struct http_request *req, struct service *service)
{
    struct budget_share held = { .budget = &service->memory };
    if (!budget_share_take(&held, sizeof(struct batch))) {
        ticket_count(service, RESULT_REFUSED_FULL, 1);
        refuse(req, REFUSE_OVERLOADED, 0);
        return NULL;
    }
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) {
        budget_share_end(&held);
        refuse(req, REFUSE_NO_MEMORY, 0);
        return NULL;
    }
    batch->held = held;
    pieces_init(&batch->out, &service->memory);
    batch->work.run = read_orders;
    batch->work.done.finish = go_on;
    batch->service = service;
    batch->req = req;
    batch->body = http_body(req, &batch->len);
    batch->is_lines = http_body_is_lines(req);
    return batch;
}

void post_batch(struct http_request *req, void *ctx)
{
    struct service *service = ctx;
    struct wishes wishes;
    if (http_header(req, "Idempotency-Key") != NULL) {
        refuse(req, REFUSE_BATCH_KEY, 0);
        return;
    }
    if (!wishes_read(req, &wishes) || (!wishes.validate_only && !admits(service, req)))
        return;
    struct batch *batch = batch_new(req, service);
    if (batch == NULL)
        return;
    batch->wishes = wishes;
    if (batch->len > READ_INLINE_MAX)
        http_offload(req, &batch->work);
    else if (http_offload_rest(req, &batch->work))
        go_on(&batch->work.done);
}
