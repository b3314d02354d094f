/* process.h - child processes, ports, and how a test that cannot go on ends. The other files of
 * tests/support build on it. Any thread. */
#ifndef SUPPORT_PROCESS_H
#define SUPPORT_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"

/* Prints why and aborts. Use it if the test cannot run at all. */
void support_fail(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;
void support_fail_os(const char *what) NORETURN; /* prints the text of errno */

/* As asprintf; the caller frees. */
char *support_text(const char *fmt, ...) PRINTF_LIKE(1, 2) MUST_CHECK;

/* Returns the whole file with a NUL. The caller frees it. */
char *support_read_fd(int fd) MUST_CHECK;

struct process {
    const char *const *argv; /* argv[0] is looked up in PATH; ends with NULL */
    const char *const *env;  /* its whole environment; ends with NULL */
    int in_fd, out_fd;       /* standard input; standard output and error. -1: /dev/null */
};

/* Starts the child, in which only these three files are open. */
pid_t process_spawn(const struct process *process);

/* Waits for the child. Returns its exit status, 128 + n if signal n ended it, or -1 if it still
 * runs after `seconds`. */
int process_wait(pid_t pid, double seconds);

/* Runs a command to its end. Ends the test unless the command exits with 0 within `seconds`. */
void process_run(const char *const argv[], double seconds);

/* Returns a port on 127.0.0.1 on which nobody listens. It is below the ports that the kernel gives
 * to outgoing connections, so that while its server is down no client can take it or connect to
 * itself. No other test gets it before this process has ended, which costs a descriptor. */
int process_free_port(void);

#endif
