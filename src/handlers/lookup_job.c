/* lookup_job.c - see lookup_job.h. */
#include "handlers/lookup_job.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "handlers/reject.h"
#include "orders/order.h"

enum { ORDER_MAX = 1024 }; /* most bytes of an order in the answer, without its metadata */

void lookup_job_free(struct lookup_job *job)
{
    job->kind->fini(job);
    pieces_fini(&job->out);
    struct budget_share held = job->held;
    free(job);
    budget_share_end(&held);
}

void lookup_job_reject_account(struct http_request *req)
{
    struct http_problem problem = statuses_problem(REJECT_FORBIDDEN);
    problem.outcome = NULL; /* a GET has no outcome */
    http_problem(req, &problem);
}

/* ---- the answer, on a reader's thread ---- */

/* Metadata count with their size in the database. This may be more than the client sent, because
 * jsonb writes out all digits of a number. */
size_t lookup_job_order_bytes(const struct order *order)
{
    return (size_t)ORDER_MAX + (order->metadata != NULL ? order->metadata_len : 0);
}

void lookup_job_write_order(struct lookup_job *job, struct order *order)
{
    struct buf text = BUF_INIT(ORDER_MAX + order->metadata_len);
    order_render(&text, order, false);
    pieces_add(&job->out, text.data, text.len);
    job->out.failed = job->out.failed || text.failed;
    buf_fini(&text);
    order_fini(order);
}

static void on_looked_up(struct lookup *lookup)
{
    struct lookup_job *job = lookup->owner;
    if (lookup->rc == LOOKUP_OK)
        job->kind->write(job);
    http_complete_one(job->loop, &job->done);
}

/* ---- on the loop ---- */

static void log_failure(const struct lookup_job *job)
{
    const struct err *err = &job->lookup.err;
    log_event(LOG_ERROR, "lookup.failed", log_str("request_id", http_request_id(job->req)),
              log_known("trace_id", http_trace_id(job->req)), log_str("sqlstate", err->code),
              log_known("constraint", err->constraint), log_known("table", err->table),
              log_str("error", err_public_text(err)));
}

static void answer(struct lookup_job *job)
{
    if (job->no_room)
        reject_request(job->req, REJECT_READ_OVERLOADED, 0);
    else
        job->kind->answer(job);
}

static void finish(struct http_completion *completion)
{
    struct lookup_job *job = CONTAINER_OF(completion, struct lookup_job, done);
    switch (job->lookup.rc) {
    case LOOKUP_OK:
        answer(job);
        break;
    case LOOKUP_UNAVAILABLE:
        reject_request(job->req, REJECT_READ_UNAVAILABLE, 0);
        break;
    case LOOKUP_DATABASE_FAULT:
        log_failure(job);
        reject_request(job->req, REJECT_READ_FAULT, 0);
        break;
    case LOOKUP_FAILED:
        log_failure(job);
        reject_request(job->req, REJECT_READ_FAILED, 0);
        break;
    }
    lookup_job_free(job);
}

void *lookup_job_new(struct http_request *req, struct handlers *handlers,
                     const struct lookup_kind *kind, size_t bytes, size_t more_bytes)
{
    struct budget_share held = { .budget = handlers->memory };
    if (!budget_share_take(&held, bytes + more_bytes)) {
        reject_request(req, REJECT_READ_OVERLOADED, 0);
        return NULL;
    }
    struct lookup_job *job = calloc(1, bytes);
    if (job == NULL) {
        budget_share_end(&held);
        reject_request(req, REJECT_READ_FAILED, 0);
        return NULL;
    }
    pieces_init(&job->out, handlers->memory);
    job->done.finish = finish;
    job->kind = kind;
    job->req = req;
    job->loop = http_loop_of(req);
    job->held = held;
    job->lookup.done = on_looked_up;
    job->lookup.owner = job;
    job->lookup.deadline_at_ns = clock_after(clock_now_ns(), handlers->lookup_timeout_ns);
    return job;
}

void lookup_job_submit(struct handlers *handlers, struct lookup_job *job)
{
    struct http_request *req = job->req;
    if (reader_submit(handlers->reader, &job->lookup) == READER_OK)
        return;
    lookup_job_free(job);
    reject_because(req, REJECT_READ_UNAVAILABLE,
                   "Too many lookups wait, or the service is shutting down.");
}
