/* work_queue.h - lets threads wait for work. It provides the mutex, the wake-up and the end.
 *
 * The owner keeps the work itself in a fifo, a heap or a fair queue, which `mu` guards. So the
 * owner decides what comes next and how much there may be.
 *
 *   worker     mutex_lock();
 *              while there is no work and work_queue_wait() returns true: wait again;
 *              take the work, if there is any; mutex_unlock();
 *   producer   mutex_lock(); add the work, unless `ended`; work_queue_wake(); mutex_unlock();
 *
 * Threads    any. `mu` is a leaf lock unless the owner says otherwise.
 * Units      *_at_ns: a moment on CLOCK_MONOTONIC */
#ifndef BASE_WORK_QUEUE_H
#define BASE_WORK_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/sync.h"

struct work_queue {
    struct mutex mu;
    struct cond work;
    uint32_t idle GUARDED_VAR; /* threads in work_queue_wait() */
    bool waking GUARDED_VAR;   /* a signalled thread has not yet run */
    bool ended GUARDED_VAR;
};

void work_queue_init(struct work_queue *queue);
void work_queue_fini(struct work_queue *queue); /* after the last thread has ended */

/* Wakes an idle thread for new work, unless a thread is being woken already. A thread that takes
 * work and leaves some must call this too. */
void work_queue_wake(struct work_queue *queue) REQUIRES(queue->mu);

/* Waits until there may be work, or until until_at_ns (CLOCK_NEVER: no limit). If the queue has
 * ended, returns false at once. */
bool work_queue_wait(struct work_queue *queue, int64_t until_at_ns) REQUIRES(queue->mu);

/* Ends the queue and wakes all threads. From now on no thread waits for work. Takes the mutex. */
void work_queue_end(struct work_queue *queue) EXCLUDES(queue->mu);

#endif
