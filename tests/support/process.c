/* process.c - see process.h. It uses posix_spawn and not fork, because a test may have threads and
 * sanitizers. */
#include "support/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "support/wait.h"

void support_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("test support: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

void support_fail_os(const char *what)
{
    support_fail("%s: %s", what, strerror(errno));
}

char *support_text(const char *fmt, ...)
{
    va_list args;
    char *text;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    CHECK(len >= 0);
    return text;
}

char *support_read_fd(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        support_fail_os("fstat");
    size_t size = (size_t)st.st_size;
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    ssize_t got = pread(fd, text, size, 0);
    if (got < 0)
        support_fail_os("pread");
    text[got] = '\0';
    return text;
}

/* The child starts with default actions for all signals and none blocked, whatever the test has
 * set. */
static void set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    CHECK(posix_spawnattr_init(attr) == 0);
    CHECK(posix_spawnattr_setsigmask(attr, &none) == 0);
    CHECK(posix_spawnattr_setsigdefault(attr, &all) == 0);
    CHECK(posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0);
}

static void set_files(posix_spawn_file_actions_t *files, const struct process *process)
{
    CHECK(posix_spawn_file_actions_init(files) == 0);
    if (process->in_fd < 0)
        CHECK(posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0) == 0);
    else
        CHECK(posix_spawn_file_actions_adddup2(files, process->in_fd, 0) == 0);
    if (process->out_fd < 0)
        CHECK(posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0) == 0);
    else
        CHECK(posix_spawn_file_actions_adddup2(files, process->out_fd, 1) == 0);
    CHECK(posix_spawn_file_actions_adddup2(files, 1, 2) == 0);
    CHECK(posix_spawn_file_actions_addclosefrom_np(files, 3) == 0);
}

/* POSIX declares argv and envp without const for historical reasons; neither is written to. */
static char *const *unconst(const char *const *strings)
{
    union {
        const char *const *in;
        char *const *out;
    } cast = { .in = strings };
    return cast.out;
}

pid_t process_spawn(const struct process *process)
{
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t files;
    set_attributes(&attr);
    set_files(&files, process);
    pid_t pid;
    int rc = posix_spawnp(&pid, process->argv[0], &files, &attr, unconst(process->argv),
                          unconst(process->env));
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    if (rc != 0)
        support_fail("%s: %s", process->argv[0], strerror(rc));
    return pid;
}

/* Returns true if the child has ended. It does so only once, because the status can be taken only
 * once. */
static bool reap(pid_t pid, int *status)
{
    pid_t got = waitpid(pid, status, WNOHANG);
    if (got < 0)
        support_fail_os("waitpid");
    return got == pid;
}

int process_wait(pid_t pid, double seconds)
{
    int status = 0;
    if (!WAIT_UNTIL(reap(pid, &status), seconds))
        return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void process_run(const char *const argv[], double seconds)
{
    static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
    int log = memfd_create("output", MFD_CLOEXEC);
    CHECK(log >= 0);
    const struct process process = { .argv = argv, .env = env, .in_fd = -1, .out_fd = log };
    pid_t pid = process_spawn(&process);
    int status = process_wait(pid, seconds);
    if (status != 0) {
        (void)kill(pid, SIGKILL);
        support_fail("%s: status %d\n%s", argv[0], status, support_read_fd(log));
    }
    close(log);
}

static bool port_is_free(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    const struct sockaddr_in addr = { .sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    /* without SO_REUSEADDR, because not every server can use a port with connections in
     * TIME_WAIT */
    bool free = bind(fd, (const struct sockaddr *)&addr, sizeof addr) == 0 && listen(fd, 1) == 0;
    close(fd);
    return free;
}

/* Reserves the port by an abstract unix socket of that name, which stays open. The kernel gives the
 * name to one process at a time, and frees it when the process ends. Such names belong to a network
 * namespace, as ports do. */
static bool reserve_port(int port)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int len = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "ordersd-test-port-%d", port);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    bool ours = bind(fd, (const struct sockaddr *)&name, size) == 0;
    if (ours && port_is_free(port))
        return true;
    close(fd);
    return false;
}

int process_free_port(void)
{
    enum { LOWEST = 20000, COUNT = 12000, TRIES = 1000 };
    for (int i = 0; i < TRIES; i++) {
        uint32_t dice;
        CHECK(getrandom(&dice, sizeof dice, 0) == sizeof dice);
        int port = LOWEST + (int)(dice % COUNT);
        if (reserve_port(port))
            return port;
    }
    support_fail("no free port in %d tries", TRIES);
}
