/* items.h - rows of items, linked by `next`. No locks: a row belongs to one thread, or to the lock
 * of what holds it. */
#ifndef INGEST_ITEMS_H
#define INGEST_ITEMS_H

#include <stdint.h>

#include "ingest/ingest.h"

struct items {
    struct ingest_item *first, *last; /* both NULL when empty */
};

/* Adds one item at the end; what followed it before is not taken along. */
void items_push(struct items *items, struct ingest_item *item);

/* Takes the first item off; NULL when empty. */
struct ingest_item *items_pop(struct items *items);

/* Sorts a row stably and gives its new first item. No memory is needed. */
struct ingest_item *items_sort(struct ingest_item *first,
                               int (*compare)(const struct ingest_item *a,
                                              const struct ingest_item *b));

/* By key, and by receipt, oldest first. */
int items_by_key(const struct ingest_item *a, const struct ingest_item *b);
int items_by_age(const struct ingest_item *a, const struct ingest_item *b);

/* What an item counts for in max_bytes. */
uint64_t item_bytes(const struct ingest_item *item);

/* Takes the item for the worker: QUEUED -> SENT. False if it has expired. */
bool item_claim(struct ingest_item *item);
bool item_expired(const struct ingest_item *item);

#endif
