/* Waits that a signal ends, and the guard that ends a process whose orderly end is blocked. Each
 * test runs in a child and checks the child's exit status. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/signals.h"
#include "base/clock.h"

enum { TEST_S = 120, ORDERLY = 5, STATUS_OF_SIGNAL = 128 };

/* Runs `body` in a child, sends it the signal once it says that it is ready, and returns its exit
 * status. signal 0: none is sent. */
static int status_of(void (*body)(int ready_fd), int signal)
{
    int fds[2], status = 0;
    char byte;
    cr_assert_eq(pipe(fds), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        signals_block();
        body(fds[1]);
        _exit(ORDERLY);
    }
    (void)close(fds[1]);
    ssize_t told = read(fds[0], &byte, 1);
    cr_assert_geq(told, 0); /* 0: a guard has ended the child before it could say anything */
    if (signal != 0)
        cr_assert(told == 1 && kill(child, signal) == 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    (void)close(fds[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_OF_SIGNAL + WTERMSIG(status);
}

static void say_ready(int fd)
{
    cr_assert_eq(write(fd, "", 1), 1);
}

/* ---- a task ---- */

struct task {
    int ready_fd;
    atomic_bool interrupted;
};

static void wait_until_interrupted(void *arg)
{
    struct task *task = arg;
    say_ready(task->ready_fd);
    while (!atomic_load(&task->interrupted))
        (void)usleep(1000);
}

static void wait_for_ever(void *arg)
{
    say_ready(((struct task *)arg)->ready_fd);
    for (;;)
        (void)pause();
}

static void do_nothing(void *arg)
{
    (void)arg;
}

static void interrupt(void *arg)
{
    atomic_store(&((struct task *)arg)->interrupted, true);
}

static void run(void (*work)(void *arg), int ready_fd)
{
    struct task task = { .ready_fd = ready_fd };
    const struct signals_task what = { work, interrupt, &task };
    int signal = signals_run(&what);
    _exit(signal == 0 ? ORDERLY : 100 + signal);
}

static void a_task_that_can_be_interrupted(int ready_fd)
{
    run(wait_until_interrupted, ready_fd);
}

static void a_task_that_cannot(int ready_fd)
{
    run(wait_for_ever, ready_fd);
}

static void a_task_that_ends(int ready_fd)
{
    say_ready(ready_fd);
    run(do_nothing, ready_fd);
}

Test(signals, a_task_ends_by_itself, .timeout = TEST_S)
{
    cr_expect_eq(status_of(a_task_that_ends, 0), ORDERLY);
}

Test(signals, a_signal_interrupts_a_task, .timeout = TEST_S)
{
    cr_expect_eq(status_of(a_task_that_can_be_interrupted, SIGTERM), 100 + SIGTERM);
    cr_expect_eq(status_of(a_task_that_can_be_interrupted, SIGINT), 100 + SIGINT);
}

Test(signals, a_task_that_goes_on_is_left_behind, .timeout = TEST_S)
{
    cr_expect_eq(status_of(a_task_that_cannot, SIGTERM), STATUS_OF_SIGNAL + SIGTERM);
}

/* ---- the guard ---- */

static void be_stuck(int ready_fd)
{
    say_ready(ready_fd);
    for (;;)
        (void)pause();
}

static void stuck_for_long(int ready_fd)
{
    signals_guard(clock_now_ns() + 3600 * NS_PER_S, 7);
    be_stuck(ready_fd);
}

static void stuck_for_too_long(int ready_fd)
{
    signals_guard(clock_now_ns() + NS_PER_MS, 7);
    be_stuck(ready_fd);
}

static void guarded_and_in_order(int ready_fd)
{
    signals_guard(clock_now_ns() + 3600 * NS_PER_S, 7);
    signals_unguard();
    signals_unguard();
    say_ready(ready_fd);
}

Test(signals, the_guard_ends_what_is_stuck, .timeout = TEST_S)
{
    cr_expect_eq(status_of(stuck_for_too_long, 0), 1, "it took too long");
    cr_expect_eq(status_of(stuck_for_long, SIGTERM), 7, "a signal wants it now");
    cr_expect_eq(status_of(guarded_and_in_order, 0), ORDERLY);
}

/* ---- a plain wait ---- */

static void await_one(int ready_fd)
{
    say_ready(ready_fd);
    _exit(100 + signals_await(CLOCK_NEVER));
}

Test(signals, a_wait_ends_by_a_signal_or_its_moment, .timeout = TEST_S)
{
    cr_expect_eq(status_of(await_one, SIGHUP), 100 + SIGHUP);
    signals_block();
    cr_expect_eq(signals_await(clock_now_ns() + NS_PER_MS), 0);
    cr_expect_eq(signals_await(clock_now_ns() - NS_PER_S), 0);
}
