/* How connections come back and end, what the janitor does by itself, and how a pool is closed. */
#include "pqpool_fixture.h"

#include <poll.h>

static const int64_t soon_ns = 50 * NS_PER_MS;

/* ---- release ---- */

Test(release, closes_what_is_broken_or_unwanted)
{
    static const struct {
        void (*spoil)(PGconn *pg);
        enum pqpool_disposition disposition;
        enum close_reason reason;
        uint32_t lost;
    } cases[] = {
        { fake_pg_break_off, PQPOOL_REUSE, CLOSE_LOST, 1 },
        { fake_pg_begin, PQPOOL_DISCARD, CLOSE_DISCARDED, 0 },
    };
    struct pqpool_options options = quick_options(1, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pqpool *pool = open_warm_pool(&options);
        struct pqpool_lease *lease = lease_from(pool);
        *pqpool_lease_bits(lease) = 1;
        cases[i].spoil(pqpool_lease_pg(lease));
        pqpool_release(&lease, cases[i].disposition);
        lease = lease_from(pool);
        cr_expect_eq(*pqpool_lease_bits(lease), 0, "a fresh one");
        struct pqpool_stats stats = stats_of(pool);
        cr_expect_eq(stats.counters.closed[cases[i].reason], 1, "case %zu", i);
        cr_expect_eq(stats.counters.connection_errors[ERROR_LOST], cases[i].lost, "case %zu", i);
        pqpool_release(&lease, PQPOOL_REUSE);
        close_pool(&pool);
    }
}

Test(release, twice_or_of_nothing_does_no_harm)
{
    struct pqpool_options options = quick_options(1, 1);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool), *copy = lease, *nothing = NULL;
    pqpool_release(&lease, PQPOOL_REUSE);
    pqpool_release(&lease, PQPOOL_DISCARD);
    pqpool_release(&copy, PQPOOL_DISCARD);
    cr_expect_null(copy);
    pqpool_release(&nothing, PQPOOL_REUSE);
    cr_expect_eq(stats_of(pool).connections.idle, 1);
    close_pool(&pool);
    struct err err = { 0 };
    cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, &err), PQPOOL_CLOSED);
    cr_expect_not_null(strstr(err.text, "closed"));
    pqpool_close(&pool, CLOCK_NEVER);
}

Test(release, rolls_back_an_open_transaction_elsewhere)
{
    struct pqpool_options options = quick_options(1, 1);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool);
    *pqpool_lease_bits(lease) = 1;
    fake_pg_begin(pqpool_lease_pg(lease));
    pqpool_release(&lease, PQPOOL_REUSE);
    lease = lease_from(pool);
    cr_expect_eq(*pqpool_lease_bits(lease), 1, "the same one");
    cr_expect_eq(fake_pg.transaction_status(pqpool_lease_pg(lease)), PQTRANS_IDLE);
    cr_expect_eq(stats_of(pool).counters.resets, 1);
    cr_expect_eq(server_counts().rollbacks, 1);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

Test(release, closes_what_cannot_be_rolled_back)
{
    static const enum fake_answer answers[] = { FAKE_ANSWER_ERROR, FAKE_ANSWER_HANG,
                                                FAKE_ANSWER_HANG_UP };
    struct pqpool_options options = quick_options(1, 1);
    options.validation_timeout_ns = soon_ns;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct pqpool *pool = open_warm_pool(&options);
        struct pqpool_lease *lease = lease_from(pool);
        *pqpool_lease_bits(lease) = 1;
        fake_pg_begin(pqpool_lease_pg(lease));
        fake_pg_answers(answers[i], 1);
        pqpool_release(&lease, PQPOOL_REUSE);
        lease = lease_from(pool);
        cr_expect_eq(*pqpool_lease_bits(lease), 0);
        cr_expect_eq(stats_of(pool).counters.closed[CLOSE_INVALID], 1, "case %zu", i);
        pqpool_release(&lease, PQPOOL_REUSE);
        close_pool(&pool);
    }
}

