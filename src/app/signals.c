/* signals.c - see signals.h. */
#include "app/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sync.h"

#define INTERRUPT_LIMIT_NS (3 * NS_PER_S)

enum { STATUS_OF_SIGNAL = 128 };

static sigset_t taken;

void signals_block(void)
{
    (void)sigemptyset(&taken);
    (void)sigaddset(&taken, SIGTERM);
    (void)sigaddset(&taken, SIGINT);
    (void)sigaddset(&taken, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &taken, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

int signals_await(int64_t until_ns)
{
    for (;;) {
        int64_t left_ns = until_ns - clock_now_ns();
        struct timespec left = clock_timespec(left_ns > 0 ? left_ns : 0);
        int got = sigtimedwait(&taken, NULL, &left);
        if (got > 0)
            return got;
        if (errno == EAGAIN && clock_now_ns() >= until_ns)
            return 0;
    }
}

bool signal_ends(int signal)
{
    return signal == SIGTERM || signal == SIGINT;
}

/* ---- wait for a signal or an event ---- */

struct wait {
    int signal_fd, event_fd; /* event_fd is readable when the wait should end */
};

static struct wait wait_open(void)
{
    struct wait wait = { signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK),
                         eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    CHECK(wait.signal_fd >= 0 && wait.event_fd >= 0);
    return wait;
}

static void wait_close(struct wait *wait)
{
    (void)close(wait->signal_fd);
    (void)close(wait->event_fd);
}

enum awaited { AWAITED_EVENT, AWAITED_SIGNAL, AWAITED_MOMENT };

/* Waits for the event, SIGTERM or SIGINT until `until_ns`, and ignores SIGHUP. *signal is valid
 * only after AWAITED_SIGNAL. */
static enum awaited await(const struct wait *wait, int64_t until_ns, int *signal)
{
    struct pollfd fds[] = { { .fd = wait->event_fd, .events = POLLIN },
                            { .fd = wait->signal_fd, .events = POLLIN } };
    struct signalfd_siginfo info;
    for (;;) {
        int64_t now_ns = clock_now_ns();
        int ready = poll(fds, 2, clock_poll_ms(until_ns, now_ns));
        if (ready > 0 && fds[0].revents != 0)
            return AWAITED_EVENT;
        if (ready > 0 && read(wait->signal_fd, &info, sizeof info) == sizeof info) {
            *signal = (int)info.ssi_signo;
            if (signal_ends(*signal))
                return AWAITED_SIGNAL;
        }
        if (now_ns >= until_ns)
            return AWAITED_MOMENT;
    }
}

/* ---- a task that can be interrupted ---- */

struct running {
    const struct signals_task *task;
    struct wait wait;
};

static void *run_task(void *arg)
{
    struct running *running = arg;
    running->task->work(running->task->arg);
    (void)eventfd_write(running->wait.event_fd, 1);
    return NULL;
}

int signals_run(const struct signals_task *task)
{
    struct running running = { .task = task, .wait = wait_open() };
    int signal = 0, ignored;
    pthread_t thread;
    if (thread_start(&thread, "task", run_task, &running) != 0) {
        wait_close(&running.wait);
        return -1;
    }
    bool interrupted = await(&running.wait, CLOCK_NEVER, &signal) == AWAITED_SIGNAL;
    if (interrupted) {
        int64_t until_ns = clock_now_ns() + INTERRUPT_LIMIT_NS;
        task->interrupt(task->arg);
        if (await(&running.wait, until_ns, &ignored) != AWAITED_EVENT)
            _exit(STATUS_OF_SIGNAL + signal);
    }
    thread_join(thread);
    wait_close(&running.wait);
    return interrupted ? signal : 0;
}

/* ---- a limit for the orderly end ---- */

static struct guard {
    struct wait wait;
    int64_t at_ns;
    int status;
    pthread_t thread;
    bool runs;
} guard;

static void *keep_guard(void *arg)
{
    int signal;
    (void)arg;
    switch (await(&guard.wait, guard.at_ns, &signal)) {
    case AWAITED_EVENT:
        break;
    case AWAITED_SIGNAL:
        log_event(LOG_WARN, "service.forced_end", log_str("reason", "another signal came"));
        _exit(guard.status);
    case AWAITED_MOMENT:
        log_event(LOG_ERROR, "service.forced_end",
                  log_str("reason", "the orderly end took too long"));
        _exit(1);
    }
    return NULL;
}

void signals_guard(int64_t at_ns, int status)
{
    guard.wait = wait_open();
    guard.at_ns = at_ns;
    guard.status = status;
    guard.runs = thread_start(&guard.thread, "guard", keep_guard, NULL) == 0;
    if (!guard.runs)
        wait_close(&guard.wait);
}

void signals_unguard(void)
{
    if (!guard.runs)
        return;
    (void)eventfd_write(guard.wait.event_fd, 1);
    thread_join(guard.thread);
    wait_close(&guard.wait);
    guard.runs = false;
}
