/* Who holds what: the table of holders, a thread that takes two, and a line that is too long. */
#include "pqpool_fixture.h"

#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

Test(holders, are_listed_the_longest_first)
{
    struct pqpool_options options = quick_options(3, 3);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_holder seen[2];
    cr_expect_eq(pqpool_holders(pool, seen, 2), 0);
    struct pqpool_lease *a = lease_from(pool), *b = lease_from(pool), *c = lease_from(pool);
    cr_expect_eq(pqpool_holders(pool, seen, 2), 3, "all of them, though there is room for two");
    for (int i = 0; i < 2; i++) {
        cr_expect_not_null(strstr(seen[i].file, "pqpool_fixture.h"));
        cr_expect_gt(seen[i].line, 0);
        cr_expect_eq(seen[i].thread, gettid());
    }
    cr_expect_geq(seen[0].held_ns, seen[1].held_ns);
    pqpool_release(&b, PQPOOL_REUSE);
    cr_expect_eq(pqpool_holders(pool, NULL, 0), 2);
    pqpool_release(&a, PQPOOL_REUSE);
    pqpool_release(&c, PQPOOL_REUSE);
    close_pool(&pool);
}

Test(holders, a_thread_that_takes_two_is_reported)
{
    struct heard heard = { .mu = { PTHREAD_MUTEX_INITIALIZER } };
    struct pqpool_options options = quick_options(2, 2);
    options.on_event = hear;
    options.ctx = &heard;
    struct pqpool *pool = open_warm_pool(&options);
    char text[256];
    struct pqpool_lease *outer = lease_from(pool), *inner = NULL;
    pqpool_release(&outer, PQPOOL_REUSE);
    outer = lease_from(pool);
    cr_expect_eq(stats_of(pool).counters.nested_acquires, 0, "one after the other is fine");
    cr_assert_eq(pqpool_acquire(pool, CLOCK_NEVER, &inner, NULL), PQPOOL_OK);
    AWAIT(heard_of(&heard, PQPOOL_EVENT_NESTED_ACQUIRE, text) == 1);
    cr_expect_not_null(strstr(text, "test_pqpool_holders.c"), "%s", text);
    cr_expect_not_null(strstr(text, "pqpool_fixture.h"), "%s", text);
    cr_expect_eq(stats_of(pool).counters.nested_acquires, 1);
    pqpool_release(&inner, PQPOOL_REUSE);
    pqpool_release(&outer, PQPOOL_REUSE);
    close_pool(&pool);
}

static void *give_back(void *arg)
{
    struct pqpool_lease *lease = arg;
    pqpool_release(&lease, PQPOOL_REUSE);
    return NULL;
}

Test(holders, what_another_thread_gave_back_is_not_held)
{
    struct pqpool_options options = quick_options(1, 1);
    struct pqpool *pool = open_warm_pool(&options);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, give_back, lease_from(pool)), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(stats_of(pool).counters.nested_acquires, 0);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

/* ---- a line that is too long for the caller's deadline ---- */

enum { CALLERS = 6, HOLD_MS = 5 };

static atomic_bool enough;

/* Keeps the line long. */
static void *take_again_and_again(void *arg)
{
    struct caller *caller = arg;
    while (!atomic_load(&enough)) {
        (void)call(caller);
        (void)poll(NULL, 0, HOLD_MS);
        pqpool_release(&caller->lease, PQPOOL_REUSE);
    }
    return NULL;
}

static enum pqpool_rc try_in_passing(struct pqpool *pool, struct err *err)
{
    struct pqpool_lease *lease = NULL;
    enum pqpool_rc rc = pqpool_acquire(pool, clock_now_ns() + NS_PER_MS, &lease, err);
    pqpool_release(&lease, PQPOOL_REUSE);
    return rc;
}

Test(holders, who_would_wait_in_vain_is_told_at_once_and_when_to_come_again)
{
    struct pqpool_options options = quick_options(1, 1);
    struct pqpool *pool = open_warm_pool(&options);
    struct caller callers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){ .pool = pool, .deadline_at_ns = CLOCK_NEVER };
        cr_assert_eq(pthread_create(&callers[i].thread, NULL, take_again_and_again, &callers[i]),
                     0);
    }
    struct err err = { 0 };
    AWAIT(try_in_passing(pool, &err) == PQPOOL_QUEUE_FULL);
    cr_expect_gt(err.retry_after_ns, HOLD_MS * NS_PER_MS);
    cr_expect_geq(stats_of(pool).counters.acquires_rejected, 1);
    atomic_store(&enough, true);
    for (int i = 0; i < CALLERS; i++)
        cr_expect_eq(finish_waiting(&callers[i]), PQPOOL_OK);
    close_pool(&pool);
}
