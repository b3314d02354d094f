/* submission.h - takes one order to the ingest and back to the loop of its request.
 *
 * Threads    submission_on_done(): a worker of the ingest. submission_stamp(): any. The other
 *            functions, and done.finish, which the owner sets: the loop of the request.
 * Ownership  A submission is part of a struct that its owner allocates (a post, a batch). It must
 *            not be moved or freed from ingest_submit() until done.finish has run. This also holds
 *            if the client is answered before the verdict, which is counted even then. */
#ifndef HANDLERS_SUBMISSION_H
#define HANDLERS_SUBMISSION_H

#include "handlers/handlers.h"
#include "http/http.h"
#include "ingest/ingest.h"

struct submission {
    struct http_completion done; /* the loop calls done.finish after the verdict */
    struct handlers *handlers;   /* borrowed */
    struct http_loop *loop;
    struct ingest_item item;
};

/* Prepares the order in item.order for submission: sets its order_id, its time, the name of the
 * request's API key, and its deadline, which is commit_timeout_ns after the request was received.
 * The name is copied, because the order may outlive the request, and with the request its set of
 * keys. */
void submission_stamp(struct submission *submission, struct http_request *req);

/* Counts the verdict of an order, also for the key of its request. `req` is NULL if the client was
 * answered before the verdict came. */
void submission_count_verdict(const struct submission *submission, struct http_request *req);

/* An ingest_options.on_done callback: passes each item back to the loop of its request. */
void submission_on_done(void *ctx, struct fifo *items);

#endif
