/* server.h - the data that all loops of a server share. Once the server is open, no member changes
 * except beats_asked, the atomics, and the structs that have locks or atomics of their own.
 * Internal to http. */
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

/* The size of http_server.figures. */
enum { SERVER_FIGURES_BYTES = 8 << 20 };

struct http_server {
    struct http_options options;
    struct server_metrics *metrics;
    struct offload_thread offload;
    struct active_keys active_keys;
    struct http_loop *loops;
    uint32_t n_loops;
    uint32_t port;
    /* The number of the last heartbeat that the loops were asked for. Written by
     * http_server_alive(), by one thread at a time. */
    uint64_t beats_asked;
    int listen_fd;    /* open until each loop has its duplicate; then -1 */
    atomic_int phase; /* enum server_phase; stored with release, loaded with acquire */
    /* The numbers of open connections and of requests under way; relaxed. */
    atomic_uint_fast64_t connections, requests;
    atomic_uint_fast64_t admitted; /* connections that count towards max_connections */
    struct bodies bodies;
    struct budget figures; /* for answers of HTTP_PROBE, HTTP_HEALTH and HTTP_FIGURES routes */
    struct addresses addresses;
    struct hosts hosts;
    /* The number of TLS handshakes that failed since the start; relaxed. */
    atomic_uint_fast64_t handshakes_failed;
};

#endif
