/* work_queue.h - lets threads wait for work, and wakes them when there is some or the queue is
 * ended.
 *
 * The queue itself holds no work: its owner keeps the work in a list or a heap, which `mu` guards.
 * So the owner decides which work comes next, and how much work may wait.
 *
 *   worker     mutex_lock();
 *              while (there is no work && work_queue_wait());
 *              take the work, if there is any; mutex_unlock();
 *   producer   mutex_lock(); add the work, unless `ended`; work_queue_wake(); mutex_unlock();
 *
 * Threads    Any. A thread that holds `mu` takes no other lock, unless the owner says otherwise.
 * Units      *_at_ns: a moment on CLOCK_MONOTONIC */
#ifndef BASE_WORK_QUEUE_H
#define BASE_WORK_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "base/sync.h"

struct work_queue {
    struct mutex mu;
    /* The threads in work_queue_wait(). The one that began to wait last comes first. Each node is
     * on the stack of its thread. */
    struct list idle GUARDED_VAR;
    bool waking GUARDED_VAR; /* a thread was signalled and has not run yet */
    bool ended GUARDED_VAR;
};

void work_queue_init(struct work_queue *queue);
void work_queue_fini(struct work_queue *queue); /* after the last thread has ended */

/* Wakes an idle thread for new work, unless a thread is being woken already. If several threads are
 * idle, this wakes the one that has been idle for the shortest time, so that threads that are not
 * needed are never woken. A thread that takes only a part of the work must call this too, for the
 * remainder. */
void work_queue_wake(struct work_queue *queue) REQUIRES(queue->mu);

/* Waits until there may be work, or until until_at_ns (CLOCK_NEVER: no limit), and returns true. If
 * the queue has ended, returns false at once. */
bool work_queue_wait(struct work_queue *queue, int64_t until_at_ns) REQUIRES(queue->mu);

/* Ends the queue, wakes all threads, and lets no thread wait any more. Takes the mutex. */
void work_queue_end(struct work_queue *queue) EXCLUDES(queue->mu);

#endif
