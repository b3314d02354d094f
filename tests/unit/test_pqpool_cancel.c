/* Statements that nobody waits for any more: cancelled, and never at the cost of a later one. */
#include "pqpool_fixture.h"

/* How long a cancelled statement may take to end: where it is to end, far more than it needs, and
 * where it is not, no longer than a test may take, but longer than a busy machine lets a thread
 * wait. */
static const int64_t long_ns = PATIENCE_S * NS_PER_S, short_ns = 500 * NS_PER_MS;

static struct pqpool_options options_of(uint32_t max, int64_t limit_ns)
{
    struct pqpool_options options = quick_options(1, max);
    options.health_check_timeout_ns = limit_ns;
    return options;
}

/* Runs a statement that the server does not answer in time, and gives its connection back. */
static void run_out_of_time(struct pqpool *pool, enum pqpool_disposition disposition)
{
    const struct pqpool_query query = { .sql = "SELECT pg_sleep(60)" };
    struct pqpool_lease *lease = lease_from(pool);
    PGresult *result = NULL;
    struct err err = { 0 };
    *pqpool_lease_bits(lease) = 1;
    fake_pg_answers(FAKE_ANSWER_HANG, 1);
    enum pqpool_rc rc;
    do /* where the deadline passes before it is begun, nothing is sent */
        rc = pqpool_exec(lease, &query, clock_now_ns() + NS_PER_MS, &result, &err);
    while (rc == PQPOOL_TIMEOUT && (err.flags & ERR_UNCERTAIN) == 0);
    cr_expect_eq(rc, PQPOOL_TIMEOUT);
    cr_expect_eq(err.flags, ERR_RETRYABLE | ERR_UNCERTAIN);
    pqpool_release(&lease, disposition);
}

