/* server.h - inside of the layer: the data that all loops of a server share. Immutable once open,
 * except the atomics and the keys. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "http/addresses.h"
#include "http/auth/active_keys.h"
#include "http/hosts.h"
#include "http/http.h"
#include "http/message/bodies.h"
#include "http/offload_thread.h"

struct server_metrics;

enum server_phase { SERVER_OPEN, SERVER_DRAINING, SERVER_CLOSING };

/* The budget for the answers of probes and figures. */
enum { SERVER_FIGURES_BYTES = 8 << 20 };

struct http_server {
    struct http_options options;
    struct server_metrics *metrics;
    struct offload_thread offload;
    struct active_keys active_keys;
    struct http_loop *loops;
    uint32_t n_loops;
    uint32_t port;
    uint64_t beats_asked; /* http_server_alive() writes it, one thread at a time */
    int listen_fd;        /* until each loop has its duplicate; else -1 */
    atomic_int phase;     /* enum server_phase; stored with release, loaded with acquire */
    /* Current counts; relaxed. */
    atomic_uint_fast64_t connections, requests;
    atomic_uint_fast64_t admitted; /* connections within max_connections; at most that many */
    struct bodies bodies;
    struct budget figures; /* for the answers of probes and figures */
    struct addresses addresses;
    struct hosts hosts;
    atomic_uint_fast64_t handshakes_failed; /* of TLS; only grows; relaxed */
};

#endif
