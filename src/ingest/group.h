/* group.h - forms, prepares and splits groups of orders.
 *
 * If a group of GROUP_PLAIN has several orders with one key, only the one that arrived first is
 * sent. The others are its duplicates and wait for its verdict. The functions take no lock, because
 * only one worker uses a group at a time. They allocate nothing. */
#ifndef INGEST_GROUP_H
#define INGEST_GROUP_H

#include "ingest/items.h"

enum { GROUP_FAN_OUT = 16 };

/* The result of an attempt at a group. */
struct group_outcome {
    struct fifo done;                            /* items that have a verdict */
    struct ingest_group back[GROUP_FAN_OUT + 2]; /* groups for the queue, to be attempted later */
    size_t n_back;
    /* The duration of the attempt, if it was the first at its group, sent an INSERT and succeeded;
     * otherwise 0. If the group has n orders and n is more than group_max, this is the duration
     * times group_max / n. */
    int64_t first_attempt_ns;
};

/* Makes a group of GROUP_PLAIN: sorts the items by key and finds the duplicates. Of items
 * with the same key, the oldest must come first. */
struct ingest_group group_form(struct fifo items);

/* Makes a group of GROUP_ATOMIC of the items of an atomic batch, sorted by key. Items with the same
 * key do not become duplicates, because the store compares them. */
struct ingest_group group_of_batch(struct fifo items);

/* Makes a group of GROUP_COMPARE of duplicates whose key is stored. One lookup compares all of them
 * with the stored orders. */
struct ingest_group group_to_compare(struct fifo items);

/* Sets n, n_items, oldest_at_ns and deadline_at_ns from the items. */
void group_measure(struct ingest_group *group);

/* Only these functions change `sending` and `suspicion` of a group. If the tables in group.c do not
 * allow a move, the process aborts. A move to the present state does nothing. */
void group_move_sending(struct ingest_group *group, enum group_sending to);
void group_move_suspicion(struct ingest_group *group, enum group_suspicion to);

/* Makes a TRUSTED group SUSPECT, because one of its orders seems to delay the others or to make the
 * group fail. Does nothing if the group is not TRUSTED. */
void group_suspect(struct ingest_group *group);

/* Moves the expired items of the group to `expired`. If the first order of a key has expired, the
 * oldest of its duplicates that have not expired becomes the first. An atomic group expires whole
 * or not at all. */
void group_drop_expired(struct ingest_group *group, struct fifo *expired);

/* Fills puts, an array of group->n pointers, with pointers to the order_puts of group->items. */
void group_list_puts(const struct ingest_group *group, struct order_put **puts);

/* Splits the group into at most GROUP_FAN_OUT pieces and appends them to outcome->back. The pieces
 * are SUSPECT and due at once. The group must not be atomic. */
void group_split(struct ingest_group *group, struct group_outcome *outcome);

#endif
