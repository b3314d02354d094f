/* turns.h - the new orders that wait for their first attempt, and whose turn is next.
 *
 * Clients have turns: in its turn, a client may fill an equal part of what is left of the group,
 * but at least a 32nd of a group. Within the turns of a client, each new submit has one turn of a
 * 32nd of a group. What is left of long submits is finished one submit after another. The new
 * submits share one half of a client's turn, and the long ones the other half. So an order that
 * comes alone is in one of the next groups, however long the other submits are, and a long submit
 * goes on however many single orders come. The items of one submit leave in their order. An atomic
 * batch leaves whole, as a group of its own, when its turn comes.
 *
 * A hash, modulo TURNS_CLIENTS, tells clients apart. Two clients whose hashes collide have the
 * turns of one. So the queue has a fixed size: what it needs for a submit is kept in the submit's
 * last item (own.h), and adding cannot fail.
 *
 * Threads    one at a time: the caller holds the lock of the queue. */
#ifndef INGEST_TURNS_H
#define INGEST_TURNS_H

#include "ingest/items.h"

enum { TURNS_CLIENTS = 1024 };

/* The sums over the items of one submit. */
struct turns_sums {
    uint32_t n;
    uint64_t bytes, metadata;
};

struct turns_client {
    /* The lists of this client's calls of ingest_submit(), linked by ingest_turn.link. fresh: those
     * that had no turn yet. old: those that had a turn and have items left. */
    struct fifo fresh, old;
    bool old_first; /* the next turn begins with `old` */
    struct fifo_node link;
};

struct turns {
    struct fifo clients;  /* that have submits, in the order of their turns */
    uint32_t n_clients;   /* number of `clients` */
    uint32_t n, n_atomic; /* items; submits that are atomic batches */
    uint64_t metadata;    /* bytes of metadata of all items */
    struct turns_client all[TURNS_CLIENTS];
};

/* Adds the items of a submit, and leaves *items empty. A struct turns of zeros is empty and ready
 * to use. */
void turns_add(struct turns *turns, struct fifo *items, const struct turns_sums *sums);

/* Takes the items of the next group, of at most group_max orders and INGEST_GROUP_METADATA_MAX
 * bytes unless it is an atomic batch. There must be an item. The caller forms the group. */
struct ingest_group turns_take(struct turns *turns, uint32_t group_max) MUST_CHECK;

/* Returns when the oldest item was received, or CLOCK_NEVER if there is none. */
int64_t turns_oldest_at_ns(const struct turns *turns);

#endif
