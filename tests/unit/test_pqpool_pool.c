/* Acquire under every weather: who waits and who is refused, in an outage and after it. */
#include "pqpool_fixture.h"

static const int64_t soon_ns = 50 * NS_PER_MS, generous_ns = 20 * NS_PER_S;

Test(pool, warms_up_to_its_floor_and_lends_from_it)
{
    struct pqpool_options options = quick_options(3, 5);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_stats stats = stats_of(pool);
    cr_expect(stats.health.connected);
    cr_expect_eq(stats.connections.total, 3);
    cr_expect_eq(stats.counters.created, 3);
    cr_expect_eq(server_counts().open, 4, "and the control connection");

    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_not_null(pqpool_lease_pg(lease));
    cr_expect_eq(*pqpool_lease_bits(lease), 0);
    *pqpool_lease_bits(lease) = 5;
    stats = stats_of(pool);
    cr_expect(stats.connections.leased == 1 && stats.connections.active == 1 &&
              stats.connections.idle == 2);
    pqpool_release(&lease, PQPOOL_REUSE);
    cr_expect_null(lease);
    pqpool_release(&lease, PQPOOL_REUSE);

    lease = lease_from(pool);
    cr_expect_eq(*pqpool_lease_bits(lease), 5, "the newest one, and what is said of it stays");
    pqpool_release(&lease, PQPOOL_REUSE);
    stats = stats_of(pool);
    cr_expect(stats.counters.acquired == 2 && stats.counters.validations_bypassed == 2 &&
              stats.connections.idle == 3);
    close_pool(&pool);
}

Test(pool, grows_on_demand_up_to_the_maximum)
{
    struct pqpool_options options = quick_options(0, 3);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *leases[3];
    for (int i = 0; i < 3; i++)
        leases[i] = lease_from(pool);
    struct pqpool_lease *none = NULL;
    struct err err = { 0 };
    cr_expect_eq(pqpool_acquire(pool, clock_now_ns() + soon_ns, &none, &err), PQPOOL_TIMEOUT);
    cr_expect_null(none);
    cr_expect_not_null(strstr(err.text, "3 of 3 open, 3 leased"), "%s", err.text);
    cr_expect_eq(err.flags, ERR_RETRYABLE);
    struct pqpool_stats stats = stats_of(pool);
    cr_expect(stats.counters.exhausted_count == 1 && stats.counters.acquires_timed_out == 1 &&
              !stats.queue.exhausted);
    cr_expect(stats.counters.exhausted_ns > 0 &&
              stats.counters.exhausted_ns < (uint64_t)generous_ns);
    for (int i = 0; i < 3; i++)
        pqpool_release(&leases[i], PQPOOL_REUSE);
    cr_expect_eq(server_counts().open_most, 4);
    close_pool(&pool);
}

Test(pool, acquire_returns_by_its_deadline_while_dials_hang)
{
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    struct pqpool_options options = quick_options(2, 4);
    struct pqpool *pool = open_pool(&options);
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    int64_t began_ns = clock_now_ns();
    cr_expect_eq(pqpool_acquire(pool, began_ns + soon_ns, &lease, &err), PQPOOL_TIMEOUT);
    int64_t took_ns = clock_now_ns() - began_ns;
    cr_expect(took_ns >= soon_ns && took_ns < generous_ns, "%lld ns", (long long)took_ns);
    cr_expect_not_null(strstr(err.text, "being dialled"), "%s", err.text);
    cr_expect_null(lease);

    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    AWAIT(stats_of(pool).connections.idle == 2);
    close_pool(&pool);
}

Test(pool, dials_that_hang_end_by_connect_timeout_and_are_tried_again)
{
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    struct pqpool_options options = quick_options(1, 1);
    options.connect_timeout_ns = 10 * NS_PER_MS;
    struct pqpool *pool = open_pool(&options);
    AWAIT(pqpool_is_down(pool, NULL));
    cr_expect_geq(stats_of(pool).counters.connection_errors[ERROR_TIMEOUT], 3);
    cr_expect_not_null(strstr(stats_of(pool).server.error, "timeout"));
    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    AWAIT(stats_of(pool).connections.idle == 1);
    close_pool(&pool);
}

Test(pool, is_full_at_its_cap_of_waiters)
{
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    struct pqpool_options options = quick_options(1, 1);
    options.max_waiting = 2;
    struct pqpool *pool = open_pool(&options);
    struct caller callers[2];
    start_waiting(&callers[0], pool);
    start_waiting(&callers[1], pool);
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, &err), PQPOOL_QUEUE_FULL);
    cr_expect_not_null(strstr(err.text, "2 acquires wait"), "%s", err.text);
    cr_expect_null(lease);
    cr_expect_eq(stats_of(pool).counters.acquires_rejected, 1);
    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(finish_waiting(&callers[i]), PQPOOL_OK);
        pqpool_release(&callers[i].lease, PQPOOL_REUSE);
    }
    close_pool(&pool);
}

