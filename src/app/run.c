/* run.c - runs the serving process: limits, start, SIGHUP and end. */
#include "app/run.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/memory.h"
#include "app/secrets.h"
#include "app/service.h"
#include "app/signals.h"
#include "app/stop.h"
#include "app/tls.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"
#include "http/tls/tls.h"
#include "observability/state.h"
#include "pqpool/pqpool.h"

/* Descriptors beside those of HTTP and the pool. 48 of them are for name lookups: up to 16 lookups
 * run at once, and each opens files and sockets. */
enum { FDS_BESIDE_SOCKETS = 112 };

#define HANDED_OVER_WAIT_NS (5 * NS_PER_S)

static bool raise_fd_limit(const struct options *o)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return true;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t needed = http_sockets_max(o->http.max_connections, o->http.threads) +
                    (rlim_t)2 * o->pool.max_pool_size + FDS_BESIDE_SOCKETS;
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= needed)
        return true;
    log_event(LOG_ERROR, "config.too_few_files",
              log_str("text", "HTTP_MAX_CONNECTIONS, HTTP_THREADS and DATABASE_MAX_POOL_SIZE need "
                              "more open files than "
                              "the hard limit (ulimit -Hn) allows"),
              log_int("needed", (int64_t)needed), log_int("limit", (int64_t)limit.rlim_max));
    return false;
}

static void reload_options(int argc, char *const argv[])
{
    struct options fresh;
    struct err err = { 0 };
    if (!options_load(&fresh, argc, argv, environ, &err)) {
        log_event(LOG_ERROR, "config.reload_failed", log_str("error", err.text));
        return;
    }
    log_set_level((enum log_level)fresh.log.level);
    log_event(LOG_INFO, "config.reloaded", log_int("log_level", fresh.log.level));
}

/* Reloads the options and the keys. If one of the two has an error, its old values stay, and the
 * other is reloaded nevertheless. */
static void reload(struct service *service, int argc, char *const argv[])
{
    reload_options(argc, argv);
    secrets_warn_of_files(&service->options);
    service_reload_keys(service);
}

static void await_end(struct service *service, int argc, char *const argv[])
{
    for (;;) {
        int got = stop_await_signal(service, CLOCK_NEVER);
        if (signal_ends(got))
            return;
        if (got != SIGHUP)
            continue;
        notify_reloading(&service->notify, clock_now_ns());
        reload(service, argc, argv);
        tls_reload(service->tls);
        notify_say(&service->notify, "READY=1");
    }
}

/* START_STOPPED: a signal interrupted the start. */
enum start_rc { START_GOOD, START_FAILED, START_STOPPED };

/* ---- DATABASE_START=fail ---- */

struct first {
    struct service *service;
    enum pqpool_rc rc;
    struct err err;
};

static void await_first(void *arg)
{
    struct first *first = arg;
    first->rc = pqpool_await_connected(first->service->pool, &first->err);
}

static void interrupt_first(void *arg)
{
    const struct first *first = arg;
    pqpool_interrupt(first->service->pool);
}

/* Opens the database. With DATABASE_START=fail, also waits for its first connection. If this
 * returns START_FAILED, *err says why. */
static enum start_rc open_database(struct service *service, struct err *err)
{
    struct first first = { .service = service };
    const struct signals_task task = { await_first, interrupt_first, &first };
    if (!service_open_database(service, NULL, err))
        return START_FAILED;
    if (service->options.database.start != OPTIONS_START_FAIL)
        return START_GOOD;
    int signal = signals_run(&task);
    if (signal < 0)
        err_set(err, 0, "cannot start a thread");
    if (signal != 0)
        return signal < 0 ? START_FAILED : START_STOPPED;
    *err = first.err;
    return first.rc == PQPOOL_OK ? START_GOOD : START_FAILED;
}

/* ---- a listening socket from the service manager ---- */

/* Waits until an order can be stored, because the service should accept connections from the socket
 * only then. Meanwhile the previous process may accept the connections; otherwise they wait in the
 * socket. Probes also wait in the socket, so this function waits for HANDED_OVER_WAIT_NS at most,
 * even if the service is not ready then. */
