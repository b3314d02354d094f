/* submission.h - an order on its way through the ingest, and back to the loop that its request is
 * on.
 *
 * Ownership  a ticket is part of what its owner allocates (a post, a batch), and stays put from
 *            ingest_submit() until `settled` has run, however the client was answered meanwhile:
 *            an order that was sent has a verdict, and it is counted. */
#ifndef HANDLERS_SUBMISSION_H
#define HANDLERS_SUBMISSION_H

#include "handlers/handlers.h"
#include "http/http.h"
#include "ingest/ingest.h"

struct ticket {
    struct http_completion done; /* first: the loop gives this back */
    struct handlers *handlers;   /* borrowed */
    struct http_loop *loop;
    struct ingest_item item;
    void (*settled)(struct ticket *ticket); /* on the loop; the item has its verdict */
};

/* Makes the ticket of an order that has been read into item.order: gives it its id and time, and
 * the deadline that counts from the receipt of its request. */
void ticket_stamp(struct ticket *ticket, int64_t received_at_ns);

/* Counts the verdict of an order; gave_up: its client had been answered before. */
void ticket_count_verdict(const struct ticket *ticket, bool gave_up);

/* The type is that of ingest_options.on_done: gives each item back to the loop of its request. */
void ticket_on_done(void *ctx, struct ingest_item *first);

#endif
