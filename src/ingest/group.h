/* group.h - a group as a value: how one is formed, made ready, and split.
 *
 * Of several orders with one key, the first to arrive leads and is sent; the others follow it in
 * `followers` and wait for its verdict. No locks, no memory: a group belongs to one worker. */
#ifndef INGEST_GROUP_H
#define INGEST_GROUP_H

#include "ingest/items.h"

enum { GROUP_FAN_OUT = 16 };

/* What became of a group. */
struct group_outcome {
    struct items done;                           /* with their verdict */
    struct ingest_group back[GROUP_FAN_OUT + 2]; /* to be attempted again: pieces, and followers */
    size_t n_back;
    int64_t first_attempt_ns; /* how long a first attempt took that succeeded; else 0 */
};

/* Makes a group of a row of items in order of arrival: sorts it and puts followers to their
 * leaders. */
struct ingest_group group_form(struct ingest_item *first);

/* Makes a group of an atomic list: sorted, and each item for itself, twins too: it is the store
 * that compares them. */
struct ingest_group group_of_batch(struct ingest_item *first);

/* Makes a group of followers whose leader is stored: one lookup answers them all. */
struct ingest_group group_of_known(struct ingest_item *first);

/* Brings n, n_items, oldest and deadline up to date. */
void group_measure(struct ingest_group *group);

/* Takes the expired items out, into `expired`; the first live follower of an expired leader leads
 * in its place. An atomic group leaves whole or not at all. */
void group_drop_expired(struct ingest_group *group, struct items *expired);

/* Lists the leaders' puts: group->n of them. */
void group_list_puts(const struct ingest_group *group, struct order_put **puts);

/* Cuts the group, which is not atomic, into at most GROUP_FAN_OUT pieces, due at once, and adds
 * them to outcome->back. */
void group_split(const struct ingest_group *group, struct group_outcome *outcome);

#endif
