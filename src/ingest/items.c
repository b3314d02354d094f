/* items.c - sorts lists of items, and moves items between their states. The sort is a merge sort
 * over the links. It is stable, so items with one key stay in the sequence of their arrival. */
#include "ingest/items.h"

#include <stdlib.h>

typedef int compare_items(const struct ingest_item *, const struct ingest_item *);

/* Merges two sorted lists. If two items are equal, the one of `a` comes first. */
static struct fifo_node *merge(struct fifo_node *a, struct fifo_node *b, compare_items *compare)
{
    struct fifo_node *first = NULL, **end = &first;
    while (a != NULL && b != NULL) {
        struct fifo_node **from = compare(CONTAINER_OF(a, struct ingest_item, link),
                                          CONTAINER_OF(b, struct ingest_item, link)) <= 0
                                      ? &a
                                      : &b;
        *end = *from;
        end = &(*from)->next;
        *from = *end;
    }
    *end = a != NULL ? a : b;
    return first;
}

void items_sort(struct fifo *items, compare_items *compare)
{
    /* run[i] is NULL or a sorted list of 2^i items. In the unsorted list these items stood before
     * the items of run[0] to run[i - 1]. */
    struct fifo_node *run[32] = { NULL };
    struct fifo_node *first = NULL, *rest = items->first;
    if (items->first == items->last)
        return; /* the list has at most one item */
    while (rest != NULL) {
        struct fifo_node *sorted = rest;
        rest = rest->next;
        sorted->next = NULL;
        size_t i = 0;
        for (; run[i] != NULL; i++) {
            sorted = merge(run[i], sorted, compare);
            run[i] = NULL;
        }
        run[i] = sorted;
    }
    for (size_t i = 0; i < sizeof run / sizeof run[0]; i++)
        if (run[i] != NULL)
            first = merge(run[i], first, compare);
    items->first = first;
    for (struct fifo_node *node = first; node != NULL; node = node->next)
        items->last = node;
}

int items_by_key(const struct ingest_item *a, const struct ingest_item *b)
{
    return order_compare_key(&a->order, &b->order);
}

int items_by_age(const struct ingest_item *a, const struct ingest_item *b)
{
    return (a->received_at_ns > b->received_at_ns) - (a->received_at_ns < b->received_at_ns);
}

uint64_t item_bytes(const struct ingest_item *item)
{
    return sizeof *item + sizeof *item->err + item->order.metadata_len;
}

/* Moves the item, and with it all items of its atomic batch, from QUEUED to the state `to`. If the
 * item is not QUEUED any more, returns false and sets *was to its state. After a submit no other
 * function changes the state of an item.
 *
 * Relaxed atomics suffice, because the state only tells whether the worker or ingest_expire() came
 * first. Other threads see the other members of the item through the queue's lock and on_done. All
 * items of an atomic batch share one state, so no part of the batch is sent while another part has
 * expired. */
static bool leave_queued(struct ingest_item *item, int to, int *was)
{
    struct ingest_item *holder = item->own.batch != NULL ? item->own.batch : item;
    *was = ITEM_QUEUED;
    return atomic_compare_exchange_strong_explicit(&holder->own.state, was, to,
                                                   memory_order_relaxed, memory_order_relaxed);
}

bool item_claim(struct ingest_item *item)
{
    int was;
    return leave_queued(item, ITEM_SENT, &was) || was == ITEM_SENT;
}

bool ingest_expire(struct ingest_item *item)
{
    int was;
    return leave_queued(item, ITEM_EXPIRED, &was);
}

enum item_state ingest_item_state(const struct ingest_item *item)
{
    const struct ingest_item *holder = item->own.batch != NULL ? item->own.batch : item;
    return (enum item_state)atomic_load_explicit(&holder->own.state, memory_order_relaxed);
}

bool item_expired(const struct ingest_item *item)
{
    return ingest_item_state(item) == ITEM_EXPIRED;
}

/* Stands for a reason for which there was no memory. It is never written. */
static struct err not_kept = { .text = "not known: there was no memory for the reason" };

void item_drop_err(struct ingest_item *item)
{
    if (item->err != NULL && item->err != &not_kept)
        free(item->err);
    item->err = NULL;
}

void item_note_err(struct ingest_item *item, const struct err *why)
{
    item_drop_err(item);
    item->err = malloc(sizeof *item->err);
    if (item->err != NULL)
        *item->err = *why;
    else
        item->err = &not_kept;
}

const struct err *ingest_item_err(const struct ingest_item *item)
{
    static const struct err none;
    return item->err != NULL ? item->err : &none;
}

void ingest_item_fini(struct ingest_item *item)
{
    order_fini(&item->order);
    item_drop_err(item);
}

enum item_verdict ingest_verdict_of(enum store_fault fault)
{
    switch (fault) {
    case FAULT_ORDER:
        return ITEM_REFUSED;
    case FAULT_OPERATOR:
    case FAULT_SERVER:
        return ITEM_DATABASE_FAULT;
    case FAULT_SERVICE:
    case FAULT_NONE:
        break;
    }
    return ITEM_FAILED;
}
