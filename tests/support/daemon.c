/* daemon.c - see daemon.h. */
#include "support/daemon.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "support/http.h"
#include "support/process.h"
#include "support/wait.h"

enum { READY_S = 30, STOP_S = 60, KILL_S = 20, STRINGS_MAX = 64 };

struct daemon {
    pid_t pid;  /* 0: it has ended */
    int status; /* set once it has ended */
    int port;
    int log_fd;
    struct http_client *http;
    char url[256];
};

/* ---- start ---- */

/* A NULL-terminated list of strings for exec: first ours, then the caller's. */
struct strings {
    const char *all[STRINGS_MAX];
    size_t n;
};

static void add(struct strings *strings, const char *text)
{
    CHECK(strings->n + 1 < STRINGS_MAX); /* a NULL follows the last one */
    strings->all[strings->n++] = text;
}

static void add_all(struct strings *strings, const char *const more[])
{
    for (size_t i = 0; more != NULL && more[i] != NULL; i++)
        add(strings, more[i]);
}

static int port_in(const char *const settings[])
{
    static const char name[] = "HTTP_PORT=";
    for (size_t i = 0; settings != NULL && settings[i] != NULL; i++)
        if (strncmp(settings[i], name, strlen(name)) == 0)
            return (int)strtol(settings[i] + strlen(name), NULL, 10);
    return 0;
}

const char *daemon_program(void)
{
    const char *named = getenv("ORDERSD");
    const char *program = named != NULL ? named : ORDERSD_PROGRAM;
    if (access(program, X_OK) != 0)
        support_fail("%s is no program", program);
    return program;
}

/* Through setpriv, the kernel kills the daemon when the thread that started it ends. */
static void spawn(struct daemon *daemon, int socket, const char *const settings[],
                  const char *const args[])
{
    /* exec keeps the process id, which LISTEN_PID needs */
    static const char hand_over[] = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\" 3<&0 </dev/null";
    const char *const shell[] = { "sh", "-c", hand_over, "sh", NULL };
    static const char *const inherited[] = { "PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                                             "TSAN_OPTIONS" };
    struct strings argv = { .n = 0 }, env = { .n = 0 };
    const char *const front[] = { "setpriv", "--pdeathsig", "KILL", "--", daemon_program(), NULL };
    char *owned[5] = { NULL };
    add_all(&argv, socket >= 0 ? shell : NULL);
    add_all(&argv, front);
    add_all(&argv, args);
    for (size_t i = 0; i < 4; i++) {
        const char *value = getenv(inherited[i]);
        owned[i] = support_text("%s=%s", inherited[i], value != NULL ? value : "");
        add(&env, owned[i]);
    }
    owned[4] = support_text("HTTP_PORT=%d", daemon->port);
    add(&env, owned[4]);
    add_all(&env, settings);

    const struct process process = {
        .argv = argv.all, .env = env.all, .in_fd = socket, .out_fd = daemon->log_fd
    };
    daemon->pid = process_spawn(&process);
    for (size_t i = 0; i < 5; i++)
        free(owned[i]);
}

static int port_of(int socket)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    CHECK(getsockname(socket, (struct sockaddr *)&address, &len) == 0);
    return ntohs(address.sin_port);
}

struct daemon *daemon_spawn_on(int socket, const char *const settings[], const char *const args[])
{
    struct daemon *daemon = calloc(1, sizeof *daemon);
    CHECK(daemon != NULL);
    int port = port_in(settings);
    if (port == 0)
        port = socket >= 0 ? port_of(socket) : process_free_port();
    daemon->port = port;
    daemon->log_fd = memfd_create("daemon-log", MFD_CLOEXEC);
    CHECK(daemon->log_fd >= 0);
    /* A memfd has no lock on its offset; without O_APPEND the lines of two threads could overwrite
     * each other. */
    CHECK(fcntl(daemon->log_fd, F_SETFL, O_APPEND) == 0);
    daemon->http = http_client_open();
    spawn(daemon, socket, settings, args);
    return daemon;
}

struct daemon *daemon_spawn(const char *const settings[], const char *const args[])
{
    return daemon_spawn_on(-1, settings, args);
}

