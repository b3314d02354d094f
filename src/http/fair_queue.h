/* fair_queue.h - decides which client the offload thread serves next. Internal to http.
 *
 * Clients share the time of the thread equally, however many connections each of them has
 * (start-time fair queueing). served_ns of a client is the time for which the thread has served it
 * so far. The queue always takes the waiting client with the least served_ns. So after a long slice
 * a client waits until all other waiting clients have reached its served_ns.
 *
 * A client that pauses saves up at most FAIR_CREDIT_NS: when a client without work adds work, its
 * served_ns is raised to the queue's clock minus FAIR_CREDIT_NS, if it is less than that. When the
 * queue takes a client whose served_ns is above the queue's clock, the clock is set to that
 * served_ns.
 *
 * A work item begins as fresh. After FAIR_FRESH_SLICES, or FAIR_FRESH_NS of service, it is old. The
 * fresh work items of a client are served round-robin, one slice each. Its old work items are
 * finished one after another. If a client has both kinds, its slices alternate between fresh and
 * old. So a small request overtakes the large requests of its own client, and of a client's old
 * work items only one grows in memory at a time.
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

/* Prepares a queue that the caller has filled with zeros. Returns false if memory is out: then
 * there is nothing for fair_queue_fini() to free. */
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
