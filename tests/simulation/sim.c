/* sim.c - see sim.h. Actors are ucontexts. Whoever has to wait chooses its successor itself, on its
 * own stack, and switches straight to it. */
#include "simulation/sim.h"

#include <stdarg.h>
#include <ucontext.h>

#include "base/clock.h"
#include "simulation/sim_fd.h"
#include "simulation/sim_fiber.h"

enum { STACK_SIZE = 256 * 1024, TRACE_SIZE = 128, TRACE_STEPS = 50, STEPS_MAX = 3000000 };
static const int64_t start_ns = 1000 * NS_PER_S;

struct actor {
    const char *name;
    void *(*run)(void *);
    void *arg;
    struct fiber fiber;
    bool ended;
    /* while it waits */
    const char *what;
    bool (*ready)(const void *arg);
    const void *ready_arg;
    int64_t at_ns;
    uint64_t stalled_until; /* step: a thread that the machine forgot for a while */
    int locks;
};

struct trace {
    uint64_t step;
    int64_t now_ns;
    unsigned actor;
    const char *what, *to; /* to: of a note, else NULL */
    unsigned number;
};

static struct sim {
    uint64_t seed, random, steps, hash;
    int64_t now_ns, delayed_ns;
    struct actor actors[SIM_ACTORS_MAX];
    unsigned n_actors, running;
    struct fiber outside;
    const struct sim_hooks *hooks;
    struct trace trace[TRACE_SIZE];
    uint64_t traced;
} sim;

static struct actor *self(void)
{
    return &sim.actors[sim.running];
}

/* ---- chance ---- */

