/* sim_sync.c - base/sync.h, the clock and the seed of the pool's own chance, as the world has them.
 *
 * As ungenerous as POSIX allows: a mutex goes to whoever comes, a condition wakes any one of those
 * that wait, sometimes for nothing, and a moment that has come may find the condition fulfilled. */
#include "base/sync.h"

#include <errno.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/clock.h"
#include "simulation/sim.h"
#include "support/wrap.h"

WRAP(mutex_init);
WRAP(mutex_fini);
WRAP(mutex_lock);
WRAP(mutex_unlock);
WRAP(cond_init);
WRAP(cond_fini);
WRAP(cond_signal);
WRAP(cond_broadcast);
WRAP(cond_wait_until);
WRAP(thread_start);
WRAP(thread_join);
WRAP(clock_now_ns);
WRAP(clock_coarse_ns);
WRAP(clock_wall_us);
WRAP(getrandom);
NORETURN WRAP(check_failed);

/* Lies where the pthread mutex would. */
struct sim_mutex {
    unsigned holder; /* actor + 1; 0: free */
};
_Static_assert(sizeof(struct sim_mutex) <= sizeof(pthread_mutex_t), "room");

static struct cond_wait {
    const struct cond *cond; /* NULL: this actor waits for none */
    bool woken;
} waits[SIM_ACTORS_MAX];

/* ---- mutex ---- */

static struct sim_mutex *inside(struct mutex *mu)
{
    return (struct sim_mutex *)(void *)&mu->raw;
}

void __wrap_mutex_init(struct mutex *mu)
{
    inside(mu)->holder = 0;
    sim_hooks()->locks_born(mu);
}

void __wrap_mutex_fini(struct mutex *mu)
{
    SIM_CHECK(inside(mu)->holder == 0, "a mutex that is held is destroyed");
    sim_hooks()->locks_dies(mu);
    inside(mu)->holder = UINT32_MAX; /* who locks it now waits for ever */
}

static bool is_free(const void *arg)
{
    return ((const struct sim_mutex *)arg)->holder == 0;
}

static void take(struct mutex *mu)
{
    struct sim_mutex *m = inside(mu);
    SIM_CHECK(m->holder != sim_self() + 1, "locks a mutex that it holds");
    while (!is_free(m))
        (void)sim_await("mutex", is_free, m, CLOCK_NEVER);
    m->holder = sim_self() + 1;
    sim_count_lock(1);
}

static void let_go(struct mutex *mu)
{
    struct sim_mutex *m = inside(mu);
    SIM_CHECK(m->holder == sim_self() + 1, "unlocks a mutex that it does not hold");
    sim_hooks()->unlocks(mu);
    m->holder = 0;
    sim_count_lock(-1);
}

void __wrap_mutex_lock(struct mutex *mu)
{
    sim_maybe_yield("before mutex");
    take(mu);
}

void __wrap_mutex_unlock(struct mutex *mu)
{
    let_go(mu);
    sim_maybe_yield("after mutex");
}

/* ---- condition ---- */

void __wrap_cond_init(struct cond *cond)
{
    (void)cond;
}

void __wrap_cond_fini(struct cond *cond)
{
    for (unsigned i = 0; i < SIM_ACTORS_MAX; i++)
        SIM_CHECK(waits[i].cond != cond, "a condition that someone waits for is destroyed");
}

/* Any of those that wait for it; cond NULL: of all that wait for one. */
static void wake_any(const struct cond *cond)
{
    struct cond_wait *found[SIM_ACTORS_MAX];
    uint32_t n = 0;
    for (unsigned i = 0; i < SIM_ACTORS_MAX; i++)
        if (waits[i].cond != NULL && (cond == NULL || waits[i].cond == cond) && !waits[i].woken)
            found[n++] = &waits[i];
    if (n > 0)
        found[sim_draw(n)]->woken = true;
}

void __wrap_cond_signal(struct cond *cond)
{
    wake_any(cond);
    if (sim_chance(100))
        wake_any(NULL);
}

void __wrap_cond_broadcast(struct cond *cond)
{
    for (unsigned i = 0; i < SIM_ACTORS_MAX; i++)
        if (waits[i].cond == cond)
            waits[i].woken = true;
}

static bool is_woken(const void *arg)
{
    return ((const struct cond_wait *)arg)->woken;
}

bool __wrap_cond_wait_until(struct cond *cond, struct mutex *mu, int64_t at_ns)
{
    struct cond_wait *wait = &waits[sim_self()];
    *wait = (struct cond_wait){ .cond = cond };
    let_go(mu);
    bool woken = sim_await("condition", is_woken, wait, at_ns);
    if (woken && sim_now_ns() >= at_ns)
        woken = sim_chance(2);
    wait->cond = NULL;
    sim_maybe_yield("after condition"); /* what is waited for may come only now */
    take(mu);
    return woken;
}

/* ---- threads: the number of the actor, and one ---- */

int __wrap_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg)
{
    *thread = (pthread_t)sim_start(name, run, arg) + 1;
    return 0;
}

void __wrap_thread_join(pthread_t thread)
{
    sim_join((unsigned)thread - 1);
}

/* ---- time, chance, and the pool's own checks ---- */

int64_t __wrap_clock_now_ns(void)
{
    return sim_now_ns();
}

int64_t __wrap_clock_coarse_ns(void)
{
    static const int64_t tick_ns = 10 * NS_PER_MS;
    return sim_now_ns() / tick_ns * tick_ns;
}

int64_t __wrap_clock_wall_us(void)
{
    return sim_now_ns() / NS_PER_US;
}

ssize_t __wrap_getrandom(void *buffer, size_t length, unsigned flags)
{
    unsigned char *bytes = buffer;
    (void)flags;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)sim_draw(256);
    return (ssize_t)length;
}

void __wrap_check_failed(const char *what, const char *file, int line)
{
    sim_fail("a check of the program's own: %s at %s:%d", what, file, line);
}
