/* loop.h - inside of the layer: one event loop, its thread and what belongs to it.
 *
 * Threads    loop_open(), loop_wake(), loop_join(): the server's. All else: the loop's own thread,
 *            but for the list of completions. */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/sync.h"
#include "http/deadlines.h"
#include "http/http.h"
#include "http/keyring.h"
#include "http/reserve.h"

struct MHD_Daemon;
struct conn;

enum { LOOP_ID_SIZE = 33, LOOP_ENTROPY_BYTES = 4096 };

/* Does a budget refuse requests? */
struct pressure {
    uint64_t refusals_seen; /* by the last sweep */
    int64_t until_ns;       /* the refusals are taken for over then */
};

struct http_loop {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    int listen_fd, epoll_fd, wake_fd; /* -1: not open */
    pthread_t thread;

    struct mutex mu; /* a leaf: nothing else is taken or called under it */
    struct http_completion *done_first GUARDED_VAR, *done_last GUARDED_VAR;

    /* A sign of life: the loop copies what was asked, once a round. Relaxed: no data goes with it.
     */
    atomic_uint_fast64_t beat_asked, beat_given;

    pthread_t self; /* `thread`, as the loop itself sees it */
    int64_t now_ns; /* the clock at the start of this round */
    int64_t sweep_at_ns;
    struct pressure memory_pressure, figures_pressure;
    int64_t draining_since_ns; /* CLOCK_NEVER: not draining */
    bool closing;
    bool starved; /* no descriptor was left for a new connection; until the next one is accepted */
    struct conn *conns; /* doubly linked, all of them */
    size_t n_conns, n_sending;
    struct reserve reserve;
    struct http_request *deferred; /* doubly linked, suspended and unanswered */
    struct deadlines deadlines;    /* room for one a connection */
    struct keyring_view keys;
    size_t entropy_used;
    unsigned char entropy[LOOP_ENTROPY_BYTES];
};

/* Starts the thread. On failure nothing is left open. */
bool loop_open(struct http_loop *loop, struct http_server *server, struct err *err) MUST_CHECK;

/* Makes the loop look at the server's phase. */
void loop_wake(struct http_loop *loop);

/* Asks for a sign of life, and whether that one was given. */
void loop_ask_beat(struct http_loop *loop, uint64_t beat);
bool loop_has_beaten(struct http_loop *loop, uint64_t beat) MUST_CHECK;

/* After SERVER_CLOSING and loop_wake(): waits for the thread's end and frees. */
void loop_join(struct http_loop *loop);

/* 128 random bits as 32 hex digits and a NUL. */
void loop_random_id(struct http_loop *loop, char out[LOOP_ID_SIZE]);

#endif
