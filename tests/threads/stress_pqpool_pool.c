/* Many threads on one small pool while its server misbehaves: the gauges add up at every moment,
 * every acquire ends, and every pool is closed to the last socket, whoever comes last. */
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/check.h"
#include "base/clock.h"
#include "pqpool/pool.h"
#include "support/fake_pg.h"
#include "support/wait.h"

enum { ROUNDS = 12, WORKERS = 8, OPERATIONS = 1000, MAX = 4, PATIENCE_S = 60 };

struct round {
    struct pqpool *pool;
    atomic_uint at_work;  /* workers whose random part is not over */
    atomic_bool to_close; /* the pool is being closed: give back what you hold */
    uint64_t seed;
};

struct worker {
    struct round *round;
    pthread_t thread;
    uint64_t random;
};

static uint32_t draw(uint64_t *random, uint32_t below)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*random >> 33) % below;
}

static void check_gauges(struct pqpool *pool)
{
    struct pqpool_stats s;
    pqpool_stats(pool, &s);
    CHECK(s.connections.active == s.connections.leased + s.connections.checking +
                                      s.connections.resetting + s.connections.canceling);
    CHECK(s.connections.idle + s.connections.active + s.connections.connecting +
              s.connections.closing ==
          s.connections.total);
    CHECK(s.connections.total <= MAX);
    CHECK(s.queue.oldest_wait_ns >= 0);
    CHECK(s.counters.exhausted_ns < UINT64_MAX / 2);
    struct fake_pg_counts counts;
    fake_pg_counts(&counts);
    CHECK(counts.open_most <= MAX + 1);
}

static void use_and_release(struct worker *worker, struct pqpool_lease *lease)
{
    static void (*const spoils[])(PGconn * pg) = { fake_pg_begin, fake_pg_busy, fake_pg_break_off };
    static const char *const notes[] = { "25006", "57P01", "08006", "23505" };
    uint32_t what = draw(&worker->random, 20);
    if (what < 3)
        spoils[what](pqpool_lease_pg(lease));
    else if (what < 7)
        pqpool_report_error(lease, notes[what - 3]);
    else if (what < 12)
        (void)sched_yield();
    pqpool_release(&lease, what == 12 ? PQPOOL_DISCARD : PQPOOL_REUSE);
}

static void operate(struct worker *worker)
{
    struct pqpool *pool = worker->round->pool;
    struct pqpool_lease *lease = NULL;
    int64_t deadline_ns = clock_now_ns() + draw(&worker->random, 5) * NS_PER_MS;
    enum pqpool_rc rc = pqpool_acquire(pool, deadline_ns, &lease, NULL);
    CHECK((rc == PQPOOL_OK) == (lease != NULL));
    CHECK(rc != PQPOOL_CLOSED && rc != PQPOOL_NOMEM);
    if (rc == PQPOOL_OK)
        use_and_release(worker, lease);
    check_gauges(pool);
}

/* At the end half of them hold a lease and half wait for one, and so the pool is closed. */
static void *work(void *arg)
{
    struct worker *worker = arg;
    struct round *round = worker->round;
    struct pqpool_lease *lease = NULL;
    for (int i = 0; i < OPERATIONS; i++)
        operate(worker);
    atomic_fetch_sub(&round->at_work, 1);
    while (atomic_load(&round->at_work) > 0)
        (void)sched_yield();
    enum pqpool_rc rc;
    do
        rc = pqpool_acquire(round->pool, CLOCK_NEVER, &lease, NULL);
    while (rc == PQPOOL_DOWN && sched_yield() == 0);
    if (rc == PQPOOL_OK) {
        while (!atomic_load(&round->to_close))
            (void)sched_yield();
        pqpool_release(&lease, PQPOOL_REUSE);
    } else
        CHECK(rc == PQPOOL_CLOSED);
    return NULL;
}

