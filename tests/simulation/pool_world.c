/* pool_world.c - see pool_world.h. */
#include "simulation/pool_world.h"

#include "base/clock.h"
#include "simulation/pool_callers.h"
#include "simulation/pool_rules.h"
#include "simulation/pool_shadow.h"
#include "simulation/sim_fd.h"
#include "simulation/sim_lookup.h"
#include "simulation/sim_pg.h"

/* A name's addresses share the time of a dial: of less than SILENCE_AFFORDED_MS a silent one leaves
 * too little. A lookup that is out is waited for LOOKUP_LIMIT_S at most. */
enum {
    ORPHANS_LIMIT_S = 7,
    CLOSE_ROUNDING_MS = 20,
    SILENCE_AFFORDED_MS = 1000,
    LOOKUP_LIMIT_S = 10
};

static struct world {
    uint64_t turmoil_steps;
    struct pqpool_options options;
    struct pool_callers callers;
    const struct pg_driver *driver;
    uint32_t events;
} world;

/* ---- options ---- */

static int64_t draw_ms(int64_t least, int64_t most)
{
    return sim_draw_ns(least * NS_PER_MS, most * NS_PER_MS);
}

static int64_t draw_ms_or_0(int64_t least, int64_t most)
{
    return sim_chance(3) ? 0 : draw_ms(least, most);
}

static void draw_limits(struct pqpool_options *o)
{
    static const int64_t bypass_ms[] = { 0, 5, 50, 500, 3600000 };
    static const char *const hosts[] = { "host=a", "host=a,b", "host=a,b,c port=1" };
    o->conninfo = hosts[sim_draw(3)];
    o->max_pool_size = 1 + sim_draw(sim_chance(2) ? 3 : 12);
    o->min_pool_size = sim_draw(o->max_pool_size + 1);
    o->max_waiting = sim_chance(5) ? sim_draw(4) : 1000;
    o->validate_on_checkout = !sim_chance(6);
    o->validation_bypass_ns = bypass_ms[sim_draw(5)] * NS_PER_MS;
    o->max_validation_failures = 1 + sim_draw(3);
    o->max_retry_attempts = 1 + sim_draw(5);
    o->retry_backoff_multiplier = 1.0 + sim_draw(4);
    o->retry_jitter = sim_chance(2);
    o->warmup = sim_chance(2);
    o->start = sim_chance(4) ? PQPOOL_START_FAIL : PQPOOL_START_DEGRADED;
}

static void draw_spans(struct pqpool_options *o)
{
    o->acquire_timeout_ns = draw_ms(10, 1000);
    o->connect_timeout_ns = draw_ms(50, 2000);
    o->command_timeout_ns = draw_ms(10, 1000);
    o->validation_timeout_ns = draw_ms(5, 500);
    o->initial_retry_delay_ns = draw_ms(1, 200);
    o->max_retry_delay_ns = o->initial_retry_delay_ns + draw_ms(0, 2000);
    o->health_check_interval_ns = draw_ms(200, 3000);
    o->health_check_timeout_ns = sim_draw_ns(NS_PER_MS, o->health_check_interval_ns);
    o->metrics_collection_interval_ns = draw_ms(100, 10000);
    o->idle_timeout_ns = draw_ms_or_0(100, 5000);
    o->max_lifetime_ns = draw_ms_or_0(300, 10000);
    o->leak_threshold_ns = draw_ms_or_0(20, 1000);
}

/* ---- callbacks ---- */

static bool on_connect(void *ctx, struct pqpool_lease *lease, int64_t deadline_at_ns,
                       struct err *err)
{
    const struct pqpool_query query = { .sql = "SET" };
    PGresult *result = NULL;
    (void)ctx;
    SIM_CHECK(!sim_holds_lock(), "on_connect is called with a mutex held");
    bool good = pqpool_exec(lease, &query, deadline_at_ns, &result, err) == PQPOOL_OK;
    PQclear(result);
    return good;
}

