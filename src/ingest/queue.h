/* queue.h - keeps the orders that wait for an attempt. `fresh` has the items that are in no group
 * yet; clients and their submits have turns (turns.h). Two heaps have the groups that wait for
 * their next attempt.
 *
 * One mutex guards the queue. A submit wakes a worker only if one is idle and none is being woken
 * already. The woken worker takes a group, and wakes the next worker if work is left. Workers take
 * retries that are due first, then suspects that are due, then fresh items. Suspect groups (a
 * locked key, an order that makes its group fail) may occupy half of the workers at most; if there
 * is only one worker, they may occupy it. A worker that had a suspect takes fresh items before
 * another suspect, so suspects never stop the flow of new orders.
 *
 * Threads    queue_take() and queue_return(): the workers. The other functions: any thread. */
#ifndef INGEST_QUEUE_H
#define INGEST_QUEUE_H

#include "base/work_queue.h"
#include "ingest/group.h"
#include "ingest/turns.h"
#include "ingest/types.h"

struct queue {
    struct work_queue work; /* its mutex guards the members with GUARDED_VAR */
    struct cond empty;      /* signalled when `held` becomes 0 while draining */
    const struct ingest_options *options;
    uint32_t suspects_max;

    struct turns fresh GUARDED_VAR;                        /* new items */
    struct heap retries GUARDED_VAR, suspects GUARDED_VAR; /* groups, see retry_heap.h */
    uint32_t depth GUARDED_VAR; /* orders in fresh, retries and suspects */
    uint32_t held GUARDED_VAR;  /* orders that were accepted and not given back yet */
    uint64_t bytes GUARDED_VAR; /* bytes of the `held` orders */
    /* Workers that have a group, and workers that have a suspect group. */
    uint32_t busy GUARDED_VAR, suspects_busy GUARDED_VAR;
    /* The moving average of group_outcome.first_attempt_ns. 0: no attempt has succeeded yet. */
    int64_t attempt_ns GUARDED_VAR;
    int64_t stop_at_ns GUARDED_VAR; /* after this moment all work is `leftover` */
    bool draining GUARDED_VAR;
};

/* The work that a worker takes from the queue. The worker zeroes the struct before its first call
 * of queue_take(). */
struct queue_work {
    struct ingest_group group;
    int64_t stop_at_ns; /* the attempt must end by this moment */
    bool suspect;       /* the group was taken from the suspects */
    bool leftover;      /* the queue is stopped: give the items back without an attempt */
};

bool queue_init(struct queue *queue, const struct ingest_options *options) MUST_CHECK;
void queue_fini(struct queue *queue);

/* Takes all items of the list, or none, as ingest_submit() does. The list is an atomic batch if
 * `own.batch` of its first item is set. */
enum ingest_rc queue_submit(struct queue *queue, struct fifo *items,
                            int64_t *retry_after_ns) MUST_CHECK;

/* Waits until there is work for this worker, and writes it to *work. At the call, *work must have
 * the work that this worker took before, or zeros. Returns false if the queue is stopped and no
 * work is left. */
bool queue_take(struct queue *queue, struct queue_work *work) MUST_CHECK;

/* Called by the worker once for each queue_take() that returned true. Puts the groups of
 * outcome->back into the queue. Counts the items of outcome->done as given back; the worker then
 * gives them to on_done. Wakes no worker, because the calling worker takes work next. */
void queue_return(struct queue *queue, const struct queue_work *work,
                  const struct group_outcome *outcome);

void queue_drain(struct queue *queue); /* from now on, new items are refused */

/* Refuses new items, and waits until all items are given back or the deadline has come. Then stops
 * the queue: queue_take() returns the remaining work as `leftover`, and then false. */
void queue_stop(struct queue *queue, int64_t deadline_at_ns);

void queue_gauges(struct queue *queue, struct ingest_gauges *out);

#endif
