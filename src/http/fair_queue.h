/* fair_queue.h - inside of the layer: whose work the offload thread serves next, slice by slice.
 *
 * Clients share the time equally, however many connections each of them has (start-time fair
 * queueing). The client with the least time served comes next. The queue's clock is the time served
 * of the client that was taken last; a client that comes back starts at most FAIR_CREDIT_NS behind
 * the clock. So a long slice is paid for by a longer wait, and no pause saves up more than the
 * credit. A client that waits has a slice at the latest when every other one has used up its
 * credit.
 *
 * Within a client work begins as fresh. After FAIR_FRESH_SLICES, or FAIR_FRESH_NS of service, it is
 * old. Fresh work takes turns in the order of arrival; old work is finished one after another.
 * Where there are both, a slice of one kind follows one of the other. So a small request overtakes
 * the large requests of its own client, and only one of these is taking more memory at a time.
 *
 * Clients are told apart by a hash, modulo FAIR_CLIENTS. Two that collide are served as one. So
 * there is no table to grow and no memory to run out of. The caller seeds the hash, so nobody can
 * plan a collision.
 *
 * Not thread-safe: the caller holds a lock. Nothing is allocated. */
#ifndef HTTP_FAIR_QUEUE_H
#define HTTP_FAIR_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum {
    FAIR_CLIENTS = 1024,
    FAIR_CREDIT_NS = 500000,
    FAIR_FRESH_SLICES = 4,
    FAIR_FRESH_NS = 1000000,
};

/* One work. The caller's, unchanged from fair_queue_add() until its last fair_queue_served(). */
struct fair_entry {
    struct fair_entry *next;
    struct fair_client *client;
    unsigned slices;   /* served so far */
    int64_t served_ns; /* in these slices */
    bool old;
};

struct fair_list {
    struct fair_entry *first, *last; /* last: only while first is there */
};

struct fair_client {
    struct fair_client *child, *next; /* of the heap */
    int64_t served_ns;                /* on the queue's clock */
    uint64_t arrival;                 /* among equals the one that came first is served first */
    struct fair_list fresh, old;
    bool served_old; /* the last slice went to old work */
    bool waiting;    /* it is in the heap, or one of its entries is taken */
};

/* Begins as all zeros. */
struct fair_queue {
    struct fair_client *root; /* a pairing heap of those that wait */
    int64_t clock_ns;
    uint64_t arrivals;
    struct fair_client all[FAIR_CLIENTS];
};

/* The entry waits for its first slice as one of that client. */
void fair_queue_add(struct fair_queue *queue, struct fair_entry *entry, uint64_t client_hash);

/* Takes out the entry whose turn has come; NULL when there is none. fair_queue_served() is to
 * follow before the next take. */
struct fair_entry *fair_queue_take(struct fair_queue *queue) MUST_CHECK;

/* The entry that was taken has been served for that long, and waits again if it has more to do. */
void fair_queue_served(struct fair_queue *queue, struct fair_entry *entry, int64_t span_ns,
                       bool more);

#endif