static const char *health_query(void *ctx)
{
    (void)ctx;
    SIM_CHECK(!sim_holds_lock(), "health_query is called with a mutex held");
    return sim_chance(4) ? NULL : "SELECT 'own'";
}

static bool health_passed(void *ctx, const PGresult *last, unsigned before, struct err *err)
{
    (void)ctx;
    (void)before;
    SIM_CHECK(!sim_holds_lock(), "health_passed is called with a mutex held");
    SIM_CHECK(last != NULL, "health_passed is called with no result");
    if (PQresultStatus(last) == PGRES_TUPLES_OK)
        return true;
    err_set(err, 0, "the server refuses");
    return false;
}

static void on_event(void *ctx, const struct pqpool_event *event)
{
    struct pqpool *pool = ((struct world *)ctx)->callers.pool; /* NULL while it is opened */
    struct pqpool_stats stats;
    SIM_CHECK(!sim_holds_lock(), "on_event is called with a mutex held");
    SIM_CHECK(event->text[0] != '\0', "an event has nothing to say");
    world.events++;
    if (pool != NULL && sim_chance(4))
        pqpool_stats(pool, &stats);
}

/* ---- the server's moods ---- */

static void *change_moods(void *arg)
{
    (void)arg;
    while (sim_steps() < world.turmoil_steps) {
        sim_pg_set_mood((enum sim_mood)sim_draw(SIM_MOODS));
        if (sim_chance(4))
            sim_lookup_set_mood((enum sim_resolver)sim_draw(SIM_RESOLVERS));
        if (sim_chance(3))
            sim_lookup_silence_one();
        sim_fd_run_out(sim_chance(4) ? 20 : 0);
        sim_sleep(draw_ms(1, 3000));
        if (sim_chance(3))
            sim_pg_hang_up(1 + sim_draw(3));
        if (sim_chance(8))
            sim_pg_promote();
        if (sim_chance(4))
            sim_pg_replace();
        if (sim_chance(2)) {
            sim_pg_set_mood(SIM_CALM);
            sim_lookup_set_mood(SIM_RESOLVES);
            sim_lookup_silence_none();
            sim_sleep(draw_ms(1, 1000));
        }
    }
    sim_pg_set_mood(SIM_CALM);
    sim_lookup_set_mood(SIM_RESOLVES);
    if (world.options.connect_timeout_ns < SILENCE_AFFORDED_MS * NS_PER_MS || sim_chance(2))
        sim_lookup_silence_none();
    sim_fd_run_out(0);
    return NULL;
}

/* What hangs runs into its timeout, what pauses goes on, and then each slot is dialled; at another
 * database only when the pool has been at its own for max_retry_delay, which the next try sees. */
static void await_recovery(void)
{
    const struct pqpool_options *o = &world.options;
    int64_t span_ns = 2 * o->connect_timeout_ns + 3 * o->max_retry_delay_ns +
                      o->command_timeout_ns + 2 * o->health_check_interval_ns +
                      o->validation_timeout_ns + (ORPHANS_LIMIT_S + LOOKUP_LIMIT_S) * NS_PER_S +
                      o->max_pool_size * 2 * NS_PER_S;
    int64_t until_ns = sim_now_ns() + span_ns;
    while (!shadow_pool_is_whole()) {
        SIM_CHECK(sim_now_ns() < until_ns, "all is well with the server, but not with the pool");
        sim_sleep(10 * NS_PER_MS);
    }
}

/* ---- the life of a pool ---- */

static void check_nothing_is_left(void)
{
    SIM_CHECK(!shadow_pool_lives(), "the pool is closed, and was not freed");
    SIM_CHECK(sim_pg_open() == 0, "%u connections are left open", sim_pg_open());
    SIM_CHECK(sim_lookups_open() == 0, "%u lookups are left", sim_lookups_open());
    SIM_CHECK(sim_fds_open() == 0, "%u descriptors are left open", sim_fds_open());
}