/* The server's moods, until the workers are done. */
static void misbehave(struct round *round)
{
    static const char *const messages[] = { NULL, "FATAL:  53300: too many clients",
                                            "FATAL:  28P01: wrong password" };
    while (atomic_load(&round->at_work) > 0) {
        fake_pg_dials((enum fake_dial)draw(&round->seed, 4), messages[draw(&round->seed, 3)],
                      draw(&round->seed, 3));
        fake_pg_answers((enum fake_answer)draw(&round->seed, 4), draw(&round->seed, 3));
        fake_pg_cancels((enum fake_answer)draw(&round->seed, 3), draw(&round->seed, 3));
        fake_pg_end_orphans();
        if (draw(&round->seed, 10) == 0)
            fake_pg_hang_up_all();
        pqpool_check_health(round->pool);
        check_gauges(round->pool);
        (void)sched_yield();
    }
    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    fake_pg_answers(FAKE_ANSWER_OK, 0);
    fake_pg_cancels(FAKE_ANSWER_OK, 0);
}

static bool half_wait(struct pqpool *pool)
{
    struct pqpool_stats s;
    fake_pg_end_orphans();
    pqpool_stats(pool, &s);
    return s.connections.leased == MAX && s.queue.waiting == WORKERS - MAX;
}

static void hear(void *ctx, const struct pqpool_event *event)
{
    (void)event;
    atomic_fetch_add((atomic_uint *)ctx, 1);
}

/* A health check of the user's own, now and then. */
static const char *ask(void *ctx)
{
    return atomic_fetch_add((atomic_uint *)ctx, 1) % 2 == 0 ? "SELECT 'own'" : NULL;
}

static bool judge(void *ctx, const PGresult *last, unsigned before, struct err *err)
{
    CHECK(last != NULL && before == 0);
    err_set(err, 0, "no");
    return atomic_fetch_add((atomic_uint *)ctx, 1) % 3 != 0;
}

static struct pqpool_options random_options(struct round *round)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    options.min_pool_size = draw(&round->seed, MAX + 1);
    options.max_pool_size = MAX;
    options.max_waiting = WORKERS;
    options.connect_timeout_ns = 5 * NS_PER_MS;
    options.validation_bypass_ns = draw(&round->seed, 2) * NS_PER_MS;
    options.validation_timeout_ns = 2 * NS_PER_MS;
    options.initial_retry_delay_ns = NS_PER_MS;
    options.max_retry_delay_ns = 5 * NS_PER_MS;
    options.health_check_interval_ns = 10 * NS_PER_MS;
    options.health_check_timeout_ns = 5 * NS_PER_MS;
    options.idle_timeout_ns = 20 * NS_PER_MS;
    options.max_lifetime_ns = 200 * NS_PER_MS;
    options.leak_threshold_ns = 20 * NS_PER_MS;
    options.on_event = hear;
    options.health_query = ask;
    options.health_passed = judge;
    return options;
}

static void run_round(struct round *round)
{
    struct worker workers[WORKERS];
    atomic_uint n_events = 0;
    struct pqpool_options options = random_options(round);
    options.ctx = &n_events;
    const struct pg_driver libpq_17 = fake_pg_17();
    const struct pg_driver *driver = draw(&round->seed, 2) == 0 ? &fake_pg : &libpq_17;
    CHECK(pool_open_with(&options, driver, &round->pool, NULL) == PQPOOL_OK);
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){ .round = round, .random = round->seed + i };
        CHECK(thread_start(&workers[i].thread, "stress", work, &workers[i]) == 0);
    }
    misbehave(round);
    CHECK(WAIT_UNTIL(half_wait(round->pool), PATIENCE_S));
    atomic_store(&round->to_close, true);
    pqpool_close(&round->pool, clock_now_ns() + draw(&round->seed, 2) * NS_PER_MS);
    for (uint32_t i = 0; i < WORKERS; i++)
        thread_join(workers[i].thread);
    struct fake_pg_counts counts;
    fake_pg_counts(&counts);
    CHECK(counts.open == 0 && counts.dialling == 0 && counts.cancelers == 0);
}

int main(void)
{
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct round round = { .seed = i * 7919 + 1, .at_work = WORKERS };
        run_round(&round);
    }
    return 0;
}
