/* room.c - see room.h. */
#include "observability/room.h"

#include <inttypes.h>
#include <stdio.h>

#include "store/store.h"

static uint64_t less(uint64_t from, uint64_t taken)
{
    return from > taken ? from - taken : 0;
}

static void describe(const struct store_connections *found, uint32_t max_pool_size,
                     struct room *out)
{
    int used = snprintf(out->text, sizeof out->text,
                        "%u replicas may open %u x (%u + 1) = %" PRIu64
                        " connections to the database, which has room for %" PRIu64 ": ",
                        out->replicas, out->replicas, max_pool_size, out->wanted, out->left);
    char *rest = out->text + used;
    const size_t size = sizeof out->text - (size_t)used;
    if (found->limit != STORE_NO_LIMIT && found->limit == out->left)
        (void)snprintf(rest, size, "the CONNECTION LIMIT of the role or of the database");
    else
        (void)snprintf(rest, size,
                       "max_connections=%u, less %u reserved ones and %u sessions of others",
                       found->max, found->reserved, found->others);
}

/* A replica alone may have the whole server: with their defaults, 100 connections each, ordersd and
 * PostgreSQL suit each other well, since a replica never uses that many at once. */
static bool is_short(const struct store_connections *found, uint32_t max_pool_size,
                     const struct room *room)
{
    if (found->replicas > 1)
        return room->wanted > room->left;
    return max_pool_size > (found->limit < found->max ? found->limit : found->max);
}

void room_compute(const struct store_connections *found, uint32_t max_pool_size, struct room *out)
{
    *out = (struct room){ .replicas = found->replicas };
    if (found->replicas == 0)
        return;
    out->wanted = found->replicas * ((uint64_t)max_pool_size + 1);
    out->left = less(less(found->max, found->reserved), found->others);
    if (found->limit != STORE_NO_LIMIT && found->limit < out->left)
        out->left = found->limit;
    out->is_short = is_short(found, max_pool_size, out);
    if (out->is_short)
        describe(found, max_pool_size, out);
}

void room_look(struct store *store, uint32_t max_pool_size, struct room *out)
{
    struct store_connections found;
    store_connections(store, &found);
    room_compute(&found, max_pool_size, out);
}