Test(release, what_the_server_said_of_itself_counts)
{
    static const struct {
        const char *sqlstate;
        bool discards, retires_all;
    } cases[] = {
        { NULL, false, false },   { "23505", false, false }, { "57014", false, false },
        { "08006", true, false }, { "57P01", true, true },   { "57P03", true, true },
        { "25006", true, true },  { "25001", false, false },
    };
    struct pqpool_options options = quick_options(2, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pqpool *pool = open_warm_pool(&options);
        struct pqpool_lease *lease = lease_from(pool);
        pqpool_report_error(lease, cases[i].sqlstate);
        pqpool_release(&lease, PQPOOL_REUSE);
        uint64_t gone = cases[i].retires_all ? 2 : cases[i].discards;
        AWAIT(stats_of(pool).counters.created == 2 + gone && stats_of(pool).connections.idle == 2);
        cr_expect_eq(stats_of(pool).connections.generation, cases[i].retires_all, "%s",
                     cases[i].sqlstate);
        AWAIT(stats_of(pool).health.connected);
        close_pool(&pool);
    }
}

/* ---- the janitor ---- */

Test(janitor, notices_a_hang_up_without_a_query)
{
    struct pqpool_options options = quick_options(3, 5);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool);
    uint32_t queries = server_counts().queries;
    fake_pg_hang_up_all();
    AWAIT(stats_of(pool).counters.closed[CLOSE_LOST] == 2 && stats_of(pool).connections.idle == 2);
    AWAIT(stats_of(pool).health.healthy);
    cr_expect_leq(server_counts().queries, queries + 1, "the fresh control connection's");
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(stats_of(pool).counters.closed[CLOSE_LOST] == 3 && stats_of(pool).connections.idle == 3);
    close_pool(&pool);
}

Test(janitor, trims_idle_ones_to_the_floor)
{
    struct pqpool_options options = quick_options(1, 4);
    options.idle_timeout_ns = soon_ns;
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *leases[4];
    for (int i = 0; i < 4; i++)
        leases[i] = lease_from(pool);
    for (int i = 0; i < 4; i++)
        pqpool_release(&leases[i], PQPOOL_REUSE);
    AWAIT(stats_of(pool).connections.total == 1);
    cr_expect_eq(stats_of(pool).counters.closed[CLOSE_IDLE], 3);
    cr_expect_eq(stats_of(pool).connections.idle, 1);
    close_pool(&pool);
}

Test(janitor, replaces_what_is_too_old_and_never_dips)
{
    struct pqpool_options options = quick_options(2, 3);
    options.max_lifetime_ns = 2 * soon_ns;
    struct pqpool *pool = open_warm_pool(&options);
    bool dipped = false;
    AWAIT((dipped |= stats_of(pool).connections.idle < 2,
           stats_of(pool).counters.closed[CLOSE_LIFETIME] >= 5));
    cr_expect_not(dipped);
    cr_expect_leq(server_counts().open_most, 4);
    close_pool(&pool);
}

Test(janitor, reports_a_lease_held_too_long_once)
{
    struct heard heard = { .mu = { PTHREAD_MUTEX_INITIALIZER } };
    struct pqpool_options options = quick_options(1, 1);
    options.leak_threshold_ns = soon_ns;
    options.health_check_interval_ns = options.health_check_timeout_ns = soon_ns; /* a pulse */
    options.on_event = hear;
    options.ctx = &heard;
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool);
    char text[256];
    AWAIT(heard_of(&heard, PQPOOL_EVENT_LEAK, text) == 1);
    cr_expect_not_null(strstr(text, "pqpool_fixture.h:"), "%s", text);
    uint64_t passed = stats_of(pool).counters.health_checks_passed;
    AWAIT(stats_of(pool).counters.health_checks_passed >= passed + 3);
    cr_expect_eq(stats_of(pool).counters.leaks, 1);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
}

/* ---- on_connect and on_event ---- */

static bool refuse_session(void *ctx, struct pqpool_lease *lease, int64_t deadline_at_ns,
                           struct err *err)
{
    (void)ctx, (void)lease, (void)deadline_at_ns;
    err_set(err, 0, "not this one");
    return false;
}

static bool leave_transaction_open(void *ctx, struct pqpool_lease *lease, int64_t deadline_at_ns,
                                   struct err *err)
{
    (void)ctx, (void)deadline_at_ns, (void)err;
    fake_pg_begin(pqpool_lease_pg(lease));
    return true;
}

