/* queue.h - keeps the orders that wait for an attempt. `fresh` has the items that are in no group
 * yet; clients and their submits have turns (turns.h). Two heaps have the groups that wait for
 * their next attempt.
 *
 * One mutex guards the queue. A submit wakes a worker only if a group may begin now (pace.h), a
 * worker is idle, none is being woken already, and none is about to call queue_take(). The woken
 * worker takes a group, and wakes the next worker if another group may begin. If fresh items wait
 * only because of groups in flight, one idle worker watches these groups: it wakes up when one is
 * overdue (in_flight.h).
 *
 * Workers take retries that are due first, then suspects that are due, then fresh items. Suspect
 * groups (a locked key, an order that makes its group fail) may occupy half of the workers at most,
 * and half of the groups that may be in flight, but one in any case. A worker that had a suspect
 * takes fresh items before another suspect, so suspects never stop the flow of new orders.
 *
 * Threads    queue_take() and queue_return(): the workers. The other functions: any thread. */
#ifndef INGEST_QUEUE_H
#define INGEST_QUEUE_H

#include "base/work_queue.h"
#include "ingest/group.h"
#include "ingest/in_flight.h"
#include "ingest/pace.h"
#include "ingest/stalled.h"
#include "ingest/turns.h"
#include "ingest/types.h"

struct queue {
    struct work_queue work; /* its mutex guards the members with GUARDED_VAR */
    struct cond empty;      /* signalled when `held` becomes 0 while draining */
    const struct ingest_options *options;
    uint32_t suspects_max, stalled_max;

    struct turns fresh GUARDED_VAR;                        /* new items */
    struct heap retries GUARDED_VAR, suspects GUARDED_VAR; /* groups, see retry_heap.h */
    struct stalled stalled GUARDED_VAR;
    uint32_t depth GUARDED_VAR; /* orders in fresh, retries, suspects and stalled */
    uint32_t held GUARDED_VAR;  /* orders that were accepted and not given back yet */
    uint64_t bytes GUARDED_VAR; /* bytes of the `held` orders */
    struct in_flight in_flight GUARDED_VAR;
    struct pace pace GUARDED_VAR;
    uint32_t coming GUARDED_VAR;    /* workers between queue_return() and queue_take() */
    bool watched GUARDED_VAR;       /* an idle worker waits until a group is overdue */
    int64_t stop_at_ns GUARDED_VAR; /* after this moment all work is `leftover` */
    bool draining GUARDED_VAR;
};

/* The work that a worker takes from the queue. The worker zeroes the struct before its first call
 * of queue_take(). */
struct queue_work {
    struct ingest_group group;
    struct in_flight_group in_flight;
    int64_t stop_at_ns;             /* the attempt must end by this moment */
    bool suspect;                   /* the group was taken from the suspects */
    struct stalled_attempt stalled; /* valid if in_flight.stalled */
    bool leftover; /* the queue is stopped: give the items back without an attempt */
    bool returned; /* the worker has returned the group, and is counted in queue.coming */
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
void queue_return(struct queue *queue, struct queue_work *work,
                  const struct group_outcome *outcome);

void queue_drain(struct queue *queue); /* from now on, new items are refused */

/* Refuses new items, and waits until all items are given back or the deadline has come. Then stops
 * the queue: queue_take() returns the remaining work as `leftover`, and then false. */
void queue_stop(struct queue *queue, int64_t deadline_at_ns);

void queue_gauges(struct queue *queue, struct ingest_gauges *out);

#endif
