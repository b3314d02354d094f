/* fault_load.c - see fault_load.h. */
#include "faults/fault_load.h"

#include <criterion/criterion.h>
#include <time.h>

#include "base/clock.h"
#include "base/sync.h"

enum { PAUSE_MS = 2, NAP_MS = 5, SLACK_S = 2 };

static void keep_most(atomic_llong *most, int64_t value)
{
    long long was = atomic_load(most);
    while (value > was && !atomic_compare_exchange_weak(most, &was, value))
        ;
}

static void count(struct load *load, atomic_llong *counter, bool good)
{
    atomic_fetch_add(counter, 1);
    if (good)
        atomic_fetch_add(&load->good_in_a_row, 1);
    else
        atomic_store(&load->good_in_a_row, 0);
}

static void pause_for(int64_t ns)
{
    const struct timespec pause = { .tv_nsec = ns };
    (void)nanosleep(&pause, NULL);
}

static void run_one(struct load *load, struct pqpool_lease *lease, int64_t acquire_began_ns)
{
    const struct pqpool_query query = { .sql = load->sql };
    struct err err = { 0 };
    PGresult *result = NULL;
    int64_t began_ns = clock_now_ns();
    enum pqpool_rc rc = pqpool_exec(lease, &query, began_ns + load->exec_ns, &result, &err);
    const struct load_seen seen = { .pg = pqpool_lease_pg(lease),
                                    .acquire_began_ns = acquire_began_ns,
                                    .ended_ns = clock_now_ns(),
                                    .rc = rc,
                                    .err = &err,
                                    .warned = pqpool_lease_warned(lease) };
    keep_most(&load->slowest_exec_ns, seen.ended_ns - began_ns);
    if (load->on_seen != NULL)
        load->on_seen(load->ctx, &seen);
    count(load, &load->statements[rc], rc == PQPOOL_OK);
    PQclear(result);
}

static void *caller(void *arg)
{
    struct load *load = arg;
    for (int i = 1; !atomic_load(&load->stop); i++) {
        struct pqpool_lease *lease = NULL;
        int64_t began_ns = clock_now_ns();
        enum pqpool_rc rc = pqpool_acquire(load->pool, began_ns + load->acquire_ns, &lease, NULL);
        keep_most(&load->slowest_acquire_ns, clock_now_ns() - began_ns);
        atomic_fetch_add(&load->acquires[rc], 1);
        if (rc != PQPOOL_OK) {
            atomic_store(&load->good_in_a_row, 0);
            pause_for(PAUSE_MS * NS_PER_MS); /* a pool that is down answers at once */
            continue;
        }
        run_one(load, lease, began_ns);
        bool discard = load->discard_each > 0 && i % load->discard_each == 0;
        pqpool_release(&lease, discard ? PQPOOL_DISCARD : PQPOOL_REUSE);
    }
    return NULL;
}

static void *witness(void *arg)
{
    struct load *load = arg;
    while (!atomic_load(&load->stop)) {
        int64_t wakes_at_ns = clock_now_ns() + NAP_MS * NS_PER_MS;
        atomic_store(&load->wakes_at_ns, wakes_at_ns);
        pause_for(NAP_MS * NS_PER_MS);
        int64_t late_ns = clock_now_ns() - wakes_at_ns;
        atomic_fetch_add(&load->late_ns, late_ns);
        keep_most(&load->latest_ns, late_ns);
    }
    return NULL;
}

void load_start(struct load *load)
{
    atomic_store(&load->stop, false);
    atomic_store(&load->wakes_at_ns, CLOCK_NEVER);
    cr_assert_eq(thread_start(&load->witness, "witness", witness, load), 0);
    for (int i = 0; i < load->n_threads; i++)
        cr_assert_eq(thread_start(&load->threads[i], "caller", caller, load), 0);
}

void load_stop(struct load *load)
{
    atomic_store(&load->stop, true);
    for (int i = 0; i < load->n_threads; i++)
        thread_join(load->threads[i]);
    thread_join(load->witness);
    const int64_t slack_ns = SLACK_S * NS_PER_S + atomic_load(&load->latest_ns);
    cr_expect_lt(atomic_load(&load->slowest_acquire_ns), load->acquire_ns + slack_ns,
                 "an acquire took %.3f s", (double)atomic_load(&load->slowest_acquire_ns) / 1e9);
    cr_expect_lt(atomic_load(&load->slowest_exec_ns), load->exec_ns + slack_ns,
                 "a statement took %.3f s", (double)atomic_load(&load->slowest_exec_ns) / 1e9);
}

int64_t load_ended(const struct load *load, enum pqpool_rc rc)
{
    return atomic_load(&load->statements[rc]);
}

int64_t load_failures(const struct load *load)
{
    int64_t n = 0;
    for (int rc = PQPOOL_OK + 1; rc < LOAD_RCS; rc++)
        n += atomic_load(&load->statements[rc]) + atomic_load(&load->acquires[rc]);
    return n;
}

int64_t load_lost_ns(const struct load *load)
{
    int64_t lost_ns = atomic_load(&load->late_ns);
    int64_t oversleeps_ns = clock_now_ns() - atomic_load(&load->wakes_at_ns);
    return lost_ns + (oversleeps_ns > 0 ? oversleeps_ns : 0);
}
