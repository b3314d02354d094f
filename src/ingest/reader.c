/* reader.c - see reader.h. A GET waits for a connection of the pool, and so must not wait on an
 * HTTP loop; it has threads of its own, so that reads and writes do not stand in one queue. */
#include "ingest/reader.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/sync.h"

struct reader {
    const struct order_store *store;
    struct mutex mu;
    struct cond work;
    struct lookup *first GUARDED_VAR, *last GUARDED_VAR; /* last: only while first is there */
    size_t n_queued GUARDED_VAR;
    bool closing GUARDED_VAR;
    uint32_t n_threads;
    pthread_t threads[];
};

/* Waits for a lookup. NULL: closing, none is left. *unheard: closing, so it is not looked up. */
static struct lookup *take(struct reader *reader, bool *unheard)
{
    mutex_lock(&reader->mu);
    while (reader->first == NULL && !reader->closing)
        (void)cond_wait_until(&reader->work, &reader->mu, CLOCK_NEVER);
    struct lookup *lookup = reader->first;
    if (lookup != NULL) {
        reader->first = lookup->next;
        reader->n_queued--;
    }
    *unheard = reader->closing;
    mutex_unlock(&reader->mu);
    return lookup;
}

static enum lookup_rc look_up(const struct order_store *store, struct lookup *lookup)
{
    if (clock_now_ns() >= lookup->deadline_at_ns) {
        err_set(&lookup->err, ERR_RETRYABLE, "no reader was free before the deadline");
        return LOOKUP_UNAVAILABLE;
    }
    if (lookup->order_id[0] != '\0')
        return store->get_by_id(store->ctx, lookup->order_id, lookup->found, lookup->deadline_at_ns,
                                &lookup->err);
    return store->get_by_keys(store->ctx, lookup->keys, lookup->n_keys, lookup->found,
                              lookup->deadline_at_ns, &lookup->err);
}

static void *run(void *arg)
{
    struct reader *reader = arg;
    bool unheard;
    for (struct lookup *lookup; (lookup = take(reader, &unheard)) != NULL;) {
        if (unheard) {
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
    mutex_init(&reader->mu);
    cond_init(&reader->work);
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
    mutex_lock(&reader->mu);
    if (reader->closing) {
        rc = READER_CLOSED;
    } else if (reader->n_queued >= READER_QUEUE_MAX) {
        rc = READER_FULL;
    } else {
        lookup->next = NULL;
        if (reader->first == NULL)
            reader->first = lookup;
        else
            reader->last->next = lookup;
        reader->last = lookup;
        reader->n_queued++;
        cond_signal(&reader->work);
    }
    mutex_unlock(&reader->mu);
    return rc;
}

void reader_stop(struct reader *reader)
{
    if (reader == NULL)
        return;
    mutex_lock(&reader->mu);
    reader->closing = true;
    cond_broadcast(&reader->work);
    mutex_unlock(&reader->mu);
    for (; reader->n_threads > 0; reader->n_threads--)
        thread_join(reader->threads[reader->n_threads - 1]);
}

void reader_close(struct reader **reader)
{
    if (*reader == NULL)
        return;
    reader_stop(*reader);
    cond_fini(&(*reader)->work);
    mutex_fini(&(*reader)->mu);
    free(*reader);
    *reader = NULL;
}
