/* work_queue.h - threads that wait for work: one mutex, the wake-up, and the end.
 *
 * The owner keeps the work itself beside it, in a fifo, a heap or a fair queue that the mutex
 * guards, and so decides what comes next and how much there may be.
 *
 *   the threads    mutex_lock(); while (there is no work && work_queue_wait()); take;
 * mutex_unlock() whoever adds   mutex_lock(); add, unless `ended`; work_queue_wake();
 * mutex_unlock()
 *
 * Threads    any. `mu` is a leaf unless the owner says otherwise.
 * Units      *_at_ns: a moment on CLOCK_MONOTONIC. */
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
    bool waking GUARDED_VAR;   /* an idle thread was signalled and does not run yet */
    bool ended GUARDED_VAR;
};

void work_queue_init(struct work_queue *queue);
void work_queue_fini(struct work_queue *queue); /* after the last thread has ended */

/* Work is there: wakes an idle thread, unless one is on its way. So a thread that takes work and
 * leaves some must call this too. */
void work_queue_wake(struct work_queue *queue) REQUIRES(queue->mu);

/* Waits until there may be work, or until the moment (CLOCK_NEVER: no limit). False, at once, when
 * the queue has ended. */
bool work_queue_wait(struct work_queue *queue, int64_t until_at_ns) REQUIRES(queue->mu);

/* Wakes all threads: none waits any more. Takes the mutex. */
void work_queue_end(struct work_queue *queue) EXCLUDES(queue->mu);

#endif
