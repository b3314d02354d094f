/* group.c - forms, prepares and splits groups of orders. */
#include "ingest/group.h"

#include "base/check.h"
#include "base/clock.h"

/* ---- the states ---- */

#define TO(state) (1u << GROUP_##state)

static const unsigned sending_moves[] = {
    [GROUP_UNSENT] = TO(SENT),
    [GROUP_SENT] = TO(IN_DOUBT),
    [GROUP_IN_DOUBT] = 0,
};

/* There is no move from TRUSTED to NEIGHBOUR_STORED, because only a piece of a split group becomes
 * NEIGHBOUR_STORED, and group_split() has made each piece SUSPECT. */
static const unsigned suspicion_moves[] = {
    [GROUP_TRUSTED] = TO(SUSPECT) | TO(FAILED_ALIKE),
    [GROUP_SUSPECT] = TO(NEIGHBOUR_STORED) | TO(FAILED_ALIKE),
    [GROUP_NEIGHBOUR_STORED] = 0,
    [GROUP_FAILED_ALIKE] = 0,
};

void group_move_sending(struct ingest_group *group, enum group_sending to)
{
    CHECK(group->sending == to || (sending_moves[group->sending] & 1u << to) != 0);
    group->sending = to;
}

void group_move_suspicion(struct ingest_group *group, enum group_suspicion to)
{
    CHECK(group->suspicion == to || (suspicion_moves[group->suspicion] & 1u << to) != 0);
    group->suspicion = to;
}

void group_suspect(struct ingest_group *group)
{
    if (group->suspicion == GROUP_TRUSTED)
        group_move_suspicion(group, GROUP_SUSPECT);
}

/* ---- how a group is formed ---- */

static void count(struct ingest_group *group, const struct ingest_item *item)
{
    group->n_items++;
    group->oldest_at_ns = clock_min(group->oldest_at_ns, item->received_at_ns);
    if (item->deadline_at_ns > group->deadline_at_ns)
        group->deadline_at_ns = item->deadline_at_ns;
}

void group_measure(struct ingest_group *group)
{
    group->n = 0;
    group->n_items = 0;
    group->oldest_at_ns = CLOCK_NEVER;
    group->deadline_at_ns = 0;
    LIST_EACH (first, &group->items, const struct ingest_item, link) {
        group->n++;
        count(group, first);
        LIST_EACH (duplicate, &first->own.duplicates, const struct ingest_item, link)
            count(group, duplicate);
    }
}

struct ingest_group group_form(struct fifo items)
{
    struct ingest_group group = { .kind = GROUP_PLAIN };
    struct ingest_item *first = NULL; /* the first item of the current key */
    items_sort(&items, items_by_key);
    for (struct ingest_item *item; (item = items_pop(&items)) != NULL;) {
        item->own.duplicates = (struct fifo){ NULL, NULL };
        if (first != NULL && items_by_key(first, item) == 0) {
            items_push(&first->own.duplicates, item);
            continue;
        }
        items_push(&group.items, item);
        first = item;
    }
    group_measure(&group);
    return group;
}

struct ingest_group group_of_batch(struct fifo items)
{
    struct ingest_group group = { .items = items, .kind = GROUP_ATOMIC };
    items_sort(&group.items, items_by_key);
    group_measure(&group);
    return group;
}

struct ingest_group group_to_compare(struct fifo items)
{
    struct ingest_group group = {
        .items = items,
        .kind = GROUP_COMPARE,
        .due_at_ns = clock_now_ns(), /* after the groups that are due already */
    };
    items_sort(&group.items, items_by_key);
    group_measure(&group);
    return group;
}

/* ---- how a group is made ready ---- */

/* Moves the expired items among `first` and its duplicates to `expired`. The oldest of the other
 * items becomes the first order of the key, and the rest become its duplicates. Returns this new
 * first order, or NULL if all items have expired. */
static struct ingest_item *without_expired(struct ingest_item *first, struct fifo *expired)
{
    struct fifo live = { NULL, NULL }, duplicates = first->own.duplicates;
    first->own.duplicates = (struct fifo){ NULL, NULL };
    for (struct ingest_item *item = first; item != NULL; item = items_pop(&duplicates))
        items_push(item_expired(item) ? expired : &live, item);
    first = items_pop(&live);
    if (first != NULL)
        first->own.duplicates = live;
    return first;
}

void group_drop_expired(struct ingest_group *group, struct fifo *expired)
{
    struct fifo items = group->items;
    if (group->kind != GROUP_ATOMIC) {
        group->items = (struct fifo){ NULL, NULL };
        for (struct ingest_item *item; (item = items_pop(&items)) != NULL;) {
            struct ingest_item *first = without_expired(item, expired);
            if (first != NULL)
                items_push(&group->items, first);
        }
    } else if (item_expired(items_first(&items))) { /* the state may change, so it is read once */
        fifo_append(expired, &group->items);
    }
    group_measure(group);
}

void group_list_puts(const struct ingest_group *group, struct order_put **puts)
{
    size_t n = 0;
    LIST_EACH (item, &group->items, struct ingest_item, link)
        puts[n++] = &item->own.put;
}

/* ---- how a group is split ---- */

void group_split(struct ingest_group *group, struct group_outcome *outcome)
{
    CHECK(group->kind != GROUP_ATOMIC);
    const uint32_t piece_max = (group->n + GROUP_FAN_OUT - 1) / GROUP_FAN_OUT;
    while (group->items.first != NULL) {
        struct ingest_group piece = *group;
        struct fifo_node *last = group->items.first;
        for (uint32_t i = 1; i < piece_max && last->next != NULL; i++)
            last = last->next;
        piece.items = fifo_pop_to(&group->items, last);
        piece.due_at_ns = 0;
        piece.failures = 0;
        group_suspect(&piece);
        group_measure(&piece);
        CHECK(outcome->n_back < sizeof outcome->back / sizeof outcome->back[0]);
        outcome->back[outcome->n_back++] = piece;
    }
}
