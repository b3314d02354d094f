/* Host names: their addresses share the time of a dial, the last good one comes first, and a
 * resolver that does not answer holds nobody up. */
#include "pqpool_fixture.h"
#include "support/fake_lookup.h"

#define FIRST "192.0.2.1"
#define SECOND "192.0.2.2"
#define THIRD "2001:db8::3"

enum { FLOOR = 2, DIAL_S = 3 };

static struct pqpool_options options_for(const char *conninfo)
{
    struct pqpool_options options = quick_options(FLOOR, 4);
    options.conninfo = conninfo;
    options.connect_timeout_ns = DIAL_S * NS_PER_S;
    return options;
}

/* The addresses of one server, started once; the silent ones do not answer. */
static void serve_at(const char *address, bool answers)
{
    fake_pg_address(address, answers, "1000.5");
}

static bool last_address_is(const char *address)
{
    char last[ADDRESS_SIZE];
    fake_pg_last_address(last);
    return strcmp(last, address) == 0;
}

/* One more dial of the pool, to its end. */
static void dial_again(struct pqpool *pool)
{
    struct pqpool_lease *lease = lease_from(pool);
    uint32_t dials = server_counts().dials;
    pqpool_release(&lease, PQPOOL_DISCARD);
    AWAIT(server_counts().dials > dials && stats_of(pool).connections.idle == FLOOR &&
          stats_of(pool).connections.connecting == 0);
}

static void expect_the_good_one_is_found(const char *addresses, const char *good)
{
    fake_lookup_set("db.example", addresses);
    struct pqpool_options options = options_for("host=db.example");
    struct pqpool *pool = open_warm_pool(&options);
    cr_expect_eq(stats_of(pool).connections.generation, 0);
    uint32_t dials = server_counts().dials;
    dial_again(pool);
    cr_expect_eq(server_counts().dials, dials + 1, "the last good one is dialled first");
    cr_expect(last_address_is(good));
    close_pool(&pool);
}

Test(names, the_second_address_is_reached_when_the_first_is_silent)
{
    serve_at(FIRST, false);
    serve_at(SECOND, true);
    expect_the_good_one_is_found(FIRST " " SECOND, SECOND);
}

Test(names, the_order_of_the_answer_does_not_matter)
{
    serve_at(FIRST, false);
    serve_at(SECOND, true);
    expect_the_good_one_is_found(SECOND " " FIRST, SECOND);
}

Test(names, each_of_several_silent_addresses_costs_its_share)
{
    serve_at(FIRST, false);
    serve_at(SECOND, false);
    serve_at(THIRD, true);
    expect_the_good_one_is_found(FIRST " " SECOND " " THIRD, THIRD);
}

/* Of the string's own connect_timeout each address of the host has its share, too. */
Test(names, the_strings_timeout_is_shared_by_the_addresses_of_a_host)
{
    serve_at(FIRST, false);
    serve_at(SECOND, true);
    fake_lookup_set("db.example", FIRST " " SECOND);
    struct pqpool_options options = options_for("host=db.example connect_timeout=2");
    options.connect_timeout_ns = PQPOOL_SECONDS(3600);
    struct pqpool *pool = open_warm_pool(&options);
    cr_expect(last_address_is(SECOND));
    cr_expect_eq(stats_of(pool).connections.generation, 0);
    close_pool(&pool);
}

/* A resolver may answer in another order each time. */
Test(names, the_good_one_stays_first_when_the_answer_is_reordered)
{
    serve_at(FIRST, true);
    serve_at(SECOND, true);
    fake_lookup_set("db.example", FIRST " " SECOND);
    struct pqpool_options options = options_for("host=db.example");
    struct pqpool *pool = open_warm_pool(&options);
    fake_lookup_set("db.example", SECOND " " FIRST);
    dial_again(pool);
    cr_expect(last_address_is(FIRST));
    close_pool(&pool);
}

/* ---- one server or another ---- */

static struct pqpool *pool_that_moves_to_the_second_address(void)
{
    serve_at(FIRST, true);
    fake_lookup_set("db.example", FIRST " " SECOND);
    struct pqpool_options options = options_for("host=db.example");
    struct pqpool *pool = open_warm_pool(&options);
    cr_assert(last_address_is(FIRST));
    serve_at(FIRST, false);
    dial_again(pool);
    cr_expect(last_address_is(SECOND));
    return pool;
}