static void expect_used_again(void)
{
    struct pqpool_options options = options_of(1, long_ns);
    struct pqpool *pool = open_warm_pool(&options);
    run_out_of_time(pool, PQPOOL_REUSE);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(*pqpool_lease_bits(lease), 1, "the same one");
    cr_expect_eq(stats_of(pool).counters.cancels, 1);
    cr_expect_eq(stats_of(pool).counters.cancels_failed, 0);
    cr_expect_eq(server_counts().cancels, 1);
    cr_expect_eq(server_counts().rollbacks, 1, "proves that it is in step");
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

Test(cancel, what_is_not_wanted_is_cancelled_and_closed)
{
    struct pqpool_options options = options_of(1, long_ns);
    struct pqpool *pool = open_warm_pool(&options);
    run_out_of_time(pool, PQPOOL_DISCARD);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(*pqpool_lease_bits(lease), 0, "a fresh one");
    cr_expect_eq(stats_of(pool).counters.cancels, 1);
    cr_expect_eq(stats_of(pool).counters.closed[CLOSE_DISCARDED], 1);
    cr_expect_eq(stats_of(pool).connections.orphans, 0);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

Test(cancel, the_connection_is_used_again)
{
    expect_used_again();
}

/* A user of the raw PGconn who left a statement under way. */
Test(cancel, a_busy_connection_is_cancelled_too)
{
    struct pqpool_options options = options_of(1, long_ns);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool);
    *pqpool_lease_bits(lease) = 1;
    fake_pg_busy(pqpool_lease_pg(lease));
    pqpool_release(&lease, PQPOOL_REUSE);
    lease = lease_from(pool);
    cr_expect_eq(*pqpool_lease_bits(lease), 1, "the same one");
    cr_expect_eq(server_counts().cancels, 1);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

/* It may strike later: its connection must not be lent again. */
Test(cancel, one_that_nobody_confirms_costs_the_connection)
{
    struct pqpool_options options = options_of(2, short_ns);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_cancels(FAKE_ANSWER_HANG, 1);
    run_out_of_time(pool, PQPOOL_REUSE);
    AWAIT(stats_of(pool).counters.closed[CLOSE_STUCK] +
              stats_of(pool).counters.closed[CLOSE_DISCARDED] ==
          1);
    fake_pg_end_orphans();
    AWAIT(stats_of(pool).health.connected && stats_of(pool).connections.idle == 1);
    AWAIT(stats_of(pool).connections.orphans == 0);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(*pqpool_lease_bits(lease), 0, "a fresh one");
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

/* An answer that cannot be right confirms nothing. */
Test(cancel, one_whose_answer_is_malformed_costs_the_connection)
{
    struct pqpool_options options = options_of(1, long_ns);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_shape(FAKE_SHAPE_FEWER_COLUMNS);
    run_out_of_time(pool, PQPOOL_REUSE);
    AWAIT(stats_of(pool).counters.closed[CLOSE_DISCARDED] == 1);
    fake_pg_shape(FAKE_SHAPE_GOOD); /* what is dialled meanwhile is refused for its own answer */
    AWAIT(stats_of(pool).connections.idle == 1);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(*pqpool_lease_bits(lease), 0, "a fresh one");
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

Test(cancel, a_statement_that_does_not_end_keeps_its_slot_while_its_backend_lives)
{
    struct pqpool_options options = options_of(3, short_ns);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_cancels(FAKE_ANSWER_ERROR, FAKE_ALWAYS);
    run_out_of_time(pool, PQPOOL_REUSE);
    AWAIT(stats_of(pool).counters.closed[CLOSE_STUCK] == 1 &&
          stats_of(pool).connections.orphans == 1);
    cr_expect_eq(stats_of(pool).counters.cancels_failed, 1);
    uint32_t asked = server_counts().cancels;
    AWAIT(server_counts().cancels > asked);
    cr_expect_eq(stats_of(pool).connections.orphans, 1, "asked after, and alive");
    cr_expect_eq(stats_of(pool).connections.closing, 1, "it counts");
    fake_pg_end_orphans();
    AWAIT(stats_of(pool).connections.orphans == 0 && stats_of(pool).connections.closing == 0);
    close_pool(&pool);
}

Test(cancel, half_of_the_slots_lost_to_orphans_is_down)
{
    struct pqpool_options options = options_of(4, short_ns);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_cancels(FAKE_ANSWER_ERROR, FAKE_ALWAYS);
    run_out_of_time(pool, PQPOOL_REUSE);
    AWAIT(stats_of(pool).connections.orphans == 1);
    cr_expect_not(pqpool_is_down(pool, NULL));
    run_out_of_time(pool, PQPOOL_REUSE);
    AWAIT(pqpool_is_down(pool, NULL));
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, &err), PQPOOL_DOWN);
    cr_expect_not_null(strstr(err.text, "2 statements"), "%s", err.text);
    fake_pg_end_orphans();
    AWAIT(!pqpool_is_down(pool, NULL));
    lease = lease_from(pool);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

/* Nobody can say that its backend lives. */
Test(cancel, without_a_control_connection_orphans_are_forgotten)
{
    struct pqpool_options options = options_of(2, short_ns);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_cancels(FAKE_ANSWER_ERROR, FAKE_ALWAYS);
    run_out_of_time(pool, PQPOOL_REUSE);
    AWAIT(stats_of(pool).connections.orphans == 1);
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS); /* a new one would say that it does */
    fake_pg_hang_up_all();
    AWAIT(stats_of(pool).connections.orphans == 0);
    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    AWAIT(!pqpool_is_down(pool, NULL));
    fake_pg_end_orphans();
    close_pool(&pool);
}

Test(cancel, close_ends_what_is_under_way)
{
    struct pqpool_options options = options_of(2, long_ns);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_answers(FAKE_ANSWER_HANG, 1);
    run_out_of_time(pool, PQPOOL_REUSE);
    close_pool(&pool);
    cr_expect_eq(server_counts().cancels, 1);
}

Test(cancel, close_does_not_wait_for_what_does_not_end)
{
    struct pqpool_options options = options_of(4, short_ns); /* one orphan is not half of it */
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_cancels(FAKE_ANSWER_ERROR, FAKE_ALWAYS);
    run_out_of_time(pool, PQPOOL_REUSE);
    run_out_of_time(pool, PQPOOL_REUSE);
    pqpool_close(&pool, clock_now_ns());
    cr_expect_eq(server_counts().open, 0);
    fake_pg_end_orphans();
}

/* ---- over connections of their own, as libpq 17 can ---- */

static struct pg_driver libpq_17;

static void use_libpq_17(void)
{
    libpq_17 = fake_pg_17();
    driver = &libpq_17;
}

TestSuite(cancel_17, .init = use_libpq_17);

Test(cancel_17, the_connection_is_used_again)
{
    expect_used_again();
}

/* The statement is over, but whoever was asked to cancel it neither answers nor hangs up: the
 * cancel may strike yet. So it is with the control connection, which is asked about the orphan: the
 * first health check of the next one ends the round. */
Test(cancel_17, a_peer_that_never_closes_costs_the_connection_and_nothing_else)
{
    struct pqpool_options options = options_of(2, short_ns);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_cancels(FAKE_ANSWER_HANG, FAKE_ALWAYS);
    for (uint32_t i = 1; i <= 3; i++) {
        uint64_t passed = stats_of(pool).counters.health_checks_passed;
        run_out_of_time(pool, PQPOOL_REUSE);
        AWAIT(stats_of(pool).counters.closed[CLOSE_STUCK] +
                  stats_of(pool).counters.closed[CLOSE_DISCARDED] ==
              i);
        fake_pg_end_orphans();
        AWAIT(server_counts().cancelers == 0 && stats_of(pool).connections.orphans == 0);
        AWAIT(stats_of(pool).connections.idle == 1 &&
              stats_of(pool).counters.health_checks_passed > passed);
    }
    cr_expect_eq(stats_of(pool).counters.cancels, 3);
    close_pool(&pool);
}

Test(cancel_17, many_at_once_are_all_cancelled)
{
    enum { MANY = 20 }; /* more than may be under way at a time */
    struct pqpool_options options = options_of(MANY, long_ns);
    options.min_pool_size = MANY;
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *leases[MANY];
    for (int i = 0; i < MANY; i++) {
        leases[i] = lease_from(pool);
        fake_pg_busy(pqpool_lease_pg(leases[i]));
    }
    for (int i = 0; i < MANY; i++)
        pqpool_release(&leases[i], PQPOOL_REUSE);
    AWAIT(stats_of(pool).connections.idle == MANY);
    cr_expect_eq(stats_of(pool).counters.created, MANY, "none was lost");
    cr_expect_eq(server_counts().cancels, MANY);
    close_pool(&pool);
}

Test(cancel_17, close_leaves_none_behind)
{
    struct pqpool_options options = options_of(2, long_ns);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_cancels(FAKE_ANSWER_HANG, FAKE_ALWAYS);
    run_out_of_time(pool, PQPOOL_REUSE);
    AWAIT(server_counts().cancelers == 1);
    pqpool_close(&pool, clock_now_ns());
    cr_expect_eq(server_counts().open + server_counts().cancelers, 0);
    fake_pg_end_orphans();
}
