/* fair_queue.h - decides which client the offload thread serves next. Internal to http.
 *
 * Clients share the time of the thread equally, however many connections each of them has
 * (start-time fair queueing). served_ns of a client is the time for which it was served so far. The
 * queue always takes the waiting client with the least served_ns, so a client waits longer after a
 * long slice. A waiting client is served at the latest when all others have reached its served_ns.
 *
 * A client that pauses saves up no more than FAIR_CREDIT_NS: when a client without work adds work,
 * its served_ns is raised to the queue's clock minus FAIR_CREDIT_NS, unless it is more already. The
 * queue's clock is the largest served_ns that a client had when the queue took it.
 *
 * A work item begins as fresh. After FAIR_FRESH_SLICES, or FAIR_FRESH_NS of service, it is old. The
 * fresh items of a client take turns in the sequence of arrival. Its old items are finished one
 * after another. If a client has both kinds, its slices alternate between them. So a small request
 * overtakes the large requests of its own client, and only one of these grows in memory at a time.
 *
 * A client is known by a hash modulo FAIR_CLIENTS, so the queue has a fixed size and cannot run out
 * of memory. Two clients whose hashes collide are served as one client. The caller seeds the hash,
 * so that nobody can plan a collision.
 *
 * Threads    one at a time: the caller holds a lock.
 * Ownership  an entry is the caller's memory.
 * Errors     only fair_queue_init() can fail. */
#ifndef HTTP_FAIR_QUEUE_H
#define HTTP_FAIR_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/heap.h"
#include "base/list.h"

enum {
    FAIR_CLIENTS = 1024,
    FAIR_CREDIT_NS = 500000,
    FAIR_FRESH_SLICES = 4,
    FAIR_FRESH_NS = 1000000,
};

/* One work item in the queue. The caller does not touch the entry from fair_queue_add() until
 * fair_queue_served() with `more` false. */
struct fair_entry {
    struct fifo_node link;
    struct fair_client *client;
    unsigned slices;   /* slices served so far */
    int64_t served_ns; /* time of all slices served so far */
    bool old;
};

struct fair_client {
    struct heap_node node;  /* in fair_queue.waiting; the key is served_ns */
    int64_t served_ns;      /* how long the client was served, or more: see above */
    struct fifo fresh, old; /* linked by fair_entry.link */
    bool served_old;        /* the client's last slice went to old work */
    bool waiting;           /* the client is in the heap, or one of its entries is being served */
};

struct fair_queue {
    struct heap waiting; /* linked by fair_client.node */
    int64_t clock_ns;
    struct fair_client all[FAIR_CLIENTS];
};

/* The caller has filled the queue with zeros. Returns false if memory is out: then there is nothing
 * for fair_queue_fini() to free. */
bool fair_queue_init(struct fair_queue *queue) MUST_CHECK;
void fair_queue_fini(struct fair_queue *queue);

/* Adds an entry to the work items of the client that has this hash. */
void fair_queue_add(struct fair_queue *queue, struct fair_entry *entry, uint64_t client_hash);

/* Takes out the entry that is served next. Returns NULL if no entry is waiting. The caller calls
 * fair_queue_served() for the entry before it takes another one. */
struct fair_entry *fair_queue_take(struct fair_queue *queue) MUST_CHECK;

/* Reports that the taken entry has been served for span_ns. If `more` is true, the entry has more
 * to do, so it is put back into the queue. */
void fair_queue_served(struct fair_queue *queue, struct fair_entry *entry, int64_t span_ns,
                       bool more);

#endif
