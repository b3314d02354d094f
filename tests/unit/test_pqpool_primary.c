/* The server and the database that the pool uses: one at a time, and never one that was replaced,
 * even if it answers. */
#include "pqpool_fixture.h"

#include <criterion/parameterized.h>
#include <unistd.h>

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
    cr_expect_gt(stats_of(pool).counters.connection_errors[ERROR_SERVER], 0);

    fake_pg_timeline(3);
    AWAIT(stats_of(pool).connections.idle == FLOOR && !pqpool_is_down(pool, NULL));
    close_pool(&pool);
}

Test(primary, a_promotion_replaces_what_was_connected_before)
{
    struct pqpool_options options = quick_options(FLOOR, FLOOR);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *held = lease_from(pool), *tells = lease_from(pool);
    fake_pg_timeline(2);
    pqpool_release(&tells, PQPOOL_DISCARD);
    AWAIT(stats_of(pool).counters.closed[CLOSE_GENERATION] == FLOOR - 2);
    cr_expect_eq(stats_of(pool).connections.leased, 1, "what is in use is left alone");
    pqpool_release(&held, PQPOOL_REUSE);
    AWAIT(stats_of(pool).counters.closed[CLOSE_GENERATION] == FLOOR - 1 &&
          stats_of(pool).connections.idle == FLOOR);
    cr_expect_eq(stats_of(pool).counters.closed[CLOSE_DISCARDED], 1);
    close_pool(&pool);
}

/* Timelines of two systems tell nothing of each other: the one that answers is right, and is
 * remembered. */
Test(primary, another_system_is_not_compared)
{
    struct pqpool_options options = quick_options(FLOOR, FLOOR);
    fake_pg_timeline(3);
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_another_system();
    fake_pg_hang_up_all();
    AWAIT(stats_of(pool).connections.generation == 1 && stats_of(pool).connections.idle == FLOOR);
    fake_pg_timeline(2);
    fake_pg_hang_up_all();
    AWAIT(stats_of(pool).connections.generation == 2 && stats_of(pool).connections.idle == FLOOR);
    fake_pg_timeline(1);
    fake_pg_hang_up_all();
    AWAIT(pqpool_is_down(pool, NULL));
    close_pool(&pool);
}

/* A session that was in use meanwhile still gets the answers of the old one. */
Test(primary, a_lease_at_one_that_was_replaced_says_so)
{
    struct pqpool_options options = quick_options(FLOOR, FLOOR);
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *held = lease_from(pool);
    cr_expect_not(pqpool_lease_was_replaced(held));
    fake_pg_timeline(2);
    struct pqpool_lease *other = lease_from(pool);
    pqpool_release(&other, PQPOOL_DISCARD);
    AWAIT(stats_of(pool).connections.generation == 1);
    cr_expect(pqpool_lease_was_replaced(held));
    pqpool_release(&held, PQPOOL_REUSE);
    AWAIT(stats_of(pool).connections.idle == FLOOR);
    struct pqpool_lease *fresh = lease_from(pool);
    cr_expect_not(pqpool_lease_was_replaced(fresh));
    pqpool_release(&fresh, PQPOOL_REUSE);
    close_pool(&pool);
}

/* A server of another make, or one whose functions are not for everyone. */
Test(primary, one_that_does_not_say_is_taken_at_its_word)
{
    struct pqpool *pool = pool_that_has_seen(2, 0);
    AWAIT(stats_of(pool).counters.closed[CLOSE_LOST] == FLOOR &&
          stats_of(pool).connections.idle == FLOOR);
    close_pool(&pool);
}

/* ---- another database ---- */

static void discard_one(struct pqpool *pool)
{
    struct pqpool_lease *lease = lease_from(pool);
    pqpool_release(&lease, PQPOOL_DISCARD);
}

