/* daemon.h - runs the program as a test wants it, and watches it: the one of the same build, or the
 * one that $ORDERSD names.
 *
 * Life       the daemon ends with the process that started it. Its standard error goes to a file
 *            without a name, so nothing is left behind.
 * Setting    its environment holds PATH, the sanitizers' options and what the test says, nothing
 *            else; HTTP_PORT is a free port unless the test says one. Any HTTP_ADDRESS is taken as
 *            reachable through 127.0.0.1.
 * Failure    what does not work ends the process with a line that says why and the daemon's log.
 * Threads    one thread at a time, the one that started the daemon: the daemon dies with it. */
#ifndef SUPPORT_DAEMON_H
#define SUPPORT_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"

struct daemon; /* opaque */

/* `settings`: "NAME=value" strings, ends with NULL. Returns when /health/ready answers 200. */
struct daemon *daemon_start(const char *const settings[]) MUST_CHECK;

/* As daemon_start, but waits for nothing. `args` (may be NULL) follow the program's name. */
struct daemon *daemon_spawn(const char *const settings[], const char *const args[]) MUST_CHECK;

/* As daemon_spawn, with that listening socket handed over as a service manager does
 * (LISTEN_FDS=1). */
struct daemon *daemon_spawn_on(int socket, const char *const settings[],
                               const char *const args[]) MUST_CHECK;

/* False when `path` did not answer with `status` in time. */
bool daemon_wait_status(struct daemon *daemon, const char *path, int status, int seconds);

/* The program that is run. */
const char *daemon_program(void);

/* SIGTERM, then its exit status; 128 + n when signal n ended it. */
int daemon_stop(struct daemon *daemon);
int daemon_wait_exit(struct daemon *daemon, int seconds);
bool daemon_alive(struct daemon *daemon);
void daemon_signal(struct daemon *daemon, int signal);

/* SIGKILL if it runs, and frees. A sanitizer's report in its log is shown on our standard error,
 * where ctest looks for one. NULL is a no-op. */
void daemon_close(struct daemon **daemon);

/* What it wrote to standard error so far; while it runs, whole lines. */
bool daemon_log_contains(struct daemon *daemon, const char *text);
bool daemon_log_wait(struct daemon *daemon, const char *text, int seconds);
char *daemon_log(struct daemon *daemon) MUST_CHECK; /* all of it, NUL-terminated; caller frees */

int daemon_port(const struct daemon *daemon);
pid_t daemon_pid(const struct daemon *daemon);
/* "http://127.0.0.1:PORT" + path; borrowed until the next call. */
const char *daemon_url(struct daemon *daemon, const char *path);

#endif
