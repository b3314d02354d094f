/* server.c - opening, draining and closing a server, and the socket it listens on.
 *
 * The socket is bound by us and not by libmicrohttpd, and without SO_REUSEPORT, so that a port that
 * someone else has is an error with a name. Every loop gets a duplicate of it. */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "http/loop.h"
#include "http/message/router.h"
#include "http/reserve.h"
#include "http/server_metrics.h"

enum {
    FIGURES_BYTES = 8 << 20,
    /* Beside HTTP_HEADER_MAX: the request and its headers, libmicrohttpd's connection, an answer of
     * HTTP_ANSWER_FREE. */
    CONNECTION_BYTES = 8 * 1024,
    TLS_BYTES = 72 * 1024, /* a session of GnuTLS: records under way, the client's certificates */
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Its length, or 0 when the text is no numeric address. */
static socklen_t read_address(const char *text, uint16_t port, union address *out)
{
    *out = (union address){ .v4 = { .sin_family = AF_INET, .sin_port = htons(port) } };
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1)
        return sizeof out->v4;
    *out = (union address){ .v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
    return inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1 ? sizeof out->v6 : 0;
}

static uint32_t port_of(const union address *address)
{
    bool v4 = address->any.sa_family == AF_INET;
    return ntohs(v4 ? address->v4.sin_port : address->v6.sin6_port);
}

static bool bind_and_listen(int fd, union address *address, socklen_t len)
{
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           bind(fd, &address->any, len) == 0 && listen(fd, SOMAXCONN) == 0 &&
           getsockname(fd, &address->any, &len) == 0;
}

static void note_address(struct http_server *server, const union address *address)
{
    const struct http_options *options = &server->options;
    server->port = port_of(address);
    hosts_init(&server->hosts, options->check_hosts, options->allowed_hosts, &address->any);
}

static bool take_socket(struct http_server *server, struct err *err)
{
    union address address = { .v6 = { .sin6_family = AF_UNSPEC } };
    socklen_t len = sizeof address;
    if (getsockname(server->listen_fd, &address.any, &len) != 0) {
        err_set(err, 0, "the socket to listen on: %s", strerrordesc_np(errno));
        return false;
    }
    note_address(server, &address);
    return true;
}

static bool open_socket(struct http_server *server, struct err *err)
{
    const struct http_options *options = &server->options;
    union address address = { .v6 = { .sin6_family = AF_UNSPEC } };
    if (options->listen_fd > 0)
        return take_socket(server, err);
    socklen_t len = read_address(options->address, (uint16_t)options->port, &address);
    if (len == 0) {
        err_set(err, 0, "\"%s\" is no numeric IPv4 or IPv6 address", options->address);
        return false;
    }
    server->listen_fd =
        socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->listen_fd < 0 || !bind_and_listen(server->listen_fd, &address, len)) {
        err_set(err, 0, "cannot listen on %s port %u: %s", options->address, options->port,
                strerrordesc_np(errno));
        return false;
    }
    note_address(server, &address);
    return true;
}

static bool open_parser(struct http_server *server, struct err *err)
{
    if (parser_start(&server->parser))
        return true;
    err_set(err, ERR_RETRYABLE, "cannot start the offload thread");
    return false;
}

static bool open_loops(struct http_server *server, struct err *err)
{
    while (server->n_loops < server->options.threads) {
        if (!loop_open(&server->loops[server->n_loops], server, err))
            return false;
        server->n_loops++;
    }
    (void)close(server->listen_fd);
    server->listen_fd = -1;
    return true;
}

static void check_options(const struct http_options *options)
{
    CHECK(options->threads > 0);
    CHECK(options->port <= UINT16_MAX);
    for (size_t i = 0; i < options->n_routes; i++)
        CHECK(router_path_ok(options->routes[i].path));
}

struct http_server *http_server_open(const struct http_options *options, struct err *err)
{
    check_options(options);
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        err_set(err, ERR_RETRYABLE, "out of memory");
        return NULL;
    }
    server->options = *options;
    budget_init(&server->bodies.budget, options->bodies_max_bytes, options->memory);
    budget_init(&server->figures, FIGURES_BYTES, NULL);
    addresses_init(&server->addresses);
    server->parser.clock = clock_now_ns;
    server->parser.cpu_clock = clock_thread_ns;
    server->listen_fd = options->listen_fd > 0 ? options->listen_fd : -1;
    bool keys_good = active_keys_open(&server->active_keys, options->keys_file, err);
    server->metrics = server_metrics_open(options->routes, options->n_routes);
    server->loops = calloc(options->threads, sizeof *server->loops);
    if (server->metrics == NULL || server->loops == NULL)
        err_set(err, ERR_RETRYABLE, "out of memory");
    else if (keys_good && open_socket(server, err) && open_parser(server, err) &&
             open_loops(server, err))
        return server;
    http_server_close(&server);
    return NULL;
}

void http_client_text(const struct sockaddr *client, char out[HTTP_CLIENT_SIZE])
{
    const struct in6_addr *v6;
    out[0] = '\0';
    if (client->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)client)->sin_addr, out,
                        HTTP_CLIENT_SIZE);
    if (client->sa_family != AF_INET6)
        return;
    v6 = &((const struct sockaddr_in6 *)(const void *)client)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(v6))
        (void)inet_ntop(AF_INET, v6->s6_addr + 12, out, HTTP_CLIENT_SIZE);
    else
        (void)inet_ntop(AF_INET6, v6, out, HTTP_CLIENT_SIZE);
}

