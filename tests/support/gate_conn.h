/* gate_conn.h - one client of the gate and its connection to the server: bytes copied both ways, as
 * the gate's flow allows. The gate's thread only. */
#ifndef SUPPORT_GATE_CONN_H
#define SUPPORT_GATE_CONN_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "support/gate.h"

/* What is to be said in the server's place, and when. */
struct gate_inject {
    char after; /* this type of message */
    int left;   /* has passed so many times more; 0: never */
    size_t len;
    char message[GATE_MESSAGE_MAX];
};

/* What holds for all connections of a gate. */
struct gate_flow {
    bool stalled;         /* nothing moves */
    bool drip;            /* one byte at a time to the client */
    int64_t bytes_to_cut; /* of the server's, until gate_conn_pump() says GATE_CONN_CUT; -1: none */
    struct gate_inject inject;
    int64_t to_client_bytes, to_server_bytes; /* counted */
};

struct gate_conn; /* opaque */

enum gate_conn_rc {
    GATE_CONN_LIVES,
    GATE_CONN_ENDED,    /* both sides have closed in good order */
    GATE_CONN_BROKEN,   /* one side is gone: reset the other */
    GATE_CONN_CUT,      /* the server has one byte more than may pass: the gate's moment to cut */
    GATE_CONN_INJECTED, /* the client has been told; nothing more may pass */
};

/* Takes the client's socket and dials the server, without waiting for it. */
struct gate_conn *gate_conn_open(int client_fd, int server_port) MUST_CHECK;

/* `reset`: both sides get a RST instead of the end of the stream. */
void gate_conn_close(struct gate_conn *conn, bool reset);

/* Nothing moves on it from now on. */
void gate_conn_forget(struct gate_conn *conn);

enum gate_conn_rc gate_conn_pump(struct gate_conn *conn, struct gate_flow *flow,
                                 int64_t now_ns) MUST_CHECK;

/* Fills two entries for poll(2); *wake_at_ns becomes earlier when a byte is to drip before it. */
void gate_conn_poll(const struct gate_conn *conn, const struct gate_flow *flow,
                    struct pollfd entries[2], int64_t *wake_at_ns);

#endif
