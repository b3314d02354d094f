/* starter.c - see starter.h. */
#include "app/starter.h"

#include <signal.h>
#include <unistd.h>

#include "app/service.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/store.h"

enum { MIGRATE_LIMIT_S = 75, PAUSE_S = 1 };

void starter_init(struct starter *starter)
{
    mutex_init(&starter->mu);
    cond_init(&starter->wake);
}

void starter_fini(struct starter *starter)
{
    cond_fini(&starter->wake);
    mutex_fini(&starter->mu);
}

/* Waits for pause_ns. Returns false if starter_stop() was called. */
static bool pause_for(struct starter *starter, int64_t pause_ns)
{
    int64_t until_ns = clock_after(clock_now_ns(), pause_ns);
    mutex_lock(&starter->mu);
    while (!starter->stop && cond_wait_until(&starter->wake, &starter->mu, until_ns))
        ;
    bool go_on = !starter->stop;
    mutex_unlock(&starter->mu);
    return go_on;
}

static void end_process(struct service *service, int exit_code)
{
    atomic_store_explicit(&service->exit_code, exit_code, memory_order_release);
    (void)kill(getpid(), SIGTERM); /* main then drains, and ends with exit_code */
}

static enum migrate_rc bring_up_schema(struct service *service, struct err *err)
{
    int64_t deadline_at_ns = clock_now_ns() + MIGRATE_LIMIT_S * NS_PER_S;
    return service->options.database.migrate
               ? store_migrate(service->pool, deadline_at_ns, err)
               : store_check_schema(service->pool, deadline_at_ns, err);
}

static void schema_is_ready(struct observability *observed)
{
    log_event(LOG_INFO, "schema.ready", log_int("version", store_schema_version()));
    atomic_store_explicit(&observed->readiness.schema_ready, true, memory_order_release);
    database_check_begin(&observed->check);
}

/* Makes one attempt to migrate or check the schema. Returns the pause until the next attempt, or 0
 * if none is needed. */
static int64_t try_schema(struct service *service, struct err *err)
{
    switch (bring_up_schema(service, err)) {
    case MIGRATE_OK:
        schema_is_ready(&service->observability);
        return 0;
    case MIGRATE_TOO_NEW:
        log_event(LOG_ERROR, "schema.too_new", log_str("error", err_public_text(err)));
        end_process(service, EXIT_SCHEMA_TOO_NEW);
        return 0;
    case MIGRATE_FAILED:
        log_event(LOG_ERROR, "schema.failed", log_str("error", err_public_text(err)),
                  log_str("sqlstate", err->code));
        return service->options.pool.max_retry_delay_ns;
    case MIGRATE_RETRY:
        log_event(LOG_WARN, "schema.waiting", log_str("error", err_public_text(err)));
        break;
    }
    return PAUSE_S * NS_PER_S;
}

static void *run(void *arg)
{
    struct service *service = arg;
    for (;;) {
        struct err err = { 0 };
        int64_t pause_ns = try_schema(service, &err);
        if (pause_ns == 0)
            return NULL;
        readiness_schema_failed(&service->observability.readiness, &err);
        if (!pause_for(&service->starter, pause_ns))
            return NULL;
    }
}

bool starter_start(struct service *service, struct err *err)
{
    struct starter *starter = &service->starter;
    starter->runs = thread_start(&starter->thread, "starter", run, service) == 0;
    if (!starter->runs)
        err_set(err, 0, "cannot start a thread");
    return starter->runs;
}

void starter_stop(struct starter *starter)
{
    mutex_lock(&starter->mu);
    starter->stop = true;
    cond_signal(&starter->wake);
    mutex_unlock(&starter->mu);
}

void starter_join(struct starter *starter)
{
    if (starter->runs)
        thread_join(starter->thread);
}
