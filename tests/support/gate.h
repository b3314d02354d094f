/* gate.h - a TCP proxy on 127.0.0.1 that misbehaves on command.
 *
 * One thread copies bytes between each client and a connection of its own to the server. A change
 * of mode is in force when gate_set() returns, for present and new connections. Connections that a
 * mode has stalled continue in GATE_PASS, and no byte is lost.
 *
 * Threads    any; a thread of the gate does the work */
#ifndef SUPPORT_GATE_H
#define SUPPORT_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct gate; /* opaque */

enum gate_mode {
    GATE_PASS,
    GATE_REFUSE,     /* nobody listens; present connections continue */
    GATE_BLACK_HOLE, /* a dial gets no answer (its SYN is dropped); nothing is forwarded */
    GATE_SILENT,     /* dials are accepted; nothing is forwarded */
    GATE_DRIP,       /* the server's bytes reach the client one at a time, every GATE_DRIP_MS */
};
enum { GATE_DRIP_MS = 20, GATE_CONNS_MAX = 512, GATE_MESSAGE_MAX = 256 };

/* Opens a gate in GATE_PASS on a free port, in front of 127.0.0.1:server_port. */
struct gate *gate_open(int server_port) MUST_CHECK;
void gate_close(struct gate **gate); /* cuts all connections; NULL is a no-op */
int gate_port(const struct gate *gate);

void gate_set(struct gate *gate, enum gate_mode mode);

/* Directs new connections to this port from now on, as if a host name had moved. */
void gate_redirect(struct gate *gate, int server_port);

/* Resets every connection, on both sides, now. */
void gate_cut(struct gate *gate);

/* Forwards nothing any more on the present connections, and tells neither side, like a firewall
 * that has lost its table. These connections stay until gate_cut(). New ones follow the mode. */
void gate_forget(struct gate *gate);

/* Forwards `bytes` more bytes of the server, over all connections, then calls gate_cut() once. With
 * 0, the server gets the request and does its work, and the client gets no answer. */
void gate_cut_after(struct gate *gate, int64_t bytes);

/* After `n` more of the server's messages of type `after` ('D': a row), over all connections, the
 * connection of the last one gets `message` (up to GATE_MESSAGE_MAX bytes) instead of further
 * bytes, and then the end of the stream. This happens once. pg_frames.h says what the client must
 * do. */
void gate_inject_after(struct gate *gate, char after, int n, const void *message, size_t len);

struct gate_counts {
    int open;         /* connections open now */
    int64_t accepted; /* since the start */
    int64_t cuts;     /* times that gate_cut_after() has cut */
    int64_t injected; /* times that gate_inject_after() has injected */
    int64_t to_client_bytes, to_server_bytes;
};
void gate_counts(struct gate *gate, struct gate_counts *out);

#endif