Test(pool, serves_in_order_of_arrival)
{
    enum { CALLERS = 4 };
    struct pqpool_options options = quick_options(1, 1);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool);
    struct caller callers[CALLERS];
    for (int i = 0; i < CALLERS; i++)
        start_waiting(&callers[i], pool);
    cr_expect(stats_of(pool).queue.exhausted);
    cr_expect_gt(stats_of(pool).queue.oldest_wait_ns, 0);
    for (int i = 0; i < CALLERS; i++) {
        pqpool_release(&lease, PQPOOL_REUSE);
        cr_expect_eq(stats_of(pool).queue.waiting, (uint32_t)(CALLERS - 1 - i),
                     "handed over at once");
        cr_expect_eq(finish_waiting(&callers[i]), PQPOOL_OK); /* it is this one that returns */
        lease = callers[i].lease;
    }
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

Test(pool, fifty_that_spike_on_five_make_it_grow_by_one)
{
    enum { CALLERS = 50 };
    struct pqpool_options options = quick_options(5, 50);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *held[5];
    for (int i = 0; i < 5; i++)
        held[i] = lease_from(pool);
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS); /* longer than all of them take */
    static struct caller callers[CALLERS];
    for (int i = 0; i < CALLERS; i++)
        start_waiting(&callers[i], pool);
    for (int i = 0; i < CALLERS; i++) {
        pqpool_release(&held[i % 5], PQPOOL_REUSE);
        cr_assert_eq(finish_waiting(&callers[i]), PQPOOL_OK);
        held[i % 5] = callers[i].lease;
    }
    cr_expect_eq(server_counts().dialling, 1);
    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    for (int i = 0; i < 5; i++)
        pqpool_release(&held[i], PQPOOL_REUSE);
    AWAIT(stats_of(pool).connections.idle == 6);
    cr_expect_eq(stats_of(pool).connections.total, 6);
    close_pool(&pool);
}

/* ---- outages ---- */

Test(pool, outlives_failed_dials_until_its_deadline)
{
    fake_pg_dials(FAKE_DIAL_FAIL, NULL, 4);
    struct pqpool_options options = quick_options(0, 2);
    options.max_retry_attempts = 50;
    struct pqpool *pool = open_pool(&options);
    struct pqpool_lease *lease = lease_from(pool);
    pqpool_release(&lease, PQPOOL_REUSE);
    cr_expect_eq(stats_of(pool).counters.connection_errors[ERROR_REFUSED], 4);
    close_pool(&pool);
}

Test(pool, is_down_with_the_cached_error_and_recovers_by_itself)
{
    struct heard heard = { .mu = { PTHREAD_MUTEX_INITIALIZER } };
    struct pqpool_options options = quick_options(2, 4);
    options.on_event = hear;
    options.ctx = &heard;
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool), *second = lease_from(pool);
    fake_pg_dials(FAKE_DIAL_FAIL,
                  "connection failed: FATAL:  53300: too many clients\nLOCATION:  x", FAKE_ALWAYS);
    struct caller waiter;
    start_waiting(&waiter, pool);
    AWAIT(heard_of(&heard, PQPOOL_EVENT_CONNECT_FAILED, NULL) > options.max_retry_attempts);
    cr_expect_not(pqpool_is_down(pool, NULL), "two may come back");
    pqpool_release(&lease, PQPOOL_DISCARD);
    pqpool_release(&second, PQPOOL_DISCARD);
    cr_expect_eq(finish_waiting(&waiter), PQPOOL_DOWN);
    cr_expect_str_eq(waiter.err.code, "53300");

    struct err err = { 0 };
    cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, &err), PQPOOL_DOWN);
    cr_expect_str_eq(err.code, "53300");
    cr_expect_not_null(strstr(err.text, "too many clients"), "%s", err.text);
    cr_expect_null(strstr(err.text, "LOCATION"), "%s", err.text);
    cr_expect_eq(err.flags, ERR_RETRYABLE);
    cr_expect_null(lease);
    cr_expect_gt(stats_of(pool).counters.connection_errors[ERROR_SERVER], 0);
    char text[256];
    AWAIT(heard_of(&heard, PQPOOL_EVENT_DOWN, text) == 1);
    cr_expect_not_null(strstr(text, "too many clients"), "%s", text);

    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    AWAIT(stats_of(pool).connections.idle == 2);
    cr_expect_not(stats_of(pool).server.down);
    cr_expect_str_eq(stats_of(pool).server.error, "");
    AWAIT(heard_of(&heard, PQPOOL_EVENT_CONNECTED, NULL) > 0);
    close_pool(&pool);
}

