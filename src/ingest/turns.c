/* turns.c - see turns.h. Both rings, of clients and of the submits of one client, are served in
 * rounds: in a round each member has a turn, and then stands last. If the group ends before all
 * have had their turn, the others are the first of the next group. */
#include "ingest/turns.h"

#include "base/check.h"
#include "base/clock.h"

enum { TURNS_A_GROUP = 32 }; /* most turns of equal length in one group */

/* A group that is being taken. */
struct taking {
    struct ingest_group group;
    uint32_t group_max;
    uint64_t metadata;
    bool closed; /* the next item does not belong to this group: its turn is in the next group */
};

static struct turns_client *first_client(const struct turns *turns)
{
    return CONTAINER_OF(turns->clients.first, struct turns_client, link);
}

static struct ingest_turn *first_submit(const struct turns_client *client)
{
    return CONTAINER_OF(client->submits.first, struct ingest_turn, link);
}

static bool is_atomic(const struct ingest_turn *submit)
{
    return items_first(&submit->items)->own.batch != NULL;
}

/* ---- in ---- */

void turns_add(struct turns *turns, struct fifo *items, const struct turns_sums *sums)
{
    const struct ingest_item *first = items_first(items);
    struct turns_client *client = &turns->all[first->client_hash % TURNS_CLIENTS];
    struct ingest_item *last = CONTAINER_OF(items->last, struct ingest_item, link);
    turns->n += sums->n;
    turns->n_atomic += first->own.batch != NULL;
    turns->metadata += sums->metadata;
    last->own.turn = (struct ingest_turn){ .items = *items, .n = sums->n };
    *items = (struct fifo){ NULL, NULL };
    fifo_push(&client->submits, &last->own.turn.link);
    if (client->n_submits++ > 0)
        return;
    fifo_push(&turns->clients, &client->link);
    turns->n_clients++;
}

/* ---- out ---- */

/* Ends the turn of the first submit: it stands last, or is gone if it has no item left. */
static void end_turn(struct turns_client *client)
{
    struct ingest_turn *submit = first_submit(client);
    (void)fifo_pop(&client->submits);
    if (submit->n > 0)
        fifo_push(&client->submits, &submit->link);
    else
        client->n_submits--;
}

/* The same for the first client. */
static void end_turn_of_client(struct turns *turns)
{
    struct turns_client *client = first_client(turns);
    (void)fifo_pop(&turns->clients);
    if (client->n_submits > 0)
        fifo_push(&turns->clients, &client->link);
    else
        turns->n_clients--;
}

static uint32_t room_of(const struct taking *taking)
{
    return taking->group_max - taking->group.n_items;
}

/* Returns how many items one of n may take in its turn, if all of them together may take `room`. */
static uint32_t length_of_turn(const struct taking *taking, uint32_t room, uint32_t n)
{
    uint32_t least = taking->group_max / TURNS_A_GROUP, equal = room / n;
    uint32_t most = equal > least ? equal : least;
    return most == 0 ? 1 : most < room ? most : room;
}

/* Returns true if the item may join the group. */
static bool has_room_for(const struct taking *taking, const struct ingest_item *item)
{
    return taking->group.n_items == 0 ||
           taking->metadata + item->order.metadata_len <= INGEST_GROUP_METADATA_MAX;
}

/* Moves at most `max` items of the submit to the group, and returns how many. */
static uint32_t take_items(struct taking *taking, struct ingest_turn *submit, uint32_t max)
{
    uint32_t n = 0;
    struct ingest_item *last = NULL;
    for (struct ingest_item *item = items_first(&submit->items); item != NULL && n < max;
         item = items_next(item)) {
        taking->closed = !has_room_for(taking, item);
        if (taking->closed)
            break;
        taking->metadata += item->order.metadata_len;
        taking->group.n_items++;
        last = item;
        n++;
    }
    if (last == NULL)
        return 0;
    submit->n -= n;
    struct fifo taken = fifo_pop_to(&submit->items, &last->link);
    fifo_append(&taking->group.items, &taken);
    return n;
}

/* The turn of a client: its submits take at most `max` items together. */
static void take_of_client(struct taking *taking, struct turns_client *client, uint32_t max)
{
    uint32_t length = length_of_turn(taking, max, client->n_submits);
    for (uint32_t turns = client->n_submits; turns > 0 && max > 0; turns--) {
        struct ingest_turn *submit = first_submit(client);
        taking->closed = is_atomic(submit);
        if (!taking->closed)
            max -= take_items(taking, submit, length < max ? length : max);
        if (taking->closed)
            return;
        end_turn(client);
    }
}

static void take_round(struct taking *taking, struct turns *turns)
{
    uint32_t length = length_of_turn(taking, room_of(taking), turns->n_clients);
    for (uint32_t n = turns->n_clients; n > 0 && room_of(taking) > 0; n--) {
        uint32_t room = room_of(taking);
        take_of_client(taking, first_client(turns), length < room ? length : room);
        if (taking->closed)
            return;
        end_turn_of_client(turns);
    }
}

/* Takes the first submit, which is an atomic batch. */
static void take_atomic(struct taking *taking, struct turns *turns)
{
    struct turns_client *client = first_client(turns);
    struct ingest_turn *submit = first_submit(client);
    LIST_EACH (item, &submit->items, const struct ingest_item, link)
        taking->metadata += item->order.metadata_len;
    taking->group = (struct ingest_group){ .n_items = submit->n, .kind = GROUP_ATOMIC };
    fifo_append(&taking->group.items, &submit->items);
    submit->n = 0;
    turns->n_atomic--;
    end_turn(client);
    end_turn_of_client(turns);
}

/* Takes all items, which are one group, without turns. */
static void take_all(struct taking *taking, struct turns *turns)
{
    taking->metadata = turns->metadata;
    taking->group.n_items = turns->n;
    while (turns->n_clients > 0) {
        struct turns_client *client = first_client(turns);
        LIST_EACH (submit, &client->submits, struct ingest_turn, link)
            fifo_append(&taking->group.items, &submit->items);
        client->submits = (struct fifo){ NULL, NULL };
        client->n_submits = 0;
        end_turn_of_client(turns);
    }
}

struct ingest_group turns_take(struct turns *turns, uint32_t group_max)
{
    CHECK(turns->n > 0);
    struct taking taking = { .group = { .kind = GROUP_PLAIN }, .group_max = group_max };
    if (is_atomic(first_submit(first_client(turns))))
        take_atomic(&taking, turns);
    else if (turns->n_atomic == 0 && turns->n <= group_max &&
             turns->metadata <= INGEST_GROUP_METADATA_MAX)
        take_all(&taking, turns);
    else
        while (!taking.closed && room_of(&taking) > 0 && turns->n_clients > 0)
            take_round(&taking, turns);
    turns->n -= taking.group.n_items;
    turns->metadata -= taking.metadata;
    return taking.group;
}

/* ---- figures ---- */

int64_t turns_oldest_at_ns(const struct turns *turns)
{
    int64_t oldest_at_ns = CLOCK_NEVER;
    LIST_EACH (client, &turns->clients, const struct turns_client, link)
        LIST_EACH (submit, &client->submits, const struct ingest_turn, link)
            oldest_at_ns = clock_min(oldest_at_ns, items_first(&submit->items)->received_at_ns);
    return oldest_at_ns;
}
