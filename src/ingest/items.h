/* items.h - functions for single items, and for lists of items linked by `link`. They take no lock.
 * A list is used by one thread only, or is guarded by the lock of the struct that holds it. */
#ifndef INGEST_ITEMS_H
#define INGEST_ITEMS_H

#include <stdint.h>

#include "ingest/types.h"

static inline void items_push(struct fifo *items, struct ingest_item *item)
{
    fifo_push(items, &item->link);
}

/* Takes the first item. Returns NULL if the list is empty. */
static inline struct ingest_item *items_pop(struct fifo *items)
{
    return CONTAINER_OR_NULL(fifo_pop(items), struct ingest_item, link);
}

/* Returns the first item. The list must not be empty. */
static inline struct ingest_item *items_first(const struct fifo *items)
{
    return CONTAINER_OF(items->first, struct ingest_item, link);
}

/* Returns the item after this one, or NULL after the last one. */
static inline struct ingest_item *items_next(const struct ingest_item *item)
{
    return CONTAINER_OR_NULL(item->link.next, struct ingest_item, link);
}

/* Sorts the list stably, without allocating memory. */
void items_sort(struct fifo *items,
                int (*compare)(const struct ingest_item *a, const struct ingest_item *b));

/* Compare two items for items_sort(): by key, or by time of receipt, oldest first. */
int items_by_key(const struct ingest_item *a, const struct ingest_item *b);
int items_by_age(const struct ingest_item *a, const struct ingest_item *b);

/* Returns true if the verdict says that an order with this key is stored. */
static inline bool verdict_is_stored(enum item_verdict verdict)
{
    return verdict == ITEM_CREATED || verdict == ITEM_REPLAYED || verdict == ITEM_REUSED;
}

/* Returns the bytes of the item, with its metadata, as ingest_options.max_bytes counts them. */
uint64_t item_bytes(const struct ingest_item *item);

/* Called by a worker before it sends the item. Moves the item, and all items of its atomic batch,
 * from QUEUED to SENT. Returns false if the item has expired, and true if it is SENT now. */
bool item_claim(struct ingest_item *item);
bool item_expired(const struct ingest_item *item);

/* Makes a copy of *why the reason of the item's verdict, or removes the reason. `why` must not be
 * the item's own reason. */
void item_note_err(struct ingest_item *item, const struct err *why);
void item_drop_err(struct ingest_item *item);

#endif
