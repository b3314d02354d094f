/* Which server the pool is at: none that was replaced, however willingly it answers. */
#include "pqpool_fixture.h"

enum { FLOOR = 3 };

/* It was connected on the one timeline; what it dials now is on the other. */
static struct pqpool *pool_that_has_seen(uint32_t timeline, uint32_t now)
{
    struct pqpool_options options = quick_options(FLOOR, FLOOR);
    fake_pg_timeline(timeline);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_timeline(now);
    fake_pg_hang_up_all();
    return pool;
}

Test(primary, one_that_was_replaced_is_not_gone_back_to)
{
    struct pqpool *pool = pool_that_has_seen(2, 1);
    AWAIT(pqpool_is_down(pool, NULL));
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, &err), PQPOOL_DOWN);
    cr_expect_not_null(strstr(err.text, "was replaced: it is on timeline 1, and another one has "
                                        "answered on timeline 2"),
                       "%s", err.text);
    cr_expect_gt(stats_of(pool).connection_errors[ERROR_SERVER], 0);

    fake_pg_timeline(3);
    AWAIT(stats_of(pool).idle == FLOOR && !pqpool_is_down(pool, NULL));
    close_pool(&pool);
}

Test(primary, a_promotion_replaces_what_was_connected_before)
{
    struct pqpool_options options = quick_options(FLOOR, FLOOR);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *held = lease_from(pool), *tells = lease_from(pool);
    fake_pg_timeline(2);
    pqpool_release(&tells, PQPOOL_DISCARD);
    AWAIT(stats_of(pool).closed[CLOSE_GENERATION] == FLOOR - 2);
    cr_expect_eq(stats_of(pool).leased, 1, "what is in use is left alone");
    pqpool_release(&held, PQPOOL_REUSE);
    AWAIT(stats_of(pool).closed[CLOSE_GENERATION] == FLOOR - 1 && stats_of(pool).idle == FLOOR);
    cr_expect_eq(stats_of(pool).closed[CLOSE_DISCARDED], 1);
    close_pool(&pool);
}

/* Nobody can say which of the two is right: the one that answers is, and is remembered. */
Test(primary, another_system_is_not_compared)
{
    struct pqpool_options options = quick_options(FLOOR, FLOOR);
    fake_pg_timeline(3);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_another_system();
    fake_pg_hang_up_all();
    AWAIT(stats_of(pool).closed[CLOSE_LOST] == FLOOR && stats_of(pool).idle == FLOOR);
    fake_pg_timeline(2);
    fake_pg_hang_up_all();
    AWAIT(stats_of(pool).generation == 1 && stats_of(pool).idle == FLOOR);
    fake_pg_timeline(1);
    fake_pg_hang_up_all();
    AWAIT(pqpool_is_down(pool, NULL));
    close_pool(&pool);
}

/* A server of another make, or one whose functions are not for everyone. */
Test(primary, one_that_does_not_say_is_taken_at_its_word)
{
    struct pqpool *pool = pool_that_has_seen(2, 0);
    AWAIT(stats_of(pool).closed[CLOSE_LOST] == FLOOR && stats_of(pool).idle == FLOOR);
    close_pool(&pool);
}
