/* lookup_job.h - a lookup on behalf of a request: what the GETs of orders have in common. A lookup
 * runs on a thread of the reader, never on the loop. The same thread writes the body of the answer.
 *
 * Life      lookup_job_new() makes a job. The caller fills in job->lookup and calls
 *           lookup_job_submit(); or it answers the request itself and calls lookup_job_free().
 * Memory    The bytes of the job are taken from the budget when it is made, and those of the answer
 *           when their number is known. Each order is freed when it is written.
 * Threads   The loop of the request; `write`, and what it calls, on a thread of the reader. */
#ifndef HANDLERS_LOOKUP_JOB_H
#define HANDLERS_LOOKUP_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/budget.h"
#include "base/pieces.h"
#include "handlers/handlers.h"
#include "http/http.h"
#include "ingest/reader.h"

struct lookup_job;

/* How a kind of GET uses what it has looked up. */
struct lookup_kind {
    /* Called if the lookup returned LOOKUP_OK, on a thread of the reader. Reserves room in job->out
     * and writes the answer there; or sets job->no_room if the budget has no room. */
    void (*write)(struct lookup_job *job);
    /* Called after `write`, unless job->no_room is set, on the loop. Answers the request. */
    void (*answer)(struct lookup_job *job);
    /* Called last, on the loop. Frees what the struct around the job owns. */
    void (*fini)(struct lookup_job *job);
};

/* Is the first member of a larger struct. */
struct lookup_job {
    struct http_completion done; /* the loop calls done.finish after the lookup */
    const struct lookup_kind *kind;
    struct http_request *req;
    struct http_loop *loop;
    struct lookup lookup;
    struct budget_share held; /* memory of the struct around this job, and of what that owns */
    struct pieces out;        /* the answer */
    bool no_room;
};

/* Makes a zeroed struct of `bytes` bytes that begins with a job. Counts more_bytes too, for what
 * the struct will own. If there is no memory, rejects the request and returns NULL. */
void *lookup_job_new(struct http_request *req, struct handlers *handlers,
                     const struct lookup_kind *kind, size_t bytes, size_t more_bytes) MUST_CHECK;
void lookup_job_free(struct lookup_job *job);

/* Gives the lookup to the reader. From then on the job answers the request and frees itself. If the
 * reader does not take the lookup, this happens at once. */
void lookup_job_submit(struct handlers *handlers, struct lookup_job *job);

/* Returns the most bytes that an order takes in the answer, with a separator. */
size_t lookup_job_order_bytes(const struct order *order);

/* Writes the order to job->out and frees its metadata. */
void lookup_job_write_order(struct lookup_job *job, struct order *order);

/* Answers 403, because the API key may not use the account. */
void lookup_job_reject_account(struct http_request *req);

#endif
