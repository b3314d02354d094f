/* group.h - a group as a value: how one is formed, made ready, and split.
 *
 * Of several orders with one key in a plain group, the first to arrive is sent; the others are its
 * duplicates and wait for its verdict. No locks, no memory: a group belongs to one worker. */
#ifndef INGEST_GROUP_H
#define INGEST_GROUP_H

#include "ingest/items.h"

enum { GROUP_FAN_OUT = 16 };

/* The result of an attempt at a group. */
struct group_outcome {
    struct fifo done;                            /* the items that have their verdict */
    struct ingest_group back[GROUP_FAN_OUT + 2]; /* to be attempted again: pieces, and duplicates */
    size_t n_back;
    int64_t first_attempt_ns; /* how long a first attempt took that succeeded; else 0 */
};

/* Makes a plain group of items in order of arrival: sorts them and finds the duplicates. */
struct ingest_group group_form(struct fifo items);

/* Makes a group of an atomic list. It is sorted, and items of one key stay separate, since the
 * store compares them. */
struct ingest_group group_of_batch(struct fifo items);

/* Makes a group of duplicates whose first order is stored: one lookup answers them all. */
struct ingest_group group_to_compare(struct fifo items);

/* Brings n, n_items, oldest and deadline up to date. */
void group_measure(struct ingest_group *group);

/* The only functions that change these states. They end the process at a move that is not in their
 * tables, and do nothing if the group is in the state already. */
void group_move_sending(struct ingest_group *group, enum group_sending to);
void group_move_suspicion(struct ingest_group *group, enum group_suspicion to);

/* Makes a TRUSTED group SUSPECT: one of its orders seems to delay the others. */
void group_suspect(struct ingest_group *group);

/* Takes the expired items out, into `expired`. If the first order of a key has expired, its first
 * live duplicate takes its place. An atomic group leaves whole or not at all. */
void group_drop_expired(struct ingest_group *group, struct fifo *expired);

/* Lists the puts of group->items: group->n of them. */
void group_list_puts(const struct ingest_group *group, struct order_put **puts);

/* Cuts the group, which is not atomic, into at most GROUP_FAN_OUT pieces, due at once, and adds
 * them to outcome->back. */
void group_split(struct ingest_group *group, struct group_outcome *outcome);

#endif
