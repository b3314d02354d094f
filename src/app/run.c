/* run.c - the life of the process: limits, signals, and the order in which it ends.
 *
 * Every signal is blocked in every thread and taken here with sigtimedwait(), so there is no
 * handler and nothing to be careful about in one. */
#include "app/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/memory.h"
#include "app/secrets.h"
#include "app/service.h"
#include "app/tls.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"
#include "http/tls.h"
#include "store/store.h"

enum { FDS_BESIDE_SOCKETS = 64, MIGRATE_LIMIT_S = 120, STOP_SLACK_S = 10 };

static void block_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE,
                 SIG_IGN); /* a client or a server that is gone is an error code, not a death */
}

static void tell_status(struct service *service)
{
    struct pqpool_stats pool;
    char why[320], text[360];
    pqpool_stats(service->pool, &pool);
    bool ready = service_ready(service, &pool, why, sizeof why);
    (void)snprintf(text, sizeof text, "%s%s", ready ? "ready" : "not ready: ", why);
    notify_status(&service->notify, text);
}

/* What is done while nothing happens; until when. */
static int64_t tick(struct service *service)
{
    int64_t next_ns = sampler_tick(service);
    memory_tick(service);
    struct notify *notify = &service->notify;
    int64_t now_ns = clock_now_ns();
    if (notify->fd < 0)
        return next_ns;
    tell_status(service);
    if (notify_beat_due(notify, now_ns))
        notify_beat(notify, now_ns, http_server_alive(service->http));
    return clock_min(next_ns, notify_next_ns(notify));
}

/* A signal's number, or 0 when the moment has come. Meanwhile the samples are taken, and the
 * service manager hears how it goes. */
static int await_signal(struct service *service, const sigset_t *set, int64_t until_ns)
{
    for (;;) {
        int64_t wake_ns = clock_min(until_ns, tick(service));
        int64_t left_ns = wake_ns - clock_now_ns();
        struct timespec left = clock_timespec(left_ns > 0 ? left_ns : 0);
        int got = sigtimedwait(set, NULL, &left);
        if (got > 0)
            return got;
        if (errno == EAGAIN && clock_now_ns() >= until_ns)
            return 0;
    }
}

static bool raise_fd_limit(const struct options *o)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return true;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t needed = http_sockets_max(o->http_max_connections, o->http_threads) +
                    (rlim_t)2 * o->database_max_pool_size + FDS_BESIDE_SOCKETS;
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
    log_set_level((enum log_level)fresh.log_level);
    log_event(LOG_INFO, "config.reloaded", log_int("log_level", fresh.log_level));
}

/* Each for itself: a fault in one file keeps only what that file says. */
static void reload(struct service *service, int argc, char *const argv[])
{
    reload_options(argc, argv);
    secrets_warn_of_files(&service->options);
    service_reload_keys(service);
}

/* Polls a condition between signals; false: a second signal wants the end now, or time is up. */
static bool await_quiet(struct service *service, const sigset_t *set, int64_t until_ns)
{
    while (service_in_flight(service) > 0) {
        int64_t now_ns = clock_now_ns();
        if (now_ns >= until_ns)
            return false;
        int got = await_signal(service, set, clock_min(until_ns, now_ns + 10 * NS_PER_MS));
        if (got == SIGTERM || got == SIGINT)
            return false;
    }
    return true;
}

static bool await_delay(struct service *service, const sigset_t *set, int64_t until_ns)
{
    for (;;) {
        int got = await_signal(service, set, until_ns);
        if (got == 0)
            return true;
        if (got == SIGTERM || got == SIGINT)
            return false;
    }
}

/* Ready says no; after SHUTDOWN_DELAY nothing new is taken; what was accepted gets its answer. */
static void shut_down(struct service *service, const sigset_t *set)
{
    int64_t began_ns = clock_now_ns();
    int64_t until_ns = clock_after(began_ns, service->options.shutdown_timeout_ns);
    atomic_store_explicit(&service->draining, true, memory_order_release);
    notify_stopping(&service->notify,
                    service->options.shutdown_timeout_ns + STOP_SLACK_S * NS_PER_S);
    log_event(LOG_INFO, "service.draining",
              log_int("in_flight", (int64_t)service_in_flight(service)));
    bool patient = await_delay(service, set,
                               clock_min(until_ns, began_ns + service->options.shutdown_delay_ns));
    service_drain(service);
    if (!patient || !await_quiet(service, set, until_ns))
        log_event(LOG_WARN, "service.cut_short",
                  log_int("in_flight", (int64_t)service_in_flight(service)));
    service_stop(service);
    log_event(LOG_INFO, "service.stopped", log_int("ms", (clock_now_ns() - began_ns) / NS_PER_MS));
}

static void await_end(struct service *service, const sigset_t *set, int argc, char *const argv[])
{
    for (;;) {
        int got = await_signal(service, set, CLOCK_NEVER);
        if (got == SIGTERM || got == SIGINT)
            return;
        if (got != SIGHUP)
            continue;
        notify_reloading(&service->notify, clock_now_ns());
        reload(service, argc, argv);
        tls_reload(service->tls);
        notify_say(&service->notify, "READY=1");
    }
}

static int serve(struct service *service, const sigset_t *set, int argc, char *const argv[])
{
    struct err err = { 0 };
    if (!service_start(service, &err)) {
        log_event(LOG_ERROR, "service.cannot_start", log_str("error", err.text));
        return 1;
    }
    bool handed_over = service->listen.fd >= 0;
    log_event(
        LOG_INFO, "service.listening",
        log_str("address", handed_over ? service->listen.address : service->options.http_address),
        log_int("port", http_server_port(service->http)),
        log_str("tls", service->tls != NULL ? "on" : "off"),
        log_known("socket", handed_over ? "handed over" : NULL),
        log_str("version", ORDERSD_VERSION));
    notify_say(&service->notify, "READY=1");
    tls_report(service->tls, "tls.ready");
    await_end(service, set, argc, argv);
    shut_down(service, set);
    return atomic_load_explicit(&service->exit_code, memory_order_acquire);
}

/* AUTH is judged by the address that is really listened on. */
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
    static struct service service; /* its counters are too large for a stack */
    struct err err = { 0 };
    sigset_t set;

    block_signals(&set);
    last_errors_init(&service.last_errors); /* first: /status shows every warning since the start */
    log_listen(note_error, &service.last_errors);
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
    int exit_code = serve(&service, &set, argc, argv);
    http_tls_close(&service.tls);
    notify_close(&service.notify);
    return exit_code;
}

int run_migrate(const struct options *options)
{
    static struct service service;
    struct err err = { 0 };
    int exit_code = 1;
    sigset_t set;

    block_signals(&set);
    service.options = *options;
    if (service_open_database(&service, true, &err)) {
        switch (store_migrate(service.pool, clock_now_ns() + MIGRATE_LIMIT_S * NS_PER_S, &err)) {
        case MIGRATE_OK:
            exit_code = 0;
            break;
        case MIGRATE_TOO_NEW:
            exit_code = EXIT_SCHEMA_TOO_NEW;
            break;
        case MIGRATE_RETRY:
        case MIGRATE_FAILED:
            break;
        }
    }
    if (exit_code == 0)
        log_event(LOG_INFO, "schema.ready", log_int("version", store_schema_version()));
    else
        log_event(LOG_ERROR, "schema.failed", log_str("error", err_public_text(&err)),
                  log_str("sqlstate", err.code));
    service_close_database(&service, clock_now_ns() + NS_PER_S);
    return exit_code;
}
