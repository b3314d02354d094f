/* heap.c - see heap.h. Places begin at 1: the parent of place p is p / 2. */
#include "base/heap.h"

#include <stdlib.h>

#include "base/check.h"

enum { ROOM_MIN = 64 };

static bool comes_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key != b->key ? a->key < b->key : (int32_t)(a->turn - b->turn) < 0;
}

static void put(struct heap *heap, uint32_t place, struct heap_node *node)
{
    heap->nodes[place - 1] = node;
    node->place = place;
}

/* Puts the node where its key belongs. The search begins at `place`, which is free or is the
 * present place of the node, and goes up or down from there. */
static void sift(struct heap *heap, struct heap_node *node, uint32_t place)
{
    struct heap_node **nodes = heap->nodes;
    for (; place > 1 && comes_before(node, nodes[place / 2 - 1]); place /= 2)
        put(heap, place, nodes[place / 2 - 1]);
    for (uint32_t child; (child = 2 * place) <= heap->n; place = child) {
        if (child < heap->n && comes_before(nodes[child], nodes[child - 1]))
            child++;
        if (!comes_before(nodes[child - 1], node))
            break;
        put(heap, place, nodes[child - 1]);
    }
    put(heap, place, node);
}

bool heap_reserve(struct heap *heap, uint32_t n)
{
    if (n <= heap->cap)
        return true;
    uint32_t cap = heap->cap > 0 ? heap->cap : ROOM_MIN;
    while (cap < n)
        cap *= 2;
    struct heap_node **nodes = realloc(heap->nodes, cap * sizeof(struct heap_node *));
    if (nodes == NULL)
        return false;
    heap->nodes = nodes;
    heap->cap = cap;
    return true;
}

void heap_fini(struct heap *heap)
{
    free(heap->nodes);
    *heap = (struct heap){ 0 };
}

void heap_set(struct heap *heap, struct heap_node *node, int64_t key)
{
    node->key = key;
    node->turn = heap->turns++;
    if (node->place == 0) {
        CHECK(heap->n < heap->cap);
        node->place = ++heap->n;
    }
    sift(heap, node, node->place);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    uint32_t place = node->place;
    if (place == 0)
        return;
    struct heap_node *last = heap->nodes[--heap->n];
    node->place = 0;
    if (last != node)
        sift(heap, last, place);
}

struct heap_node *heap_first(const struct heap *heap)
{
    return heap->n > 0 ? heap->nodes[0] : NULL;
}
