/* daemon.h - runs ordersd as a child process and watches it: the program of the same build, or the
 * one that $ORDERSD names.
 *
 * Life       The daemon ends with the thread that started it. Its standard error goes to a file
 *            without a name, so nothing is left behind.
 * Setting    Its environment has only PATH, the sanitizers' options and the caller's settings.
 *            HTTP_PORT is a free port unless it is set. Any HTTP_ADDRESS must be reachable through
 *            127.0.0.1.
 * Failure    A failure ends the process, with a line that says why, and the daemon's log.
 * Threads    one thread at a time: the one that started the daemon */
#ifndef SUPPORT_DAEMON_H
#define SUPPORT_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"

struct daemon; /* opaque */

/* `settings`: "NAME=value" strings, ends with NULL. Returns when /health/ready answers 200. */
struct daemon *daemon_start(const char *const settings[]) MUST_CHECK;

/* As daemon_start(), but waits for nothing. `args` (may be NULL) follow the program's name. */
struct daemon *daemon_spawn(const char *const settings[], const char *const args[]) MUST_CHECK;

/* As daemon_spawn(), and passes the listening socket as a service manager does (LISTEN_FDS=1). */
struct daemon *daemon_spawn_on(int socket, const char *const settings[],
                               const char *const args[]) MUST_CHECK;

/* Returns false if `path` did not answer with `status` in time. */
bool daemon_wait_status(struct daemon *daemon, const char *path, int status, int seconds);

/* The path of the program. */
const char *daemon_program(void);

/* Sends SIGTERM and waits. Returns the exit status, or 128 + n if signal n ended the daemon. */
int daemon_stop(struct daemon *daemon);
int daemon_wait_exit(struct daemon *daemon, int seconds);
bool daemon_alive(struct daemon *daemon);
void daemon_signal(struct daemon *daemon, int signal);

/* Kills the daemon if it runs, and frees. If its log has a sanitizer's report, that is copied to
 * our standard error, where ctest looks for it. NULL is a no-op. */
void daemon_close(struct daemon **daemon);

/* The daemon's standard error so far; while it runs, only whole lines. */
bool daemon_log_contains(struct daemon *daemon, const char *text);
bool daemon_log_wait(struct daemon *daemon, const char *text, int seconds);
char *daemon_log(struct daemon *daemon) MUST_CHECK; /* all of it, NUL-terminated; caller frees */

int daemon_port(const struct daemon *daemon);
pid_t daemon_pid(const struct daemon *daemon);
/* "http://127.0.0.1:PORT" + path; borrowed until the next call. */
const char *daemon_url(struct daemon *daemon, const char *path);

#endif
