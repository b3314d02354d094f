/* sim.h - a world in one thread: actors that take turns as a seed says, on a clock of their own.
 *
 * Code that knows the world by base/sync.h, base/clock.h and a few system calls runs in it
 * unchanged: the linker sends those calls here (see CMakeLists.txt), and wherever a thread could
 * wait, another actor may go on instead. When none can, the clock jumps to the next moment at which
 * one can. Nothing else moves it, so the same seed gives the same run, to the last step.
 *
 *     sim_run(seed, &hooks, first_actor, arg, &report);
 *
 * A step is the time an actor runs between two choices of who goes on. Whatever is wrong ends the
 * process by sim_fail(), which tells the seed, the step and what happened before it.
 *
 * Threads    one. */
#ifndef SIMULATION_SIM_H
#define SIMULATION_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct mutex;

enum { SIM_ACTORS_MAX = 40 };

struct sim_hooks {
    void (*locks_born)(struct mutex *mu); /* mutex_init() */
    void (*unlocks)(struct mutex *mu);    /* before it is let go: what it guards must be whole */
    void (*locks_dies)(struct mutex *mu);
    void (*quiet)(void); /* nobody can go on before the clock moves: no work may be left undone */
};

struct sim_report {
    uint64_t steps, hash; /* hash: of who ran, when, and what it waited for */
    int64_t took_ns;      /* on the world's clock */
};

/* Runs `first` as an actor, and all that it starts, until every one has ended. */
void sim_run(uint64_t seed, const struct sim_hooks *hooks, void *(*first)(void *), void *arg,
             struct sim_report *report);

/* ---- for actors ---- */

unsigned sim_self(void);      /* 0 is `first`; an actor's number is never used again in a run */
uint64_t sim_steps(void);     /* so far */
int64_t sim_now_ns(void);     /* no actor goes on in between */
int64_t sim_delayed_ns(void); /* by how much the clock moved while someone could have gone on */

uint32_t sim_draw(uint32_t below);                /* 0 .. below - 1 */
bool sim_chance(uint32_t one_in);                 /* once in so many times */
int64_t sim_draw_ns(int64_t least, int64_t most); /* both inclusive */

unsigned sim_start(const char *name, void *(*run)(void *), void *arg); /* name: static */
void sim_join(unsigned actor);
void sim_sleep(int64_t span_ns);

/* Waits for ready(arg); false at at_ns. `what` (static) is for the trace. Hold no mutex. */
bool sim_await(const char *what, bool (*ready)(const void *arg), const void *arg, int64_t at_ns);

/* Another actor may go on here, now and then. */
void sim_maybe_yield(const char *what);

/* A mutex is held by the running actor: nothing that waits or calls out is allowed. */
bool sim_holds_lock(void);

/* For the trace: something with that number became so; both static. */
void sim_note(const char *what, unsigned number, const char *to);

void sim_fail(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;
#define SIM_CHECK(cond, ...) ((cond) ? (void)0 : sim_fail(__VA_ARGS__))

/* ---- for the world's other parts ---- */

void sim_count_lock(int by); /* the running actor holds so many more */
const struct sim_hooks *sim_hooks(void);

#endif