Test(names, two_addresses_of_one_server_are_no_move)
{
    serve_at(SECOND, true);
    struct pqpool *pool = pool_that_moves_to_the_second_address();
    cr_expect_eq(stats_of(pool).connections.generation, 0, "what was open stays");
    cr_expect_eq(stats_of(pool).counters.closed[CLOSE_GENERATION], 0);
    close_pool(&pool);
}

Test(names, another_server_at_the_second_address_is_a_move)
{
    fake_pg_address(SECOND, true, "2000.5");
    struct pqpool *pool = pool_that_moves_to_the_second_address();
    AWAIT(stats_of(pool).connections.generation == 1 &&
          stats_of(pool).counters.closed[CLOSE_GENERATION] == FLOOR - 1);
    AWAIT(stats_of(pool).connections.idle == FLOOR);
    cr_expect_eq(stats_of(pool).connections.generation, 1);
    close_pool(&pool);
}

/* ---- one database or another ---- */

static uint32_t database_of(struct pqpool *pool)
{
    struct pqpool_lease *lease = lease_from(pool);
    uint32_t database = pqpool_lease_database(lease);
    pqpool_release(&lease, PQPOOL_REUSE);
    return database;
}

static void discard_one(struct pqpool *pool)
{
    struct pqpool_lease *lease = lease_from(pool);
    pqpool_release(&lease, PQPOOL_DISCARD);
}

/* The pool's address is there still, though it does not answer now. */
Test(names, another_database_at_another_address_does_not_get_a_pool_that_works)
{
    struct heard heard = { .mu = { PTHREAD_MUTEX_INITIALIZER } };
    serve_at(FIRST, true);
    fake_lookup_set("db.example", FIRST " " SECOND);
    struct pqpool_options options = options_for("host=db.example");
    options.max_retry_attempts = 100;
    options.on_event = hear;
    options.ctx = &heard;
    struct pqpool *pool = open_warm_pool(&options);
    serve_at(FIRST, false);
    fake_pg_address(SECOND, true, "2000.5");
    fake_pg_database(1, 1, 0);
    discard_one(pool);
    AWAIT(heard_of(&heard, PQPOOL_EVENT_CONNECT_FAILED, NULL) >= 2);
    cr_expect_eq(stats_of(pool).counters.database_changes, 0);
    cr_expect_eq(stats_of(pool).connections.generation, 0);
    cr_expect_eq(database_of(pool), 1);
    close_pool(&pool);
}

/* The pool's address is none of the name's any more, though what is connected to it goes on. */
Test(names, a_name_that_leads_to_another_database_is_followed)
{
    serve_at(FIRST, true);
    fake_pg_address(SECOND, true, "2000.5");
    fake_lookup_set("db.example", FIRST);
    struct pqpool_options options = options_for("host=db.example");
    options.max_retry_attempts = 100;
    struct pqpool *pool = open_warm_pool(&options);
    fake_lookup_set("db.example", SECOND);
    fake_pg_database(1, 1, 0);
    discard_one(pool);
    AWAIT(stats_of(pool).counters.database_changes == 1 &&
          stats_of(pool).connections.idle == FLOOR);
    cr_expect_eq(database_of(pool), 2);
    cr_expect(last_address_is(SECOND));
    close_pool(&pool);
}

/* ---- what is looked up ---- */

Test(names, dials_of_one_moment_share_a_lookup)
{
    fake_lookup_set("db.example", FAKE_LOOKUP_NEVER);
    struct pqpool_options options = options_for("host=db.example");
    options.min_pool_size = options.max_pool_size = 4;
    options.connect_timeout_ns = PATIENCE_S * NS_PER_S;
    struct pqpool *pool = open_pool(&options);
    AWAIT(stats_of(pool).connections.connecting == 4);
    cr_expect_eq(fake_lookup_counts().started, 1);
    fake_lookup_set("db.example", FIRST);
    AWAIT(stats_of(pool).connections.idle == 4);
    AWAIT(fake_lookup_counts().out == 0);
    close_pool(&pool);
}