static uint32_t database_of(struct pqpool *pool)
{
    struct pqpool_lease *lease = lease_from(pool);
    uint32_t database = pqpool_lease_database(lease);
    pqpool_release(&lease, PQPOOL_REUSE);
    return database;
}

/* One fresh session is enough: what is idle is replaced, the control connection too, and what is in
 * use when it comes back. */
Test(primary, another_database_replaces_every_connection)
{
    struct heard heard = { .mu = { PTHREAD_MUTEX_INITIALIZER } };
    struct pqpool_options options = quick_options(FLOOR, FLOOR);
    options.on_event = hear;
    options.ctx = &heard;
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *held = lease_from(pool);
    uint64_t before = stats_of(pool).counters.connect_attempts;
    (void)usleep(2 * 20000); /* max_retry_delay: the pool has not only just come here */
    fake_pg_database(1, 1, 0);
    discard_one(pool);
    AWAIT(stats_of(pool).counters.database_changes == 1 &&
          stats_of(pool).connections.idle == FLOOR - 1);
    AWAIT(stats_of(pool).health.connected &&
          stats_of(pool).counters.connect_attempts >= before + FLOOR);
    cr_expect_eq(pqpool_lease_database(held), 1, "what is in use is where it was");
    cr_expect_eq(database_of(pool), 2);
    pqpool_release(&held, PQPOOL_REUSE);
    AWAIT(stats_of(pool).connections.idle == FLOOR);
    cr_expect_eq(stats_of(pool).connections.generation, 1);

    char text[256];
    AWAIT(heard_of(&heard, PQPOOL_EVENT_DATABASE_CHANGED, text) == 1);
    cr_expect_not_null(strstr(text, "system 7000000000000000001, oid 5, and it was system "
                                    "7000000000000000000, oid 5"),
                       "%s", text);
    cr_expect_eq(heard_of(&heard, PQPOOL_EVENT_EVICTED_ALL, NULL), 0, "one event is enough");

    (void)usleep(2 * 20000);
    fake_pg_database(0, 1, 0);
    discard_one(pool);
    AWAIT(stats_of(pool).counters.database_changes == 2 &&
          stats_of(pool).connections.idle == FLOOR);
    cr_expect_eq(database_of(pool), 1, "the same database is the same number");
    close_pool(&pool);
}

Test(primary, another_database_of_the_same_name_is_another_one)
{
    struct pqpool_options options = quick_options(FLOOR, FLOOR);
    struct pqpool *pool = open_warm_pool(&options);
    (void)usleep(2 * 20000);
    fake_pg_database(0, 1, 1);
    discard_one(pool);
    AWAIT(stats_of(pool).counters.database_changes == 1 &&
          stats_of(pool).connections.idle == FLOOR);
    cr_expect_eq(database_of(pool), 2);
    close_pool(&pool);
}

/* A name with two addresses that are two databases: the pool stays at one, and becomes whole. */
Test(primary, two_databases_by_turns_do_not_drag_the_pool_to_and_fro)
{
    struct heard heard = { .mu = { PTHREAD_MUTEX_INITIALIZER } };
    struct pqpool_options options = quick_options(FLOOR, FLOOR);
    options.max_retry_delay_ns = PQPOOL_SECONDS(3600);
    options.max_retry_attempts = 100;
    options.on_event = hear;
    options.ctx = &heard;
    fake_pg_database(0, 2, 0);
    struct pqpool *pool = open_warm_pool(&options);
    for (int i = 0; i < 10; i++) {
        discard_one(pool);
        AWAIT(stats_of(pool).connections.idle == FLOOR && stats_of(pool).health.connected);
    }
    cr_expect_leq(stats_of(pool).counters.database_changes, 2, "%u changes",
                  (unsigned)stats_of(pool).counters.database_changes);
    char text[256];
    AWAIT(heard_of(&heard, PQPOOL_EVENT_CONNECT_FAILED, text) > 0);
    cr_expect_not_null(strstr(text, "do all hosts and addresses lead to one database?"), "%s",
                       text);
    close_pool(&pool);
}

