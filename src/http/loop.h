/* loop.h - inside of the layer: the data of one event loop. loop_run.h runs it.
 *
 * Threads    loop_wake(), loop_ask_beat(), loop_has_beaten(): any. All else, except the
 *            completions: the loop's own thread. */
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

/* Whether a budget has lately had no room for a request. */
struct pressure {
    uint64_t refusals_seen; /* budget_refused() at the last sweep */
    int64_t until_ns;       /* the end of the pressure, unless the budget refuses again */
};

struct http_loop {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    int listen_fd, epoll_fd, wake_fd; /* -1: not open */
    pthread_t thread;

    struct mutex mu;                     /* a leaf */
    struct fifo completions GUARDED_VAR; /* http_completion.link: not finished yet */

    /* A sign of life: the loop copies beat_asked once a round. Relaxed: it publishes no data. */
    atomic_uint_fast64_t beat_asked, beat_given;

    pthread_t self; /* `thread`, as the loop itself sees it */
    int64_t now_ns; /* the clock at the start of this round */
    int64_t sweep_at_ns;
    struct pressure memory_pressure, figures_pressure;
    int64_t draining_since_ns; /* CLOCK_NEVER: not draining */
    bool closing;
    bool starved; /* no descriptor was left for a new connection, and none was accepted since */
    struct list conns;     /* http_conn.link: all connections */
    size_t n_sending;      /* of them in the state SENDING */
    struct list reserve;   /* http_conn.reserve_link, the oldest first; see reserve.h */
    struct list suspended; /* http_request.link */
    struct heap deadlines; /* http_request.deadline; has room for one a connection */
    struct active_keys_view keys;
    size_t entropy_used;
    unsigned char entropy[LOOP_ENTROPY_BYTES];
};

/* Makes the loop look at the server's phase. */
void loop_wake(struct http_loop *loop);

/* loop_ask_beat() asks the loop for a sign of life; loop_has_beaten() says whether the loop has
 * given that one. */
void loop_ask_beat(struct http_loop *loop, uint64_t beat);
bool loop_has_beaten(struct http_loop *loop, uint64_t beat) MUST_CHECK;
void loop_give_beat(struct http_loop *loop);

/* Calls `finish` of each completion. False: there was none. */
bool loop_finish_completions(struct http_loop *loop);

/* 128 random bits as 32 hex digits and a NUL. */
void loop_random_id(struct http_loop *loop, char out[LOOP_ID_SIZE]);

#endif
