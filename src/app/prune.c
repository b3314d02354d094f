/* prune.c - `ordersd prune`: removes old orders, while the service stores new ones. After each
 * range it pauses for as long as the range took, so at most half of the time is spent on removing.
 * A signal ends it between two ranges. It prints its progress to standard output. */
#include <inttypes.h>
#include <stdio.h>

#include "app/prune_options.h"
#include "app/run.h"
#include "app/service.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "base/sync.h"
#include "pqpool/pqpool.h"
#include "store/prune.h"
#include "store/store.h"

enum {
    BEGIN_LIMIT_S = 30, /* for the first connection, the check of the schema and the clock */
    RANGE_LIMIT_S = 60, /* for one attempt at a range */
    RETRY_LIMIT_S = 60, /* attempts at one range that fail for longer end the run */
    RETRY_PAUSE_S = 1,
    SHOW_EVERY_S = 1,
    FINISH_LIMIT_S = 1, /* after a signal, for the range that is under way; then it is cancelled */
    CANCEL_LIMIT_S = 3,
    CLOSE_LIMIT_S = 5,
    STATUS_OF_SIGNAL = 128,
};

struct pruning {
    struct service *service;
    int64_t older_than_ns;
    struct store_prune prune; /* used by the task thread, and by main after its end */
    struct err err;           /* why the run ended, unless `prune.done` */
    bool too_new;             /* the schema is newer than the program */
    int64_t failing_at_ns; /* when the first failed attempt at this range began; 0: none failed */
    int64_t shown_at_ns;

    struct mutex mu;
    struct cond wake; /* `stop` was set, or `busy` cleared */
    bool stop GUARDED_VAR;
    bool busy GUARDED_VAR; /* the task thread waits for the database, and not in a pause */
};

/* ---- what it prints ---- */

/* "120000 orders removed, the oldest left was received at 2025-10-26T20:11:16.123000Z" */
static void print_progress(const struct pruning *p)
{
    char oldest[RFC3339_SIZE];
    rfc3339_format_us(p->prune.oldest_ms * 1000, oldest);
    (void)printf("%" PRIu64 " orders %s", p->prune.orders,
                 p->prune.dry_run ? "counted" : "removed");
    if (p->prune.oldest_ms != 0)
        (void)printf(p->prune.dry_run ? ", all that were received before %s"
                                      : ", the oldest left was received at %s",
                     oldest);
}

static void print_begin(const struct pruning *p)
{
    char before[RFC3339_SIZE];
    rfc3339_format_us(p->prune.before_ms * 1000, before);
    (void)printf("%s orders that were received before %s, at most %u in a transaction\n",
                 p->prune.dry_run ? "counting" : "removing", before, p->prune.batch);
    (void)fflush(stdout);
}

static void print_uncertain(const struct pruning *p)
{
    if (p->prune.uncertain > 0)
        (void)printf("up to %" PRIu64 " more may have been removed: a commit got no answer\n",
                     p->prune.uncertain);
}

static void print_done(const struct pruning *p)
{
    char before[RFC3339_SIZE];
    rfc3339_format_us(p->prune.before_ms * 1000, before);
    if (p->prune.dry_run) {
        (void)printf("dry run: %" PRIu64 " orders were received before %s; none was removed\n",
                     p->prune.orders, before);
        return;
    }
    (void)printf("done: %" PRIu64 " orders removed; none that was received before %s is left\n",
                 p->prune.orders, before);
    print_uncertain(p);
    (void)puts("A removed order is not recognised any more: if a client sends it again, it is "
               "stored as a new order.\n"
               "A subscriber of a publication with publish = 'insert' keeps its copies.");
}

/* ---- the task thread ---- */

/* Begins to use the database. Returns false if a signal has come. */
static bool enter(struct pruning *p)
{
    mutex_lock(&p->mu);
    p->busy = !p->stop;
    bool go_on = p->busy;
    mutex_unlock(&p->mu);
    return go_on;
}

/* Ends what enter() began. Returns false if a signal has come. */
static bool leave(struct pruning *p)
{
    mutex_lock(&p->mu);
    p->busy = false;
    cond_signal(&p->wake);
    bool go_on = !p->stop;
    mutex_unlock(&p->mu);
    return go_on;
}

/* Returns false if a signal has come. */
static bool pause_for(struct pruning *p, int64_t pause_ns)
{
    int64_t until_ns = clock_after(clock_now_ns(), pause_ns);
    mutex_lock(&p->mu);
    while (!p->stop && cond_wait_until(&p->wake, &p->mu, until_ns))
        ;
    bool go_on = !p->stop;
    mutex_unlock(&p->mu);
    return go_on;
}

