/* retry_heap.h - a heap of groups that wait for their next attempt. The group that is due first is
 * popped first; of groups that are due at the same moment, the one that was pushed first. A group
 * is kept in its first item (own.h). The caller calls heap_reserve() for as many groups as there
 * may be items, so that a push cannot fail. The caller holds the queue's lock. */
#ifndef INGEST_RETRY_HEAP_H
#define INGEST_RETRY_HEAP_H

#include "base/heap.h"
#include "ingest/own.h"

void retry_heap_push(struct heap *heap, const struct ingest_group *group);
struct ingest_group retry_heap_pop(struct heap *heap); /* the heap must not be empty */

/* Return when the next group is due, and when the oldest item of all groups was received. Both
 * return CLOCK_NEVER if the heap is empty. */
int64_t retry_heap_first_at_ns(const struct heap *heap);
int64_t retry_heap_oldest_at_ns(const struct heap *heap);

#endif
