/* queue.h - what waits to be attempted: new items in order of arrival, and groups that wait for
 * their next attempt. An atomic list stands among the new items, one after the other.
 *
 * One mutex guards it all. A submit does little under it, and wakes a worker only when one is idle
 * and none is on its way: that one takes all there is, and wakes the next if work is left.
 * Who goes first: retries that are due, then suspects, then new items. Suspect groups (a locked
 * key, a poisonous order) may hold up half of the workers at most, and a worker that comes from one
 * looks after new items before the next, so that they never stall fresh orders.
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
    uint32_t depth GUARDED_VAR; /* fresh, retries, suspects: orders not in an attempt */
    uint32_t held GUARDED_VAR;  /* accepted and not given back */
    uint64_t bytes GUARDED_VAR; /* of the held */
    uint32_t busy GUARDED_VAR, suspects_busy GUARDED_VAR; /* workers */
    int64_t attempt_ns
        GUARDED_VAR; /* moving average of first attempts that succeeded; 0: none yet */
    int64_t stop_at_ns GUARDED_VAR; /* from then on all that is left is leftover */
    bool draining GUARDED_VAR;
};

/* A worker's work, zeroed before the first. */
struct queue_work {
    struct ingest_group group;
    int64_t stop_at_ns; /* no attempt goes on past it */
    bool suspect;       /* the group was taken as a suspect one */
    bool leftover;      /* the queue is stopped: no attempt, give the items back */
};

bool queue_init(struct queue *queue, const struct ingest_options *options) MUST_CHECK;
void queue_fini(struct queue *queue);

/* The list is atomic if its first item has `own.batch`. */
enum ingest_rc queue_submit(struct queue *queue, struct fifo *items,
                            int64_t *retry_after_ns) MUST_CHECK;

/* Waits for work. False: stopped, and nothing is left. */
bool queue_take(struct queue *queue, struct queue_work *work) MUST_CHECK;

/* One call for each queue_take() that gave work: takes outcome->back, and counts outcome->done,
 * which the worker delivers, as given back. Wakes nobody: the worker comes for work itself. */
void queue_return(struct queue *queue, const struct queue_work *work,
                  const struct group_outcome *outcome);

void queue_drain(struct queue *queue); /* refuses from now on */

/* Drains, waits until all is given back or the deadline, and stops: what is left then is leftover,
 * and workers end when it is gone. */
void queue_stop(struct queue *queue, int64_t deadline_at_ns);

void queue_gauges(struct queue *queue, struct ingest_gauges *out);

#endif