static bool note_lost(void *ctx, struct pqpool_lease *lease, int64_t deadline_at_ns,
                      struct err *err)
{
    (void)ctx, (void)deadline_at_ns, (void)err;
    pqpool_report_error(lease, "08006");
    return true;
}

Test(on_connect, a_session_it_does_not_finish_is_not_taken)
{
    static const struct {
        bool (*prepare)(void *ctx, struct pqpool_lease *lease, int64_t deadline, struct err *err);
        const char *says;
    } cases[] = {
        { refuse_session, "not this one" },
        { leave_transaction_open, "a state that cannot be used" },
        { note_lost, "a state that cannot be used" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pqpool_options options = quick_options(1, 1);
        options.on_connect = cases[i].prepare;
        struct pqpool *pool = open_pool(&options);
        AWAIT(pqpool_is_down(pool, NULL));
        cr_expect_not_null(strstr(stats_of(pool).server.error, cases[i].says));
        cr_expect_eq(stats_of(pool).counters.created, 0);
        close_pool(&pool);
    }
}

static struct pqpool *_Atomic asked_pool;
static _Atomic uint32_t n_asked;

static void ask_back(void *ctx, const struct pqpool_event *event)
{
    (void)ctx, (void)event;
    struct pqpool *pool = asked_pool;
    struct pqpool_lease *lease = NULL;
    if (pool == NULL)
        return;
    (void)stats_of(pool);
    if (pqpool_acquire(pool, clock_now_ns() + PATIENCE_S * NS_PER_S, &lease, NULL) == PQPOOL_OK)
        n_asked++;
    pqpool_release(&lease, PQPOOL_REUSE);
}

Test(on_event, may_ask_and_use_the_pool)
{
    struct pqpool_options options = quick_options(1, 2);
    options.on_event = ask_back;
    struct pqpool *pool = open_warm_pool(&options);
    asked_pool = pool;
    struct pqpool_lease *lease = lease_from(pool);
    fake_pg_break_off(pqpool_lease_pg(lease));
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(n_asked > 0);
    asked_pool = NULL;
    close_pool(&pool);
}

/* ---- close ---- */

Test(close, fails_those_who_wait)
{
    struct pqpool_options options = quick_options(1, 1);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool);
    struct caller callers[3];
    for (int i = 0; i < 3; i++)
        start_waiting(&callers[i], pool);
    pqpool_close(&pool, clock_now_ns());
    cr_expect_null(pool);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(finish_waiting(&callers[i]), PQPOOL_CLOSED);
        cr_expect_null(callers[i].lease);
    }
    pqpool_release(&lease, PQPOOL_REUSE);
    cr_expect_eq(server_counts().open, 0);
    pqpool_close(&pool, 0);
}

struct closer {
    struct pqpool *pool;
    int64_t deadline_at_ns;
};

static void *close_on_thread(void *arg)
{
    struct closer *closer = arg;
    pqpool_close(&closer->pool, closer->deadline_at_ns);
    return NULL;
}

Test(close, waits_for_leases_to_come_back)
{
    struct pqpool_options options = quick_options(2, 2);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *first = lease_from(pool), *second = lease_from(pool);
    struct closer closer = { pool, clock_now_ns() + PATIENCE_S * NS_PER_S };
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, close_on_thread, &closer), 0);
    struct pqpool_lease *none = NULL;
    AWAIT(pqpool_acquire(pool, 1, &none, NULL) == PQPOOL_CLOSED); /* it must wait for us */
    cr_expect_eq(fake_pg.status(pqpool_lease_pg(first)), CONNECTION_OK);
    fake_pg_begin(pqpool_lease_pg(first));
    pqpool_release(&first, PQPOOL_REUSE);
    pqpool_release(&second, PQPOOL_REUSE);
    cr_expect_eq(pthread_join(thread, NULL), 0);
    cr_expect_eq(server_counts().open, 0);
}

Test(close, cuts_leases_that_stay_out_and_the_last_release_frees)
{
    struct pqpool_options options = quick_options(3, 3);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *leases[] = { lease_from(pool), lease_from(pool), lease_from(pool) };
    pqpool_close(&pool, clock_now_ns() + soon_ns);
    cr_expect_eq(server_counts().open, 3);
    for (int i = 0; i < 3; i++) {
        struct pollfd pfd = { .fd = fake_pg.socket(pqpool_lease_pg(leases[i])), .events = POLLIN };
        cr_expect_eq(poll(&pfd, 1, 0), 1, "its socket is dead");
        *pqpool_lease_bits(leases[i]) = 1;
        pqpool_report_error(leases[i], "57P01");
    }
    for (int i = 0; i < 3; i++)
        pqpool_release(&leases[i], i == 1 ? PQPOOL_DISCARD : PQPOOL_REUSE);
    cr_expect_eq(server_counts().open, 0);
}

