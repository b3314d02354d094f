/* turns.c - see turns.h. Clients are served in rounds: in a round each client has one turn, and
 * after its turn goes to the end of the list. If a group ends before every client has had its
 * turn, the next group begins with the clients that had none.
 *
 * Long submits are finished one after another, because their clients wait for the last order: if
 * four batches were finished at the same time, all four clients would send the next ones at the
 * same time, and the database would wait for them meanwhile. */
#include "ingest/turns.h"

#include "base/check.h"
#include "base/clock.h"

enum { TURNS_A_GROUP = 32 }; /* the least turn is this part of a group */

/* A group that is being taken. */
struct taking {
    struct ingest_group group;
    uint32_t group_max;
    uint64_t metadata;
    bool closed; /* the group takes no more items: the next item begins another group */
};

static struct turns_client *first_client(const struct turns *turns)
{
    return CONTAINER_OF(turns->clients.first, struct turns_client, link);
}

static struct ingest_turn *first_submit(const struct fifo *submits)
{
    return CONTAINER_OF(submits->first, struct ingest_turn, link);
}

static bool has_submits(const struct turns_client *client)
{
    return client->fresh.first != NULL || client->old.first != NULL;
}

/* Returns the list, `fresh` or `old`, from which the client's next turn takes items first. */
static struct fifo *first_list(struct turns_client *client)
{
    bool old = client->old.first != NULL && (client->old_first || client->fresh.first == NULL);
    return old ? &client->old : &client->fresh;
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
    if (!has_submits(client)) {
        fifo_push(&turns->clients, &client->link);
        turns->n_clients++;
    }
    fifo_push(&client->fresh, &last->own.turn.link);
}

/* ---- out ---- */

/* Ends the turn of the first client: moves it to the end of the list, or removes it if it has no
 * submit left. */
static void end_turn(struct turns *turns)
{
    struct turns_client *client = first_client(turns);
    (void)fifo_pop(&turns->clients);
    if (has_submits(client))
        fifo_push(&turns->clients, &client->link);
    else
        turns->n_clients--;
}

static uint32_t room_of(const struct taking *taking)
{
    return taking->group_max - taking->group.n_items;
}

static uint32_t least_turn(const struct taking *taking)
{
    uint32_t least = taking->group_max / TURNS_A_GROUP;
    return least > 0 ? least : 1;
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

/* Ends the turn of the first of these submits. A submit without items is removed. A fresh one that
 * has items left moves to `old`. An old one stays first. */
static void end_turn_of_submit(struct turns_client *client, struct fifo *submits)
{
    struct ingest_turn *submit = first_submit(submits);
    if (submit->n > 0 && submits == &client->old)
        return; /* it is finished before the others */
    (void)fifo_pop(submits);
    if (submit->n > 0)
        fifo_push(&client->old, &submit->link);
}

/* Takes at most `max` items of these submits of the client, and returns how many. */
static uint32_t take_submits(struct taking *taking, struct turns_client *client,
                             struct fifo *submits, uint32_t max)
{
    uint32_t n = 0, least = least_turn(taking);
    while (submits->first != NULL && n < max) {
        struct ingest_turn *submit = first_submit(submits);
        uint32_t most = submits == &client->fresh && least < max - n ? least : max - n;
        taking->closed = is_atomic(submit);
        if (!taking->closed)
            n += take_items(taking, submit, most);
        if (taking->closed)
            break;
        end_turn_of_submit(client, submits);
    }
    return n;
}

/* Gives the client its turn: takes at most `max` items of its submits for the group. */
static void take_of_client(struct taking *taking, struct turns_client *client, uint32_t max)
{
    struct fifo *first = first_list(client);
    struct fifo *second = first == &client->old ? &client->fresh : &client->old;
    uint32_t n = take_submits(taking, client, first, second->first != NULL ? (max + 1) / 2 : max);
    client->old_first = first == &client->fresh;
    if (!taking->closed)
        (void)take_submits(taking, client, second, max - n);
}

static void take_round(struct taking *taking, struct turns *turns)
{
    const uint32_t least = least_turn(taking), equal = room_of(taking) / turns->n_clients;
    for (uint32_t n = turns->n_clients; n > 0 && room_of(taking) > 0; n--) {
        uint32_t max = equal > least ? equal : least, room = room_of(taking);
        take_of_client(taking, first_client(turns), max < room ? max : room);
        if (taking->closed)
            return;
        end_turn(turns);
    }
}

/* Takes the first of these submits, which is an atomic batch. */
static void take_atomic(struct taking *taking, struct turns *turns, struct fifo *submits)
{
    struct ingest_turn *submit = first_submit(submits);
    LIST_EACH (item, &submit->items, const struct ingest_item, link)
        taking->metadata += item->order.metadata_len;
    taking->group = (struct ingest_group){ .n_items = submit->n, .kind = GROUP_ATOMIC };
    fifo_append(&taking->group.items, &submit->items);
    (void)fifo_pop(submits);
    first_client(turns)->old_first = true;
    turns->n_atomic--;
    end_turn(turns);
}

/* Takes all items, which are one group, without turns. */
static void take_all(struct taking *taking, struct turns *turns)
{
    taking->metadata = turns->metadata;
    taking->group.n_items = turns->n;
    while (turns->n_clients > 0) {
        struct turns_client *client = first_client(turns);
        fifo_append(&client->old, &client->fresh);
        LIST_EACH (submit, &client->old, struct ingest_turn, link)
            fifo_append(&taking->group.items, &submit->items);
        client->old = (struct fifo){ NULL, NULL };
        end_turn(turns);
    }
}

struct ingest_group turns_take(struct turns *turns, uint32_t group_max)
{
    CHECK(turns->n > 0);
    struct taking taking = { .group = { .kind = GROUP_PLAIN }, .group_max = group_max };
    struct fifo *first = first_list(first_client(turns));
    if (is_atomic(first_submit(first)))
        take_atomic(&taking, turns, first);
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

static int64_t oldest_of(const struct fifo *submits)
{
    int64_t oldest_at_ns = CLOCK_NEVER;
    LIST_EACH (submit, submits, const struct ingest_turn, link)
        oldest_at_ns = clock_min(oldest_at_ns, items_first(&submit->items)->received_at_ns);
    return oldest_at_ns;
}

int64_t turns_oldest_at_ns(const struct turns *turns)
{
    int64_t oldest_at_ns = CLOCK_NEVER;
    LIST_EACH (client, &turns->clients, const struct turns_client, link)
        oldest_at_ns =
            clock_min(oldest_at_ns, clock_min(oldest_of(&client->fresh), oldest_of(&client->old)));
    return oldest_at_ns;
}