struct daemon *daemon_start(const char *const settings[])
{
    struct daemon *daemon = daemon_spawn(settings, NULL);
    if (!daemon_wait_status(daemon, "/health/ready", 200, READY_S))
        support_fail("the daemon is not ready; its log:\n%s", daemon_log(daemon));
    return daemon;
}

/* Returns true if the status was answered, or if the daemon has ended. It polls slowly, because
 * every other answer is logged, and the log takes only 20 lines of a kind a second. */
static bool has_status_or_ended(struct daemon *daemon, const char *url, int status, bool *met)
{
    static const struct timespec pause = { .tv_nsec = 60 * NS_PER_MS };
    struct http_reply reply;
    int got = http_get(daemon->http, url, &reply);
    http_reply_fini(&reply);
    *met = got == status;
    if (got != 0 && !*met)
        (void)nanosleep(&pause, NULL);
    return *met || !daemon_alive(daemon);
}

bool daemon_wait_status(struct daemon *daemon, const char *path, int status, int seconds)
{
    char *url = support_text("%s", daemon_url(daemon, path));
    bool met = false;
    (void)WAIT_UNTIL(has_status_or_ended(daemon, url, status, &met), seconds);
    free(url);
    return met;
}

/* ---- end ---- */

bool daemon_alive(struct daemon *daemon)
{
    return daemon_wait_exit(daemon, 0) < 0;
}

int daemon_wait_exit(struct daemon *daemon, int seconds)
{
    if (daemon->pid == 0)
        return daemon->status;
    int status = process_wait(daemon->pid, seconds);
    if (status >= 0) {
        daemon->pid = 0;
        daemon->status = status;
    }
    return status;
}

void daemon_signal(struct daemon *daemon, int signal)
{
    if (daemon->pid != 0)
        (void)kill(daemon->pid, signal);
}

int daemon_stop(struct daemon *daemon)
{
    daemon_signal(daemon, SIGTERM);
    int status = daemon_wait_exit(daemon, STOP_S);
    if (status < 0)
        support_fail("the daemon does not stop; its log:\n%s", daemon_log(daemon));
    return status;
}

static void show_sanitizer_report(struct daemon *daemon)
{
    char *log = daemon_log(daemon);
    if (strstr(log, "Sanitizer:") != NULL || strstr(log, "runtime error:") != NULL ||
        strstr(log, "CHECK failed") != NULL)
        fprintf(stderr, "the daemon's log:\n%s\n", log);
    free(log);
}

void daemon_close(struct daemon **daemon)
{
    struct daemon *d = *daemon;
    if (d == NULL)
        return;
    daemon_signal(d, SIGKILL);
    if (daemon_wait_exit(d, KILL_S) < 0)
        support_fail("the daemon outlives SIGKILL");
    show_sanitizer_report(d);
    http_client_close(&d->http);
    close(d->log_fd);
    free(d);
    *daemon = NULL;
}

/* ---- log and address ---- */

char *daemon_log(struct daemon *daemon)
{
    char *log = support_read_fd(daemon->log_fd), *last = strrchr(log, '\n');
    if (daemon_alive(daemon)) /* it may be writing the rest of a line */
        *(last != NULL ? last + 1 : log) = '\0';
    return log;
}

bool daemon_log_contains(struct daemon *daemon, const char *text)
{
    char *log = daemon_log(daemon);
    bool found = strstr(log, text) != NULL;
    free(log);
    return found;
}

bool daemon_log_wait(struct daemon *daemon, const char *text, int seconds)
{
    return WAIT_UNTIL(daemon_log_contains(daemon, text), seconds);
}

int daemon_port(const struct daemon *daemon)
{
    return daemon->port;
}

pid_t daemon_pid(const struct daemon *daemon)
{
    return daemon->pid;
}

const char *daemon_url(struct daemon *daemon, const char *path)
{
    int len =
        snprintf(daemon->url, sizeof daemon->url, "http://127.0.0.1:%d%s", daemon->port, path);
    CHECK(len > 0 && (size_t)len < sizeof daemon->url);
    return daemon->url;
}
