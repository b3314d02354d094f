/* pool_callers.c - see pool_callers.h. */
#include "simulation/pool_callers.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "pqpool/exec.h"
#include "simulation/pool_shadow.h"
#include "simulation/sim_pg.h"

static int64_t draw_deadline(void)
{
    int64_t now_ns = sim_now_ns();
    switch (sim_draw(8)) {
    case 0:
        return now_ns - sim_draw_ns(0, NS_PER_S);
    case 1:
        return now_ns + sim_draw_ns(0, 2 * NS_PER_MS);
    case 2:
        return CLOCK_NEVER;
    case 3:
        return PQPOOL_DEFAULT_DEADLINE;
    case 4:
        return now_ns + sim_draw_ns(0, 3 * NS_PER_S);
    default:
        return now_ns + sim_draw_ns(0, 200 * NS_PER_MS);
    }
}

static enum pqpool_rc ask(struct pool_callers *callers, struct pqpool_lease **lease)
{
    struct err err = { 0 };
    int64_t deadline_ns = draw_deadline();
    bool is_default = deadline_ns == PQPOOL_DEFAULT_DEADLINE;
    *lease = NULL;
    shadow_acquires(is_default ? sim_now_ns() + callers->pool->options.acquire_timeout_ns
                               : deadline_ns);
    enum pqpool_rc rc = pqpool_acquire(callers->pool, deadline_ns, lease, &err);
    shadow_acquired(rc, *lease, &err);
    return rc;
}

/* A lease that is back already may be given back once more, until it is lent again. */
static void give_back(struct pqpool_lease **lease, enum pqpool_disposition disposition)
{
    struct pqpool_lease *copy = *lease;
    const struct conn *conn = copy->conn;
    shadow_releases();
    pqpool_release(lease, disposition);
    shadow_released();
    SIM_CHECK(*lease == NULL, "given back, and still in hand");
    if (shadow_pool_lives() && shadow_is_free(conn) && sim_chance(10))
        pqpool_release(&copy, PQPOOL_DISCARD);
}

/* ---- statements ---- */

/* An answer must be the answer to this very question. */
static void check_answer(enum pqpool_rc rc, const PGresult *result, const char *sql)
{
    SIM_CHECK((rc == PQPOOL_OK) == (result != NULL), "a statement returns %d, and %s result",
              (int)rc, result != NULL ? "a" : "no");
    SIM_CHECK(result == NULL || strcmp(PQgetvalue(result, 0, 0), sql) == 0,
              "asked for %s, and got the answer to %s", sql, PQgetvalue(result, 0, 0));
}

static void query(struct pqpool_lease *lease, const char *sql)
{
    const struct pqpool_query query = { .sql = sql };
    struct err err = { 0 };
    PGresult *result = NULL;
    int64_t began_ns = sim_now_ns(), delayed_ns = sim_delayed_ns();
    int64_t deadline_ns = began_ns + sim_draw_ns(-2 * NS_PER_MS, 500 * NS_PER_MS);
    enum pqpool_rc rc = pqpool_exec(lease, &query, deadline_ns, &result, &err);
    int64_t due_ns = deadline_ns > began_ns ? deadline_ns : began_ns;
    int64_t late_ns = sim_now_ns() - due_ns - (sim_delayed_ns() - delayed_ns);
    check_answer(rc, result, sql);
    SIM_CHECK(late_ns <= 2 * NS_PER_MS, "a statement returns %.3f ms past its deadline",
              (double)late_ns / 1e6);
    PQclear(result);
}

static void work(struct pqpool_lease *lease)
{
    static unsigned questions;
    char sql[32];
    for (uint32_t n = sim_draw(3); n > 0; n--) {
        (void)snprintf(sql, sizeof sql, "SELECT %u", ++questions);
        query(lease, sql);
        sim_sleep(sim_draw_ns(0, NS_PER_MS));
    }
}

static void note(struct pqpool_lease *lease, const char *code)
{
    pqpool_report_error(lease, code);
    SIM_CHECK(!sqlstate_evicts_all(code) || conn_is_stale(lease->conn->pool, lease->conn),
              "%s is noted, and nothing is retired", code);
}

/* What ought not to be, but is. */
static void misbehave(struct pqpool_lease *lease)
{
    static const char *const codes[] = { "25006", "57P01", "08006", "23505" };
    switch (sim_draw(16)) {
    case 0:
    case 1:
        query(lease, "BEGIN");
        break;
    case 2:
        (void)sim_pg.send_query(pqpool_lease_pg(lease), "SELECT and forget");
        break;
    case 3:
        note(lease, codes[sim_draw(4)]);
        break;
    case 4:
        sim_sleep(sim_draw_ns(0, 2 * NS_PER_S));
        break;
    default:
        break;
    }
}

/* ---- a round ---- */

static void check_stats(struct pqpool *pool)
{
    struct pqpool_stats s;
    pqpool_stats(pool, &s);
    SIM_CHECK(s.connections.active == s.connections.leased + s.connections.checking +
                                          s.connections.resetting + s.connections.canceling,
              "active");
    SIM_CHECK(s.connections.idle + s.connections.active + s.connections.connecting +
                      s.connections.closing ==
                  s.connections.total,
              "the gauges do not add up");
    SIM_CHECK(s.connections.total <= s.connections.max && s.queue.oldest_wait_ns >= 0, "%u of %u",
              s.connections.total, s.connections.max);
}

static void hold(struct pool_callers *callers, struct pqpool_lease *lease)
{
    struct pqpool_lease *more;
    work(lease);
    sim_sleep(sim_chance(8) ? sim_draw_ns(0, 300 * NS_PER_MS) : sim_draw_ns(0, 5 * NS_PER_MS));
    if (!callers->calm)
        misbehave(lease);
    if (sim_chance(8))
        check_stats(callers->pool);
    if (callers->cut)
        SIM_CHECK(ask(callers, &more) == PQPOOL_CLOSED, "cut, and still something is to be had");
}

static void think(const struct pool_callers *callers)
{
    if (callers->rest)
        sim_sleep(sim_draw_ns(0, 20 * NS_PER_S));
    sim_sleep(callers->calm || sim_chance(6) ? sim_draw_ns(0, 400 * NS_PER_MS)
                                             : sim_draw_ns(0, 10 * NS_PER_MS));
}

static void *call(void *arg)
{
    struct pool_callers *callers = arg;
    struct pqpool_lease *lease;
    for (;;) {
        think(callers);
        if (callers->stop)
            return NULL;
        bool cut = callers->cut;
        enum pqpool_rc rc = ask(callers, &lease);
        SIM_CHECK(!cut || rc == PQPOOL_CLOSED, "cut, and an acquire returns %d", (int)rc);
        if (rc == PQPOOL_CLOSED)
            return NULL;
        if (rc != PQPOOL_OK)
            continue;
        hold(callers, lease);
        give_back(&lease, !callers->calm && sim_chance(10) ? PQPOOL_DISCARD : PQPOOL_REUSE);
    }
}

void pool_callers_start(struct pool_callers *callers, unsigned n)
{
    static const char *const names[] = { "caller 0", "caller 1", "caller 2", "caller 3",
                                         "caller 4", "caller 5", "caller 6", "caller 7",
                                         "caller 8", "caller 9", "a caller" };
    for (callers->n = 0; callers->n < n; callers->n++)
        callers->actors[callers->n] =
            sim_start(names[callers->n < 10 ? callers->n : 10], call, callers);
}

void pool_callers_join(struct pool_callers *callers)
{
    for (unsigned i = 0; i < callers->n; i++)
        sim_join(callers->actors[i]);
}
