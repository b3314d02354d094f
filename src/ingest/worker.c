/* worker.c - see worker.h. A worker makes one attempt at a time and then takes whatever goes first:
 * a group that has to wait for its next attempt waits in the queue, not on a thread. */
#include "ingest/worker.h"

#include "base/clock.h"

static void deliver(const struct ingest_options *options, struct fifo *done)
{
    if (done->first == NULL)
        return;
    items_sort(done, items_by_age);
    options->on_done(options->ctx, done);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    struct attempt *attempt = &worker->attempt;
    struct queue_work work = { .suspect = false };
    while (queue_take(worker->queue, &work)) {
        struct group_outcome outcome = { .n_back = 0 };
        if (work.leftover)
            attempt_abandon(attempt, &work.group, &outcome);
        else
            attempt_run(attempt, &work.group, work.stop_at_ns, &outcome);
        queue_return(worker->queue, &work, &outcome);
        deliver(attempt->options, &outcome.done);
    }
    return NULL;
}

bool worker_start(struct worker *worker, struct queue *queue, const struct ingest_options *options,
                  struct ingest_metrics *metrics, struct streak *streak, struct err *err)
{
    *worker = (struct worker){ .queue = queue };
    /* another seed at each start, for each worker */
    attempt_init(&worker->attempt, options, metrics, streak, (uint64_t)clock_now_ns());
    int rc = thread_start(&worker->thread, "ingest", run, worker);
    if (rc != 0)
        err_set(err, ERR_RETRYABLE, "start an ingest worker: %s", strerrordesc_np(rc));
    return rc == 0;
}

void worker_join(struct worker *worker)
{
    thread_join(worker->thread);
    attempt_fini(&worker->attempt);
}
