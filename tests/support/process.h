/* process.h - child processes, ports and the end of a test that cannot go on: what the rest of
 * tests/support stands on. Any thread. */
#ifndef SUPPORT_PROCESS_H
#define SUPPORT_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"

/* Says why and aborts: for what keeps the test from being run at all. */
void support_fail(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;
void support_fail_os(const char *what) NORETURN; /* the why is errno's */

/* As asprintf; the caller frees. */
char *support_text(const char *fmt, ...) PRINTF_LIKE(1, 2) MUST_CHECK;

/* All of the file from its start, NUL-terminated; caller frees. */
char *support_read_fd(int fd) MUST_CHECK;

struct process {
    const char *const *argv; /* argv[0] is looked up in PATH; ends with NULL */
    const char *const *env;  /* all of its environment; ends with NULL */
    int in_fd, out_fd;       /* its input; its output and error. -1: /dev/null */
};

/* The child has only those three files open. */
pid_t process_spawn(const struct process *process);

/* Its exit status, 128 + n when signal n ended it; -1 when it still runs after the seconds. */
int process_wait(pid_t pid, double seconds);

/* Runs a command to its end; anything but exit status 0 within the seconds ends the test. */
void process_run(const char *const argv[], double seconds);

/* A port on 127.0.0.1 that nobody listens on, below those that the kernel gives to dialling
 * sockets: while its server is down, no client of it can take it or connect to itself. No other
 * test gets it before this process has ended; that costs a descriptor. */
int process_free_port(void);

#endif
