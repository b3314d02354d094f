/* loop.h - the data of one event loop. loop_run.h runs the loop. Internal to http.
 *
 * Threads    any thread may call loop_wake(), loop_ask_beat() and loop_has_beaten(), and may add
 *            completions. Everything else belongs to the loop's own thread. */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/sync.h"
#include "http/auth/active_keys.h"
#include "http/http.h"

struct MHD_Daemon;

enum { LOOP_ID_SIZE = 33, LOOP_ENTROPY_BYTES = 4096 };

/* Whether a budget has lately had no room for a request, see sweep.c. */
struct pressure {
    uint64_t refusals_seen; /* budget_refused() at the last sweep */
    int64_t until_ns;       /* the budget is under pressure until this moment */
};

struct http_loop {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    int listen_fd, epoll_fd, wake_fd; /* -1: not open */
    pthread_t thread;

    struct mutex mu;                     /* a leaf lock */
    struct fifo completions GUARDED_VAR; /* not finished yet; linked by http_completion.link */
    bool asleep GUARDED_VAR;             /* the loop waits, and the next completion must wake it */

    /* See loop_ask_beat(). Both atomics are relaxed, because they publish no other data. */
    atomic_uint_fast64_t beat_asked, beat_given;

    pthread_t self; /* the id of the loop's thread, which that thread has set itself */
    int64_t now_ns; /* the clock at the start of this round */
    int64_t sweep_at_ns;
    struct pressure memory_pressure, figures_pressure;
    int64_t draining_since_ns; /* CLOCK_NEVER: not draining */
    bool closing;
    bool starved;          /* the last accept() failed for lack of a descriptor */
    struct list conns;     /* all connections, linked by http_conn.link */
    size_t n_sending;      /* the connections in the state SENDING */
    struct list reserve;   /* linked by http_conn.reserve_link, the oldest first; see reserve.h */
    struct list suspended; /* the suspended requests, linked by http_request.link */
    struct heap deadlines; /* linked by http_request.deadline; has room for one per connection */
    struct active_keys_view keys;
    size_t entropy_used;
    unsigned char entropy[LOOP_ENTROPY_BYTES];
};

/* Makes the loop begin a round, in which it looks at its completions and at the server's phase. */
void loop_wake(struct http_loop *loop);

/* The heartbeat shows whether the loop makes rounds. loop_ask_beat() gives the loop the number
 * `beat`, and wakes it. In each round loop_give_beat() stores the newest such number as the loop's
 * answer. loop_has_beaten() returns true if that answer is `beat`. */
void loop_ask_beat(struct http_loop *loop, uint64_t beat);
bool loop_has_beaten(struct http_loop *loop, uint64_t beat) MUST_CHECK;
void loop_give_beat(struct http_loop *loop);

/* If there are no completions, marks the loop as asleep and returns true. Then the loop may wait,
 * and the next completion wakes the loop. Otherwise returns false. A loop that is awake finds new
 * completions in its next round, so they need not wake the loop. */
bool loop_fall_asleep(struct http_loop *loop) MUST_CHECK;

/* Calls `finish` of each completion. Returns false if there was none. */
bool loop_finish_completions(struct http_loop *loop);

/* Writes 128 random bits as 32 hex digits and a NUL. */
void loop_random_id(struct http_loop *loop, char out[LOOP_ID_SIZE]);

#endif
