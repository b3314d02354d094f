/* retry_heap.c - keeps groups in a heap, sorted by the moment of their next attempt. */
#include "ingest/retry_heap.h"

#include "base/check.h"
#include "base/clock.h"
#include "ingest/items.h"

static struct ingest_item *item_of(struct heap_node *node)
{
    return CONTAINER_OF(node, struct ingest_item, own.retry);
}

void retry_heap_push(struct heap *heap, const struct ingest_group *group)
{
    struct ingest_item *first = items_first(&group->items);
    first->own.waiting = *group;
    heap_set(heap, &first->own.retry, group->due_at_ns);
}

struct ingest_group retry_heap_pop(struct heap *heap)
{
    CHECK(heap->n > 0);
    struct ingest_item *first = item_of(heap_first(heap));
    heap_remove(heap, &first->own.retry);
    return first->own.waiting;
}

int64_t retry_heap_first_at_ns(const struct heap *heap)
{
    return heap->n > 0 ? heap_first(heap)->key : CLOCK_NEVER;
}

int64_t retry_heap_oldest_at_ns(const struct heap *heap)
{
    int64_t oldest_at_ns = CLOCK_NEVER;
    for (size_t i = 0; i < heap->n; i++)
        oldest_at_ns = clock_min(oldest_at_ns, item_of(heap->nodes[i])->own.waiting.oldest_at_ns);
    return oldest_at_ns;
}
