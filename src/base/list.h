/* list.h - intrusive lists. A node is a member of the caller's struct, so adding one allocates
 * nothing and cannot fail.
 *
 *   struct list   doubly linked and counted: any node is removed in O(1)
 *   struct fifo   singly linked: nodes are added at either end and removed from the front
 *
 * A list or fifo of zeros is empty. A struct fifo may be copied; use only the copy afterwards. A
 * node is in one list at most. CONTAINER_OF() gives the struct that has the node.
 *
 * Threads    one at a time; if threads share a list, its owner has a lock for it
 * Ownership  the nodes stay the caller's memory */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void *container_of(const void *member, size_t offset)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): -Wcast-qual forbids the cast from const void * */
    return (void *)((uintptr_t)member - offset);
}

static inline void *container_or_null(const void *member, size_t offset)
{
    return member == NULL ? NULL : container_of(member, offset);
}

/* Returns the struct whose `member` is at `pointer`. `pointer` must not be NULL, and is evaluated
 * once. If `pointer` is not of the type of `member`, the macro does not compile. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)container_of(1 ? (pointer) : &((type *)0)->member, offsetof(type, member)))

/* As CONTAINER_OF(), but `pointer` may be NULL, for example from fifo_pop() of an empty fifo. If it
 * is NULL, the result is NULL. */
#define CONTAINER_OR_NULL(pointer, type, member)                                                   \
    ((type *)container_or_null(1 ? (pointer) : &((type *)0)->member, offsetof(type, member)))

/* Runs the statement for each `type *item`, from the first to the last. The statement must not
 * remove the item. To remove items, write a loop that reads `next` before it removes an item, or
 * pop from the front. */
#define LIST_EACH(item, list, type, member)                                                        \
    for (type *item /* NOLINT(bugprone-macro-parentheses): declares it */ =                        \
             CONTAINER_OR_NULL((list)->first, type, member);                                       \
         (item) != NULL; (item) = CONTAINER_OR_NULL((item)->member.next, type, member))

/* ---- struct list ---- */

struct list_node {
    struct list_node *prev, *next; /* NULL at the ends */
};

struct list {
    struct list_node *first, *last; /* both NULL when the list is empty */
    uint32_t count;
};

static inline void list_push_front(struct list *list, struct list_node *node)
{
    *node = (struct list_node){ .next = list->first };
    *(list->first != NULL ? &list->first->prev : &list->last) = node;
    list->first = node;
    list->count++;
}

static inline void list_push_back(struct list *list, struct list_node *node)
{
    *node = (struct list_node){ .prev = list->last };
    *(list->last != NULL ? &list->last->next : &list->first) = node;
    list->last = node;
    list->count++;
}

/* Removes the node, which must be in this list. */
static inline void list_remove(struct list *list, struct list_node *node)
{
    *(node->prev != NULL ? &node->prev->next : &list->first) = node->next;
    *(node->next != NULL ? &node->next->prev : &list->last) = node->prev;
    list->count--;
}

/* ---- struct fifo ---- */

struct fifo_node {
    struct fifo_node *next; /* NULL at the end */
};

struct fifo {
    struct fifo_node *first, *last; /* both NULL when the fifo is empty */
};

static inline void fifo_push(struct fifo *fifo, struct fifo_node *node)
{
    node->next = NULL;
    *(fifo->last != NULL ? &fifo->last->next : &fifo->first) = node;
    fifo->last = node;
}

static inline void fifo_push_front(struct fifo *fifo, struct fifo_node *node)
{
    node->next = fifo->first;
    if (fifo->first == NULL)
        fifo->last = node;
    fifo->first = node;
}

/* Removes the first node and returns it. Returns NULL if the fifo is empty. */
static inline struct fifo_node *fifo_pop(struct fifo *fifo)
{
    struct fifo_node *node = fifo->first;
    if (node == NULL)
        return NULL;
    fifo->first = node->next;
    if (fifo->first == NULL)
        fifo->last = NULL;
    return node;
}

/* Removes the nodes from the first to `last`, which must be in the fifo, and returns them. */
static inline struct fifo fifo_pop_to(struct fifo *fifo, struct fifo_node *last)
{
    struct fifo taken = { fifo->first, last };
    fifo->first = last->next;
    if (fifo->first == NULL)
        fifo->last = NULL;
    last->next = NULL;
    return taken;
}

/* Moves all nodes of `more` to the end of the fifo. */
static inline void fifo_append(struct fifo *fifo, struct fifo *more)
{
    if (more->first == NULL)
        return;
    *(fifo->last != NULL ? &fifo->last->next : &fifo->first) = more->first;
    fifo->last = more->last;
    *more = (struct fifo){ NULL, NULL };
}

#endif
