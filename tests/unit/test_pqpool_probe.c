/* The probe of a checkout: when it is made, what a failed one means, and what comes next. */
#include "pqpool_fixture.h"

static const int64_t soon_ns = 50 * NS_PER_MS;

/* Every checkout is probed. */
static struct pqpool_options probing_options(uint32_t min, uint32_t max)
{
    struct pqpool_options options = quick_options(min, max);
    options.validation_bypass_ns = 0;
    options.validation_timeout_ns = soon_ns;
    return options;
}

/* So that those of now can be told from fresh ones. */
static void mark_all(struct pqpool *pool)
{
    struct pqpool_lease *leases[16];
    uint32_t n = stats_of(pool).connections.idle;
    for (uint32_t i = 0; i < n; i++) {
        leases[i] = lease_from(pool);
        *pqpool_lease_bits(leases[i]) = 1;
    }
    for (uint32_t i = 0; i < n; i++)
        pqpool_release(&leases[i], PQPOOL_REUSE);
}

Test(probe, is_left_out_within_the_bypass_or_when_not_wanted)
{
    static const struct {
        bool validate;
        int64_t bypass_ns;
        uint32_t probes;
    } cases[] = {
        { true, PQPOOL_SECONDS(3600), 0 },
        { false, 0, 0 },
        { true, 0, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pqpool_options options = quick_options(1, 1);
        options.validate_on_checkout = cases[i].validate;
        options.validation_bypass_ns = cases[i].bypass_ns;
        struct pqpool *pool = open_warm_pool(&options);
        uint32_t before = server_counts().queries;
        struct pqpool_lease *lease = lease_from(pool);
        cr_expect_eq(server_counts().queries - before, cases[i].probes, "case %zu", i);
        cr_expect_eq(stats_of(pool).counters.validations_passed, cases[i].probes);
        cr_expect_eq(stats_of(pool).counters.validations_bypassed, 1 - cases[i].probes);
        pqpool_release(&lease, PQPOOL_REUSE);
        close_pool(&pool);
    }
}

Test(probe, after_three_dead_candidates_a_fresh_one_is_taken)
{
    struct pqpool_options options = probing_options(5, 8);
    struct pqpool *pool = open_warm_pool(&options);
    mark_all(pool);
    fake_pg_answers(FAKE_ANSWER_HANG_UP, 3);
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    struct caller caller;
    start_waiting(&caller, pool);
    cr_expect_eq(stats_of(pool).connections.idle, 2,
                 "they are not tried while a fresh one is on its way");
    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    cr_assert_eq(finish_waiting(&caller), PQPOOL_OK);
    cr_expect_eq(*pqpool_lease_bits(caller.lease), 0);
    cr_expect_eq(stats_of(pool).counters.validations_failed, 3);
    AWAIT(stats_of(pool).counters.closed[CLOSE_INVALID] == 3);
    pqpool_release(&caller.lease, PQPOOL_REUSE);
    close_pool(&pool);
}

Test(probe, others_use_what_is_idle_while_one_waits_for_a_fresh_one)
{
    struct pqpool_options options = probing_options(5, 8);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_answers(FAKE_ANSWER_HANG_UP, 3);
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    struct caller caller;
    start_waiting(&caller, pool);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(stats_of(pool).queue.waiting, 1);
    pqpool_release(&lease, PQPOOL_REUSE);
    cr_expect_eq(finish_waiting(&caller), PQPOOL_OK, "what comes back is good too");
    pqpool_release(&caller.lease, PQPOOL_REUSE);
    close_pool(&pool);
}

Test(probe, when_no_fresh_one_can_be_had_every_idle_one_is_tried)
{
    struct pqpool_options options = probing_options(5, 8);
    struct pqpool *pool = open_warm_pool(&options);
    mark_all(pool);
    fake_pg_answers(FAKE_ANSWER_HANG_UP, 4);
    fake_pg_dials(FAKE_DIAL_FAIL, "FATAL:  53300: too many clients", FAKE_ALWAYS);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(*pqpool_lease_bits(lease), 1);
    cr_expect_eq(stats_of(pool).counters.validations_failed, 4);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

Test(probe, one_that_times_out_discards_at_once)
{
    struct pqpool_options options = probing_options(2, 2);
    struct pqpool *pool = open_warm_pool(&options);
    mark_all(pool);
    fake_pg_answers(FAKE_ANSWER_HANG, 1);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(*pqpool_lease_bits(lease), 1, "the next candidate");
    struct pqpool_stats stats = stats_of(pool);
    cr_expect_eq(stats.counters.validations_failed, 1);
    cr_expect_eq(stats.latency.validate.count, 3, "one of them for both candidates");
    cr_expect_geq(stats.latency.validate.sum_ns, (uint64_t)soon_ns);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

Test(probe, soft_failures_discard_only_when_there_are_enough_in_a_row)
{
    struct pqpool_options options = probing_options(1, 1);
    struct pqpool *pool = open_warm_pool(&options);
    mark_all(pool);
    fake_pg_answers(FAKE_ANSWER_ERROR, 2);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(*pqpool_lease_bits(lease), 1, "the third one passed");
    cr_expect_eq(stats_of(pool).counters.validations_failed, 0);
    pqpool_release(&lease, PQPOOL_REUSE);

    fake_pg_answers(FAKE_ANSWER_ERROR, 3);
    lease = lease_from(pool);
    cr_expect_eq(*pqpool_lease_bits(lease), 0);
    cr_expect_eq(stats_of(pool).counters.validations_failed, 1);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

Test(probe, ends_with_the_deadline_of_the_acquire)
{
    struct pqpool_options options = probing_options(3, 3);
    options.validation_timeout_ns = PQPOOL_SECONDS(3600);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_answers(FAKE_ANSWER_HANG, FAKE_ALWAYS);
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    uint64_t times = 0;
    do { /* where the deadline passes before it is begun, there is no probe */
        int64_t until_ns = clock_now_ns() + soon_ns;
        cr_assert_eq(pqpool_acquire(pool, until_ns, &lease, &err), PQPOOL_TIMEOUT);
        cr_expect_eq(stats_of(pool).counters.acquires_timed_out, ++times);
    } while (stats_of(pool).counters.validations_failed == 0);
    cr_expect_null(lease);
    cr_expect_eq(stats_of(pool).counters.validations_failed, 1,
                 "others are not wasted on a lost cause");
    close_pool(&pool);
}

Test(probe, a_deadline_in_the_past_costs_no_connection)
{
    struct pqpool_options options = probing_options(3, 3);
    struct pqpool *pool = open_warm_pool(&options);
    uint32_t queries = server_counts().queries;
    struct pqpool_lease *lease = NULL;
    cr_expect_eq(pqpool_acquire(pool, 1, &lease, NULL), PQPOOL_TIMEOUT);
    cr_expect_eq(server_counts().queries, queries);
    cr_expect_eq(stats_of(pool).connections.idle, 3);
    cr_expect_eq(stats_of(pool).counters.acquires_timed_out, 1);
    close_pool(&pool);
}

/* ---- health ---- */

Test(health, follows_the_control_connection)
{
    struct heard heard = { .mu = { PTHREAD_MUTEX_INITIALIZER } };
    struct pqpool_options options = quick_options(1, 1);
    options.health_check_interval_ns = soon_ns;
    options.health_check_timeout_ns = soon_ns / 2;
    options.on_event = hear;
    options.ctx = &heard;
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool); /* exhausted is not unhealthy */
    uint64_t passed = stats_of(pool).counters.health_checks_passed;
    AWAIT(stats_of(pool).counters.health_checks_passed >= passed + 3);
    cr_expect(stats_of(pool).health.healthy && stats_of(pool).health.checked_at_us > 0);

    fake_pg_answers(FAKE_ANSWER_HANG, FAKE_ALWAYS);
    AWAIT(!stats_of(pool).health.healthy);
    cr_expect_gt(stats_of(pool).counters.health_checks_failed, 0);
    AWAIT(heard_of(&heard, PQPOOL_EVENT_UNHEALTHY, NULL) == 1);
    fake_pg_answers(FAKE_ANSWER_OK, 0);
    AWAIT(stats_of(pool).health.healthy && stats_of(pool).health.connected);
    AWAIT(heard_of(&heard, PQPOOL_EVENT_HEALTHY, NULL) == 2);

    fake_pg_dials(FAKE_DIAL_FAIL, NULL, FAKE_ALWAYS);
    fake_pg_hang_up_all();
    AWAIT(!stats_of(pool).health.connected);
    uint64_t failed = stats_of(pool).counters.health_checks_failed;
    AWAIT(stats_of(pool).counters.health_checks_failed >= failed + 2);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}
