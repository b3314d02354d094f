/* gate_loop.h - the gate's thread, and the state that it shares with gate.c, which posts
 * commands. */
#ifndef SUPPORT_GATE_LOOP_H
#define SUPPORT_GATE_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/sync.h"
#include "support/gate.h"
#include "support/gate_conn.h"

enum { GATE_FILLERS_MAX = 16 };

/* A command of a caller. Each member is set at most once in a command. */
struct gate_order {
    bool set_mode, set_cut, cut, forget, stop;
    int server_port; /* not 0: the server for new connections */
    enum gate_mode mode;
    int64_t bytes_to_cut;
    struct gate_inject inject; /* used if its `left` is set */
};

struct gate {
    pthread_t thread;
    int port;     /* never changes */
    int event_fd; /* wakes the thread */

    struct mutex mu;  /* protects the members below; the thread releases it only in poll(2) */
    struct cond done; /* signals that orders_done has changed */
    struct gate_order order GUARDED_VAR;
    int64_t orders_posted GUARDED_VAR, orders_done GUARDED_VAR;
    struct gate_counts counts GUARDED_VAR;

    int server_port GUARDED_VAR;
    enum gate_mode mode GUARDED_VAR;
    int listener GUARDED_VAR; /* -1 in GATE_REFUSE */
    struct gate_flow flow GUARDED_VAR;
    struct gate_conn *conns[GATE_CONNS_MAX] GUARDED_VAR; /* counts.open of them */
    int fillers[GATE_FILLERS_MAX] GUARDED_VAR;           /* GATE_BLACK_HOLE: our own dials */
    int n_fillers GUARDED_VAR;
    struct pollfd polled[2 + 2 * GATE_CONNS_MAX]; /* used by the thread only */
};

int gate_listen(int port) MUST_CHECK;
void *gate_run(void *arg); /* `arg` is the struct gate */

#endif
