/* worker.h - the thread that takes groups, attempts them and delivers the orders that have a
 * verdict. */
#ifndef INGEST_WORKER_H
#define INGEST_WORKER_H

#include <pthread.h>

#include "ingest/attempt.h"
#include "ingest/queue.h"

struct worker {
    struct queue *queue;
    struct attempt attempt;
    pthread_t thread;
};

/* Starts the thread. False: no thread (*err), and nothing is left of it. */
bool worker_start(struct worker *worker, struct queue *queue, const struct ingest_options *options,
                  struct ingest_metrics *metrics, struct streak *streak,
                  struct err *err) MUST_CHECK;

/* After queue_stop(): waits for the thread's end, which is when nothing is left in the queue. */
void worker_join(struct worker *worker);

#endif
