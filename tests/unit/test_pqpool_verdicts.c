/* When the pool is down or exhausted, and which connections are of the past. */
#include "pqpool_bare.h"

/* ---- down ---- */

Test(verdicts, is_down_only_without_a_usable_connection)
{
    make_warm_pool(2, 4);
    struct conn *held = lease();
    conn_discard(&pool, lease(), CLOSE_LOST);
    close_discarded();
    wait_in_line(3);
    for (uint32_t i = 0; i < pool.options.max_retry_attempts; i++) {
        struct conn *prober = dial();
        cr_assert_not_null(prober);
        fail_as(prober, ERROR_SERVER, "53300");
        close_discarded();
        now_ns = pool.demand.backoff.next_at_ns;
    }
    cr_expect_not(pqpool_is_down(&pool, NULL), "one is on loan and may come back");
    cr_expect_not(waiters[0].served);

    conn_discard(&pool, held, CLOSE_LOST);
    cr_expect(pqpool_is_down(&pool, NULL));
    cr_expect_eq(last_event()->kind, PQPOOL_EVENT_DOWN);
    cr_expect_str_eq(pool.demand.last_error.code, "53300");
    for (int i = 0; i < 3; i++) {
        cr_expect(waiters[i].served);
        cr_expect_eq(waiters[i].rc, PQPOOL_DOWN);
        cr_expect_null(waiters[i].conn);
    }
    close_discarded();
    struct conn *prober = dial();
    cr_assert_not_null(prober, "attempts go on");
    succeed(prober);
    cr_expect_not(pqpool_is_down(&pool, NULL));
    cr_expect_str_eq(pool.demand.last_error.text, "");
}

Test(verdicts, one_failure_fewer_than_the_limit_is_not_down)
{
    make_pool(1, 1, true);
    for (uint32_t i = 1; i <= pool.options.max_retry_attempts; i++) {
        cr_expect_not(pqpool_is_down(&pool, NULL), "after %u", i - 1);
        fail(dial());
        close_discarded();
        now_ns = pool.demand.backoff.next_at_ns;
    }
    cr_expect(pqpool_is_down(&pool, NULL));
}

Test(verdicts, with_no_floor_and_nobody_waiting_it_is_tried_all_the_same)
{
    make_pool(0, 2, true);
    wait_in_line(1);
    fail_as(dial(), ERROR_CONFIG, "28P01");
    cr_expect(pqpool_is_down(&pool, NULL));
    cr_expect_eq(pool.waiters.list.count, 0);
    close_discarded();
    cr_expect_null(dial());
    now_ns = pool.demand.backoff.next_at_ns;
    struct conn *prober = dial();
    cr_assert_not_null(prober);
    succeed(prober);
    cr_expect_not(pqpool_is_down(&pool, NULL));
    cr_expect_null(dial());
}

Test(verdicts, a_configuration_error_is_down_at_once)
{
    make_pool(1, 1, true);
    fail_as(dial(), ERROR_CONFIG, "28P01");
    cr_expect(pqpool_is_down(&pool, NULL));
    cr_expect_eq(pool.demand.backoff.next_at_ns, now_ns + pool.options.max_retry_delay_ns);
    cr_expect_eq(pool.events.ring[pool.events.first].kind, PQPOOL_EVENT_CONFIG_ERROR);
    cr_expect_eq(pool.counters.connection_errors[ERROR_CONFIG], 1);
}

/* ---- exhausted ---- */

Test(verdicts, is_exhausted_while_someone_waits_and_there_is_no_room)
{
    make_warm_pool(1, 2);
    struct conn *first = lease();
    wait_in_line(1);
    pool_update_exhausted(&pool, 5000);
    cr_expect_eq(pool.exhausted.since_ns, 0, "there is room for one more");
    succeed(dial());
    cr_expect_eq(pool.waiters.list.count, 0);
    pool_enqueue(&pool, &waiters[1], false);
    pool_update_exhausted(&pool, 6000);
    pool_update_exhausted(&pool, 7000);
    cr_expect_eq(pool.exhausted.since_ns, 6000);
    cr_expect_eq(last_event()->kind, PQPOOL_EVENT_EXHAUSTED);
    pool_offer(&pool, first, 8000);
    pool_update_exhausted(&pool, 8000);
    cr_expect_eq(pool.exhausted.since_ns, 0);
    cr_expect_eq(pool.counters.exhausted_ns, 2000);
}

