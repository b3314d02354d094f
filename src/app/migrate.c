/* migrate.c - `ordersd migrate`: migrates the schema, distributes the orders over a Citus cluster
 * if that is requested, and makes the publication if one is requested. A signal interrupts each. If
 * another transaction uses the table, each is tried again each second, and orders are stored
 * between two attempts. */
#include "app/run.h"

#include <string.h>
#include <time.h>

#include "app/distribute_options.h"
#include "app/service.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/log.h"
#include "pqpool/pqpool.h"
#include "store/store.h"

enum {
    MIGRATE_LIMIT_S = 120,
    COPY_LIMIT_S = 24 * 3600, /* to distribute a table that has rows */
    PAUSE_S = 1,              /* between two attempts; a signal is obeyed after it */
    CANCEL_LIMIT_S = 3,       /* time for the server to receive the cancel request of a statement */
    CLOSE_LIMIT_S = 5,
    STATUS_OF_SIGNAL = 128,
};

struct migration {
    struct service *service;
    struct store_publication publication; /* name is NULL: make none */
    unsigned partitions;                  /* 0: as the table is, or without */
    const struct distribute_options *distribute;
    struct store_distribution distribution;
    bool placed; /* the server may be migrated: it is no worker of a Citus cluster */
    bool migrated, distributed;
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

/* Makes one attempt at each step that is still to be done. */
static void attempt(struct migration *m, int64_t deadline_at_ns)
{
    struct pqpool *pool = m->service->pool;
    const bool spread = m->distribute->wanted && !m->distributed;
    m->rc = spread ? store_distribute_check(pool, deadline_at_ns, &m->err) : MIGRATE_OK;
    m->placed = m->rc == MIGRATE_OK;
    if (m->placed)
        m->rc = bring_up_schema(m, deadline_at_ns);
    m->migrated = m->placed && m->rc == MIGRATE_OK;
    if (m->migrated && spread) {
        m->rc = store_distribute(pool, &m->distribution, deadline_at_ns, &m->err);
        m->distributed = m->rc == MIGRATE_OK;
    }
    if (m->rc == MIGRATE_OK && m->publication.name != NULL)
        m->rc = store_publish(pool, &m->publication, deadline_at_ns, &m->err);
}

static void migrate(void *arg)
{
    static const struct timespec pause = { .tv_sec = PAUSE_S };
    struct migration *m = arg;
    const int64_t limit_s = m->distribute->with_rows ? COPY_LIMIT_S : MIGRATE_LIMIT_S;
    const int64_t deadline_at_ns = clock_now_ns() + limit_s * NS_PER_S;
    for (;;) {
        attempt(m, deadline_at_ns);
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

/* Warns if each group would open connections between the nodes anew. */
static void tell_cached(const struct store_distribution *d)
{
    const unsigned nodes = d->nodes > 0 ? d->nodes : 1;
    const unsigned wanted = (d->shards + nodes - 1) / nodes;
    if (d->cached < wanted)
        log_event(LOG_WARN, "distribution.slow", log_int("cached", d->cached),
                  log_int("wanted", wanted),
                  log_str("text", "citus.max_cached_conns_per_worker is lower than the shards of a "
                                  "node: each group opens connections to the nodes anew"));
}

static void tell_distribution(const struct store_distribution *d)
{
    if (!d->possible) {
        log_event(LOG_INFO, "distribution.skipped",
                  log_str("text", "the database has no extension citus: nothing to distribute"));
        return;
    }
    log_event(LOG_INFO, "distribution.ready", log_int("shards", d->shards),
              log_str("text", d->made ? "distributed now" : "it was distributed already"));
    tell_cached(d);
}

/* The event of the step that has failed. */
static const char *failed_step(const struct migration *m)
{
    if (m->placed && !m->migrated)
        return "schema.failed";
    return m->distribute->wanted && !m->distributed ? "distribution.failed" : "publication.failed";
}

/* Logs the result and returns the exit code. Ignores the signal if everything succeeded. */
static int tell(const struct migration *m, int signal)
{
    if (m->migrated && m->partitions > 0)
        log_event(LOG_INFO, "schema.ready", log_int("version", store_schema_version()),
                  log_int("partitions", m->partitions));
    else if (m->migrated)
        log_event(LOG_INFO, "schema.ready", log_int("version", store_schema_version()));
    if (m->distributed)
        tell_distribution(&m->distribution);
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
    log_event(LOG_ERROR, failed_step(m), log_str("error", err_public_text(&m->err)),
              log_str("sqlstate", m->err.code));
    return m->rc == MIGRATE_TOO_NEW ? EXIT_SCHEMA_TOO_NEW : 1;
}

int run_migrate(const struct options *options, const char *publication, unsigned partitions,
                const struct distribute_options *distribute)
{
    static struct service service;
    struct migration m = { .service = &service,
                           .publication.name = publication,
                           .partitions = partitions,
                           .distribute = distribute,
                           .distribution = { .shards = distribute->shards,
                                             .with_rows = distribute->with_rows },
                           .rc = MIGRATE_FAILED };
    const struct signals_task task = { migrate, interrupt, &m };
    int signal = 0;

    signals_block();
    service.options = *options;
    if (service_open_database(&service, "migrate", &m.err))
        signal = signals_run(&task);
    if (signal < 0)
        err_set(&m.err, 0, "cannot start a thread");
    int status = tell(&m, signal);
    signals_guard(clock_now_ns() + CLOSE_LIMIT_S * NS_PER_S, status);
    service_close_database(&service, clock_now_ns() + CANCEL_LIMIT_S * NS_PER_S);
    signals_unguard();
    return status;
}
