/* queue.h - the orders that wait for an attempt: new items in order of arrival, and groups that
 * wait for their next attempt. The items of an atomic list stand one after the other among the new
 * items.
 *
 * One mutex guards the queue. A submit holds it for a moment, and wakes a worker only if one is
 * idle and none has been woken yet. The woken worker takes a group, and wakes the next worker if
 * work is left. Workers take retries that are due first, then suspects, then new items. Suspect
 * groups (a locked key, an order that makes its group fail) may occupy half of the workers at most.
 * A worker that had a suspect group takes new items before another suspect, so suspects never stall
 * new orders.
 *
 * Threads    any function, any thread; queue_take() and queue_return() are the workers'. */
#ifndef INGEST_QUEUE_H
#define INGEST_QUEUE_H

#include "base/work_queue.h"
#include "ingest/group.h"
#include "ingest/types.h"

struct queue {
    struct work_queue work; /* its mutex guards all of it */
    struct cond empty;      /* for queue_stop() */
    const struct ingest_options *options;
    uint32_t suspects_max;

    struct fifo fresh GUARDED_VAR;
    struct heap retries GUARDED_VAR, suspects GUARDED_VAR; /* groups: retry_heap.h */
    uint32_t n_fresh GUARDED_VAR;                          /* items; those of atomic lists too */
    uint32_t n_batches GUARDED_VAR;                        /* atomic lists among them */
    uint64_t fresh_metadata GUARDED_VAR;                   /* of all of them, in bytes */
    uint32_t depth GUARDED_VAR; /* orders that are in no attempt: fresh, retries, suspects */
    uint32_t held GUARDED_VAR;  /* accepted and not given back */
    uint64_t bytes GUARDED_VAR; /* of the held items */
    uint32_t busy GUARDED_VAR, suspects_busy GUARDED_VAR; /* workers */
    int64_t attempt_ns
        GUARDED_VAR; /* moving average of first attempts that succeeded; 0: none yet */
    int64_t stop_at_ns GUARDED_VAR; /* from then on, work is leftover */
    bool draining GUARDED_VAR;
};

/* What a worker takes. The worker zeroes it before the first call of queue_take(). */
struct queue_work {
    struct ingest_group group;
    int64_t stop_at_ns; /* an attempt ends by then */
    bool suspect;       /* the group was taken as a suspect one */
    bool leftover;      /* the queue is stopped: give the items back without an attempt */
};

bool queue_init(struct queue *queue, const struct ingest_options *options) MUST_CHECK;
void queue_fini(struct queue *queue);

/* The list is atomic if its first item has `own.batch`. */
enum ingest_rc queue_submit(struct queue *queue, struct fifo *items,
                            int64_t *retry_after_ns) MUST_CHECK;

/* Waits for work. False: stopped, and nothing is left. */
bool queue_take(struct queue *queue, struct queue_work *work) MUST_CHECK;

/* Called once for each queue_take() that gave work. Takes the groups of outcome->back, and counts
 * the items of outcome->done, which the worker delivers, as given back. Wakes no worker, since the
 * caller takes work next. */
void queue_return(struct queue *queue, const struct queue_work *work,
                  const struct group_outcome *outcome);

void queue_drain(struct queue *queue); /* refuses new items from now on */

/* Drains, waits until all items are given back or the deadline has come, and stops: the remaining
 * work is leftover, and workers end when none is left. */
void queue_stop(struct queue *queue, int64_t deadline_at_ns);

void queue_gauges(struct queue *queue, struct ingest_gauges *out);

#endif
