/* migrate.c - `ordersd migrate`: migrates the schema, and makes the publication if one is
 * requested. A signal interrupts both. If another transaction uses the table, both are tried again
 * each second, and orders are stored between two attempts. */
#include "app/run.h"

#include <string.h>
#include <time.h>

#include "app/service.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/log.h"
#include "pqpool/pqpool.h"
#include "store/store.h"

enum {
    MIGRATE_LIMIT_S = 120,
    PAUSE_S = 1,        /* between two attempts; a signal is obeyed after it */
    CANCEL_LIMIT_S = 3, /* time for the server to receive the cancel request of a statement */
    CLOSE_LIMIT_S = 5,
    STATUS_OF_SIGNAL = 128,
};

struct migration {
    struct service *service;
    struct store_publication publication; /* name is NULL: make none */
    unsigned partitions;                  /* 0: as the table is, or without */
    bool migrated;
    enum migrate_rc rc;
    struct err err;
};

static bool is_locked_out(const struct migration *m)
{
    return m->rc == MIGRATE_RETRY && strcmp(m->err.code, "55P03") == 0;
}

static enum migrate_rc bring_up_schema(struct migration *m, int64_t deadline_at_ns)
{
    struct pqpool *pool = m->service->pool;
    return m->partitions > 0
               ? store_migrate_partitioned(pool, m->partitions, deadline_at_ns, &m->err)
               : store_migrate(pool, deadline_at_ns, &m->err);
}

static void migrate(void *arg)
{
    static const struct timespec pause = { .tv_sec = PAUSE_S };
    struct migration *m = arg;
    const int64_t deadline_at_ns = clock_now_ns() + MIGRATE_LIMIT_S * NS_PER_S;
    for (;;) {
        m->rc = bring_up_schema(m, deadline_at_ns);
        m->migrated = m->rc == MIGRATE_OK;
        if (m->migrated && m->publication.name != NULL)
            m->rc = store_publish(m->service->pool, &m->publication, deadline_at_ns, &m->err);
        if (!is_locked_out(m) || clock_now_ns() + PAUSE_S * NS_PER_S >= deadline_at_ns)
            return;
        log_event(LOG_WARN, "schema.waiting", log_str("error", err_public_text(&m->err)));
        (void)nanosleep(&pause, NULL);
    }
}

static void interrupt(void *arg)
{
    const struct migration *m = arg;
    pqpool_interrupt(m->service->pool);
}

static void tell_publication(const struct store_publication *publication)
{
    log_event(LOG_INFO, "publication.ready", log_str("name", publication->name),
              log_str("text", publication->created ? "made" : "it was there already"));
    if (!publication->can_be_read)
        log_event(LOG_WARN, "publication.not_readable", log_str("name", publication->name),
                  log_str("text", "no slot can be made while wal_level is not logical: set "
                                  "wal_level = logical and restart the database server"));
}

/* Logs the result and returns the exit code. Ignores the signal if everything succeeded. */
static int tell(const struct migration *m, int signal)
{
    if (m->migrated && m->partitions > 0)
        log_event(LOG_INFO, "schema.ready", log_int("version", store_schema_version()),
                  log_int("partitions", m->partitions));
    else if (m->migrated)
        log_event(LOG_INFO, "schema.ready", log_int("version", store_schema_version()));
    if (m->rc == MIGRATE_OK) {
        if (m->publication.name != NULL)
            tell_publication(&m->publication);
        return 0;
    }
    if (signal > 0) {
        log_event(LOG_WARN, "schema.interrupted", log_int("signal", signal),
                  log_str("text", "the step that was under way is rolled back; run it again"));
        return STATUS_OF_SIGNAL + signal;
    }
    log_event(LOG_ERROR, m->migrated ? "publication.failed" : "schema.failed",
              log_str("error", err_public_text(&m->err)), log_str("sqlstate", m->err.code));
    return m->rc == MIGRATE_TOO_NEW ? EXIT_SCHEMA_TOO_NEW : 1;
}

int run_migrate(const struct options *options, const char *publication, unsigned partitions)
{
    static struct service service;
    struct migration m = { .service = &service,
                           .publication.name = publication,
                           .partitions = partitions,
                           .rc = MIGRATE_FAILED };
    const struct signals_task task = { migrate, interrupt, &m };
    int signal = 0;

    signals_block();
    service.options = *options;
    if (service_open_database(&service, true, &m.err))
        signal = signals_run(&task);
    if (signal < 0)
        err_set(&m.err, 0, "cannot start a thread");
    int status = tell(&m, signal);
    signals_guard(clock_now_ns() + CLOSE_LIMIT_S * NS_PER_S, status);
    service_close_database(&service, clock_now_ns() + CANCEL_LIMIT_S * NS_PER_S);
    signals_unguard();
    return status;
}
