/* fair_queue.c - see fair_queue.h. The clients that wait are a pairing heap: it is intrusive, so
 * nothing is allocated; insertion takes constant and removal amortised logarithmic time. */
#include "http/fair_queue.h"

/* ---- the heap of clients ---- */

static bool comes_before(const struct fair_client *a, const struct fair_client *b)
{
    if (a->served_ns != b->served_ns)
        return a->served_ns < b->served_ns;
    return a->arrival < b->arrival;
}

/* Either may be NULL; neither has siblings. */
static struct fair_client *meld(struct fair_client *a, struct fair_client *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    struct fair_client *root = comes_before(a, b) ? a : b, *below = root == a ? b : a;
    below->next = root->child;
    root->child = below;
    return root;
}

/* Melds siblings in pairs, then the pairs from the last one on, which makes removal cheap. */
static struct fair_client *meld_all(struct fair_client *first)
{
    struct fair_client *pairs = NULL, *root = NULL;
    while (first != NULL) {
        struct fair_client *a = first, *b = a->next;
        first = b != NULL ? b->next : NULL;
        a->next = NULL;
        if (b != NULL)
            b->next = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        struct fair_client *rest = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = rest;
    }
    return root;
}

static void list_client(struct fair_queue *queue, struct fair_client *client)
{
    client->child = client->next = NULL;
    client->arrival = queue->arrivals++;
    queue->root = meld(queue->root, client);
}

/* ---- the entries of one client ---- */

static void push_back(struct fair_list *list, struct fair_entry *entry)
{
    entry->next = NULL;
    if (list->first == NULL)
        list->first = entry;
    else
        list->last->next = entry;
    list->last = entry;
}

static void push_front(struct fair_list *list, struct fair_entry *entry)
{
    if (list->first == NULL)
        list->last = entry;
    entry->next = list->first;
    list->first = entry;
}

static struct fair_entry *take_entry(struct fair_client *client)
{
    bool fresh = client->old.first == NULL || (client->fresh.first != NULL && client->served_old);
    struct fair_list *list = fresh ? &client->fresh : &client->old;
    struct fair_entry *entry = list->first;
    client->served_old = !fresh;
    list->first = entry->next;
    return entry;
}

/* Old work comes first again: what has been begun is finished. */
static void put_back(struct fair_client *client, struct fair_entry *entry)
{
    bool was_old = entry->old;
    entry->old = entry->slices >= FAIR_FRESH_SLICES || entry->served_ns >= FAIR_FRESH_NS;
    if (was_old)
        push_front(&client->old, entry);
    else
        push_back(entry->old ? &client->old : &client->fresh, entry);
}

static bool has_entries(const struct fair_client *client)
{
    return client->fresh.first != NULL || client->old.first != NULL;
}

/* ---- the queue ---- */

void fair_queue_add(struct fair_queue *queue, struct fair_entry *entry, uint64_t client_hash)
{
    struct fair_client *client = &queue->all[client_hash % FAIR_CLIENTS];
    int64_t earliest_ns = queue->clock_ns - FAIR_CREDIT_NS;
    *entry = (struct fair_entry){ .client = client };
    push_back(&client->fresh, entry);
    if (client->waiting)
        return;
    client->waiting = true;
    if (client->served_ns < earliest_ns)
        client->served_ns = earliest_ns;
    list_client(queue, client);
}

struct fair_entry *fair_queue_take(struct fair_queue *queue)
{
    struct fair_client *client = queue->root;
    if (client == NULL)
        return NULL;
    queue->root = meld_all(client->child);
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
        list_client(queue, client);
}
