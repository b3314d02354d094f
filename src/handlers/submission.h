/* submission.h - an order that is submitted to the ingest, and comes back to the loop of its
 * request.
 *
 * Threads    submission_on_done(): a worker of the ingest. submission_stamp(): any. The others and
 *            done.finish, which the owner sets: the loop of the request.
 * Ownership  a submission is part of what its owner allocates (a post, a batch). It stays where it
 *            is from ingest_submit() until done.finish has run, also if the client was answered
 *            meanwhile, because an order that was sent has a verdict, which is counted. */
#ifndef HANDLERS_SUBMISSION_H
#define HANDLERS_SUBMISSION_H

#include "handlers/handlers.h"
#include "http/http.h"
#include "ingest/ingest.h"

struct submission {
    struct http_completion done; /* first: the loop gives this back when the item has its verdict */
    struct handlers *handlers;   /* borrowed */
    struct http_loop *loop;
    struct ingest_item item;
};

/* Makes the submission of an order that has been read into item.order: gives it its id and time,
 * and the deadline that counts from the receipt of its request. */
void submission_stamp(struct submission *submission, int64_t received_at_ns);

/* Counts the verdict of an order; gave_up: the client was answered before. */
void submission_count_verdict(const struct submission *submission, bool gave_up);

/* The type is that of ingest_options.on_done: gives each item back to the loop of its request. */
void submission_on_done(void *ctx, struct fifo *items);

#endif
