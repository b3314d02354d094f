/* reader.c - runs lookups on threads of their own. The workers of the ingest do not run them, so
 * that a lookup never waits behind orders. */
#include "ingest/reader.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/work_queue.h"

struct reader {
    const struct order_store *store;
    struct work_queue queue; /* the queue's mutex guards `lookups` and `n_queued` */
    struct fifo lookups GUARDED_VAR;
    size_t n_queued GUARDED_VAR;
    uint32_t n_threads;
    pthread_t threads[];
};

/* Waits for a lookup and takes it out of the queue. Sets *ended to true if the queue has ended. In
 * that case the caller must not send the lookup to the database. Returns NULL if the queue has
 * ended and no lookup is left. */
static struct lookup *take(struct reader *reader, bool *ended)
{
    mutex_lock(&reader->queue.mu);
    while (reader->lookups.first == NULL && work_queue_wait(&reader->queue, CLOCK_NEVER))
        continue;
    struct lookup *lookup = CONTAINER_OR_NULL(fifo_pop(&reader->lookups), struct lookup, link);
    reader->n_queued -= lookup != NULL;
    if (reader->n_queued > 0)
        work_queue_wake(&reader->queue);
    *ended = reader->queue.ended;
    mutex_unlock(&reader->queue.mu);
    return lookup;
}

static enum lookup_rc look_up(const struct order_store *store, struct lookup *lookup)
{
    if (clock_now_ns() >= lookup->deadline_at_ns) {
        err_set(&lookup->err, ERR_RETRYABLE, "no reader was free before the deadline");
        return LOOKUP_UNAVAILABLE;
    }
    if (lookup->range != NULL)
        return store->list(store->ctx, lookup->range, &lookup->page, lookup->deadline_at_ns,
                           &lookup->err);
    if (lookup->order_id[0] != '\0')
        return store->get_by_id(store->ctx, lookup->order_id, lookup->found, lookup->deadline_at_ns,
                                &lookup->err);
    return store->get_by_keys(store->ctx, lookup->keys, lookup->n_keys, lookup->found,
                              lookup->deadline_at_ns, &lookup->err);
}

static void *run(void *arg)
{
    struct reader *reader = arg;
    bool ended;
    for (struct lookup *lookup; (lookup = take(reader, &ended)) != NULL;) {
        if (ended) {
            err_set(&lookup->err, ERR_RETRYABLE, "shutting down");
            lookup->rc = LOOKUP_UNAVAILABLE;
        } else {
            lookup->rc = look_up(reader->store, lookup);
        }
        lookup->done(lookup);
    }
    return NULL;
}

struct reader *reader_open(const struct order_store *store, uint32_t threads, struct err *err)
{
    CHECK(threads > 0);
    struct reader *reader = calloc(1, sizeof *reader + threads * sizeof reader->threads[0]);
    if (reader == NULL) {
        err_set(err, ERR_RETRYABLE, "no memory for the readers");
        return NULL;
    }
    reader->store = store;
    work_queue_init(&reader->queue);
    for (; reader->n_threads < threads; reader->n_threads++) {
        int rc = thread_start(&reader->threads[reader->n_threads], "reader", run, reader);
        if (rc != 0) {
            err_set(err, ERR_RETRYABLE, "start a reader: %s", strerrordesc_np(rc));
            reader_close(&reader);
            return NULL;
        }
    }
    return reader;
}

enum reader_rc reader_submit(struct reader *reader, struct lookup *lookup)
{
    CHECK(lookup->n_keys <= READER_KEYS_MAX);
    enum reader_rc rc = READER_OK;
    mutex_lock(&reader->queue.mu);
    if (reader->queue.ended) {
        rc = READER_CLOSED;
    } else if (reader->n_queued >= READER_QUEUE_MAX) {
        rc = READER_FULL;
    } else {
        fifo_push(&reader->lookups, &lookup->link);
        reader->n_queued++;
        work_queue_wake(&reader->queue);
    }
    mutex_unlock(&reader->queue.mu);
    return rc;
}

void reader_stop(struct reader *reader)
{
    if (reader == NULL)
        return;
    work_queue_end(&reader->queue);
    for (; reader->n_threads > 0; reader->n_threads--)
        thread_join(reader->threads[reader->n_threads - 1]);
}

void reader_close(struct reader **reader)
{
    if (*reader == NULL)
        return;
    reader_stop(*reader);
    work_queue_fini(&(*reader)->queue);
    free(*reader);
    *reader = NULL;
}