Test(close, cuts_a_probe_short)
{
    struct pqpool_options options = quick_options(1, 1);
    options.validation_bypass_ns = 0;
    options.validation_timeout_ns = PQPOOL_SECONDS(3600);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_answers(FAKE_ANSWER_HANG, FAKE_ALWAYS);
    struct caller caller = { .pool = pool, .deadline_at_ns = CLOCK_NEVER };
    cr_assert_eq(pthread_create(&caller.thread, NULL, call, &caller), 0);
    AWAIT(stats_of(pool).connections.checking == 1);
    pqpool_close(&pool, clock_now_ns());
    cr_expect_eq(finish_waiting(&caller), PQPOOL_CLOSED);
    cr_expect_eq(server_counts().open, 0);
}

Test(close, leaves_nothing_of_what_is_under_way)
{
    struct pqpool_options options = quick_options(2, 4);
    options.health_check_interval_ns = options.health_check_timeout_ns = PQPOOL_SECONDS(3600);
    options.validation_timeout_ns = PQPOOL_SECONDS(3600);

    struct pqpool *pool = open_warm_pool(&options); /* ROLLBACKs that hang, or were never begun */
    struct pqpool_lease *first = lease_from(pool), *second = lease_from(pool);
    fake_pg_answers(FAKE_ANSWER_HANG, FAKE_ALWAYS);
    fake_pg_begin(pqpool_lease_pg(first));
    fake_pg_begin(pqpool_lease_pg(second));
    pqpool_release(&first, PQPOOL_REUSE);
    AWAIT(server_counts().rollbacks == 1);
    pqpool_release(&second, PQPOOL_REUSE);
    close_pool(&pool);

    uint32_t queries = server_counts().queries; /* a health check that hangs */
    pool = open_pool(&options);
    AWAIT(server_counts().queries > queries && stats_of(pool).connections.idle == 2);
    close_pool(&pool);

    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS); /* dials that hang */
    pool = open_pool(&options);
    AWAIT(server_counts().dialling == 3);
    close_pool(&pool);
}

/* Returns when the pool is closing. `closer` must live until the thread has ended. */
static pthread_t begin_close(struct closer *closer)
{
    pthread_t thread;
    struct pqpool_lease *none = NULL;
    struct pqpool *pool = closer->pool;
    cr_assert_eq(pthread_create(&thread, NULL, close_on_thread, closer), 0);
    AWAIT(pqpool_acquire(pool, clock_now_ns(), &none, NULL) == PQPOOL_CLOSED);
    return thread;
}

Test(close, what_connects_meanwhile_is_not_kept)
{
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    struct pqpool_options options = quick_options(1, 2);
    struct pqpool *pool = open_pool(&options);
    AWAIT(server_counts().dialling == 2);
    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    struct pqpool_lease *lease = lease_from(pool);
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    fake_pg_hang_up_all(); /* the control connection is dialled again */
    AWAIT(server_counts().dialling == 1);
    struct closer closer = { pool, clock_now_ns() + PATIENCE_S * NS_PER_S };
    pthread_t thread = begin_close(&closer);
    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    AWAIT(server_counts().open == 1); /* ours */
    pqpool_release(&lease, PQPOOL_DISCARD);
    cr_expect_eq(pthread_join(thread, NULL), 0);
    cr_expect_eq(server_counts().open, 0);
}

