/* gate.h - a TCP gate between a client and a server on 127.0.0.1 that misbehaves on command.
 *
 * One thread copies bytes between each client and a connection of its own to the server. A change
 * of mode holds for the connections that are there and for new ones, and is in force when
 * gate_set() returns. Connections that a mode stalled go on, in order and complete, in GATE_PASS.
 *
 * Threads    any; the gate's own thread does the work. */
#ifndef SUPPORT_GATE_H
#define SUPPORT_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct gate; /* opaque */

enum gate_mode {
    GATE_PASS,
    GATE_REFUSE,     /* nobody listens; connections that are there go on */
    GATE_BLACK_HOLE, /* a dial gets no answer at all (its SYN is dropped); nothing is forwarded */
    GATE_SILENT,     /* dials are accepted; nothing is forwarded */
    GATE_DRIP,       /* the server's bytes reach the client one at a time, GATE_DRIP_MS apart */
};
enum { GATE_DRIP_MS = 20, GATE_CONNS_MAX = 512, GATE_MESSAGE_MAX = 256 };

/* A gate in GATE_PASS on a free port, in front of 127.0.0.1:server_port. */
struct gate *gate_open(int server_port) MUST_CHECK;
void gate_close(struct gate **gate); /* cuts what is there; NULL is a no-op */
int gate_port(const struct gate *gate);

void gate_set(struct gate *gate, enum gate_mode mode);

/* New connections lead to this port from now on, as when a name has moved. */
void gate_redirect(struct gate *gate, int server_port);

/* Resets every connection, both sides, now. */
void gate_cut(struct gate *gate);

/* Nothing moves any more, ever, on the connections of now, and neither side hears of it: a firewall
 * that has lost its table. They stay until gate_cut(). New ones go as the mode says. */
void gate_forget(struct gate *gate);

/* Lets `bytes` more of the server's bytes through, over all connections, then does gate_cut() once.
 * With 0 the server gets the request and does its work, and the client never hears of it. */
void gate_cut_after(struct gate *gate, int64_t bytes);

/* Once `n` more of the server's messages of type `after` ('D': a row) have passed, over all
 * connections, the connection of the last of them gets `message` (up to GATE_MESSAGE_MAX bytes) in
 * place of the rest, and then the end of the stream. Once. See pg_frames.h for what it asks of the
 * client. */
void gate_inject_after(struct gate *gate, char after, int n, const void *message, size_t len);

struct gate_counts {
    int open;         /* connections there now */
    int64_t accepted; /* since the start */
    int64_t cuts;     /* times that gate_cut_after() struck */
    int64_t injected; /* times that gate_inject_after() did */
    int64_t to_client_bytes, to_server_bytes;
};
void gate_counts(struct gate *gate, struct gate_counts *out);

#endif
