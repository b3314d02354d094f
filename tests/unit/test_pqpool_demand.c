/* Who is served next, and what is dialled and when. */
#include "pqpool_bare.h"

/* ---- waiters ---- */

Test(demand, serves_in_order_of_arrival)
{
    make_warm_pool(3, 3);
    struct conn *held[] = { lease(), lease(), lease() };
    wait_in_line(2);
    for (int i = 0; i < 3; i++)
        pool_offer(&pool, held[i], now_ns);
    for (int i = 0; i < 2; i++) {
        cr_expect(waiters[i].served);
        cr_expect_eq(waiters[i].rc, PQPOOL_OK);
        cr_expect_eq(waiters[i].conn, held[i]);
        cr_expect_eq(held[i]->state, CONN_LEASED, "by hand: nobody can take it on the way");
    }
    cr_expect_eq(held[2]->state, CONN_IDLE);
    cr_expect_eq(pool.waiters.list.count, 0);
}

Test(demand, leaves_the_line_from_anywhere_and_returns_to_its_head)
{
    make_warm_pool(3, 3);
    struct conn *held[] = { lease(), lease(), lease() };
    wait_in_line(3);
    pool_dequeue(&pool, &waiters[1]);
    pool_dequeue(&pool, &waiters[2]);
    pool_enqueue(&pool, &waiters[2], true);
    cr_expect_eq(pool.waiters.list.count, 2);
    pool_offer(&pool, held[0], now_ns);
    pool_offer(&pool, held[1], now_ns);
    cr_expect_eq(waiters[2].conn, held[0]);
    cr_expect_eq(waiters[0].conn, held[1]);
    cr_expect_not(waiters[1].served);
    cr_expect_null(pool.waiters.list.first);
    cr_expect_null(pool.waiters.list.last);
}

Test(demand, the_newest_idle_one_is_used_first)
{
    make_warm_pool(3, 3);
    struct conn *held[] = { lease(), lease(), lease() };
    for (int i = 0; i < 3; i++)
        pool_offer(&pool, held[i], now_ns);
    cr_expect_eq(lease(), held[2]);
    cr_expect_eq(lease(), held[1]);
}

Test(demand, those_whose_peer_is_gone_are_passed_over)
{
    make_warm_pool(3, 3);
    struct conn *newest = pool_newest(&pool, CONN_IDLE);
    struct conn *next = CONTAINER_OF(newest->node.next, struct conn, node);
    atomic_store(&newest->peer_gone, true);
    cr_expect_eq(lease(), next);
    cr_expect_eq(newest->state, CONN_CLOSING);
    cr_expect_eq(newest->close_reason, CLOSE_LOST);

    atomic_store(&next->peer_gone, true);
    wait_in_line(1);
    pool_offer(&pool, next, now_ns);
    cr_expect_eq(next->state, CONN_CLOSING);
    cr_expect_not(waiters[0].served);
}

/* ---- dialling ---- */

Test(demand, the_floor_and_the_control_connection_are_dialled_in_parallel)
{
    make_pool(5, 20, false);
    cr_expect_eq(dial(), &pool.control);
    for (int i = 0; i < 5; i++)
        cr_expect_not_null(dial());
    cr_expect_null(dial());
    cr_expect_eq(pool_total(&pool), 5, "the control connection is in no count");
}

Test(demand, the_floor_is_kept)
{
    make_warm_pool(3, 10);
    conn_discard(&pool, lease(), CLOSE_DISCARDED);
    cr_expect_eq(pool_total(&pool), 3, "it counts until it is closed");
    cr_expect_not_null(dial());
    cr_expect_null(dial());
}

Test(demand, never_dials_over_the_maximum)
{
    make_warm_pool(3, 3);
    (void)lease();
    (void)lease();
    struct conn *conn = lease();
    wait_in_line(10);
    cr_expect_null(dial());
    conn_discard(&pool, conn, CLOSE_DISCARDED);
    cr_expect_null(dial(), "its socket is open still");
    cr_expect_eq(close_discarded(), 1);
    cr_expect_not_null(dial());
    cr_expect_null(dial());
}