Test(primary, a_database_that_does_not_say_has_no_number)
{
    struct pqpool_options options = quick_options(FLOOR, FLOOR);
    fake_pg_timeline(0);
    struct pqpool *pool = open_warm_pool(&options);
    cr_expect_eq(database_of(pool), 0);
    cr_expect_eq(stats_of(pool).counters.database_changes, 0);
    close_pool(&pool);
}

/* ---- the control connection's age ---- */

static struct pqpool *open_pool_that_ages(struct heard *heard, int64_t max_lifetime_ns)
{
    struct pqpool_options options = quick_options(0, 1);
    options.max_lifetime_ns = max_lifetime_ns;
    options.on_event = hear;
    options.ctx = heard;
    return open_warm_pool(&options);
}

/* With no slot wanted, all dials are its own. */
Test(primary, the_control_connection_is_renewed_when_it_is_old)
{
    struct heard heard = { .mu = { PTHREAD_MUTEX_INITIALIZER } };
    struct pqpool *pool = open_pool_that_ages(&heard, 100 * NS_PER_MS);
    AWAIT(stats_of(pool).counters.connect_attempts >= 4 && stats_of(pool).health.connected);
    cr_expect_eq(heard_of(&heard, PQPOOL_EVENT_UNHEALTHY, NULL), 0, "it is missed by nobody");
    cr_expect_eq(heard_of(&heard, PQPOOL_EVENT_CONNECTION_LOST, NULL), 0);
    close_pool(&pool);
}

/* The new server hangs without an error. A connection to the old one would have gone on passing its
 * health checks. */
Test(primary, a_server_that_hangs_is_noticed_once_the_control_connection_is_old)
{
    struct heard heard = { .mu = { PTHREAD_MUTEX_INITIALIZER } };
    struct pqpool_options options = quick_options(0, 1);
    options.max_lifetime_ns = 300 * NS_PER_MS;
    options.health_check_interval_ns = options.health_check_timeout_ns = 50 * NS_PER_MS;
    options.on_event = hear;
    options.ctx = &heard;
    struct pqpool *pool = open_warm_pool(&options);
    fake_pg_dials(FAKE_DIAL_HANG, NULL, FAKE_ALWAYS);
    AWAIT(!stats_of(pool).health.healthy);
    fake_pg_dials(FAKE_DIAL_OK, NULL, 0);
    AWAIT(stats_of(pool).health.healthy);
    close_pool(&pool);
}

/* ---- answers that cannot be right ---- */

struct shape_case {
    int shape; /* enum fake_shape */
    bool is_refused;
};

ParameterizedTestParameters(primary, who_it_is_is_read_only_in_its_shape)
{
    static struct shape_case cases[] = {
        { FAKE_SHAPE_NO_ROWS, false },      { FAKE_SHAPE_NULLS, false },
        { FAKE_SHAPE_GARBAGE, false },      { FAKE_SHAPE_TWICE, true },
        { FAKE_SHAPE_FEWER_COLUMNS, true },
    };
    return cr_make_param_array(struct shape_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct shape_case *c, primary, who_it_is_is_read_only_in_its_shape)
{
    struct pqpool_options options = quick_options(FLOOR, FLOOR);
    fake_pg_shape((enum fake_shape)c->shape);
    struct pqpool *pool = open_pool(&options);
    if (c->is_refused) {
        AWAIT(pqpool_is_down(pool, NULL));
        cr_expect_not_null(strstr(stats_of(pool).server.error, "malformed answer"), "%s",
                           stats_of(pool).server.error);
    } else {
        AWAIT(stats_of(pool).connections.idle == FLOOR);
        cr_expect_eq(database_of(pool), 0);
    }
    fake_pg_shape(FAKE_SHAPE_GOOD);
    AWAIT(stats_of(pool).connections.idle == FLOOR);
    close_pool(&pool);
}