Test(pool, an_outage_sees_one_dial_at_a_time)
{
    struct pqpool_options options = quick_options(4, 8);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_dials(FAKE_DIAL_FAIL, NULL, FAKE_ALWAYS);
    fake_pg_hang_up_all();
    AWAIT(pqpool_is_down(pool, NULL));
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    AWAIT(server_counts().dialling == 1);
    uint32_t dials = server_counts().dials;
    struct err err = { 0 };
    struct pqpool_lease *lease = NULL;
    for (int i = 0; i < 100; i++)
        cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, &err), PQPOOL_DOWN);
    cr_expect_eq(server_counts().dials, dials);
    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    AWAIT(stats_of(pool).connections.idle == 4);
    close_pool(&pool);
}

Test(pool, says_what_is_an_operators_to_mend)
{
    static const struct {
        enum fake_dial how;
        const char *message;
        enum error_class error_class;
        const char *code;
    } cases[] = {
        { FAKE_DIAL_FAIL, "FATAL:  28P01: password authentication failed", ERROR_CONFIG, "28P01" },
        { FAKE_DIAL_FAIL, "FATAL:  28000: no pg_hba.conf entry", ERROR_CONFIG, "28000" },
        { FAKE_DIAL_FAIL, "FATAL:  3D000: database \"x\" does not exist", ERROR_CONFIG, "3D000" },
        { FAKE_DIAL_FAIL, "FATAL:  57P03: the database system is starting up", ERROR_SERVER,
          "57P03" },
        { FAKE_DIAL_FAIL, NULL, ERROR_REFUSED, "" },
        { FAKE_DIAL_REFUSE, NULL, ERROR_REFUSED, "" },
        { FAKE_DIAL_FAIL, "SSL error: bad thing:  abc", ERROR_OTHER, "" },
        { FAKE_DIAL_REFUSE, "could not create socket: Too many open files", ERROR_OTHER, "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heard heard = { .mu = { PTHREAD_MUTEX_INITIALIZER } };
        struct pqpool_options options = quick_options(0, 1);
        options.max_retry_delay_ns = PQPOOL_SECONDS(3600);
        options.initial_retry_delay_ns = PQPOOL_SECONDS(3600);
        options.retry_jitter = false;
        options.on_event = hear;
        options.ctx = &heard;
        fake_pg_dials(cases[i].how, cases[i].message, FAKE_ALWAYS);
        bool config = cases[i].error_class == ERROR_CONFIG;
        struct pqpool *pool = open_pool(&options);
        AWAIT(stats_of(pool).counters.connection_errors[cases[i].error_class] == 1);
        int64_t retry_in_ns = 0;
        cr_expect_eq(pqpool_is_down(pool, &retry_in_ns), config, "case %zu", i);
        cr_expect_gt(retry_in_ns, PQPOOL_SECONDS(3000), "case %zu", i);
        enum pqpool_event_kind kind =
            config ? PQPOOL_EVENT_CONFIG_ERROR : PQPOOL_EVENT_CONNECT_FAILED;
        AWAIT(heard_of(&heard, kind, NULL) == 1);
        struct pqpool_lease *lease = NULL;
        struct err err = { 0 };
        if (config) {
            cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, &err), PQPOOL_DOWN);
            cr_expect_str_eq(err.code, cases[i].code, "case %zu", i);
        }
        cr_expect_eq(server_counts().dialling, 0);
        close_pool(&pool);
    }
}

/* ---- start=fail ---- */

Test(pool, start_fail_opens_only_what_can_be_reached)
{
    struct pqpool_options options = quick_options(2, 4);
    options.start = PQPOOL_START_FAIL;
    struct pqpool *pool = open_pool(&options);
    cr_expect_gt(server_counts().dials, 0);
    close_pool(&pool);
    options.min_pool_size = 0;
    pool = open_pool(&options);
    close_pool(&pool);

    struct err err = { 0 };
    fake_pg_dials(FAKE_DIAL_FAIL, "FATAL:  28P01: wrong", FAKE_ALWAYS);
    cr_expect_eq(pool_open_with(&options, &fake_pg, &pool, &err), PQPOOL_DOWN);
    cr_expect_str_eq(err.code, "28P01");
    cr_expect_null(pool);
    cr_expect_eq(server_counts().open, 0);

    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    options.connect_timeout_ns = soon_ns;
    cr_expect_eq(pool_open_with(&options, &fake_pg, &pool, &err), PQPOOL_DOWN);
    cr_expect_neq(err.text[0], '\0');
    cr_expect_null(pool);
    cr_expect_eq(server_counts().open, 0);
}
