/* items.h - lists of items, linked by `link`. No locks: a list belongs to one thread, or to the
 * lock of what holds it. */
#ifndef INGEST_ITEMS_H
#define INGEST_ITEMS_H

#include <stdint.h>

#include "ingest/types.h"

static inline void items_push(struct fifo *items, struct ingest_item *item)
{
    fifo_push(items, &item->link);
}

/* Takes the first item; NULL when the list is empty. */
static inline struct ingest_item *items_pop(struct fifo *items)
{
    return CONTAINER_OR_NULL(fifo_pop(items), struct ingest_item, link);
}

/* The list is not empty. */
static inline struct ingest_item *items_first(const struct fifo *items)
{
    return CONTAINER_OF(items->first, struct ingest_item, link);
}

/* NULL after the last item. */
static inline struct ingest_item *items_next(const struct ingest_item *item)
{
    return CONTAINER_OR_NULL(item->link.next, struct ingest_item, link);
}

/* Sorts stably. No memory is needed. */
void items_sort(struct fifo *items,
                int (*compare)(const struct ingest_item *a, const struct ingest_item *b));

/* By key, and by receipt, oldest first. */
int items_by_key(const struct ingest_item *a, const struct ingest_item *b);
int items_by_age(const struct ingest_item *a, const struct ingest_item *b);

/* What an item counts for in max_bytes. */
uint64_t item_bytes(const struct ingest_item *item);

/* Takes the item for the worker: QUEUED -> SENT. False if it has expired. True also if it was sent
 * before. */
bool item_claim(struct ingest_item *item);
bool item_expired(const struct ingest_item *item);

#endif
