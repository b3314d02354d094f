/* reader.h - looks up stored orders, so that no HTTP loop has to wait for the database: a bounded
 * queue and a few threads.
 *
 * Threads    reader_submit(): any. `done` runs on a reader thread, with no lock held.
 * Ownership  a lookup is the caller's memory and stays put from READER_OK until `done`. */
#ifndef INGEST_READER_H
#define INGEST_READER_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/list.h"
#include "orders/order_store.h"

struct reader; /* opaque */

enum { READER_KEYS_MAX = 100, READER_QUEUE_MAX = 1024 };

struct lookup {
    char order_id[ORDER_ID_SIZE]; /* in: by id, or "" */
    struct order_key *keys;       /* in: by keys; borrowed with their strings */
    size_t n_keys;
    int64_t deadline_at_ns; /* in */
    struct order *found;    /* in: room for n_keys orders (1 for an id); out: filled in */
    enum lookup_rc rc;      /* out */
    struct err err;         /* out, unless LOOKUP_OK */
    void (*done)(struct lookup *lookup);
    void *owner;           /* in; for done */
    struct fifo_node link; /* the reader's */
};

enum reader_rc { READER_OK, READER_FULL, READER_CLOSED };

struct reader *reader_open(const struct order_store *store, uint32_t threads,
                           struct err *err) MUST_CHECK;
enum reader_rc reader_submit(struct reader *reader, struct lookup *lookup) MUST_CHECK;

/* Answers the queued lookups with LOOKUP_UNAVAILABLE, and joins the threads. Afterwards `done` is
 * not called any more, and new lookups are refused. NULL is a no-op. */
void reader_stop(struct reader *reader);

/* reader_stop(), and frees. NULL is a no-op. */
void reader_close(struct reader **reader);

#endif
