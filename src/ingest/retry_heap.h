/* retry_heap.h - groups that wait for their next attempt, the earliest due first; of equals the
 * first pushed. A group is kept in its first item (own.h). The caller reserves the heap for as many
 * groups as there may be items, so that a push cannot fail. Under the queue's lock. */
#ifndef INGEST_RETRY_HEAP_H
#define INGEST_RETRY_HEAP_H

#include "base/heap.h"
#include "ingest/own.h"

void retry_heap_push(struct heap *heap, const struct ingest_group *group);
struct ingest_group retry_heap_pop(struct heap *heap); /* not when the heap is empty */

/* Both CLOCK_NEVER when the heap is empty. */
int64_t retry_heap_first_at_ns(const struct heap *heap);
int64_t retry_heap_oldest_at_ns(const struct heap *heap); /* first receipt in any group */

#endif
