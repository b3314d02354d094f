/* fair_queue.h - inside of the layer: decides which client the offload thread serves next.
 *
 * Clients share the time equally, however many connections each of them has (start-time fair
 * queueing). The client with the least time served comes next. The queue's clock is the time served
 * of the client that was taken last; a client that comes back starts at most FAIR_CREDIT_NS behind
 * the clock. So a long slice is paid for by a longer wait, and no pause saves up more than the
 * credit. A waiting client gets a slice at the latest when every other client has used up its
 * credit.
 *
 * The work of one client begins as fresh. After FAIR_FRESH_SLICES, or FAIR_FRESH_NS of service, it
 * is old. Fresh work takes turns in the order of arrival; old work is finished one after another.
 * Where there are both, a slice of one kind follows one of the other. So a small request overtakes
 * the large requests of its own client, and only one of these is taking more memory at a time.
 *
 * Clients are told apart by a hash, modulo FAIR_CLIENTS. Two that collide are served as one. So
 * there is no table to grow and no memory to run out of. The caller seeds the hash, so nobody can
 * plan a collision.
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

/* One piece of work. The caller does not touch it from fair_queue_add() to its last
 * fair_queue_served(). */
struct fair_entry {
    struct fifo_node link;
    struct fair_client *client;
    unsigned slices;   /* served so far */
    int64_t served_ns; /* in all of these slices */
    bool old;
};

struct fair_client {
    struct heap_node node;  /* of fair_queue.waiting; its key is served_ns */
    int64_t served_ns;      /* on the queue's clock */
    struct fifo fresh, old; /* fair_entry.link */
    bool served_old;        /* the last slice went to old work */
    bool waiting;           /* it is in the heap, or one of its entries is taken */
};

struct fair_queue {
    struct heap waiting; /* fair_client.node */
    int64_t clock_ns;
    struct fair_client all[FAIR_CLIENTS];
};

/* The queue is all zeros. False: out of memory, and there is nothing to end. */
bool fair_queue_init(struct fair_queue *queue) MUST_CHECK;
void fair_queue_fini(struct fair_queue *queue);

/* Adds the entry to the work of that client. */
void fair_queue_add(struct fair_queue *queue, struct fair_entry *entry, uint64_t client_hash);

/* Takes out the entry that is served next; NULL: there is none. The caller calls
 * fair_queue_served() before the next take. */
struct fair_entry *fair_queue_take(struct fair_queue *queue) MUST_CHECK;

/* The entry that was taken has been served for that long, and waits again if it has more to do. */
void fair_queue_served(struct fair_queue *queue, struct fair_entry *entry, int64_t span_ns,
                       bool more);

#endif
