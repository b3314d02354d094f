/* fault_load.h - a small load of callers on a pool while something goes wrong: each thread
 * acquires, runs one short statement, and releases, over and over. What they meet is counted, and
 * judged by load_stop(): no acquire and no statement may have outlasted its deadline, but for
 * what the machine itself lost. That a witness knows: a thread that naps over and over, and keeps
 * how late it woke.
 *
 * Threads    one thread starts and stops; the callers' hook runs on all of theirs. */
#ifndef FAULTS_FAULT_LOAD_H
#define FAULTS_FAULT_LOAD_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "pqpool/pqpool.h"

enum { LOAD_THREADS_MAX = 128, LOAD_RCS = PQPOOL_INVALID_OPTIONS + 1 };

/* One statement, after its end and before its connection goes back. */
struct load_seen {
    const PGconn *pg;
    int64_t acquire_began_ns, ended_ns;
    enum pqpool_rc rc;
    const struct err *err; /* when rc is not OK */
    bool warned;
};

struct load {
    /* to be set before load_start() */
    struct pqpool *pool;
    const char *sql;
    int64_t acquire_ns, exec_ns; /* each acquire's and each statement's time */
    int n_threads;
    int discard_each; /* every so many-th connection is given back as DISCARD; 0: none */
    void (*on_seen)(void *ctx, const struct load_seen *seen);
    void *ctx;
    /* counted since load_start() */
    atomic_llong acquires[LOAD_RCS], statements[LOAD_RCS];
    atomic_llong good_in_a_row; /* statements, since anything last failed to any thread */
    atomic_llong slowest_acquire_ns, slowest_exec_ns;
    atomic_llong late_ns, latest_ns; /* the witness's naps: all in all, and the worst */
    atomic_llong wakes_at_ns;
    atomic_bool stop;
    pthread_t threads[LOAD_THREADS_MAX], witness;
};

void load_start(struct load *load);

/* Joins the threads. */
void load_stop(struct load *load);

/* Statements that ended so; all that were not good. */
int64_t load_ended(const struct load *load, enum pqpool_rc rc);
int64_t load_failures(const struct load *load);

/* What the machine has lost since load_start(), a nap that has not ended yet included. */
int64_t load_lost_ns(const struct load *load);

#endif
