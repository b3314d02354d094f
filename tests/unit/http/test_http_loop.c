/* When a loop may sleep, and what wakes it. No loop runs here. */
#include <criterion/criterion.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http/loop.h"

static struct http_loop loop;

static void set_up(void)
{
    loop = (struct http_loop){ .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    cr_assert_geq(loop.wake_fd, 0);
    mutex_init(&loop.mu);
}

static void tear_down(void)
{
    mutex_fini(&loop.mu);
    (void)close(loop.wake_fd);
}

TestSuite(loop, .init = set_up, .fini = tear_down);

/* Returns how often the loop was woken since the last call. */
static uint64_t wakes(void)
{
    uint64_t count = 0;
    return read(loop.wake_fd, &count, sizeof count) == sizeof count ? count : 0;
}

static int finished;

static void count_finished(struct http_completion *completion)
{
    (void)completion;
    finished++;
}

static struct http_completion one = { .finish = count_finished };
static struct http_completion other = { .finish = count_finished };

Test(loop, one_wake_up_for_all_completions)
{
    cr_expect(loop_fall_asleep(&loop));
    http_complete_one(&loop, &one);
    http_complete_one(&loop, &other);
    cr_expect_eq(wakes(), 1);
    cr_expect(loop_finish_completions(&loop));
    cr_expect_eq(finished, 2);
}

Test(loop, does_not_sleep_on_a_completion)
{
    http_complete_one(&loop, &one);
    cr_expect_eq(wakes(), 0); /* the loop is awake */
    cr_expect_not(loop_fall_asleep(&loop));
    http_complete_one(&loop, &other);
    cr_expect_eq(wakes(), 0);
    cr_expect(loop_finish_completions(&loop));
    cr_expect_not(loop_finish_completions(&loop));
    cr_expect_eq(finished, 2);
    cr_expect(loop_fall_asleep(&loop));
}
