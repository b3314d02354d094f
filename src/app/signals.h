/* signals.h - SIGTERM, SIGINT and SIGHUP. They are blocked in every thread and taken where somebody
 * waits for them, so there is no handler and nothing to be careful about in one.
 *
 * Threads    main's. */
#ifndef APP_SIGNALS_H
#define APP_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* Before any other thread is started. A write to a peer that is gone is an error from then on, and
 * not a SIGPIPE. */
void signals_block(void);

/* A signal's number; 0 when the moment has come. */
int signals_await(int64_t until_ns);

bool signal_ends(int signal); /* SIGTERM or SIGINT */

/* Something that may wait for long. `work` runs on a thread of its own; `interrupt` has it return
 * soon. */
struct signals_task {
    void (*work)(void *arg);
    void (*interrupt)(void *arg);
    void *arg;
};

/* Runs the task to its end, which SIGTERM or SIGINT brings about at once. Returns that signal; 0:
 * none came; -1: there was no thread. If `work` does not end in spite of `interrupt`, the process
 * ends with status 128 + the signal's number. */
int signals_run(const struct signals_task *task);

/* Ends the process with status 1 at that moment, and with `status` as soon as SIGTERM or SIGINT
 * comes, unless signals_unguard() was called: for an orderly end that something blocks. Without a
 * thread for it nothing is guarded. */
void signals_guard(int64_t at_ns, int status);
void signals_unguard(void);

#endif
