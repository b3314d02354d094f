/* items.c - see items.h. The sort is a merge sort over the links: stable, so that orders of one key
 * keep their order of arrival. */
#include "ingest/items.h"

void items_push(struct items *items, struct ingest_item *item)
{
    item->next = NULL;
    if (items->last != NULL)
        items->last->next = item;
    else
        items->first = item;
    items->last = item;
}

struct ingest_item *items_pop(struct items *items)
{
    struct ingest_item *item = items->first;
    if (item == NULL)
        return NULL;
    items->first = item->next;
    if (items->first == NULL)
        items->last = NULL;
    item->next = NULL;
    return item;
}

/* `a` came before `b`: of equals, those of `a` stay first. */
static struct ingest_item *merge(struct ingest_item *a, struct ingest_item *b,
                                 int (*compare)(const struct ingest_item *,
                                                const struct ingest_item *))
{
    struct ingest_item *first = NULL, **end = &first;
    while (a != NULL && b != NULL) {
        struct ingest_item **from = compare(a, b) <= 0 ? &a : &b;
        *end = *from;
        end = &(*from)->next;
        *from = *end;
    }
    *end = a != NULL ? a : b;
    return first;
}

struct ingest_item *items_sort(struct ingest_item *first,
                               int (*compare)(const struct ingest_item *,
                                              const struct ingest_item *))
{
    struct ingest_item *run[32] = { NULL }; /* run[i]: 2^i items, before those of every lower run */
    while (first != NULL) {
        struct ingest_item *sorted = first;
        first = first->next;
        sorted->next = NULL;
        size_t i = 0;
        for (; run[i] != NULL; i++) {
            sorted = merge(run[i], sorted, compare);
            run[i] = NULL;
        }
        run[i] = sorted;
    }
    for (size_t i = 0; i < sizeof run / sizeof run[0]; i++)
        first = merge(run[i], first, compare);
    return first;
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
    return sizeof *item + item->order.metadata_len;
}

/* The state decides who has the item, nothing else: what is in it travels under the queue's lock
 * and through on_done, so the order of memory does not matter here. An atomic list has one state
 * for all of it: so part of it can never be sent while another part has expired. */
static bool change_state(struct ingest_item *item, int *from, int to)
{
    struct ingest_item *holder = item->batch != NULL ? item->batch : item;
    return atomic_compare_exchange_strong_explicit(&holder->state, from, to, memory_order_relaxed,
                                                   memory_order_relaxed);
}

bool item_claim(struct ingest_item *item)
{
    int state = ITEM_QUEUED;
    return change_state(item, &state, ITEM_SENT) || state == ITEM_SENT;
}

bool ingest_expire(struct ingest_item *item)
{
    int state = ITEM_QUEUED;
    return change_state(item, &state, ITEM_EXPIRED);
}

enum item_state ingest_item_state(const struct ingest_item *item)
{
    const struct ingest_item *holder = item->batch != NULL ? item->batch : item;
    return (enum item_state)atomic_load_explicit(&holder->state, memory_order_relaxed);
}

bool item_expired(const struct ingest_item *item)
{
    return ingest_item_state(item) == ITEM_EXPIRED;
}

void ingest_item_fini(struct ingest_item *item)
{
    order_fini(&item->order);
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
