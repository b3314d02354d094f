/* stop.c - see stop.h. */
#include "app/stop.h"

#include <signal.h>
#include <stdio.h>

#include "app/memory.h"
#include "app/service.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"
#include "observability/state.h"

enum { STOP_SLACK_S = 10 };

/* This part of SHUTDOWN_TIMEOUT is kept for the last answers and for closing the pool. If
 * SHUTDOWN_TIMEOUT is shorter than 4 s, half of it is kept. */
#define STOP_RESERVE_NS (2 * NS_PER_S)

/* If something blocks the stopping, the process is ended by force, at the earliest this long after
 * the end of the draining. */
#define STOP_LEAST_NS (5 * NS_PER_S)

/* The HTTP server closes idle connections 1 s after the drain began (http.h). So is_quiet() waits
 * for open connections only until IDLE_LIMIT_NS after the drain began. */
#define IDLE_LIMIT_NS (2 * NS_PER_S)

static void tell_status(struct service *service)
{
    char why[READINESS_WHY_SIZE], text[READINESS_WHY_SIZE + 16];
    bool ready = state_is_ready(&service->observability, why);
    (void)snprintf(text, sizeof text, "%s%s", ready ? "ready" : "not ready: ", why);
    notify_status(&service->notify, text);
}

/* Does the periodic work of main: samples, memory, watchdog. Returns when main must call this
 * again. */
static int64_t tick(struct service *service)
{
    int64_t next_ns = sampler_tick(&service->observability);
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

int stop_await_signal(struct service *service, int64_t until_ns)
{
    for (;;) {
        int got = signals_await(clock_min(until_ns, tick(service)));
        if (got > 0 || clock_now_ns() >= until_ns)
            return got;
    }
}

/* Returns true if no request or order is in flight, and no client can send another request on an
 * open connection. */
static bool is_quiet(struct service *service, int64_t now_ns, int64_t idle_until_ns)
{
    return service_in_flight(service) == 0 &&
           (now_ns >= idle_until_ns || http_server_connections(service->http) == 0);
}

/* Polls until the service is quiet. Returns false if a second signal or until_ns comes first. */
static bool await_quiet(struct service *service, int64_t until_ns)
{
    int64_t now_ns = clock_now_ns(), idle_until_ns = now_ns + IDLE_LIMIT_NS;
    for (; !is_quiet(service, now_ns, idle_until_ns); now_ns = clock_now_ns()) {
        if (now_ns >= until_ns)
            return false;
        int64_t look_at_ns = clock_min(until_ns, now_ns + 10 * NS_PER_MS);
        if (signal_ends(stop_await_signal(service, look_at_ns)))
            return false;
    }
    return true;
}

static bool await_delay(struct service *service, int64_t until_ns)
{
    for (;;) {
        int got = stop_await_signal(service, until_ns);
        if (got == 0)
            return true;
        if (signal_ends(got))
            return false;
    }
}

/* Drains the service, which is no longer ready. The service still accepts connections until
 * SHUTDOWN_DELAY is over. After that it accepts no more, but still answers requests on open
 * connections. Returns false if a second signal ended the draining. */
static bool drain(struct service *service, int64_t began_ns, int64_t until_ns)
{
    int64_t delay_until_ns = began_ns + service->options.shutdown.delay_ns;
    bool patient = await_delay(service, clock_min(until_ns, delay_until_ns));
    service_drain(service);
    bool quiet = patient && await_quiet(service, until_ns);
    if (!quiet)
        log_event(LOG_WARN, "service.cut_short",
                  log_int("in_flight", (int64_t)service_in_flight(service)));
    return quiet || clock_now_ns() >= until_ns;
}

/* Stops the service. If something blocks that, ends the process at `until_ns`. */
static void stop_guarded(struct service *service, int64_t until_ns)
{
    signals_guard(until_ns, atomic_load_explicit(&service->exit_code, memory_order_acquire));
    service_stop(service);
    signals_unguard();
}

void stop_service(struct service *service)
{
    int64_t began_ns = clock_now_ns(), timeout_ns = service->options.shutdown.timeout_ns;
    int64_t until_ns = clock_after(began_ns, timeout_ns);
    atomic_store_explicit(&service->observability.readiness.draining, true, memory_order_release);
    notify_stopping(&service->notify, timeout_ns + STOP_SLACK_S * NS_PER_S);
    log_event(LOG_INFO, "service.draining",
              log_int("in_flight", (int64_t)service_in_flight(service)));
    bool patient = drain(service, began_ns, until_ns - clock_min(STOP_RESERVE_NS, timeout_ns / 2));
    int64_t least_ns = clock_now_ns() + STOP_LEAST_NS;
    stop_guarded(service, patient && until_ns > least_ns ? until_ns : least_ns);
    log_event(LOG_INFO, "service.stopped", log_int("ms", (clock_now_ns() - began_ns) / NS_PER_MS));
}

void stop_unserved(struct service *service)
{
    stop_guarded(service, clock_now_ns() + STOP_LEAST_NS);
}