uint64_t http_sockets_max(uint32_t max_connections, uint32_t threads)
{
    return max_connections + (uint64_t)threads * (RESERVE_MAX + RESERVE_CLOSING_MAX);
}

uint32_t http_server_port(const struct http_server *server)
{
    return server->port;
}

uint32_t http_server_loops(const struct http_server *server)
{
    return server->n_loops;
}

static void move_to(struct http_server *server, enum server_phase phase)
{
    atomic_store_explicit(&server->phase, phase, memory_order_release);
    for (uint32_t i = 0; i < server->n_loops; i++)
        loop_wake(&server->loops[i]);
}

void http_server_drain(struct http_server *server)
{
    move_to(server, SERVER_DRAINING);
}

void http_server_close(struct http_server **server_inout)
{
    struct http_server *server = *server_inout;
    if (server == NULL)
        return;
    *server_inout = NULL;
    parser_stop(&server->parser); /* before the loops: what it did goes to them */
    move_to(server, SERVER_CLOSING);
    for (uint32_t i = 0; i < server->n_loops; i++)
        loop_join(&server->loops[i]);
    if (server->listen_fd >= 0)
        (void)close(server->listen_fd);
    parser_fini(&server->parser);
    addresses_fini(&server->addresses);
    active_keys_fini(&server->active_keys);
    server_metrics_close(server->metrics);
    free(server->loops);
    free(server);
}

bool http_server_alive(struct http_server *server)
{
    for (uint32_t i = 0; i < server->n_loops; i++)
        if (!loop_has_beaten(&server->loops[i], server->beats_asked))
            return false;
    server->beats_asked++;
    for (uint32_t i = 0; i < server->n_loops; i++)
        loop_ask_beat(&server->loops[i], server->beats_asked);
    return true;
}

bool http_server_reload_keys(struct http_server *server, struct err *err)
{
    return active_keys_reload(&server->active_keys, err);
}

void http_server_keys(struct http_server *server, struct http_keys_info *info)
{
    active_keys_info(&server->active_keys, info);
}

uint64_t http_fixed_bytes(const struct http_options *options, bool tls)
{
    uint64_t each = options->header_max_bytes + CONNECTION_BYTES + (tls ? TLS_BYTES : 0);
    return http_sockets_max(options->max_connections, options->threads) * each + FIGURES_BYTES;
}

uint64_t http_server_in_flight(const struct http_server *server)
{
    return atomic_load_explicit(&server->requests, memory_order_relaxed);
}

uint64_t http_server_connections(const struct http_server *server)
{
    return atomic_load_explicit(&server->connections, memory_order_relaxed);
}

struct totals {
    uint64_t requests, connections, handshakes_failed, offloaded, offload_dropped;
};

static void render_totals(struct buf *out, const struct totals *totals)
{
    prom_family(out, "http_server_active_requests", "gauge",
                "Requests begun and not yet answered.");
    prom_uint(out, "http_server_active_requests", "", totals->requests);
    prom_family(out, "http_server_open_connections", "gauge", "Client connections.");
    prom_uint(out, "http_server_open_connections", "", totals->connections);
    prom_family(out, "http_server_tls_handshakes_failed_total", "counter",
                "Connections that ended before their TLS handshake did.");
    prom_uint(out, "http_server_tls_handshakes_failed_total", "", totals->handshakes_failed);
    prom_family(out, "http_server_offloaded_requests", "gauge",
                "Requests that wait for the offload thread, or are served by it.");
    prom_uint(out, "http_server_offloaded_requests", "", totals->offloaded);
    prom_family(out, "http_server_offload_dropped_total", "counter",
                "Requests whose work was dropped: they had waited too long for the offload thread, "
                "or their client was gone.");
    prom_uint(out, "http_server_offload_dropped_total", "", totals->offload_dropped);
}

static uint64_t count_of(const atomic_uint_fast64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

void http_server_metrics(const struct http_server *server, struct buf *out)
{
    server_metrics_render(server->metrics, out);
    const struct totals totals = {
        .requests = http_server_in_flight(server),
        .connections = http_server_connections(server),
        .handshakes_failed = count_of(&server->handshakes_failed),
        .offloaded = count_of(&server->parser.waiting),
        .offload_dropped = count_of(&server->parser.dropped),
    };
    render_totals(out, &totals);
}

void http_blank_metrics(const struct http_route *routes, size_t n_routes, struct buf *out)
{
    static const char *const methods[] = { "GET", "HEAD", "POST", "other" };
    struct server_metrics *metrics = server_metrics_open(routes, n_routes);
    struct http_problem problem;
    if (metrics == NULL)
        return;
    for (size_t i = 0; http_own_problem(i, &problem); i++)
        server_metrics_observe(metrics, NULL, methods[i % 4], problem.status, 0);
    server_metrics_render(metrics, out);
    render_totals(out, &(struct totals){ 0 });
    server_metrics_close(metrics);
}
