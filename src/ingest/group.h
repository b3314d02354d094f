/* group.h - a group of orders as a value: functions that form, prepare and split a group.
 *
 * If a plain group has several orders with one key, only the first to arrive is sent. The others
 * are its duplicates and wait for its verdict. The functions take no lock and allocate nothing,
 * because a group belongs to one worker. */
#ifndef INGEST_GROUP_H
#define INGEST_GROUP_H

#include "ingest/items.h"

enum { GROUP_FAN_OUT = 16 };

/* The result of an attempt at a group. */
struct group_outcome {
    struct fifo done;                            /* items that have a verdict */
    struct ingest_group back[GROUP_FAN_OUT + 2]; /* groups to be attempted next */
    size_t n_back;
    int64_t first_attempt_ns; /* duration of the attempt, if it was the group's first one and
                                 succeeded; else 0 */
};

/* Makes a plain group of items that are in the order of their arrival: sorts the items by key and
 * finds the duplicates. */
struct ingest_group group_form(struct fifo items);

/* Makes a group of an atomic list, sorted by key. Items with the same key do not become duplicates,
 * because the store compares them. */
struct ingest_group group_of_batch(struct fifo items);

/* Makes a group of duplicates whose first order is stored. One lookup compares all of them with the
 * stored orders. */
struct ingest_group group_to_compare(struct fifo items);

/* Sets n, n_items, oldest_at_ns and deadline_at_ns from the items. */
void group_measure(struct ingest_group *group);

/* Only these functions change `sending` and `suspicion` of a group. If the tables in group.c do not
 * allow a move, the process ends. If the group is in the state already, nothing happens. */
void group_move_sending(struct ingest_group *group, enum group_sending to);
void group_move_suspicion(struct ingest_group *group, enum group_suspicion to);

/* Makes a TRUSTED group SUSPECT, because one of its orders seems to delay the others. Does nothing
 * to a group that is not TRUSTED. */
void group_suspect(struct ingest_group *group);

/* Moves the expired items of the group to `expired`. If the first order of a key has expired, its
 * first duplicate that has not expired takes its place. An atomic group is moved as a whole or not
 * at all. */
void group_drop_expired(struct ingest_group *group, struct fifo *expired);

/* Writes a pointer to the order_put of each of the group's items to `puts`: group->n pointers. */
void group_list_puts(const struct ingest_group *group, struct order_put **puts);

/* Splits the group into at most GROUP_FAN_OUT pieces, which are due at once, and appends them to
 * outcome->back. The group must not be atomic. */
void group_split(struct ingest_group *group, struct group_outcome *outcome);

#endif
