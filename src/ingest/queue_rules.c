/* queue_rules.c - see queue_rules.h. */
#include "ingest/queue_rules.h"

#include "base/clock.h"

/* A group is overdue when it has taken OVERDUE_GROUPS times as long as usual, and overdue_min_ns at
 * least. */
enum { OVERDUE_GROUPS = 4 };
static const int64_t overdue_min_ns = 20 * NS_PER_MS;

/* The shortest *retry_after_ns that a full or draining queue reports. */
static const int64_t room_after_ns = 100 * NS_PER_MS;

int64_t queue_patience_ns(const struct queue *queue)
{
    int64_t ns = queue->pace.group_ns * OVERDUE_GROUPS;
    return ns > overdue_min_ns ? ns : overdue_min_ns;
}

bool queue_fresh_allowed(const struct queue *queue)
{
    const uint32_t waiting = queue->fresh.n, group_max = queue->options->group_max;
    return waiting > 0 && pace_may_begin(&queue->pace, waiting < group_max ? waiting : group_max,
                                         queue->in_flight.orders);
}

bool queue_suspect_allowed(const struct queue *queue)
{
    uint32_t half = pace_groups(&queue->pace) / 2;
    return queue->in_flight.suspects < (half > 1 ? half : 1) &&
           queue->in_flight.all_suspects < queue->suspects_max;
}

bool queue_stalled_allowed(const struct queue *queue)
{
    return queue->in_flight.all_stalled < queue->stalled_max;
}

bool queue_is_blocked(const struct queue *queue)
{
    return (queue->fresh.n > 0 && !queue_fresh_allowed(queue)) ||
           (queue->suspects.n > 0 && !queue_suspect_allowed(queue));
}

/* The estimate is 0 if `fresh` is empty, even if the last attempts were slow. Otherwise the queue
 * could reject every order, would make no attempt, and so would never notice that the database is
 * fast again. */
int64_t queue_estimated_wait_ns(const struct queue *queue)
{
    if (queue->fresh.n == 0)
        return 0;
    const uint32_t waiting = queue->depth - queue->stalled.orders;
    int64_t groups = waiting / queue->options->group_max + 1;
    return groups * queue->pace.group_ns / pace_groups(&queue->pace);
}

/* Returns true if the queue has no room for more orders of a stalled account. Such orders may wait
 * until their deadline, so half of the queue is left to the orders of others. */
static bool is_full_for_stalled(const struct queue *queue, const struct fifo *items)
    REQUIRES(queue->work.mu)
{
    if (queue->stalled.n == 0 || queue->held < queue->options->capacity / 2)
        return false;
    LIST_EACH (item, items, const struct ingest_item, link)
        if (stalled_has(&queue->stalled, item->order.account_id))
            return true;
    return false;
}

enum ingest_rc queue_admit(const struct queue *queue, const struct fifo *items,
                           const struct turns_sums *sums, int64_t *retry_after_ns)
{
    const struct ingest_options *options = queue->options;
    int64_t wait_ns = queue_estimated_wait_ns(queue);
    *retry_after_ns = wait_ns > room_after_ns ? wait_ns : room_after_ns;
    if (queue->draining)
        return INGEST_CLOSED;
    if (sums->n > options->capacity - queue->held ||
        sums->bytes > options->max_bytes - queue->bytes || is_full_for_stalled(queue, items))
        return INGEST_FULL;
    if (wait_ns > options->queue_wait_max_ns) {
        *retry_after_ns = wait_ns;
        return INGEST_SLOW;
    }
    return INGEST_OK;
}