/* Checks the schema, and computes before_ms from the age. */
static bool begin(struct pruning *p)
{
    const struct service *s = p->service;
    int64_t deadline_at_ns = clock_now_ns() + BEGIN_LIMIT_S * NS_PER_S, now_ms = 0;
    enum migrate_rc schema = store_check_schema(s->pool, deadline_at_ns, &p->err);
    p->too_new = schema == MIGRATE_TOO_NEW;
    if (schema != MIGRATE_OK ||
        store_prune_clock(s->store, deadline_at_ns, &now_ms, &p->err) != PRUNE_OK)
        return false;
    int64_t before_ms = now_ms - p->older_than_ns / NS_PER_MS;
    p->prune.before_ms = before_ms > 0 ? before_ms : 0;
    return true;
}

/* Returns true if the run may go on after an attempt that failed. */
static bool may_retry(struct pruning *p, enum prune_rc rc, int64_t began_ns)
{
    if (p->failing_at_ns == 0)
        p->failing_at_ns = began_ns;
    if (rc == PRUNE_FAILED || clock_now_ns() - p->failing_at_ns > RETRY_LIMIT_S * NS_PER_S)
        return false;
    log_event(LOG_WARN, "prune.waiting", log_str("error", err_public_text(&p->err)),
              log_known("sqlstate", p->err.code));
    return true;
}

static void show_progress(struct pruning *p)
{
    int64_t now_ns = clock_now_ns();
    if (p->prune.done || now_ns - p->shown_at_ns < SHOW_EVERY_S * NS_PER_S)
        return;
    p->shown_at_ns = now_ns;
    print_progress(p);
    (void)putchar('\n');
    (void)fflush(stdout);
}

/* Makes one attempt at a range, and pauses. Returns false if the run is over. */
static bool do_range(struct pruning *p)
{
    if (!enter(p))
        return false;
    int64_t began_ns = clock_now_ns();
    enum prune_rc rc = store_prune_range(p->service->store, &p->prune,
                                         began_ns + RANGE_LIMIT_S * NS_PER_S, &p->err);
    int64_t took_ns = clock_now_ns() - began_ns;
    bool go_on = leave(p);
    if (rc != PRUNE_OK && (!go_on || !may_retry(p, rc, began_ns)))
        return false;
    if (rc == PRUNE_OK) {
        p->failing_at_ns = 0;
        show_progress(p);
    }
    return !p->prune.done && pause_for(p, rc == PRUNE_OK ? took_ns : RETRY_PAUSE_S * NS_PER_S);
}

static void work(void *arg)
{
    struct pruning *p = arg;
    if (!enter(p))
        return;
    bool begun = begin(p);
    if (!leave(p) || !begun)
        return;
    print_begin(p);
    p->shown_at_ns = clock_now_ns();
    while (do_range(p))
        ;
}

/* ---- main ---- */

/* Lets the range that is under way finish, for a moment. Then cancels its statement, and the
 * server rolls it back. */
static void interrupt(void *arg)
{
    struct pruning *p = arg;
    int64_t until_ns = clock_now_ns() + FINISH_LIMIT_S * NS_PER_S;
    mutex_lock(&p->mu);
    p->stop = true;
    cond_signal(&p->wake);
    while (p->busy && cond_wait_until(&p->wake, &p->mu, until_ns))
        ;
    bool busy = p->busy;
    mutex_unlock(&p->mu);
    if (busy)
        pqpool_interrupt(p->service->pool);
}

/* Prints the result and returns the exit code. Ignores the signal if the run was done. */
static int tell(const struct pruning *p, int signal)
{
    if (p->prune.done) {
        print_done(p);
        return 0;
    }
    if (p->prune.before_ms > 0) {
        print_progress(p);
        (void)puts(signal > 0 && !p->prune.dry_run ? "; run it again to go on" : "");
        print_uncertain(p);
    }
    if (signal > 0) {
        log_event(LOG_WARN, "prune.interrupted", log_int("signal", signal));
        return STATUS_OF_SIGNAL + signal;
    }
    log_event(LOG_ERROR, "prune.failed", log_str("error", err_public_text(&p->err)),
              log_known("sqlstate", p->err.code), log_known("constraint", p->err.constraint),
              log_known("table", p->err.table));
    return p->too_new ? EXIT_SCHEMA_TOO_NEW : 1;
}

int run_prune(const struct options *options, const struct prune_options *prune)
{
    static struct service service;
    static struct pruning p;
    const struct signals_task task = { work, interrupt, &p };
    int signal = 0;

    signals_block();
    service.options = *options;
    p.service = &service;
    p.older_than_ns = prune->older_than_ns;
    p.prune = (struct store_prune){ .batch = prune->batch, .dry_run = prune->dry_run };
    mutex_init(&p.mu);
    cond_init(&p.wake);
    if (service_open_database(&service, "prune", &p.err))
        signal = signals_run(&task);
    if (signal < 0)
        err_set(&p.err, 0, "cannot start a thread");
    int status = tell(&p, signal);
    (void)fflush(stdout);
    signals_guard(clock_now_ns() + CLOSE_LIMIT_S * NS_PER_S, status);
    service_close_database(&service, clock_now_ns() + CANCEL_LIMIT_S * NS_PER_S);
    signals_unguard();
    cond_fini(&p.wake);
    mutex_fini(&p.mu);
    return status;
}