static enum start_rc await_ready(struct service *service)
{
    int64_t until_ns = clock_now_ns() + HANDED_OVER_WAIT_NS;
    bool reload = false;
    char why[READINESS_WHY_SIZE];
    while (clock_now_ns() < until_ns && !state_is_ready(&service->observability, why)) {
        int got = signals_await(clock_min(until_ns, clock_now_ns() + 10 * NS_PER_MS));
        if (signal_ends(got))
            return START_STOPPED;
        reload = reload || got == SIGHUP;
    }
    if (reload)
        (void)kill(getpid(), SIGHUP); /* again, for await_end() */
    return START_GOOD;
}

static enum start_rc listen_when_ready(struct service *service, struct err *err)
{
    if (await_ready(service) == START_GOOD)
        return service_listen(service, err) ? START_GOOD : START_FAILED;
    stop_unserved(service);
    return START_STOPPED;
}

static enum start_rc start(struct service *service, struct err *err)
{
    enum start_rc rc = open_database(service, err);
    if (rc != START_GOOD) {
        service_close_database(service, clock_now_ns());
        return rc;
    }
    if (!service_start(service, err))
        return START_FAILED;
    return service->listen.fd >= 0 ? listen_when_ready(service, err) : START_GOOD;
}

static int serve(struct service *service, int argc, char *const argv[])
{
    struct err err = { 0 };
    switch (start(service, &err)) {
    case START_FAILED:
        log_event(LOG_ERROR, "service.cannot_start", log_str("error", err.text));
        return 1;
    case START_STOPPED:
        log_event(LOG_INFO, "service.stopped", log_str("text", "a signal came during the start"));
        return atomic_load_explicit(&service->exit_code, memory_order_acquire);
    case START_GOOD:
        break;
    }
    bool handed_over = service->listen.fd >= 0;
    log_event(
        LOG_INFO, "service.listening",
        log_str("address", handed_over ? service->listen.address : service->options.http.address),
        log_int("port", http_server_port(service->http)),
        log_str("tls", service->tls != NULL ? "on" : "off"),
        log_known("socket", handed_over ? "handed over" : NULL),
        log_str("version", ORDERSD_VERSION));
    notify_say(&service->notify, "READY=1");
    tls_report(service->tls, "tls.ready");
    await_end(service, argc, argv);
    stop_service(service);
    return atomic_load_explicit(&service->exit_code, memory_order_acquire);
}

/* Takes the socket of the service manager, if one was passed. Returns false, with *err, if AUTH is
 * unset and the socket is not on loopback. options_check() cannot check the address of the socket,
 * because that address is not in the options. */
static bool take_socket(struct service *service, struct err *err)
{
    if (!listen_fds_take(&service->listen, err))
        return false;
    const struct listen_fds *listen = &service->listen;
    if (listen->fd < 0 || listen->loopback || service->options.auth != OPTIONS_AUTH_UNSET)
        return true;
    err_set(err, 0,
            "LISTEN_FDS=1: the socket listens on %s, which is not loopback, and AUTH=unset: say "
            "AUTH=keys or AUTH=none",
            listen->address);
    return false;
}

static void note_error(void *last_errors, enum log_level level, const char *event,
                       const struct log_field *fields, int count)
{
    last_errors_note(last_errors, clock_wall_us(), level, event, fields, count);
}

int run_serve(const struct options *options, int argc, char *const argv[])
{
    static struct service service; /* static, because its counters are too large for a stack */
    struct err err = { 0 };

    signals_block();
    /* last_errors comes before any warning is logged, because /status shows every warning */
    last_errors_init(&service.observability.last_errors);
    log_listen(note_error, &service.observability.last_errors);
    if (!raise_fd_limit(options))
        return EXIT_CONFIG;
    secrets_warn_of_files(options);
    service.options = *options;
    notify_open(&service.notify);
    if (!take_socket(&service, &err)) {
        log_event(LOG_ERROR, "service.cannot_start", log_str("error", err.text));
        return EXIT_CONFIG;
    }
    if (!tls_open(&service.options, &service.tls, &err)) {
        log_event(LOG_ERROR, "service.cannot_start", log_str("error", err.text));
        return EXIT_CONFIG;
    }
    int exit_code = serve(&service, argc, argv);
    http_tls_close(&service.tls);
    notify_close(&service.notify);
    return exit_code;
}
