/* signals.h - waits for SIGTERM, SIGINT and SIGHUP. Every thread blocks these signals, and main
 * waits for them by the functions below, so there is no signal handler. Threads: main only. */
#ifndef APP_SIGNALS_H
#define APP_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* Blocks the signals. Call it before any other thread is started. It also ignores SIGPIPE, so that
 * a write to a peer that has closed the connection returns an error. */
void signals_block(void);

/* Waits for a signal until `until_ns`. Returns the signal's number, or 0 if none came. */
int signals_await(int64_t until_ns);

bool signal_ends(int signal); /* SIGTERM or SIGINT */

/* A task that may take a long time. `work` runs on a thread of its own; `interrupt` makes `work`
 * return soon. */
struct signals_task {
    void (*work)(void *arg);
    void (*interrupt)(void *arg);
    void *arg;
};

/* Runs the task to its end. SIGTERM or SIGINT interrupts the task. Returns that signal, 0 if no
 * signal came, or -1 if no thread could be started. If `work` does not return within 3 s of
 * `interrupt`, the process ends with status 128 + the signal's number. */
int signals_run(const struct signals_task *task);

/* Starts a thread that ends the process unless signals_unguard() is called in time. The process
 * ends with status 1 at `at_ns`. If SIGTERM or SIGINT comes before that, the process ends at once,
 * with `status`. signals_unguard() ends the thread. If the thread cannot be started, a process that
 * hangs while it stops is not ended. */
void signals_guard(int64_t at_ns, int status);
void signals_unguard(void);

#endif
