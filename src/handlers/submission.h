/* submission.h - an order that was submitted to the ingest and comes back to the loop of its
 * request.
 *
 * Threads    submission_on_done(): a worker of the ingest. submission_stamp(): any. The others and
 *            done.finish, which the owner sets: the loop of the request.
 * Ownership  A submission is part of a struct that its owner allocates (a post, a batch). It must
 *            stay in place from ingest_submit() until done.finish has run, even if the client was
 *            answered meanwhile, because the verdict of a sent order is still counted. */
#ifndef HANDLERS_SUBMISSION_H
#define HANDLERS_SUBMISSION_H

#include "handlers/handlers.h"
#include "http/http.h"
#include "ingest/ingest.h"

struct submission {
    struct http_completion done; /* the loop passes it back */
    struct handlers *handlers;   /* borrowed */
    struct http_loop *loop;
    struct ingest_item item;
};

/* Prepares the order in item.order for submission: sets its id, its time, and its deadline, which
 * counts from the receipt of its request. */
void submission_stamp(struct submission *submission, int64_t received_at_ns);

/* Counts the verdict of an order. gave_up: the client was answered before the verdict came. */
void submission_count_verdict(const struct submission *submission, bool gave_up);

/* An ingest_options.on_done callback: passes each item back to the loop of its request. */
void submission_on_done(void *ctx, struct fifo *items);

#endif
