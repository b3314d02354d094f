/* ingest.c - starts the workers, accepts orders and delivers verdicts. Every order takes one path:
 *
 *     ingest_submit -> queue -> worker -> attempt -> on_done
 *                        ^---- back, whole or split ----'
 *
 * A worker makes one attempt at a time and then takes the next group. A group that has to wait for
 * its next attempt waits in the queue, so it occupies no worker. */
#include "ingest/ingest.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "ingest/attempt.h"
#include "ingest/queue.h"
#include "ingest/streak.h"

struct worker {
    struct queue *queue;
    struct attempt attempt;
    pthread_t thread;
};

struct ingest {
    struct ingest_options options;
    struct ingest_metrics metrics;
    struct streak streak;
    struct queue queue;
    uint32_t n_workers; /* workers that run */
    struct worker workers[];
};

static const int64_t group_bounds[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096 };

/* ---- the workers ---- */

static void *run(void *arg)
{
    struct worker *worker = arg;
    struct attempt *attempt = &worker->attempt;
    const struct ingest_options *options = attempt->options;
    struct queue_work work = { .suspect = false };
    while (queue_take(worker->queue, &work)) {
        struct group_outcome outcome = { .n_back = 0 };
        if (work.leftover)
            attempt_abandon(attempt, &work.group, &outcome);
        else
            attempt_run(attempt, &work.group, work.stop_at_ns, &outcome);
        queue_return(worker->queue, &work, &outcome);
        items_sort(&outcome.done, items_by_age);
        if (outcome.done.first != NULL)
            options->on_done(options->ctx, &outcome.done);
    }
    return NULL;
}

/* Starts the next worker. The time is the seed of its random pauses, so that the pauses differ from
 * worker to worker and from start to start. */
static bool start_worker(struct ingest *ingest, struct err *err)
{
    struct worker *worker = &ingest->workers[ingest->n_workers];
    *worker = (struct worker){ .queue = &ingest->queue };
    attempt_init(&worker->attempt, &ingest->options, &ingest->metrics, &ingest->streak,
                 (uint64_t)clock_now_ns());
    int rc = thread_start(&worker->thread, "ingest", run, worker);
    if (rc != 0)
        err_set(err, ERR_RETRYABLE, "start an ingest worker: %s", strerrordesc_np(rc));
    else
        ingest->n_workers++;
    return rc == 0;
}

/* ---- open ---- */

static void check_options(const struct ingest_options *options)
{
    CHECK(options->workers > 0);
    CHECK(options->group_max > 0);
    CHECK(options->capacity > 0);
    CHECK(options->on_done != NULL);
    CHECK(options->on_event != NULL);
}

/* Allocates an ingest and fills it with zeros. The address is aligned as the counters in the struct
 * require, so that no two stripes share a cache line. */
static struct ingest *allocate(uint32_t workers)
{
    size_t align = _Alignof(struct ingest);
    size_t bytes = sizeof(struct ingest) + workers * sizeof(struct worker);
    bytes = (bytes + align - 1) / align * align;
    struct ingest *ingest = aligned_alloc(align, bytes);
    if (ingest != NULL)
        memset(ingest, 0, bytes);
    return ingest;
}

struct ingest *ingest_open(const struct ingest_options *options, struct err *err)
{
    check_options(options);
    struct ingest *ingest = allocate(options->workers);
    if (ingest == NULL)
        goto no_memory;
    ingest->options = *options;
    histogram_init(&ingest->metrics.group_orders, group_bounds,
                   sizeof group_bounds / sizeof group_bounds[0]);
    if (!queue_init(&ingest->queue, &ingest->options))
        goto no_memory;
    streak_init(&ingest->streak);

    while (ingest->n_workers < options->workers) {
        if (!start_worker(ingest, err)) {
            ingest_close(&ingest, 0);
            return NULL;
        }
    }
    return ingest;

no_memory:
    err_set(err, ERR_RETRYABLE, "no memory for a queue of %u orders", (unsigned)options->capacity);
    free(ingest);
    return NULL;
}

/* ---- submit ---- */

/* Makes the item QUEUED and resets what an earlier use left in it. `batch` is the first item of the
 * atomic batch to which the item belongs, or NULL. */
static void reset(struct ingest_item *item, struct ingest_item *batch)
{
    struct ingest_own *own = &item->own;
    item_drop_err(item);
    item->fault = FAULT_NONE;
    atomic_store_explicit(&own->state, ITEM_QUEUED, memory_order_relaxed);
    own->put = (struct order_put){ .order = &item->order };
    own->lookup_decided = false;
    own->batch = batch;
    own->duplicates = (struct fifo){ NULL, NULL };
    own->retry.place = 0;
}

static enum ingest_rc submit(struct ingest *ingest, struct fifo *items, struct ingest_item *batch,
                             int64_t *retry_after_ns)
{
    CHECK(items->first != NULL);
    LIST_EACH (item, items, struct ingest_item, link)
        reset(item, batch);
    return queue_submit(&ingest->queue, items, retry_after_ns);
}

enum ingest_rc ingest_submit(struct ingest *ingest, struct fifo *items, int64_t *retry_after_ns)
{
    return submit(ingest, items, NULL, retry_after_ns);
}

enum ingest_rc ingest_submit_atomic(struct ingest *ingest, struct fifo *items,
                                    int64_t *retry_after_ns)
{
    return submit(ingest, items, items_first(items), retry_after_ns);
}

/* ---- the end ---- */

void ingest_drain(struct ingest *ingest)
{
    queue_drain(&ingest->queue);
}

static void join_worker(struct worker *worker)
{
    thread_join(worker->thread);
    attempt_fini(&worker->attempt);
}

void ingest_stop(struct ingest *ingest, int64_t deadline_at_ns)
{
    if (ingest == NULL)
        return;
    queue_stop(&ingest->queue, deadline_at_ns);
    for (; ingest->n_workers > 0; ingest->n_workers--)
        join_worker(&ingest->workers[ingest->n_workers - 1]);
}

void ingest_close(struct ingest **ingest, int64_t deadline_at_ns)
{
    if (*ingest == NULL)
        return;
    ingest_stop(*ingest, deadline_at_ns);
    queue_fini(&(*ingest)->queue);
    streak_fini(&(*ingest)->streak);
    free(*ingest);
    *ingest = NULL;
}

const struct ingest_metrics *ingest_metrics(const struct ingest *ingest)
{
    return &ingest->metrics;
}

void ingest_gauges(struct ingest *ingest, struct ingest_gauges *out)
{
    queue_gauges(&ingest->queue, out);
}

void ingest_failure_streak(struct ingest *ingest, struct ingest_streak *out)
{
    streak_read(&ingest->streak, out);
}