Test(close, a_dial_that_it_ends_is_no_failure)
{
    struct heard heard = { .mu = { PTHREAD_MUTEX_INITIALIZER } };
    struct pqpool_options options = quick_options(1, 2);
    options.on_event = hear;
    options.ctx = &heard;
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool);
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    fake_pg_hang_up_all(); /* the control connection is dialled again */
    AWAIT(server_counts().dialling == 1);
    struct closer closer = { pool, clock_now_ns() + PATIENCE_S * NS_PER_S };
    pthread_t thread = begin_close(&closer);
    fake_pg_dials(FAKE_DIAL_FAIL, NULL, FAKE_ALWAYS);
    AWAIT(stats_of(pool).counters.connection_errors[ERROR_REFUSED] > 0);
    pqpool_release(&lease, PQPOOL_DISCARD);
    cr_expect_eq(pthread_join(thread, NULL), 0);
    cr_expect_eq(heard_of(&heard, PQPOOL_EVENT_CONNECT_FAILED, NULL), 0);
}

/* Far longer than a greeting may take: who closes the pool must not wait for it. */
static bool ask_for_hours(void *ctx, struct pqpool_lease *lease, int64_t deadline_at_ns,
                          struct err *err)
{
    const struct pqpool_query query = { .sql = "SET" };
    PGresult *result = NULL;
    (void)ctx, (void)deadline_at_ns;
    int64_t until_ns = clock_now_ns() + PQPOOL_SECONDS(3600);
    bool good = pqpool_exec(lease, &query, until_ns, &result, err) == PQPOOL_OK;
    PQclear(result);
    return good;
}

Test(close, ends_the_preparation_of_a_session, .timeout = 120)
{
    struct pqpool_options options = quick_options(1, 1);
    options.on_connect = ask_for_hours;
    fake_pg_answers(FAKE_ANSWER_HANG, FAKE_ALWAYS);
    struct pqpool *pool = open_pool(&options);
    AWAIT(server_counts().queries == 1);
    pqpool_close(&pool, clock_now_ns());
    cr_expect_eq(server_counts().open, 0);
}

/* ---- interrupt ---- */

static void *exec_for_hours(void *arg)
{
    struct pqpool_lease *lease = arg;
    struct err err = { 0 };
    if (!ask_for_hours(NULL, lease, 0, &err))
        cr_expect_not_null(strstr(err.text, "the pool is being closed"), "%s", err.text);
    return NULL;
}

Test(interrupt, ends_the_wait_and_cancels_the_statement, .timeout = 120)
{
    struct pqpool_options options = quick_options(2, 2);
    options.health_check_interval_ns = options.health_check_timeout_ns = PQPOOL_SECONDS(3600);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool), *other = NULL;
    pthread_t thread;
    uint32_t queries = server_counts().queries;
    fake_pg_answers(FAKE_ANSWER_HANG, 1);
    cr_assert_eq(pthread_create(&thread, NULL, exec_for_hours, lease), 0);
    AWAIT(server_counts().queries == queries + 1);
    pqpool_interrupt(pool);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_expect_eq(fake_pg.status(pqpool_lease_pg(lease)), CONNECTION_OK, "it is not cut");
    cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &other, NULL), PQPOOL_CLOSED);

    struct err err = { 0 };
    const struct pqpool_query query = { .sql = "SELECT 1" };
    PGresult *result = NULL;
    cr_expect_eq(pqpool_exec(lease, &query, CLOCK_NEVER, &result, &err), PQPOOL_TIMEOUT);
    cr_expect_not_null(strstr(err.text, "nothing was sent"), "%s", err.text);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_pool(&pool);
    cr_expect_eq(server_counts().cancels, 1);
}

Test(interrupt, ends_the_wait_for_the_first_connection, .timeout = 120)
{
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    struct pqpool_options options = quick_options(1, 1);
    options.connect_timeout_ns = PQPOOL_SECONDS(3600);
    struct pqpool *pool = open_pool(&options);
    AWAIT(server_counts().dialling > 0);
    pqpool_interrupt(pool);
    struct err err = { 0 };
    cr_expect_eq(pqpool_await_connected(pool, &err), PQPOOL_CLOSED);
    cr_expect_not_null(strstr(err.text, "being closed"), "%s", err.text);
    close_pool(&pool);
}

Test(close, opens_and_closes_at_any_moment)
{
    struct pqpool_options options = quick_options(3, 5);
    for (int i = 0; i < 200; i++) {
        struct pqpool *pool = open_pool(&options);
        if (i % 2 == 0) {
            struct pqpool_lease *lease = lease_from(pool);
            fake_pg_begin(pqpool_lease_pg(lease));
            pqpool_release(&lease, PQPOOL_REUSE);
        }
        close_pool(&pool);
    }
}
