/* submission.c - stamps orders, counts their verdicts, and passes them back to their loops. */
#include "handlers/submission.h"

#include <assert.h>

#include "base/clock.h"
#include "handlers/statuses.h"

static_assert((int)HTTP_KEY_NAME_MAX < ORDER_NAME_SIZE, "an order holds every name of a key");

void submission_stamp(struct submission *submission, struct http_request *req)
{
    const int64_t received_at_ns = http_received_at_ns(req);
    struct ingest_item *item = &submission->item;
    order_stamp(&item->order, clock_wall_us());
    order_set_submitted_by(&item->order, http_key_name(req));
    item->owner = submission;
    item->received_at_ns = received_at_ns;
    item->deadline_at_ns = received_at_ns + submission->handlers->commit_timeout_ns;
}

/* Returns how the order is counted. `gave_up` is true if the client was answered at the deadline,
 * before the verdict came. If `gave_up` is true and the order was sent, the answer was 504: the
 * order is counted as RESULT_LATE if the verdict says that it is stored, else as RESULT_UNKNOWN. */
static enum order_result result_of(const struct submission *submission, bool gave_up)
{
    const struct ingest_item *item = &submission->item;
    bool stored = item->verdict == ITEM_CREATED || item->verdict == ITEM_REPLAYED;
    if (gave_up && ingest_item_state(item) == ITEM_SENT)
        return stored ? RESULT_LATE : RESULT_UNKNOWN;
    return statuses_result(item->verdict);
}

void submission_count_verdict(const struct submission *submission, struct http_request *req)
{
    const struct ingest_item *item = &submission->item;
    struct order_metrics *metrics = &submission->handlers->metrics;
    order_metrics_count(metrics, result_of(submission, req == NULL), 1);
    if (req == NULL)
        return;
    if (item->verdict == ITEM_CREATED) {
        histogram_observe(&metrics->commit_duration, clock_now_ns() - item->received_at_ns);
        http_key_count(req, KEY_ORDERS_CREATED, 1);
    } else if (item->verdict == ITEM_REPLAYED) {
        http_key_count(req, KEY_ORDERS_REPLAYED, 1);
    }
}

/* Passes the first item, and all others of the same loop, back to that loop. The items of other
 * loops stay in the fifo. */
static void complete_one_loop(struct fifo *items)
{
    struct http_loop *loop = NULL;
    struct fifo completions = { NULL, NULL }, others = { NULL, NULL };
    for (struct fifo_node *node; (node = fifo_pop(items)) != NULL;) {
        struct submission *submission = CONTAINER_OF(node, struct submission, item.link);
        if (loop == NULL)
            loop = submission->loop;
        if (submission->loop == loop)
            fifo_push(&completions, &submission->done.link);
        else
            fifo_push(&others, node);
    }
    http_complete(loop, &completions);
    *items = others;
}

void submission_on_done(void *ctx, struct fifo *items)
{
    (void)ctx;
    while (items->first != NULL)
        complete_one_loop(items);
}
