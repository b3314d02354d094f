/* http_map.h - the only place that turns what happened to an order into a status: the table
 * of refusals, with the code, the words and the outcome of each (docs/DESIGN.md, "Statuses"). */
#ifndef APP_HTTP_MAP_H
#define APP_HTTP_MAP_H

#include <stdint.h>

#include "app/service.h"
#include "ingest/ingest.h"

struct http_problem;
struct order_problem;

enum order_refusal {
    REFUSE_MALFORMED,
    REFUSE_INVALID,
    REFUSE_DISAGREEING,
    REFUSE_REUSED,
    REFUSE_STALE,
    REFUSE_BY_DATABASE,
    REFUSE_QUEUE_FULL,
    REFUSE_QUEUE_SLOW,
    REFUSE_DRAINING,
    REFUSE_STARTING,
    REFUSE_DATABASE_DOWN,
    REFUSE_DATABASE_FAULT,
    REFUSE_COMMIT_TIMEOUT,
    REFUSE_COMMIT_UNKNOWN,
    REFUSE_FAULT,
    REFUSE_NO_MEMORY,
    REFUSE_OVERLOADED,
    REFUSE_NOT_FOUND,
    REFUSE_BAD_QUERY,
    REFUSE_READ_UNAVAILABLE,
    REFUSE_READ_FAULT,
    REFUSE_READ_OVERLOADED,
    REFUSE_READ_FAILED,
    REFUSE_FORBIDDEN,
    REFUSE_BATCH_MATE,
    REFUSE_BATCH,
    REFUSE_BATCH_TOO_LARGE,
    REFUSE_BATCH_EMPTY,
    REFUSE_BATCH_KEY,
};
enum { ORDER_REFUSALS = REFUSE_BATCH_KEY + 1 };

/* Fills in all but detail, retry_after_ns, offset and members where they vary. */
struct http_problem http_map_problem(enum order_refusal refusal);

/* Of a verdict that is no success. */
enum order_refusal http_map_verdict(enum item_verdict verdict);
enum order_result http_map_result(enum item_verdict verdict);

#endif
