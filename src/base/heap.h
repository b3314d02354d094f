/* heap.h - a binary min-heap of the caller's structs. Each node knows its place, so a node is moved
 * or removed in O(log n). Of equal keys the one that was set first comes first.
 *
 * Threads    one at a time.
 * Ownership  the nodes are members of the caller's structs (CONTAINER_OF of list.h); the heap owns
 *            an array of pointers to them. A zeroed heap or node is an empty one.
 * Errors     only heap_reserve() can fail. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct heap_node {
    int64_t key;
    uint32_t turn;  /* which call of heap_set() it was, modulo 2^32 */
    uint32_t place; /* in the heap, from 1; 0: in none */
};

struct heap {
    struct heap_node **nodes; /* [n], nodes[0] is place 1 */
    uint32_t n, cap;
    uint32_t turns;
};

/* Room for n nodes, so that heap_set() cannot fail. False: out of memory. */
bool heap_reserve(struct heap *heap, uint32_t n) MUST_CHECK;
void heap_fini(struct heap *heap);

/* Adds the node, for which there must be room, or moves it if it is in the heap. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t key);

/* No-op if the node is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* The node with the least key, which stays; NULL when the heap is empty. */
struct heap_node *heap_first(const struct heap *heap);

#endif
