/* offload_thread.h - inside of the layer: the server's offload thread, for work that would hold a
 * loop up (docs/DESIGN.md, "Decisions": reading 5,000 orders takes 15 ms and more).
 *
 * Work is done in slices. After each slice the thread serves the client that is next then
 * (fair_queue.h). All clients have the same share. A client is an API key if the request has one,
 * else an address (addresses.h). Behind a proxy, all requests without a key have one address, so
 * they are one client.
 *
 * Unless http_work.keep is set, work is dropped instead of its next slice if its deadline has
 * passed or its client is gone.
 *
 * The queue has no bound of its own, since a request has at most one work in it. */
#ifndef HTTP_OFFLOAD_THREAD_H
#define HTTP_OFFLOAD_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/work_queue.h"
#include "http/fair_queue.h"

struct http_work;

/* A connection's place in the queue; it lives as long as the connection and begins as all zeros. */
struct offload_turn {
    struct fair_entry entry; /* guarded by offload_thread.work_queue.mu while `waiting` */
    struct http_work *work;  /* guarded in the same way */
    uint64_t client_hash;    /* the loop's, while not waiting; seeded, see fair_queue.h */
    atomic_bool
        waiting;      /* set by offload_thread_take(), cleared when the work is finished; relaxed */
    atomic_bool gone; /* the client: set by the connection's loop; relaxed */
};

struct offload_thread {
    struct work_queue work_queue; /* its mutex, a leaf, guards the queue */
    struct fair_queue queue GUARDED_VAR;
    bool started; /* the owner's */
    /* clock_now_ns() and clock_thread_ns(), except in tests. cpu_clock measures a slice, so that
     * no client is charged for the time in which the thread waited for a processor. */
    int64_t (*clock)(void), (*cpu_clock)(void);
    atomic_uint_fast64_t waiting,
        dropped; /* works there are; works dropped since the start; relaxed */
    pthread_t thread;
};

/* Starts the thread. The caller has set both clocks, and the rest is all zeros. False: there is no
 * thread, and nothing to end. */
bool offload_thread_start(struct offload_thread *offload) MUST_CHECK;

/* Any thread; the turn is not waiting. False once the thread stops: the caller does the work. */
bool offload_thread_take(struct offload_thread *offload, struct http_work *work,
                         struct offload_turn *turn) MUST_CHECK;

/* offload_thread_stop(): the thread finishes the work that it has taken, and ends. Both are no-ops
 * if it never started. */
void offload_thread_stop(struct offload_thread *offload);
void offload_thread_fini(struct offload_thread *offload); /* after the last offload_thread_take() */

#endif
