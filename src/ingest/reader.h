/* reader.h - looks up and lists stored orders on threads of its own, so that no HTTP loop waits for
 * the database. At most READER_QUEUE_MAX lookups wait; a page of a list is a lookup too.
 *
 * Threads    reader_submit(): any. `done` runs on a reader thread, with no lock held.
 * Ownership  The caller provides the memory of a lookup, which must stay in place until `done`. */
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
    char order_id[ORDER_ID_SIZE]; /* in: the order_id to look up; "": look up `keys` */
    struct order_key *keys;       /* in: the keys to look up; borrowed with their strings */
    size_t n_keys;
    const struct order_range *range; /* in: lists these orders; borrowed. NULL: looks up */
    struct order_page page;          /* in and out, if `range` is set: see order_store.h */
    int64_t deadline_at_ns;          /* in */
    /* In: memory for n_keys orders, or for 1 if order_id is set; not used if `range` is set. Out:
     * see order_store.h. */
    struct order *found;
    enum lookup_rc rc; /* out */
    struct err err;    /* out; valid only if rc is not LOOKUP_OK */
    void (*done)(struct lookup *lookup);
    void *owner;           /* in; not used by the reader */
    struct fifo_node link; /* used by the reader */
};

enum reader_rc { READER_OK, READER_FULL, READER_CLOSED };

struct reader *reader_open(const struct order_store *store, uint32_t threads,
                           struct err *err) MUST_CHECK;
enum reader_rc reader_submit(struct reader *reader, struct lookup *lookup) MUST_CHECK;

/* Ends the lookups in the queue with LOOKUP_UNAVAILABLE, and joins the threads. Afterwards `done`
 * is not called, and reader_submit() returns READER_CLOSED. Does nothing if `reader` is NULL. */
void reader_stop(struct reader *reader);

/* Calls reader_stop(), frees the reader and sets *reader to NULL. Does nothing if *reader is
 * NULL. */
void reader_close(struct reader **reader);

#endif