static uint64_t draw64(void)
{
    sim.random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t x = sim.random;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint32_t sim_draw(uint32_t below)
{
    return (uint32_t)((draw64() >> 32) * below >> 32);
}

bool sim_chance(uint32_t one_in)
{
    return sim_draw(one_in) == 0;
}

int64_t sim_draw_ns(int64_t least, int64_t most)
{
    return least + (int64_t)(draw64() % (uint64_t)(most - least + 1));
}

/* ---- what happened ---- */

static void remember(const char *what, const char *to, unsigned number)
{
    uint64_t h = sim.hash ^ ((uint64_t)sim.now_ns << 16 | number << 8 | sim.running);
    for (const char *c = what; *c != '\0'; c++)
        h = (h ^ (uint64_t)(unsigned char)*c) * UINT64_C(0x100000001b3);
    sim.hash = h;
    sim.trace[sim.traced++ % TRACE_SIZE] =
        (struct trace){ sim.steps, sim.now_ns, sim.running, what, to, number };
}

void sim_note(const char *what, unsigned number, const char *to)
{
    remember(what, to, number);
}

static double ms(int64_t at_ns)
{
    return (double)(at_ns - start_ns) / 1e6;
}

static void print_trace(const struct trace *t)
{
    (void)fprintf(stderr, "  %8llu %14.3f ms  %-14s ", (unsigned long long)t->step, ms(t->now_ns),
                  sim.actors[t->actor].name);
    if (t->to != NULL)
        (void)fprintf(stderr, "   %s %u: %s\n", t->what, t->number, t->to);
    else
        (void)fprintf(stderr, "%s\n", t->what);
}

void sim_fail(const char *fmt, ...)
{
    va_list ap;
    (void)fprintf(stderr, "simulation: seed %llu fails at step %llu, %.3f ms, in %s: ",
                  (unsigned long long)sim.seed, (unsigned long long)sim.steps, ms(sim.now_ns),
                  self()->name);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fprintf(stderr, "\n  to see it again: SIM_SEED=%llu\n", (unsigned long long)sim.seed);
    uint64_t first = sim.traced > TRACE_SIZE ? sim.traced - TRACE_SIZE : 0;
    for (uint64_t i = first; i < sim.traced; i++)
        if (sim.trace[i % TRACE_SIZE].step + TRACE_STEPS > sim.steps)
            print_trace(&sim.trace[i % TRACE_SIZE]);
    abort();
}

/* ---- time ---- */

int64_t sim_now_ns(void)
{
    return sim.now_ns;
}

int64_t sim_delayed_ns(void)
{
    return sim.delayed_ns;
}

uint64_t sim_steps(void)
{
    return sim.steps;
}

/* Code takes time to run, and once in a while the machine has other things to do. */
static void let_time_pass(void)
{
    uint32_t dice = sim_draw(1000);
    int64_t span_ns = dice == 0   ? sim_draw_ns(0, 40 * NS_PER_MS)
                      : dice < 20 ? sim_draw_ns(0, NS_PER_MS)
                                  : sim_draw_ns(0, 2 * NS_PER_US);
    sim.now_ns += span_ns;
    sim.delayed_ns += span_ns;
}

static void jump(void)
{
    int64_t next_ns = sim_fd_next_event_ns();
    for (unsigned i = 0; i < sim.n_actors; i++)
        if (!sim.actors[i].ended)
            next_ns = clock_min(next_ns, sim.actors[i].at_ns);
    SIM_CHECK(next_ns != CLOCK_NEVER, "deadlock: everybody waits, and nothing will happen");
    if (next_ns > sim.now_ns)
        sim.now_ns = next_ns;
}

/* ---- who goes on ---- */

static bool can_go_on(const struct actor *actor)
{
    if (actor->ended)
        return false;
    return sim.now_ns >= actor->at_ns || (actor->ready != NULL && actor->ready(actor->ready_arg));
}

/* Those who can, but for the stalled ones, unless all are. */
static unsigned collect(struct actor **able)
{
    unsigned n = 0, awake = 0;
    for (unsigned i = 0; i < sim.n_actors; i++) {
        struct actor *actor = &sim.actors[i];
        if (!can_go_on(actor))
            continue;
        able[n++] = actor;
        if (actor->stalled_until <= sim.steps) {
            able[n - 1] = able[awake];
            able[awake++] = actor;
        }
    }
    return awake > 0 ? awake : n;
}

static bool all_ended(void)
{
    for (unsigned i = 0; i < sim.n_actors; i++)
        if (!sim.actors[i].ended)
            return false;
    return true;
}

static struct actor *choose(void)
{
    struct actor *able[SIM_ACTORS_MAX];
    unsigned n;
    while ((n = collect(able)) == 0) {
        sim.hooks->quiet();
        jump();
    }
    struct actor *actor = able[sim_draw(n)];
    if (sim_chance(100))
        able[sim_draw(n)]->stalled_until = sim.steps + sim_draw(1u << sim_draw(12));
    return actor;
}

/* The running actor waits, or has ended. */
static void give_way(void)
{
    struct actor *from = self();
    SIM_CHECK(++sim.steps < STEPS_MAX, "this does not come to an end");
    remember(from->what, NULL, 0);
    let_time_pass();
    if (all_ended()) {
        fiber_switch(&from->fiber, &sim.outside, true);
        return;
    }
    struct actor *to = choose();
    sim.running = (unsigned)(to - sim.actors);
    if (to != from)
        fiber_switch(&from->fiber, &to->fiber, from->ended);
}

bool sim_await(const char *what, bool (*ready)(const void *arg), const void *arg, int64_t at_ns)
{
    struct actor *me = self();
    SIM_CHECK(me->locks == 0, "waits for %s with a mutex held", what);
    me->what = what;
    me->ready = ready;
    me->ready_arg = arg;
    me->at_ns = at_ns;
    give_way();
    bool is_ready = ready != NULL && ready(arg);
    me->ready = NULL;
    me->at_ns = 0;
    return is_ready;
}

void sim_maybe_yield(const char *what)
{
    struct actor *me = self();
    if (!sim_chance(3))
        return;
    me->what = what;
    me->ready = NULL;
    me->at_ns = 0;
    give_way();
}

void sim_sleep(int64_t span_ns)
{
    (void)sim_await("sleep", NULL, NULL, clock_after(sim.now_ns, span_ns));
}

/* ---- actors ---- */

unsigned sim_self(void)
{
    return sim.running;
}

bool sim_holds_lock(void)
{
    return self()->locks > 0;
}

void sim_count_lock(int by)
{
    self()->locks += by;
}

static void actor_body(void)
{
    struct actor *me = self();
    (void)me->run(me->arg);
    SIM_CHECK(me->locks == 0, "ends with a mutex held");
    me->ended = true;
    me->what = "ended";
    give_way();
}

unsigned sim_start(const char *name, void *(*run)(void *), void *arg)
{
    SIM_CHECK(sim.n_actors < SIM_ACTORS_MAX, "too many actors");
    unsigned number = sim.n_actors++;
    struct actor *actor = &sim.actors[number];
    *actor = (struct actor){ .name = name, .run = run, .arg = arg, .what = "start" };
    fiber_init(&actor->fiber, STACK_SIZE, actor_body);
    return number;
}

static bool has_ended(const void *arg)
{
    return ((const struct actor *)arg)->ended;
}

void sim_join(unsigned actor)
{
    (void)sim_await("join", has_ended, &sim.actors[actor], CLOCK_NEVER);
}

void sim_run(uint64_t seed, const struct sim_hooks *hooks, void *(*first)(void *), void *arg,
             struct sim_report *report)
{
    memset(&sim, 0, sizeof sim);
    sim.seed = sim.random = sim.hash = seed;
    sim.now_ns = start_ns;
    sim.hooks = hooks;
    (void)sim_start("world", first, arg);
    fiber_switch(&sim.outside, &sim.actors[0].fiber, false);
    for (unsigned i = 0; i < sim.n_actors; i++)
        fiber_fini(&sim.actors[i].fiber);
    *report = (struct sim_report){ sim.steps, sim.hash, sim.now_ns - start_ns };
}

const struct sim_hooks *sim_hooks(void)
{
    return sim.hooks;
}
