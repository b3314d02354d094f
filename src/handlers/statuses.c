/* statuses.c - has the table of rejections, and finds the rejection of a verdict. */
#include "handlers/statuses.h"

#include "base/check.h"
#include "http/http.h"

#define NOT_ACCEPTED "not_accepted"
#define UNKNOWN "unknown"
/* The last sentence of the detail of each 503 and 504 in this table: see docs/DESIGN.md,
 * "Outcomes". */
#define REPEAT                                                                                     \
    " Repeat it with the same client_order_id, never a new one: only a 2xx or "                    \
    "client_order_id_reused for that id tells whether the order is stored."

/* clang-format off */
static const struct http_problem table[REJECTIONS] = {
    [REJECT_MALFORMED] = { 400, "invalid_json", "The body is not an order in JSON", NULL, NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_INVALID] = { 422, "invalid_order", "The order breaks the rules", "See `errors`: each names a field.", NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_DISAGREEING] = { 400, "invalid_order", "The order breaks the rules", "Idempotency-Key and client_order_id disagree.", NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_REUSED] = { 422, "client_order_id_reused", "This client_order_id is taken by another order",
        "An order with this account_id and client_order_id is stored, and its content differs.", NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_STALE] = { 422, "stale_order", "The order is too old",
        "max_age_ms had passed since sent_at before the order could be written; the order is not stored.", NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_BY_DATABASE] = { 422, "refused_by_database", "The database refuses this order", NULL, NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_QUEUE_FULL] = { 503, "queue_full", "Too many orders wait", "The queue is full; nothing of this request was stored." REPEAT, NOT_ACCEPTED, true, 0, -1, NULL },
    [REJECT_QUEUE_SLOW] = { 503, "queue_slow", "Too many orders wait", "The wait in the queue would be too long; nothing of this request was stored." REPEAT, NOT_ACCEPTED, true, 0, -1, NULL },
    [REJECT_DRAINING] = { 503, "shutting_down", "The service is shutting down", "Nothing of this request was stored." REPEAT, NOT_ACCEPTED, true, 1000000000, -1, NULL },
    [REJECT_STARTING] = { 503, "starting", "The service is starting", "The database's schema is not ready yet; nothing of this request was stored." REPEAT, NOT_ACCEPTED, true, 1000000000, -1, NULL },
    [REJECT_DATABASE_DOWN] = { 503, "database_down", "The database cannot be reached", "No connection to the database; nothing of this request was stored." REPEAT, NOT_ACCEPTED, true, 0, -1, NULL },
    [REJECT_NO_SYNC_STANDBY] = { 503, "no_sync_standby", "No synchronous standby", "The service stores orders only while a synchronous standby has them, too, and none is connected; nothing of this request was stored." REPEAT, NOT_ACCEPTED, true, 1000000000, -1, NULL },
    [REJECT_DATABASE_FAULT] = { 503, "database_unavailable", "The database cannot serve orders", "The database answers, but an operator must correct its state or set-up before it can store the order; this request stored nothing." REPEAT, NOT_ACCEPTED, true, 1000000000, -1, NULL },
    [REJECT_COMMIT_TIMEOUT] = { 503, "commit_timeout", "Not committed in time", "The order could not be committed by its deadline; this request stored nothing and never will." REPEAT, NOT_ACCEPTED, true, 1000000000, -1, NULL },
    [REJECT_COMMIT_UNKNOWN] = { 504, "commit_unknown", "The database did not answer in time", "The order was sent to the database, and no answer came by its deadline, or none can come any more: the order may be stored, now or later." REPEAT, UNKNOWN, true, 0, -1, NULL },
    [REJECT_FAULT] = { 500, "internal_error", "A fault of the service", "The order was not stored; the fault is logged under this request's id.", NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_NO_MEMORY] = { 503, "out_of_memory", "Out of memory", "Nothing of this request was stored." REPEAT, NOT_ACCEPTED, true, 1000000000, -1, NULL },
    [REJECT_OVERLOADED] = { 503, "overloaded", "The server is overloaded", "All the memory that requests and their answers may take is in use; nothing of this request was stored." REPEAT, NOT_ACCEPTED, true, 1000000000, -1, NULL },
    [REJECT_NOT_FOUND] = { 404, "order_not_found", "No such order", "No order is stored under this order_id.", NULL, false, 0, -1, NULL },
    [REJECT_BAD_QUERY] = { 422, "invalid_query", "The query breaks the rules", NULL, NULL, false, 0, -1, NULL },
    [REJECT_CURSOR] = { 400, "invalid_cursor", "The cursor cannot be read", "Give `cursor` once, as it stands in the answer before, or leave it out to begin anew.", NULL, false, 0, -1, NULL },
    [REJECT_LOOKUP_LINES] = { 406, "not_acceptable", "No media type that Accept allows is available", "Orders that are looked up by client_order_id come as application/json only.", NULL, false, 0, -1, NULL },
    [REJECT_READ_UNAVAILABLE] = { 503, "database_down", "The database cannot be reached", "The database could not be read: there is no connection to it.", NULL, true, 1000000000, -1, NULL },
    [REJECT_READ_FAULT] = { 503, "database_unavailable", "The database cannot serve orders", "The database could not be read: it answers, but an operator must correct its state or set-up first.", NULL, true, 1000000000, -1, NULL },
    [REJECT_READ_OVERLOADED] = { 503, "overloaded", "The server is overloaded", "All the memory that requests and their answers may take is in use: ask again after Retry-After, or for fewer orders at once.", NULL, true, 1000000000, -1, NULL },
    [REJECT_READ_FAILED] = { 500, "internal_error", "A fault of the service", "The database could not be read; the fault is logged under this request's id.", NULL, false, 0, -1, NULL },
    [REJECT_FORBIDDEN] = { 403, "account_forbidden", "The key may not use this account", "The account is not among those of the key that was sent.", NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_WITH_BATCH] = { 424, "batch_refused", "The batch was refused", "The batch is atomic, and another of its orders was refused: no order of the batch was stored.", NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_BATCH] = { 422, "batch_refused", "The batch was refused", "No order of the batch was stored; see `results`: each says why.", NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_BATCH_TOO_LARGE] = { 413, "batch_too_large", "Too many orders in a batch", NULL, NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_BATCH_EMPTY] = { 422, "empty_batch", "The batch is empty", "A batch has at least one order.", NOT_ACCEPTED, false, 0, -1, NULL },
    [REJECT_BATCH_KEY] = { 400, "idempotency_key_on_batch", "Idempotency-Key does not go with a batch", "Leave Idempotency-Key out: each order of a batch has its own client_order_id.", NOT_ACCEPTED, false, 0, -1, NULL },
};

