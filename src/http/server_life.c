/* server_life.c - opens, drains and closes a server, see http.h. */
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/http.h"
#include "http/listener.h"
#include "http/loop.h"
#include "http/loop_run.h"
#include "http/message/router.h"
#include "http/server.h"
#include "http/server_metrics.h"

static bool listen_for(struct http_server *server, struct err *err)
{
    const struct http_options *options = &server->options;
    union listener_address own;
    if (!listener_open(options, &server->listen_fd, &own, err))
        return false;
    server->port = listener_port(&own);
    hosts_init(&server->hosts, options->check_hosts, options->allowed_hosts, &own.any);
    return true;
}

static bool start_offload_thread(struct http_server *server, struct err *err)
{
    if (offload_thread_start(&server->offload))
        return true;
    err_set(err, ERR_RETRYABLE, "cannot start the offload thread");
    return false;
}

static bool open_loops(struct http_server *server, struct err *err)
{
    while (server->n_loops < server->options.threads) {
        if (!loop_run_open(&server->loops[server->n_loops], server, err))
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
        if (options->listen_fd > 0)
            (void)close(options->listen_fd);
        err_set(err, ERR_RETRYABLE, "out of memory");
        return NULL;
    }
    server->options = *options;
    budget_init(&server->bodies.budget, options->bodies_max_bytes, options->memory);
    budget_init(&server->figures, SERVER_FIGURES_BYTES, NULL);
    addresses_init(&server->addresses);
    server->offload.clock = clock_now_ns;
    server->offload.cpu_clock = clock_thread_ns;
    server->listen_fd = options->listen_fd > 0 ? options->listen_fd : -1; /* the server owns it */
    bool keys_good =
        active_keys_open(&server->active_keys, options->keys_file, options->key_codes, err);
    server->metrics = server_metrics_open(options->routes, options->n_routes);
    server->loops = calloc(options->threads, sizeof *server->loops);
    if (server->metrics == NULL || server->loops == NULL)
        err_set(err, ERR_RETRYABLE, "out of memory");
    else if (keys_good && listen_for(server, err) && start_offload_thread(server, err) &&
             open_loops(server, err))
        return server;
    http_server_close(&server);
    return NULL;
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
    offload_thread_stop(&server->offload); /* while the loops still run: they finish its items */
    move_to(server, SERVER_CLOSING);
    for (uint32_t i = 0; i < server->n_loops; i++)
        loop_run_join(&server->loops[i]);
    if (server->listen_fd >= 0)
        (void)close(server->listen_fd);
    offload_thread_fini(&server->offload);
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
