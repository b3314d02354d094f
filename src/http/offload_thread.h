/* offload_thread.h - inside of the layer: the server's offload thread, for work that would hold a
 * loop up (docs/DESIGN.md, "Decisions": reading 5,000 orders takes 15 ms and more).
 *
 * Work is done in slices. After each slice, fair_queue.h decides which client the thread serves
 * next. All clients have the same share. A client is an API key if the request has one, else an
 * address (addresses.h). Behind a proxy, all requests without a key have one address, so they are
 * one client.
 *
 * If the deadline of a work has passed, or its client is gone, the thread drops the work instead of
 * serving its next slice. The thread never drops a work that has http_work.keep set.
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

/* The place of a connection in the queue. It lives as long as the connection, and begins as all
 * zeros. */
struct offload_turn {
    struct fair_entry entry; /* guarded by offload_thread.work_queue.mu while `waiting` */
    struct http_work *work;  /* guarded by the same mutex while `waiting` */
    uint64_t client_hash;    /* set by the loop while not `waiting`; seeded, see fair_queue.h */
    /* Set by offload_thread_take(), and cleared when the work is finished. Relaxed. */
    atomic_bool waiting;
    atomic_bool gone; /* the client is gone; set by the connection's loop; relaxed */
};

struct offload_thread {
    struct work_queue work_queue; /* its mutex, a leaf, guards `queue` */
    struct fair_queue queue GUARDED_VAR;
    bool started; /* used only by the thread that starts and ends this one */
    /* clock_now_ns() and clock_thread_ns(), except in tests. cpu_clock measures a slice, so that
     * no client is charged for the time in which the thread waited for a processor. */
    int64_t (*clock)(void), (*cpu_clock)(void);
    /* Works that are waiting or being served, and works dropped since the start; relaxed. */
    atomic_uint_fast64_t waiting, dropped;
    pthread_t thread;
};

/* Starts the thread. The caller has set both clocks and filled the rest with zeros. Returns false
 * if memory or threads are out: then there is nothing to end. */
bool offload_thread_start(struct offload_thread *offload) MUST_CHECK;

/* Gives the work to the thread. Any thread may call this; `turn` must not be waiting. Returns false
 * if the thread is stopping: then the caller does the work. */
bool offload_thread_take(struct offload_thread *offload, struct http_work *work,
                         struct offload_turn *turn) MUST_CHECK;

/* Waits until the thread has finished the work that it has taken, and has ended. This and
 * offload_thread_fini() are no-ops if the thread never started. */
void offload_thread_stop(struct offload_thread *offload);

/* Frees the queue. Called after the last offload_thread_take(). */
void offload_thread_fini(struct offload_thread *offload);

#endif
