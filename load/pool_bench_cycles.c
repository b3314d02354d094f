/* pool_bench_cycles.c - see pool_bench.h: acquire and release, as fast as threads can. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sync.h"
#include "load/pool_bench.h"

#include <stdatomic.h>

enum { OPEN_LIMIT_S = 30, WARM_UP_MS = 50, POLL_US = 2000 };

enum phase { WARM_UP, MEASURE, STOP };

struct run {
    struct pqpool *pool;
    _Atomic(enum phase) phase;
};

/* Each worker has cache lines of its own, so that counting in one does not slow another. */
struct worker {
    _Alignas(128) struct run *run;
    pthread_t thread;
    uint64_t cycles;
    bool failed;
    struct err err;
};

/* ---- the pool ---- */

bool bench_open(const struct pqpool_options *options, struct pqpool **pool_out, struct err *err)
{
    struct pqpool *pool = NULL;
    struct pqpool_stats stats;
    if (pqpool_open(options, &pool, err) != PQPOOL_OK)
        return false;
    int64_t until_ns = clock_now_ns() + OPEN_LIMIT_S * NS_PER_S;
    for (;;) {
        pqpool_stats(pool, &stats);
        if (stats.connections.idle == options->min_pool_size && stats.connections.connecting == 0 &&
            stats.health.healthy) {
            *pool_out = pool;
            return true;
        }
        if (stats.server.error[0] != '\0' || clock_now_ns() >= until_ns)
            break;
        (void)usleep(POLL_US);
    }
    err_set(err, 0, "%u of %u connections opened: %s", stats.connections.idle,
            options->min_pool_size,
            stats.server.error[0] != '\0' ? stats.server.error : "the others take too long");
    bench_close(&pool);
    return false;
}

void bench_close(struct pqpool **pool)
{
    pqpool_close(pool, clock_now_ns() + OPEN_LIMIT_S * NS_PER_S);
}

/* ---- the threads ---- */

static bool cycle(struct worker *w)
{
    struct pqpool_lease *lease = NULL;
    w->failed = pqpool_acquire(w->run->pool, PQPOOL_DEFAULT_DEADLINE, &lease, &w->err) != PQPOOL_OK;
    pqpool_release(&lease, PQPOOL_REUSE);
    return !w->failed;
}

/* Counts the operations that end during the measurement. Those that began before it make up for
 * those that end after it. */
static void *work(void *arg)
{
    struct worker *w = arg;
    while (cycle(w)) {
        enum phase phase = atomic_load_explicit(&w->run->phase, memory_order_relaxed);
        if (phase == STOP)
            break;
        w->cycles += phase == MEASURE;
    }
    return NULL;
}

static void set_phase(struct run *run, enum phase phase)
{
    atomic_store_explicit(&run->phase, phase, memory_order_relaxed);
}

static void sleep_ns(int64_t span_ns)
{
    struct timespec span = clock_timespec(span_ns);
    (void)nanosleep(&span, NULL);
}

/* Returns how many threads were started. */
static uint32_t start(struct run *run, struct worker *workers, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        workers[i] = (struct worker){ .run = run };
        if (thread_start(&workers[i].thread, "bench", work, &workers[i]) != 0)
            return i;
    }
    return n;
}

static bool add_up(const struct worker *workers, uint32_t n, int64_t took_ns, double *ns_out,
                   struct err *err)
{
    uint64_t cycles = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (workers[i].failed) {
            *err = workers[i].err;
            return false;
        }
        cycles += workers[i].cycles;
    }
    if (cycles == 0) {
        err_set(err, 0, "not one operation ended in time");
        return false;
    }
    *ns_out = (double)took_ns / (double)cycles;
    return true;
}

/* Warms up, then measures. Returns the duration of the measurement. */
static int64_t lead(struct run *run, int64_t for_ns)
{
    sleep_ns(WARM_UP_MS * NS_PER_MS);
    int64_t began_ns = clock_now_ns();
    set_phase(run, MEASURE);
    sleep_ns(for_ns);
    set_phase(run, STOP);
    return clock_now_ns() - began_ns;
}

bool bench_cycles(struct pqpool *pool, uint32_t threads, int64_t for_ns, double *ns_out,
                  struct err *err)
{
    struct run run = { .pool = pool };
    struct worker *workers = aligned_alloc(_Alignof(struct worker), threads * sizeof *workers);
    uint32_t started = workers != NULL ? start(&run, workers, threads) : 0;
    bool ok = started == threads;
    int64_t took_ns = ok ? lead(&run, for_ns) : 0;
    set_phase(&run, STOP);
    for (uint32_t i = 0; i < started; i++)
        thread_join(workers[i].thread);
    if (ok)
        ok = add_up(workers, threads, took_ns, ns_out, err);
    else
        err_set(err, 0, "no memory or no threads");
    free(workers);
    return ok;
}