/* With start=fail it may be refused, and leaves nothing behind. */
static struct pqpool *open_pool(void)
{
    struct pqpool *pool = NULL;
    struct err err = { 0 };
    sim_pg_set_mood(sim_chance(3) ? (enum sim_mood)sim_draw(SIM_MOODS) : SIM_CALM);
    enum pqpool_rc rc = pool_open_with(&world.options, world.driver, &pool, &err);
    if (rc == PQPOOL_OK)
        return pool;
    SIM_CHECK(rc == PQPOOL_DOWN && world.options.start == PQPOOL_START_FAIL, "cannot open: %s",
              err.text);
    check_nothing_is_left();
    world.options.start = PQPOOL_START_DEGRADED;
    rc = pool_open_with(&world.options, world.driver, &pool, &err);
    SIM_CHECK(rc == PQPOOL_OK, "cannot open: %s", err.text);
    return pool;
}

static void close_pool(struct pqpool *pool)
{
    int64_t began_ns = sim_now_ns(), delayed_ns = sim_delayed_ns();
    int64_t deadline_ns = began_ns + draw_ms(-10, sim_chance(2) ? 10 : 1000);
    pqpool_close(&pool, deadline_ns);
    int64_t due_ns = clock_min(deadline_ns, shadow_unused_since_ns());
    due_ns = due_ns > began_ns ? due_ns : began_ns;
    int64_t late_ns = sim_now_ns() - due_ns - (sim_delayed_ns() - delayed_ns);
    SIM_CHECK(pool == NULL, "closed, and still given");
    SIM_CHECK(late_ns <= CLOSE_ROUNDING_MS * NS_PER_MS, "closed %.3f ms past its time",
              (double)late_ns / 1e6);
}

static void come_to_calm(struct pool_callers *callers)
{
    callers->calm = true;
    await_recovery();
    if (!sim_chance(3))
        return;
    callers->rest = true;
    sim_sleep(rules_rest_ns(&world.options));
    shadow_check_rested();
    callers->rest = false;
}

static void end_pool(struct pool_callers *callers)
{
    callers->calm = sim_chance(2);
    if (sim_chance(4))
        sim_lookup_set_mood(SIM_RESOLVES_NEVER);
    if (sim_chance(2))
        sim_pg_set_mood(sim_chance(2) ? SIM_SILENT : (enum sim_mood)sim_draw(SIM_MOODS));
    sim_sleep(draw_ms(0, 300));
    if (sim_chance(3)) {
        (sim_chance(2) ? pqpool_abort : pqpool_interrupt)(callers->pool);
        callers->cut = true;
        sim_sleep(draw_ms(0, 10));
    }
    callers->stop = true;
    while (shadow_any_entering())
        sim_sleep(NS_PER_MS);
    close_pool(callers->pool);
}

static void *live(void *arg)
{
    struct pool_callers *callers = &world.callers;
    (void)arg;
    draw_limits(&world.options);
    draw_spans(&world.options);
    if (sim_chance(3))
        world.options.on_connect = on_connect;
    if (sim_chance(2)) {
        world.options.health_query = health_query;
        world.options.health_passed = health_passed;
    }
    sim_pg_reset(sim_chance(6));
    world.driver = sim_chance(2) ? &sim_pg_17 : &sim_pg;
    world.turmoil_steps = 500 + sim_draw(sim_chance(2) ? 4000 : 12000);
    callers->pool = open_pool();
    pool_callers_start(callers, 2 + sim_draw(sim_chance(2) ? 4 : 23));
    unsigned moods = sim_start("moods", change_moods, NULL);
    sim_join(moods);
    if (!sim_chance(3))
        come_to_calm(callers);
    end_pool(callers);
    pool_callers_join(callers);
    check_nothing_is_left();
    return NULL;
}

void pool_world_run(uint64_t seed, struct sim_report *report)
{
    world = (struct world){ .options = PQPOOL_OPTIONS_DEFAULT };
    world.options.on_event = on_event;
    world.options.ctx = &world;
    shadow_reset();
    sim_fd_run_out(0);
    sim_run(seed, &shadow_hooks, live, NULL, report);
}
