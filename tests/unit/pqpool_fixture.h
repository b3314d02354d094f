/* pqpool_fixture.h - a pool with its threads in front of support/fake_pg.h, and what its tests ask.
 * Waits end the test after PATIENCE_S. */
#ifndef UNIT_PQPOOL_FIXTURE_H
#define UNIT_PQPOOL_FIXTURE_H

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "pqpool/pool.h"
#include "support/fake_pg.h"
#include "support/wait.h"

enum { PATIENCE_S = 30 };

#define AWAIT(cond) cr_assert(WAIT_UNTIL(cond, PATIENCE_S), "waited in vain for " #cond)

/* Short pauses, and nothing that happens by itself. */
UNUSED static struct pqpool_options quick_options(uint32_t min, uint32_t max)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.min_pool_size = min;
    options.max_pool_size = max;
    options.initial_retry_delay_ns = NS_PER_MS;
    options.max_retry_delay_ns = 20 * NS_PER_MS;
    options.max_retry_attempts = 3;
    options.validation_bypass_ns = PQPOOL_SECONDS(3600);
    options.health_check_interval_ns = PQPOOL_SECONDS(3600);
    return options;
}

UNUSED static const struct pg_driver *driver = &fake_pg;

UNUSED static struct pqpool *open_pool(const struct pqpool_options *options)
{
    struct pqpool *pool = NULL;
    struct err err = { 0 };
    cr_assert_eq(pool_open_with(options, driver, &pool, &err), PQPOOL_OK, "%s", err.text);
    return pool;
}

UNUSED static struct pqpool_stats stats_of(struct pqpool *pool)
{
    struct pqpool_stats stats;
    pqpool_stats(pool, &stats);
    return stats;
}

/* The floor is idle, and the first health check over: no query is under way. */
UNUSED static struct pqpool *open_warm_pool(const struct pqpool_options *options)
{
    struct pqpool *pool = open_pool(options);
    AWAIT(stats_of(pool).connections.idle == options->min_pool_size &&
          stats_of(pool).health.healthy);
    return pool;
}

UNUSED static struct pqpool_lease *lease_from(struct pqpool *pool)
{
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    int64_t deadline_ns = clock_after(clock_now_ns(), PATIENCE_S * NS_PER_S);
    cr_assert_eq(pqpool_acquire(pool, deadline_ns, &lease, &err), PQPOOL_OK, "%s", err.text);
    return lease;
}

UNUSED static struct fake_pg_counts server_counts(void)
{
    struct fake_pg_counts counts;
    fake_pg_counts(&counts);
    return counts;
}

/* Closes a pool whose leases are all back; nothing of it is left. */
UNUSED static void close_pool(struct pqpool **pool)
{
    pqpool_close(pool, clock_after(clock_now_ns(), PATIENCE_S * NS_PER_S));
    cr_expect_null(*pool);
    cr_expect_eq(server_counts().open, 0, "%u sockets are left", server_counts().open);
    cr_expect_eq(server_counts().cancelers, 0, "%u cancels are left", server_counts().cancelers);
}

/* ---- events ---- */

struct heard {
    struct mutex mu;
    uint32_t n[PQPOOL_EVENT_KINDS];
    char text[PQPOOL_EVENT_KINDS][256]; /* the last of its kind */
};

UNUSED static void hear(void *ctx, const struct pqpool_event *event)
{
    struct heard *heard = ctx;
    mutex_lock(&heard->mu);
    heard->n[event->kind]++;
    (void)snprintf(heard->text[event->kind], sizeof heard->text[0], "%s", event->text);
    mutex_unlock(&heard->mu);
}

/* How many of its kind so far; with text, the last one's. */
UNUSED static uint32_t heard_of(struct heard *heard, enum pqpool_event_kind kind, char text[256])
{
    mutex_lock(&heard->mu);
    uint32_t n = heard->n[kind];
    if (text != NULL)
        memcpy(text, heard->text[kind], sizeof heard->text[0]);
    mutex_unlock(&heard->mu);
    return n;
}

/* ---- a caller on a thread of its own ---- */

struct caller {
    pthread_t thread;
    struct pqpool *pool;
    int64_t deadline_at_ns;
    struct pqpool_lease *lease;
    enum pqpool_rc rc;
    struct err err;
};

UNUSED static void *call(void *arg)
{
    struct caller *caller = arg;
    caller->rc = pqpool_acquire(caller->pool, caller->deadline_at_ns, &caller->lease, &caller->err);
    return NULL;
}

/* Starts an acquire that is to wait, and returns when it does. */
UNUSED static void start_waiting(struct caller *caller, struct pqpool *pool)
{
    uint32_t before = stats_of(pool).queue.waiting;
    *caller =
        (struct caller){ .pool = pool,
                         .deadline_at_ns = clock_after(clock_now_ns(), PATIENCE_S * NS_PER_S) };
    cr_assert_eq(pthread_create(&caller->thread, NULL, call, caller), 0);
    AWAIT(stats_of(pool).queue.waiting == before + 1);
}

UNUSED static enum pqpool_rc finish_waiting(struct caller *caller)
{
    cr_assert_eq(pthread_join(caller->thread, NULL), 0);
    return caller->rc;
}

#endif