Test(verdicts, is_not_exhausted_while_a_connection_is_on_its_way)
{
    make_pool(1, 1, true);
    struct conn *first = dial();
    wait_in_line(1);
    pool_update_exhausted(&pool, 5000);
    cr_expect_eq(pool.exhausted.since_ns, 0);
    succeed(first);
}

Test(verdicts, a_clock_read_before_the_mutex_adds_no_time)
{
    make_warm_pool(1, 1);
    struct conn *conn = lease();
    wait_in_line(1);
    pool_update_exhausted(&pool, 6000);
    pool_offer(&pool, conn, 5990);
    pool_update_exhausted(&pool, 5990);
    cr_expect_eq(pool.counters.exhausted_ns, 0);
}

/* ---- the end of connections ---- */

Test(verdicts, a_failover_replaces_every_connection_of_before)
{
    make_warm_pool(4, 4);
    struct conn *teller = lease(), *other = lease();
    pool_evict_all(&pool, teller, "25006");
    cr_expect_eq(count(CONN_IDLE), 0);
    cr_expect_eq(count(CONN_CLOSING), 2);
    cr_expect_eq(pool_newest(&pool, CONN_CLOSING)->close_reason, CLOSE_GENERATION);
    cr_expect_eq(pool.control.state, CONN_CLOSING, "it would find the old server healthy");
    cr_expect_eq(last_event()->kind, PQPOOL_EVENT_EVICTED_ALL);

    pool_evict_all(&pool, other, "25006");
    cr_expect_eq(pool.generation, 1, "what the old ones say is known already");
    wait_in_line(1);
    pool_offer(&pool, other, now_ns);
    cr_expect_eq(other->state, CONN_CLOSING);
    cr_expect_not(waiters[0].served);
}

Test(verdicts, a_dial_begun_before_a_failover_is_of_before)
{
    make_warm_pool(2, 5);
    struct conn *teller = lease();
    conn_discard(&pool, lease(), CLOSE_LOST);
    struct conn *dialled = dial();
    cr_assert_not_null(dialled);
    pool_evict_all(&pool, teller, "57P01");
    succeed(dialled);
    cr_expect_eq(dialled->state, CONN_CLOSING);
    close_discarded();
    cr_expect_eq(dial(), &pool.control);
    struct conn *fresh = dial();
    cr_assert_not_null(fresh);
    succeed(fresh);
    cr_expect_eq(fresh->state, CONN_IDLE);
}

Test(verdicts, a_good_dial_to_another_host_replaces_every_connection_of_before)
{
    make_warm_pool(3, 8);
    struct conn *held = lease();
    wait_in_line(2);
    pool.demand.backoff.window = 2;
    struct conn *mover = dial(), *late = dial();
    cr_assert(mover != NULL && late != NULL);
    mover->dial.host = 1;
    succeed(mover);
    cr_expect_eq(pool.primary.host, 1);
    cr_expect_eq(pool.generation, 1);
    cr_expect(waiters[0].served && waiters[0].conn == mover, "it is of the new time itself");
    cr_expect_eq(pool.control.state, CONN_CLOSING);

    succeed(late);
    cr_expect_eq(late->state, CONN_CLOSING, "begun before, and to the old one");
    cr_expect_eq(pool.primary.host, 1, "which is not gone back to");
    pool_offer(&pool, held, now_ns);
    cr_expect_eq(held->state, CONN_CLOSING);
    cr_expect_eq(count(CONN_IDLE), 0);
}

Test(verdicts, the_control_connection_is_kept_unless_it_is_of_the_past)
{
    static const struct {
        bool closing, peer_gone;
        uint32_t generation;
        enum conn_state want;
    } cases[] = {
        { false, false, 0, CONN_IDLE },
        { true, false, 0, CONN_CLOSING },
        { false, true, 0, CONN_CLOSING },
        { false, false, 1, CONN_CLOSING },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_pool(0, 1, false);
        cr_assert_eq(dial(), &pool.control);
        pool.phase = cases[i].closing ? POOL_CLOSING : POOL_OPEN;
        pool.generation = cases[i].generation;
        atomic_store(&pool.control.peer_gone, cases[i].peer_gone);
        succeed(&pool.control);
        cr_expect_eq(pool.control.state, cases[i].want, "case %zu", i);
        pool.phase = POOL_OPEN;
        pool.generation = 0;
    }
}

