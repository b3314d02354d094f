/* fair_queue.c - see fair_queue.h. */
#include "http/fair_queue.h"

/* ---- the entries of one client ---- */

static struct fair_entry *take_entry(struct fair_client *client)
{
    bool fresh = client->old.first == NULL || (client->fresh.first != NULL && client->served_old);
    client->served_old = !fresh;
    struct fifo_node *node = fifo_pop(fresh ? &client->fresh : &client->old);
    return CONTAINER_OF(node, struct fair_entry, link);
}

/* Puts back an entry whose work is not finished. An entry that was old before this slice goes to
 * the front of client->old, so that it is finished before the client's next old entry is served.
 * Any other entry goes to the end of its queue. */
static void put_back(struct fair_client *client, struct fair_entry *entry)
{
    bool was_old = entry->old;
    entry->old = entry->slices >= FAIR_FRESH_SLICES || entry->served_ns >= FAIR_FRESH_NS;
    if (was_old)
        fifo_push_front(&client->old, &entry->link);
    else
        fifo_push(entry->old ? &client->old : &client->fresh, &entry->link);
}

static bool has_entries(const struct fair_client *client)
{
    return client->fresh.first != NULL || client->old.first != NULL;
}

/* ---- the queue ---- */

bool fair_queue_init(struct fair_queue *queue)
{
    return heap_reserve(&queue->waiting, FAIR_CLIENTS);
}

void fair_queue_fini(struct fair_queue *queue)
{
    heap_fini(&queue->waiting);
}

void fair_queue_add(struct fair_queue *queue, struct fair_entry *entry, uint64_t client_hash)
{
    struct fair_client *client = &queue->all[client_hash % FAIR_CLIENTS];
    int64_t earliest_ns = queue->clock_ns - FAIR_CREDIT_NS;
    *entry = (struct fair_entry){ .client = client };
    fifo_push(&client->fresh, &entry->link);
    if (client->waiting)
        return;
    client->waiting = true;
    if (client->served_ns < earliest_ns)
        client->served_ns = earliest_ns;
    heap_set(&queue->waiting, &client->node, client->served_ns);
}

struct fair_entry *fair_queue_take(struct fair_queue *queue)
{
    struct heap_node *first = heap_first(&queue->waiting);
    if (first == NULL)
        return NULL;
    struct fair_client *client = CONTAINER_OF(first, struct fair_client, node);
    heap_remove(&queue->waiting, first);
    if (client->served_ns > queue->clock_ns)
        queue->clock_ns = client->served_ns;
    return take_entry(client);
}

void fair_queue_served(struct fair_queue *queue, struct fair_entry *entry, int64_t span_ns,
                       bool more)
{
    struct fair_client *client = entry->client;
    client->served_ns += span_ns;
    entry->served_ns += span_ns;
    entry->slices++;
    if (more)
        put_back(client, entry);
    client->waiting = has_entries(client);
    if (client->waiting)
        heap_set(&queue->waiting, &client->node, client->served_ns);
}
