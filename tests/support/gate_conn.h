/* gate_conn.h - one client of the gate and its connection to the server. Copies bytes both ways, as
 * the gate's flow allows. The gate's thread only. */
#ifndef SUPPORT_GATE_CONN_H
#define SUPPORT_GATE_CONN_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "support/gate.h"

/* The message that is injected in the server's place, and when. */
struct gate_inject {
    char after; /* type of the messages that are counted */
    int left;   /* how many more of them must pass; 0: inject nothing */
    size_t len;
    char message[GATE_MESSAGE_MAX];
};

/* The settings for all connections of a gate. */
struct gate_flow {
    bool stalled; /* nothing is forwarded */
    bool drip;    /* one byte at a time to the client */
    /* how many of the server's bytes may still pass before gate_conn_pump() returns GATE_CONN_CUT;
     * -1: no limit */
    int64_t bytes_to_cut;
    struct gate_inject inject;
    int64_t to_client_bytes, to_server_bytes; /* bytes forwarded so far */
};

struct gate_conn; /* opaque */

enum gate_conn_rc {
    GATE_CONN_LIVES,
    GATE_CONN_ENDED,    /* both sides have closed regularly */
    GATE_CONN_BROKEN,   /* one side is broken: reset the other */
    GATE_CONN_CUT,      /* bytes_to_cut has passed: the gate cuts now */
    GATE_CONN_INJECTED, /* the message was injected; nothing more may pass */
};

/* Takes the client's socket, and dials the server without waiting for the result. */
struct gate_conn *gate_conn_open(int client_fd, int server_port) MUST_CHECK;

/* If `reset`, both sides get a RST instead of the end of the stream. */
void gate_conn_close(struct gate_conn *conn, bool reset);

/* Forwards nothing any more on this connection. */
void gate_conn_forget(struct gate_conn *conn);

enum gate_conn_rc gate_conn_pump(struct gate_conn *conn, struct gate_flow *flow,
                                 int64_t now_ns) MUST_CHECK;

/* Fills in two entries for poll(2). Lowers *wake_at_ns if a byte must be dripped before it. */
void gate_conn_poll(const struct gate_conn *conn, const struct gate_flow *flow,
                    struct pollfd entries[2], int64_t *wake_at_ns);

#endif
