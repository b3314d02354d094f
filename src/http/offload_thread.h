/* offload_thread.h - the server's offload thread, which does work that would block a loop for too
 * long (docs/DESIGN.md, "Decisions": reading 5,000 orders takes 15 ms and more). Internal to http.
 *
 * A work item (struct http_work) is done in slices. After each slice, fair_queue.h decides which
 * client the thread serves next. All clients have the same share. A client is an API key if the
 * request has one, else an address (addresses.h). Behind a proxy, all requests without a key have
 * one address, so they are one client.
 *
 * If the deadline of a work item has passed, or its client is gone, the thread drops the item
 * instead of serving its next slice. An item that has http_work.keep set is never dropped.
 *
 * The queue needs no limit of its own: a connection has at most one item in it. */
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

/* The queue entry of a connection. It lives as long as the connection, and begins as all zeros.
 * While `waiting` is set, offload_thread.work_queue.mu guards `entry`, and only the offload thread
 * uses `work`. */
struct offload_turn {
    struct fair_entry entry;
    struct http_work *work;
    uint64_t client_hash; /* for fair_queue.h; set by the loop while `waiting` is clear */
    /* True while the offload thread has the work item: from offload_thread_take() until the item is
     * finished or dropped; relaxed. */
    atomic_bool waiting;
    atomic_bool gone; /* the client is gone; set by the connection's loop; relaxed */
};

struct offload_thread {
    struct work_queue work_queue; /* its mutex, a leaf lock, guards `queue` */
    struct fair_queue queue GUARDED_VAR;
    bool started; /* used only by the thread that starts and stops the offload thread */
    /* clock_now_ns() and clock_thread_ns(), except in tests. cpu_clock measures a slice in
     * processor time, so that no client pays for the time in which the thread had no processor. */
    int64_t (*clock)(void), (*cpu_clock)(void);
    /* waiting: items in the queue or being served. dropped: items dropped so far. Relaxed. */
    atomic_uint_fast64_t waiting, dropped;
    pthread_t thread;
};

/* Starts the thread. The caller has set both clocks and filled the rest with zeros. Returns false
 * if there is no memory or no thread: then nothing is left to stop. */
bool offload_thread_start(struct offload_thread *offload) MUST_CHECK;

/* Gives a work item to the thread. Any thread may call this. `turn` is the queue entry of the
 * request's connection, and must have no other work item (`waiting` is false). Returns false if the
 * thread is stopping: then the caller must do all slices of the item itself. */
bool offload_thread_take(struct offload_thread *offload, struct http_work *work,
                         struct offload_turn *turn) MUST_CHECK;

/* Makes the thread take no more items, and waits until it has finished its queue and ended. This
 * and offload_thread_fini() are no-ops if the thread never started. */
void offload_thread_stop(struct offload_thread *offload);

/* Frees the queue. Called after the last offload_thread_take(). */
void offload_thread_fini(struct offload_thread *offload);

#endif
