/* heap.h - a binary min-heap of the caller's structs. Each node knows its place, so the heap moves
 * or removes it in O(log n). Of nodes with equal keys, the one whose key was set earliest comes
 * first.
 *
 * Threads    one at a time.
 * Ownership  The nodes are members of the caller's structs (CONTAINER_OF in list.h). The heap owns
 *            an array of pointers to them. A heap of zeros is empty; a node of zeros is in no heap.
 * Errors     Only heap_reserve() can fail. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct heap_node {
    int64_t key;
    uint32_t turn;  /* number of the heap_set() call, modulo 2^32; decides between equal keys */
    uint32_t place; /* from 1; 0: the node is in no heap */
};

struct heap {
    struct heap_node **nodes; /* [n], nodes[0] is place 1 */
    uint32_t n, cap;
    uint32_t turns;
};

/* Makes room for n nodes, so that heap_set() cannot fail. Returns false if out of memory. */
bool heap_reserve(struct heap *heap, uint32_t n) MUST_CHECK;
void heap_fini(struct heap *heap);

/* Sets the key of the node, and adds the node if it is in no heap yet. heap_reserve() must have
 * made room for it. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t key);

/* Removes the node from the heap. Does nothing if the node is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* Returns the node with the smallest key, without removing it, or NULL if the heap is empty. */
struct heap_node *heap_first(const struct heap *heap);

#endif
