/* Threads that wait for work: all work is done once, nobody sleeps through work, all end. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/work_queue.h"

enum { THREADS = 4, WORKS = 20000 };

struct work {
    struct fifo_node link;
    unsigned done;
    pthread_t by;
};

struct team {
    struct work_queue queue;
    struct fifo works GUARDED_VAR;
    pthread_t threads[THREADS];
};

static struct work *take(struct team *team)
{
    mutex_lock(&team->queue.mu);
    while (team->works.first == NULL && work_queue_wait(&team->queue, CLOCK_NEVER))
        continue;
    struct work *work = CONTAINER_OR_NULL(fifo_pop(&team->works), struct work, link);
    if (team->works.first != NULL)
        work_queue_wake(&team->queue);
    mutex_unlock(&team->queue.mu);
    return work;
}

static void *run(void *arg)
{
    for (struct work *work; (work = take(arg)) != NULL;) {
        work->by = pthread_self();
        work->done++;
    }
    return NULL;
}

static void add(struct team *team, struct work *work)
{
    mutex_lock(&team->queue.mu);
    fifo_push(&team->works, &work->link);
    work_queue_wake(&team->queue);
    mutex_unlock(&team->queue.mu);
}

static void await_idle(struct team *team, uint32_t n)
{
    for (bool idle = false; !idle;) {
        mutex_lock(&team->queue.mu);
        idle = team->queue.idle.count == n && team->works.first == NULL && !team->queue.waking;
        mutex_unlock(&team->queue.mu);
    }
}

/* What is left when the queue ends is done, too. */
Test(work_queue, all_work_is_done_once, .timeout = 60)
{
    static struct work works[WORKS];
    struct team team = { .works = { NULL, NULL } };
    work_queue_init(&team.queue);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(thread_start(&team.threads[i], "team", run, &team), 0);
    for (int i = 0; i < WORKS; i++) {
        add(&team, &works[i]);
        if (i % 1000 == 0)
            await_idle(&team, THREADS); /* with no more work than this, somebody must come */
    }
    work_queue_end(&team.queue);
    for (int i = 0; i < THREADS; i++)
        thread_join(team.threads[i]);
    for (int i = 0; i < WORKS; i++)
        cr_assert_eq(works[i].done, 1, "work %d: %u", i, works[i].done);
    work_queue_fini(&team.queue);
}

Test(work_queue, a_wait_ends_at_its_moment_and_once_the_queue_has_ended)
{
    struct work_queue queue;
    work_queue_init(&queue);
    mutex_lock(&queue.mu);
    const int64_t until_at_ns = clock_after(clock_now_ns(), 5 * NS_PER_MS);
    while (clock_now_ns() < until_at_ns)
        cr_assert(work_queue_wait(&queue, until_at_ns));
    mutex_unlock(&queue.mu);
    work_queue_end(&queue);
    mutex_lock(&queue.mu);
    cr_expect_not(work_queue_wait(&queue, CLOCK_NEVER));
    mutex_unlock(&queue.mu);
    work_queue_fini(&queue);
}

/* So the threads that are not needed sleep on. */
Test(work_queue, wakes_the_thread_that_became_idle_last, .timeout = 60)
{
    struct work works[3] = { 0 };
    struct team team = { .works = { NULL, NULL } };
    work_queue_init(&team.queue);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(thread_start(&team.threads[i], "team", run, &team), 0);
        await_idle(&team, (uint32_t)i + 1);
    }
    for (int i = 0; i < 3; i++) {
        add(&team, &works[i]);
        await_idle(&team, THREADS);
        cr_expect(pthread_equal(works[i].by, team.threads[THREADS - 1]), "work %d", i);
    }
    work_queue_end(&team.queue);
    for (int i = 0; i < THREADS; i++)
        thread_join(team.threads[i]);
    work_queue_fini(&team.queue);
}