Test(names, what_is_no_name_is_not_looked_up)
{
    static const char *const cases[] = {
        "",
        "host=/run/postgresql",
        "host=@abstract",
        "host=192.0.2.7",
        "host=::1",
        "host=fe80::1%lo",
        "host=db.example hostaddr=192.0.2.7",
        "hostaddr=192.0.2.7",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pqpool_options options = options_for(cases[i]);
        struct pqpool *pool = open_warm_pool(&options);
        cr_expect_eq(fake_lookup_counts().started, 0, "%s", cases[i]);
        close_pool(&pool);
    }
}

/* ---- a resolver that fails, or does not answer ---- */

Test(names, a_lookup_that_fails_is_told_and_tried_again)
{
    fake_lookup_set("db.example", FAKE_LOOKUP_FAIL);
    struct pqpool_options options = options_for("host=db.example");
    struct pqpool *pool = open_pool(&options);
    AWAIT(pqpool_is_down(pool, NULL));
    struct pqpool_lease *lease = NULL;
    struct err err = { 0 };
    cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, &err), PQPOOL_DOWN);
    cr_expect_not_null(strstr(err.text, "host name \"db.example\""), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "Temporary failure"), "%s", err.text);
    fake_lookup_set("db.example", FIRST);
    AWAIT(stats_of(pool).connections.idle == FLOOR && !pqpool_is_down(pool, NULL));
    close_pool(&pool);
}

Test(names, a_silent_resolver_leaves_the_next_host_its_share)
{
    fake_lookup_set("never.example", FAKE_LOOKUP_NEVER);
    fake_lookup_set("db.example", FIRST);
    struct pqpool_options options = options_for("host=never.example,db.example");
    struct pqpool *pool = open_warm_pool(&options);
    cr_expect_eq(fake_lookup_counts().out, 1, "one for all dials of the silent name");
    dial_again(pool);
    close_pool(&pool);
    cr_expect_eq(fake_lookup_counts().out, 0);
}

Test(names, a_silent_resolver_is_told_and_close_does_not_wait)
{
    fake_lookup_set("db.example", FAKE_LOOKUP_NEVER);
    struct pqpool_options options = options_for("host=db.example");
    options.connect_timeout_ns = NS_PER_S / 10;
    struct pqpool *pool = open_pool(&options);
    AWAIT(pqpool_is_down(pool, NULL));
    cr_expect_not_null(strstr(stats_of(pool).server.error, "timeout: could not translate host name "
                                                           "\"db.example\""),
                       "%s", stats_of(pool).server.error);
    cr_expect_gt(stats_of(pool).counters.connection_errors[ERROR_TIMEOUT], 0);
    cr_expect_eq(fake_lookup_counts().started, 1, "later dials wait for the one that is out");
    fake_lookup_set("db.example", FIRST);
    AWAIT(stats_of(pool).connections.idle == FLOOR);
    fake_lookup_set("db.example", FAKE_LOOKUP_NEVER);
    fake_pg_hang_up_all();
    AWAIT(stats_of(pool).connections.connecting > 0);
    close_pool(&pool);
    cr_expect_eq(fake_lookup_counts().out, 0);
}

/* ---- which of several failures is told ---- */

Test(names, what_a_server_says_counts_for_more_than_a_silent_address)
{
    static const char denied[] = "connection failed: FATAL:  28P01: password authentication failed";
    serve_at(FIRST, true);
    serve_at(SECOND, false);
    fake_lookup_set("db.example", FIRST " " SECOND);
    fake_pg_dials(FAKE_DIAL_FAIL, denied, FAKE_ALWAYS);
    struct pqpool_options options = options_for("host=db.example");
    options.connect_timeout_ns = NS_PER_S;
    struct pqpool *pool = open_pool(&options);
    AWAIT(stats_of(pool).counters.connection_errors[ERROR_CONFIG] > 0);
    const struct pqpool_stats stats = stats_of(pool);
    cr_expect_not_null(strstr(stats.server.error, "2 addresses tried: db.example: "), "%s",
                       stats.server.error);
    cr_expect_not_null(strstr(stats.server.error, "28P01"), "%s", stats.server.error);
    cr_expect_eq(stats.counters.connection_errors[ERROR_TIMEOUT], 0,
                 "one failure a dial is counted");
    close_pool(&pool);
}
