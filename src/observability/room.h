/* room.h - whether the database has room for the connections that all replicas may open. A replica
 * may open DATABASE_MAX_POOL_SIZE connections and one more. The replicas are counted by the last
 * health check, and are taken to have the same settings as this one.
 *
 * Threads    any. */
#ifndef OBSERVABILITY_ROOM_H
#define OBSERVABILITY_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct store;
struct store_connections;

enum { ROOM_TEXT_SIZE = 320 };

struct room {
    uint32_t replicas;         /* 0: not known, and then the rest means nothing */
    uint64_t wanted;           /* what all replicas together may open */
    uint64_t left;             /* what the server leaves for them */
    bool is_short;             /* wanted > left */
    char text[ROOM_TEXT_SIZE]; /* if is_short: says so, with the numbers */
};

void room_look(struct store *store, uint32_t max_pool_size, struct room *out);

/* As room_look(), for connections that were counted before. */
void room_compute(const struct store_connections *found, uint32_t max_pool_size, struct room *out);

#endif