Test(verdicts, an_expired_one_goes_when_its_time_has_come)
{
    make_warm_pool(2, 2);
    struct conn *conn = lease();
    conn->expires_at_ns = now_ns;
    pool_offer(&pool, conn, now_ns);
    cr_expect_eq(conn->state, CONN_IDLE, "not before the janitor says so");
    cr_assert_eq(lease(), conn);
    pool.demand.renewal = RENEWAL_CLOSES;
    pool_offer(&pool, conn, now_ns);
    cr_expect_eq(conn->state, CONN_CLOSING);
    cr_expect_eq(conn->close_reason, CLOSE_LIFETIME);
    cr_expect_eq(pool.demand.renewal, RENEWAL_NONE, "one at a time");
}

/* It was to be spared, and another one has gone meanwhile. */
Test(verdicts, an_expired_one_of_the_floor_stays_for_now)
{
    make_warm_pool(2, 3);
    struct conn *conn = lease();
    conn->expires_at_ns = now_ns;
    pool.demand.renewal = RENEWAL_CLOSES;
    pool_offer(&pool, conn, now_ns);
    cr_expect_eq(conn->state, CONN_IDLE);
    cr_expect_eq(pool.demand.renewal, RENEWAL_NONE, "its replacement comes first");
}

Test(verdicts, its_replacement_is_dialled_first)
{
    make_warm_pool(2, 3);
    pool.demand.renewal = RENEWAL_DIALS;
    struct conn *fresh = dial();
    cr_assert_not_null(fresh);
    cr_expect_null(dial());
    cr_expect_eq(count(CONN_IDLE), 2);
    succeed(fresh);
    cr_expect_eq(pool.demand.renewal, RENEWAL_CLOSES);
    cr_expect_eq(count(CONN_IDLE), 3);
}

Test(verdicts, lifetimes_are_shortened_by_up_to_a_tenth)
{
    make_pool(SLOTS, SLOTS, true);
    int64_t life_ns = pool.options.max_lifetime_ns, least_ns = INT64_MAX, most_ns = 0;
    struct conn *dialled[SLOTS];
    for (int i = 0; i < SLOTS; i++)
        cr_assert_not_null(dialled[i] = dial());
    for (int i = 0; i < SLOTS; i++) {
        succeed(dialled[i]);
        int64_t span_ns = dialled[i]->expires_at_ns - dialled[i]->born_at_ns;
        cr_expect(span_ns <= life_ns && span_ns >= life_ns - life_ns / 10);
        least_ns = clock_min(least_ns, span_ns);
        most_ns = -clock_min(-most_ns, -span_ns);
    }
    cr_expect_gt(most_ns - least_ns, life_ns / 20, "no cohort");
}

Test(verdicts, a_closing_pool_keeps_and_dials_nothing)
{
    make_warm_pool(2, 4);
    struct conn *conn = lease();
    wait_in_line(2);
    pool.phase = POOL_CLOSING;
    pool_fail_waiters(&pool, PQPOOL_CLOSED);
    cr_expect_eq(waiters[0].rc, PQPOOL_CLOSED);
    cr_expect_eq(waiters[1].rc, PQPOOL_CLOSED);
    pool_offer(&pool, conn, now_ns);
    cr_expect_eq(conn->state, CONN_CLOSING);
    cr_expect_eq(conn->close_reason, CLOSE_SHUTDOWN);
    cr_expect_null(dial());
}

Test(verdicts, of_too_many_events_the_oldest_give_way)
{
    make_pool(0, 1, true);
    for (int i = 0; i < EVENTS_MAX + 3; i++)
        pool_event(&pool, PQPOOL_EVENT_CONNECTION_LOST, "number %d", i);
    cr_expect_eq(pool.events.count, EVENTS_MAX);
    cr_expect_str_eq(pool.events.ring[pool.events.first].text, "number 3");
    char want[32];
    (void)snprintf(want, sizeof want, "number %d", EVENTS_MAX + 2);
    cr_expect_str_eq(last_event()->text, want);
}