Test(demand, a_spike_asks_for_one_dial_at_a_time)
{
    make_warm_pool(5, 50);
    struct conn *held[5];
    for (int i = 0; i < 5; i++)
        held[i] = lease();
    wait_in_line(50);
    struct conn *dialled = dial();
    cr_assert_not_null(dialled);
    cr_expect_null(dial());
    for (int i = 0; i < 50; i++) /* all are served before the dial ends */
        pool_offer(&pool, held[i % 5], now_ns);
    cr_expect_eq(pool.waiters.list.count, 0);
    succeed(dialled);
    cr_expect_null(dial());
    cr_expect_eq(pool_total(&pool), 6);
}

Test(demand, demand_that_stays_doubles_the_dials_and_a_later_wave_starts_anew)
{
    make_warm_pool(1, 50);
    struct conn *held[WAITERS] = { lease() };
    uint32_t n_held = 1;
    wait_in_line(30);
    for (uint32_t wave = 1; wave <= 8; wave *= 2) {
        uint32_t begin = n_held;
        while ((held[n_held] = dial()) != NULL)
            n_held++;
        cr_expect_eq(n_held - begin, wave);
        for (uint32_t i = begin; i < n_held; i++)
            succeed(held[i]);
    }
    while (pool.waiters.list.count > 0)
        pool_offer(&pool, held[0], now_ns);
    for (uint32_t i = 0; i < n_held; i++)
        pool_offer(&pool, held[i], now_ns);
    cr_expect_null(dial(), "the wave is over");
    while (count(CONN_IDLE) > 0)
        (void)lease();
    for (int i = 0; i < 9; i++) {
        waiters[i].served = false;
        pool_enqueue(&pool, &waiters[i], false);
    }
    cr_expect_not_null(dial());
    cr_expect_null(dial());
}

Test(demand, an_outage_has_one_prober)
{
    make_warm_pool(3, 10);
    for (int i = 0; i < 3; i++)
        conn_discard(&pool, lease(), CLOSE_LOST);
    conn_discard(&pool, &pool.control, CLOSE_LOST);
    cr_assert_eq(close_discarded(), 3);
    wait_in_line(10);
    for (uint32_t failure = 1; failure <= 4; failure++) {
        struct conn *prober = dial();
        cr_assert_not_null(prober);
        if (failure > 1)
            cr_expect_null(dial(), "while it is under way");
        else
            while (dial() != NULL)
                continue; /* nothing is known to be wrong yet */
        fail(prober);
        close_discarded();
        cr_expect_null(dial(), "while it rests");
        cr_expect_eq(pool.demand.backoff.failures, failure);
        while (count(CONN_CONNECTING) > 0)
            fail(pool_newest(&pool, CONN_CONNECTING));
        cr_expect_eq(pool.demand.backoff.failures, failure, "what began before tells nothing new");
        close_discarded();
        now_ns = pool.demand.backoff.next_at_ns;
    }
}

Test(demand, after_an_outage_it_starts_slowly)
{
    make_pool(20, 20, true);
    fail(dial());
    close_discarded();
    now_ns = pool.demand.backoff.next_at_ns;
    struct conn *prober = dial();
    cr_assert_not_null(prober);
    cr_expect_null(dial());
    succeed(prober);
    cr_expect_eq(last_event()->kind, PQPOOL_EVENT_CONNECTED);
    struct conn *wave[] = { dial(), dial() };
    cr_assert(wave[0] != NULL && wave[1] != NULL);
    cr_expect_null(dial(), "two");
    succeed(wave[0]);
    succeed(wave[1]);
    uint32_t n = 0;
    while (dial() != NULL)
        n++;
    cr_expect_eq(n, 4);
}

Test(demand, a_failed_dial_leaves_the_idle_ones_to_those_who_wait)
{
    make_warm_pool(2, 5); /* two are idle: the waiter drew others that were dead */
    pool_enqueue(&pool, &waiters[0], true);
    struct conn *dialled = dial();
    cr_assert_not_null(dialled);
    fail(dialled);
    cr_expect(waiters[0].served);
    cr_expect_eq(waiters[0].rc, PQPOOL_OK);
    cr_expect_eq(waiters[0].conn->state, CONN_LEASED);
    cr_expect_eq(count(CONN_IDLE), 1);
}
