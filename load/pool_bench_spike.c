/* pool_bench_spike.c - see pool_bench.h. Many threads ask for a connection at once, few connections
 * are idle, and a dial takes longer than all threads need. The pool must hand connections from
 * thread to thread, and not dial for them. */
#include <libpq-fe.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sync.h"
#include "load/pool_bench.h"

enum { SAMPLE_US = 500, AFTERMATH_MS = 500, REST_MS = 100, WAIT_LIMIT_S = 30 };

/* All threads wait at the gate until it opens. */
struct gate {
    struct mutex mu;
    struct cond opened;
    bool open GUARDED_VAR;
};

struct guest {
    struct gate *gate;
    struct pqpool *pool;
    pthread_t thread;
    int64_t waited_ns;
    bool failed;
    struct err err;
};

static bool slow_dial(void *ctx, struct pqpool_lease *lease, int64_t deadline_at_ns,
                      struct err *err)
{
    const char *seconds = "0.150";
    const struct pqpool_query query = { .sql = "SELECT pg_sleep($1::float8)",
                                        .n_params = 1,
                                        .values = &seconds };
    PGresult *result = NULL;
    (void)ctx;
    _Static_assert(SPIKE_DIAL_MS == 150, "as the text above says");
    if (pqpool_exec(lease, &query, deadline_at_ns, &result, err) != PQPOOL_OK)
        return false;
    PQclear(result);
    return true;
}

/* ---- the waiting threads ---- */

static void await(struct gate *gate)
{
    mutex_lock(&gate->mu);
    while (!gate->open)
        (void)cond_wait_until(&gate->opened, &gate->mu, CLOCK_NEVER);
    mutex_unlock(&gate->mu);
}

static void open_gate(struct gate *gate)
{
    mutex_lock(&gate->mu);
    gate->open = true;
    cond_broadcast(&gate->opened);
    mutex_unlock(&gate->mu);
}

static void *visit(void *arg)
{
    struct guest *guest = arg;
    struct pqpool_lease *lease = NULL;
    await(guest->gate);
    int64_t since_ns = clock_now_ns();
    int64_t until_ns = since_ns + WAIT_LIMIT_S * NS_PER_S;
    guest->failed = pqpool_acquire(guest->pool, until_ns, &lease, &guest->err) != PQPOOL_OK;
    guest->waited_ns = clock_now_ns() - since_ns;
    if (!guest->failed)
        (void)usleep(SPIKE_HOLD_MS * 1000);
    pqpool_release(&lease, PQPOOL_REUSE);
    return NULL;
}

/* ---- the spike ---- */

/* Samples until no thread waits and no dial is running that a thread waited for. */
static uint32_t watch_growth(struct pqpool *pool)
{
    uint32_t most = 0;
    int64_t until_ns = clock_now_ns() + AFTERMATH_MS * NS_PER_MS;
    for (;;) {
        struct pqpool_stats stats;
        pqpool_stats(pool, &stats);
        most = stats.connections.total > most ? stats.connections.total : most;
        if (stats.queue.waiting == 0 && stats.connections.connecting == 0 &&
            clock_now_ns() >= until_ns)
            return most;
        (void)usleep(SAMPLE_US);
    }
}

static bool sum_up(const struct guest *guests, uint32_t grew_to, struct spike *out, struct err *err)
{
    struct spike spike = { .grew_to = grew_to };
    for (int i = 0; i < SPIKE_THREADS; i++) {
        if (guests[i].failed) {
            *err = guests[i].err;
            return false;
        }
        if (guests[i].waited_ns > spike.last_wait_ns)
            spike.last_wait_ns = guests[i].waited_ns;
    }
    *out = spike;
    return true;
}

static bool let_in(struct pqpool *pool, struct gate *gate, struct spike *out, struct err *err)
{
    struct guest guests[SPIKE_THREADS];
    int started = 0;
    uint32_t grew_to = 0;
    for (; started < SPIKE_THREADS; started++) {
        guests[started] = (struct guest){ .gate = gate, .pool = pool };
        if (thread_start(&guests[started].thread, "guest", visit, &guests[started]) != 0)
            break;
    }
    (void)usleep(REST_MS * 1000); /* now all threads are at the gate, and no dial is running */
    open_gate(gate);
    if (started == SPIKE_THREADS)
        grew_to = watch_growth(pool);
    for (int i = 0; i < started; i++)
        thread_join(guests[i].thread);
    if (started == SPIKE_THREADS)
        return sum_up(guests, grew_to, out, err);
    err_set(err, 0, "no more than %d threads could be started", started);
    return false;
}

bool bench_spike(const char *conninfo, struct spike *out, struct err *err)
{
    struct pqpool_options options = PQPOOL_OPTIONS_DEFAULT;
    struct gate gate = { .open = false };
    struct pqpool *pool = NULL;
    options.conninfo = conninfo;
    options.min_pool_size = SPIKE_IDLE;
    options.validation_bypass_ns = PQPOOL_SECONDS(3600);
    options.on_connect = slow_dial;
    if (!bench_open(&options, &pool, err))
        return false;
    mutex_init(&gate.mu);
    cond_init(&gate.opened);
    bool ok = let_in(pool, &gate, out, err);
    bench_close(&pool);
    cond_fini(&gate.opened);
    mutex_fini(&gate.mu);
    return ok;
}