static const struct {
    enum rejection rejection; /* not used for the two successes */
    enum order_result result;
} verdicts[ITEM_VERDICTS] = {
    [ITEM_CREATED]       = { REJECT_FAULT,          RESULT_CREATED },
    [ITEM_REPLAYED]      = { REJECT_FAULT,          RESULT_REPLAYED },
    [ITEM_REUSED]        = { REJECT_REUSED,         RESULT_REUSED },
    [ITEM_STALE]         = { REJECT_STALE,          RESULT_STALE },
    [ITEM_INVALID]       = { REJECT_INVALID,        RESULT_INVALID },
    [ITEM_REFUSED]       = { REJECT_BY_DATABASE,    RESULT_REFUSED },
    [ITEM_BATCH_REFUSED] = { REJECT_WITH_BATCH,     RESULT_BATCH_REFUSED },
    [ITEM_FAILED]        = { REJECT_FAULT,          RESULT_FAILED },
    [ITEM_DATABASE_FAULT] = { REJECT_DATABASE_FAULT, RESULT_UNAVAILABLE },
    [ITEM_UNAVAILABLE]   = { REJECT_DATABASE_DOWN,  RESULT_UNAVAILABLE },
    [ITEM_TIMED_OUT]     = { REJECT_COMMIT_TIMEOUT, RESULT_UNAVAILABLE },
    [ITEM_UNKNOWN]       = { REJECT_COMMIT_UNKNOWN, RESULT_UNKNOWN },
};
/* clang-format on */

struct http_problem statuses_problem(enum rejection rejection)
{
    return table[rejection];
}

enum rejection statuses_rejection(enum item_verdict verdict)
{
    CHECK(verdict != ITEM_CREATED && verdict != ITEM_REPLAYED);
    return verdicts[verdict].rejection;
}

enum order_result statuses_result(enum item_verdict verdict)
{
    return verdicts[verdict].result;
}
