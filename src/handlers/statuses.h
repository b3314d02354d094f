/* statuses.h - the table of rejections: the status, the code, the texts and the outcome member of
 * each (docs/DESIGN.md, "Statuses"). Finds the rejection of a verdict. Threads: any. */
#ifndef HANDLERS_STATUSES_H
#define HANDLERS_STATUSES_H

#include <stdint.h>

#include "handlers/order_metrics.h"
#include "ingest/ingest.h"

struct http_problem;
struct order_problem;

enum rejection {
    REJECT_MALFORMED,
    REJECT_INVALID,
    REJECT_DISAGREEING,
    REJECT_REUSED,
    REJECT_STALE,
    REJECT_BY_DATABASE,
    REJECT_QUEUE_FULL,
    REJECT_QUEUE_SLOW,
    REJECT_DRAINING,
    REJECT_STARTING,
    REJECT_DATABASE_DOWN,
    REJECT_NO_SYNC_STANDBY,
    REJECT_DATABASE_FAULT,
    REJECT_COMMIT_TIMEOUT,
    REJECT_COMMIT_UNKNOWN,
    REJECT_FAULT,
    REJECT_NO_MEMORY,
    REJECT_OVERLOADED,
    REJECT_NOT_FOUND,
    REJECT_BAD_QUERY,
    REJECT_CURSOR,
    REJECT_LOOKUP_LINES,
    REJECT_READ_UNAVAILABLE,
    REJECT_READ_FAULT,
    REJECT_READ_OVERLOADED,
    REJECT_READ_FAILED,
    REJECT_FORBIDDEN,
    REJECT_WITH_BATCH,
    REJECT_BATCH,
    REJECT_BATCH_TOO_LARGE,
    REJECT_BATCH_EMPTY,
    REJECT_BATCH_KEY,
};
enum { REJECTIONS = REJECT_BATCH_KEY + 1 };

/* Returns a copy of the rejection's entry in the table. The caller sets the detail, retry_after_ns,
 * offset and members of the copy if they depend on the request. */
struct http_problem statuses_problem(enum rejection rejection);

/* Return how a verdict is answered, and how it is counted. statuses_rejection() must not be called
 * for ITEM_CREATED or ITEM_REPLAYED. */
enum rejection statuses_rejection(enum item_verdict verdict);
enum order_result statuses_result(enum item_verdict verdict);

#endif
