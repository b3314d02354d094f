/* server.c - functions of http.h about a server: its port, connections, memory, keys, metrics. */
#include "http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "http/reserve.h"
#include "http/server_metrics.h"

enum {
    /* An estimate of the memory of a connection, without the HTTP_HEADER_MAX bytes for the headers
     * of the request: struct http_request, the headers of the answer, libmicrohttpd's struct of the
     * connection, and an answer of HTTP_ANSWER_FREE bytes. */
    CONNECTION_BYTES = 8 * 1024,
    TLS_BYTES = 72 * 1024, /* an estimate for a GnuTLS session: records, certificates */
};

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
    return http_sockets_max(options->max_connections, options->threads) * each +
           SERVER_FIGURES_BYTES;
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
        .offloaded = count_of(&server->offload.waiting),
        .offload_dropped = count_of(&server->offload.dropped),
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
