/* signals.h - SIGTERM, SIGINT and SIGHUP. Every thread blocks them, and the functions below wait
 * for them synchronously, so there is no signal handler. Threads: main only. */
#ifndef APP_SIGNALS_H
#define APP_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* Blocks the signals. Call it before any other thread is started. It also ignores SIGPIPE, so that
 * writing to a peer that has gone returns an error. */
void signals_block(void);

/* Waits for a signal until `until_ns`. Returns the signal's number, or 0 if none came. */
int signals_await(int64_t until_ns);

bool signal_ends(int signal); /* SIGTERM or SIGINT */

/* A task that may wait for a long time. `work` runs on a thread of its own; `interrupt` makes
 * `work` return soon. */
struct signals_task {
    void (*work)(void *arg);
    void (*interrupt)(void *arg);
    void *arg;
};

/* Runs the task to its end. SIGTERM or SIGINT interrupts the task. Returns the signal that came, 0
 * if none came, or -1 if no thread could be started. If `work` does not end in spite of
 * `interrupt`, the process ends with status 128 + the signal's number. */
int signals_run(const struct signals_task *task);

/* Starts a thread that ends the process if something blocks the orderly end: with status 1 at
 * `at_ns`, or with `status` if SIGTERM or SIGINT comes before. signals_unguard() ends that thread.
 * If the thread cannot be started, nothing is guarded. */
void signals_guard(int64_t at_ns, int status);
void signals_unguard(void);

#endif
