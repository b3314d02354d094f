/* pool_rules.c - see pool_rules.h. */
#include "simulation/pool_rules.h"

#include <sys/epoll.h>

#include "base/clock.h"
#include "simulation/sim.h"
#include "simulation/sim_fd.h"
#include "simulation/sim_lookup.h"
#include "simulation/sim_pg.h"

enum { CANCEL_REQUESTS_MAX = 8 };

/* poll() rounds up to whole milliseconds. */
static const int64_t rounding_ns = 2 * NS_PER_MS;

static uint64_t dials_seen;          /* of those the pool began */
static uint32_t control_seen;        /* of those the control connection */
static int64_t failed_until_ns;      /* dials, the last time; less a lifetime: long ago */
static int64_t above_floor_since_ns; /* CLOCK_NEVER: it is not */
static uint32_t newest_timeline;     /* of all that was ever in use of this database: */
static uint32_t newest_database;
static const struct conn *one_database; /* the first of those that are looked at now */

void rules_reset(void)
{
    dials_seen = control_seen = newest_timeline = newest_database = 0;
    above_floor_since_ns = CLOCK_NEVER;
    failed_until_ns = 0;
}

/* ---- the lists ---- */

static uint32_t check_list(const struct pqpool *pool, enum conn_state state)
{
    const struct list *list = &pool->list[state];
    const struct list_node *prev = NULL;
    uint32_t n = 0;
    for (const struct list_node *at = list->first; at != NULL; prev = at, at = at->next, n++) {
        const struct conn *c = CONTAINER_OF(at, const struct conn, node);
        SIM_CHECK(n < pool->options.max_pool_size, "the list of %s runs in a circle",
                  conn_state_name(state));
        SIM_CHECK(c->state == state && at->prev == prev && !c->control,
                  "one that is %s is in the list of %s", conn_state_name(c->state),
                  conn_state_name(state));
    }
    SIM_CHECK(n == list->count && prev == list->last, "the list of %s has %u, and counts %u",
              conn_state_name(state), n, list->count);
    return n;
}

static void check_waiters(const struct pqpool *pool)
{
    const struct list *list = &pool->waiters.list;
    const struct list_node *prev = NULL;
    uint32_t n = 0;
    SIM_CHECK(pool->waiters.list.count <= pool->callers_inside, "%u wait, but only %u are inside",
              pool->waiters.list.count, pool->callers_inside);
    for (const struct list_node *at = list->first; at != NULL; prev = at, at = at->next, n++)
        SIM_CHECK(n < list->count && at->prev == prev &&
                      !CONTAINER_OF(at, const struct waiter, node)->served,
                  "the queue is broken");
    SIM_CHECK(n == list->count && prev == list->last, "%u queue, and %u are counted", n,
              pool->waiters.list.count);
}

void rules_check_lists(const struct pqpool *pool)
{
    uint32_t total = 0;
    for (int state = 0; state < CONN_STATES; state++)
        total += check_list(pool, (enum conn_state)state);
    SIM_CHECK(total == pool->options.max_pool_size, "%u slots in the lists", total);
    check_waiters(pool);
}

/* ---- each connection ---- */

static void check_hang_up(const struct conn *conn)
{
    SIM_CHECK(conn->own_fd < 0 || !conn->peer_gone ||
                  sim_socket_is_dead(sim_socket_of(conn->own_fd)),
              "said to be hung up, and is not");
}

static void check_watch(const struct conn *conn)
{
    SIM_CHECK(sim_fd_watch(conn->own_fd) == (EPOLLRDHUP | EPOLLET),
              "%s, and watched for more or less than a hang-up", conn_state_name(conn->state));
}

/* And to the same database, where the server says which one it has. Timelines are those of one. */
static void check_database(const struct pqpool *pool, const struct conn *conn)
{
    if (conn->history.system[0] == '\0' || conn->pg == NULL)
        return;
    if (one_database == NULL)
        one_database = conn;
    SIM_CHECK(sim_pg_system(conn->pg) == sim_pg_system(one_database->pg),
              "%s at database %u, and another one is %s at %u", conn_state_name(conn->state),
              sim_pg_system(conn->pg), conn_state_name(one_database->state),
              sim_pg_system(one_database->pg));
    SIM_CHECK(conn->database == pool->primary.database, "%s at number %u, and the pool is at %u",
              conn_state_name(conn->state), conn->database, pool->primary.database);
    if (sim_pg_system(conn->pg) == newest_database)
        return;
    newest_database = sim_pg_system(conn->pg);
    newest_timeline = 0;
}

/* All that may be lent is connected to the same server, and to none that was replaced. */
static void check_host(const struct pqpool *pool, const struct conn *conn, const struct conn **one)
{
    if (conn->state == CONN_NEW || conn->state == CONN_CONNECTING || conn->state >= CONN_CLOSING ||
        conn->generation != pool->generation)
        return;
    const char *state = conn_state_name(conn->state);
    uint32_t timeline = conn->history.timeline;
    if (conn->pg == NULL)
        return; /* cut, and not yet given back */
    if (*one == NULL)
        *one = conn;
    SIM_CHECK(sim_pg_server(conn->pg) == sim_pg_server((*one)->pg),
              "%s at server %u, and another is at %u", state, sim_pg_server(conn->pg),
              sim_pg_server((*one)->pg));
    check_database(pool, conn);
    SIM_CHECK(timeline == 0 || timeline >= newest_timeline, "%s on timeline %u, after one on %u",
              state, timeline, newest_timeline);
    if (timeline > newest_timeline)
        newest_timeline = timeline;
}

static void check_conn(const struct pqpool *pool, const struct conn *conn, const struct conn **one)
{
    const char *state = conn_state_name(conn->state);
    check_hang_up(conn);
    check_host(pool, conn, one);
    switch (conn->state) {
    case CONN_NEW:
        SIM_CHECK(conn->pg == NULL && conn->own_fd < 0, "a free slot has a connection");
        break;
    case CONN_IDLE:
        SIM_CHECK(!pool_is_closing(pool) || conn->control, "idle in a pool that is closing");
        SIM_CHECK(!conn_is_stale(pool, conn), "idle, and known to be stale");
        SIM_CHECK(conn->pg != NULL && sim_pg_is_clean(conn->pg), "idle, but not clean");
        check_watch(conn);
        break;
    case CONN_LEASED:
        if (pool->phase < POOL_STOPPED)
            check_watch(conn);
        break;
    case CONN_CHECKING:
    case CONN_RESETTING:
    case CONN_CANCEL_WANTED:
    case CONN_CANCEL_ASKED:
    case CONN_CANCEL_PENDING:
    case CONN_CANCEL_ANSWERED:
        SIM_CHECK((pool->phase >= POOL_STOPPED) || (conn->pg != NULL && conn->own_fd >= 0),
                  "%s and closed", state);
        break;
    case CONN_ORPHANED:
    case CONN_ORPHAN_ASKED:
        SIM_CHECK(conn->pg == NULL && conn->own_fd < 0, "%s and open", state);
        break;
    case CONN_CONNECTING:
    case CONN_CLOSING:
    case CONN_CLOSING_ORPHAN:
        break;
    }
}

static void check_server(const struct pqpool *pool)
{
    uint32_t known = pool->control.pg != NULL;
    for (uint32_t i = 0; i < pool->options.max_pool_size; i++)
        known += pool->slots[i].pg != NULL;
    SIM_CHECK(sim_pg_open() == known, "%u connections are open, and %u are known", sim_pg_open(),
              known);
    SIM_CHECK(known <= pool->options.max_pool_size + 1, "%u connections are open", known);
    SIM_CHECK(sim_pg_cancels_open() <= CANCEL_REQUESTS_MAX, "%u cancels", sim_pg_cancels_open());
    uint32_t dials = pool->list[CONN_CONNECTING].count + 1;
    SIM_CHECK(sim_lookups_open() <= dsn_hosts(pool->dsn) + dials, "%u lookups", sim_lookups_open());
}

/* ---- verdicts ---- */

static uint32_t usable_of(const struct pqpool *pool)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < pool->options.max_pool_size; i++)
        n += pool->slots[i].state >= CONN_IDLE && pool->slots[i].state < CONN_CLOSING;
    return n;
}

static bool is_away(const struct pqpool *pool)
{
    return pool->demand.backoff.failures >= pool->options.max_retry_attempts &&
           usable_of(pool) == 0;
}

/* Half of the slots wait for backends that do not end. */
static bool has_many_orphans(const struct pqpool *pool)
{
    uint32_t orphans = 0;
    for (uint32_t i = 0; i < pool->options.max_pool_size; i++)
        orphans +=
            pool->slots[i].state >= CONN_CLOSING && pool->slots[i].session == SESSION_ORPHANED;
    SIM_CHECK(orphans == pool_orphans(pool), "%u orphans, and %u are counted", orphans,
              pool_orphans(pool));
    return orphans > 0 && orphans >= pool->options.max_pool_size / 2;
}

static void check_down(struct pqpool *pool)
{
    uint32_t usable = usable_of(pool);
    bool is = is_away(pool) || has_many_orphans(pool);
    bool says = pqpool_is_down(pool, NULL);
    SIM_CHECK(says == is, "%u failures, %u usable, and it is said to be %s",
              pool->demand.backoff.failures, usable, says ? "down" : "up");
    SIM_CHECK(!is || pool->waiters.list.count == 0, "down, and %u still wait",
              pool->waiters.list.count);
}

/* A waiter may be passed over for something idle only while a fresh connection can still come. */
static void check_nobody_is_forgotten(const struct pqpool *pool)
{
    if (pool->waiters.list.count == 0 || pool->list[CONN_IDLE].count == 0)
        return;
    SIM_CHECK(pool->demand.backoff.failures == 0, "one waits, one is idle, and dials fail");
    SIM_CHECK(pool->list[CONN_CONNECTING].count + pool_closing(pool) + pool->list[CONN_NEW].count >
                  0,
              "one waits, one is idle, and no fresh one can come");
}

static void check_stats(struct pqpool *pool)
{
    uint32_t active = pool->list[CONN_LEASED].count + pool->list[CONN_CHECKING].count +
                      pool->list[CONN_RESETTING].count + pool_canceling(pool);
    SIM_CHECK(active + pool->list[CONN_IDLE].count <= pool_total(pool), "more than all");
    SIM_CHECK(!pool_is_closing(pool) || pool->waiters.list.count == 0, "closing, and %u still wait",
              pool->waiters.list.count);
}

/* One was begun by this actor just now. While dials fail there is one at a time, after its pause;
 * else as many as the window has room for, and only for somebody's sake. */
static void check_dials(const struct pqpool *pool)
{
    uint32_t slots = pool->list[CONN_CONNECTING].count;
    bool control = pool->control.state == CONN_CONNECTING;
    bool begun_control = pool->control.serial != control_seen;
    bool begun = pool->counters.connect_attempts != dials_seen;
    dials_seen = pool->counters.connect_attempts;
    control_seen = pool->control.serial;
    if (!begun)
        return;
    if (pool->demand.backoff.failures > 0) {
        SIM_CHECK(slots + control == 1, "dials fail, and %u are under way", slots + control);
        SIM_CHECK(sim_now_ns() >= pool->demand.backoff.next_at_ns,
                  "a dial before its pause is over");
    } else if (!begun_control) {
        SIM_CHECK(slots <= pool->demand.backoff.window, "%u dials under way in a window of %u",
                  slots, pool->demand.backoff.window);
    }
}

static void watch_failures(const struct pqpool *pool)
{
    if (pool->demand.backoff.failures > 0)
        failed_until_ns = sim_now_ns();
}

static void watch_floor(const struct pqpool *pool)
{
    if (usable_of(pool) <= pool->options.min_pool_size)
        above_floor_since_ns = CLOCK_NEVER;
    else if (above_floor_since_ns == CLOCK_NEVER)
        above_floor_since_ns = sim_now_ns();
}

void rules_check(struct pqpool *pool)
{
    watch_floor(pool);
    watch_failures(pool);
    one_database = NULL;
    const struct conn *one = NULL; /* of those at the pool's server */
    for (uint32_t i = 0; i < pool->options.max_pool_size; i++)
        check_conn(pool, &pool->slots[i], &one);
    check_conn(pool, &pool->control, &one);
    check_server(pool);
    check_down(pool);
    check_nobody_is_forgotten(pool);
    check_stats(pool);
    check_dials(pool);
}

/* ---- when all is quiet ---- */

/* As demand.c has it, in words of our own. */
static bool wants_dial(const struct pqpool *pool, int64_t now_ns)
{
    uint32_t total = pool_total(pool);
    uint32_t dialling = pool->list[CONN_CONNECTING].count;
    bool control_is_dialled = pool->control.state == CONN_CONNECTING;
    bool failing = pool->demand.backoff.failures > 0;
    if (failing && (dialling > 0 || control_is_dialled || now_ns < pool->demand.backoff.next_at_ns))
        return false;
    if (pool->control.state == CONN_NEW)
        return true;
    if (total == pool->options.max_pool_size ||
        (!failing && dialling >= pool->demand.backoff.window))
        return false;
    return pool->waiters.list.count > dialling || is_away(pool) ||
           total - pool_closing(pool) < pool->options.min_pool_size;
}

/* While it prepares a session, the connector does nothing else. */
static bool is_preparing(const struct pqpool *pool)
{
    bool is = pool->control.state == CONN_CONNECTING && pool->control.own_fd >= 0;
    LIST_EACH (c, &pool->list[CONN_CONNECTING], const struct conn, node)
        is |= c->own_fd >= 0;
    return is;
}

static void check_connector(const struct pqpool *pool)
{
    if (is_preparing(pool) || pool_is_closing(pool))
        return;
    SIM_CHECK(pool->list[CONN_CLOSING].count + pool->list[CONN_CLOSING_ORPHAN].count == 0,
              "all is quiet, and nobody closes what is to be closed");
    SIM_CHECK(pool->control.state != CONN_CLOSING, "all is quiet, and control is not closed");
    SIM_CHECK(!wants_dial(pool, sim_now_ns() - rounding_ns),
              "all is quiet, and nobody dials what is wanted: %u failures, %u waiting, %u dialled, "
              "%u of %u open, control %s",
              pool->demand.backoff.failures, pool->waiters.list.count,
              pool->list[CONN_CONNECTING].count, pool_total(pool), pool->options.min_pool_size,
              conn_state_name(pool->control.state));
}

/* The janitor looks four times in each of its shortest spans. */
static int64_t tick_slack_ns(const struct pqpool_options *o)
{
    return clock_min(o->idle_timeout_ns / 2, 2 * NS_PER_S) + 50 * NS_PER_MS;
}

static void check_idle(const struct pqpool *pool, const struct conn *conn)
{
    const struct pqpool_options *o = &pool->options;
    int64_t unused_ns = sim_now_ns() - conn->used_at_ns;
    int64_t slack_ns = tick_slack_ns(o) + o->health_check_timeout_ns + /* a cancel, and a reset */
                       o->validation_timeout_ns;
    SIM_CHECK(!sim_socket_is_dead(sim_socket_of(conn->own_fd)),
              "all is quiet, and nobody heard an idle one's hang-up");
    if (conn->control || o->idle_timeout_ns == 0 || above_floor_since_ns > sim_now_ns() - slack_ns)
        return;
    SIM_CHECK(unused_ns < o->idle_timeout_ns + slack_ns, "idle for %.3f s, and %.3f s is the limit",
              (double)unused_ns / 1e9, (double)o->idle_timeout_ns / 1e9);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* An old one is renewed: but not while dials fail, and not before cancels have had their time. */
static void check_control_age(const struct pqpool *pool)
{
    const struct pqpool_options *o = &pool->options;
    int64_t limit_ns = o->max_lifetime_ns + o->health_check_timeout_ns + 3 * NS_PER_S;
    if (pool->control.state != CONN_IDLE || o->max_lifetime_ns == 0 || pool_is_closing(pool) ||
        pool->demand.backoff.failures > 0)
        return;
    SIM_CHECK(sim_now_ns() - later(pool->control.born_at_ns, failed_until_ns) < limit_ns,
              "the control connection is %.3f s old",
              (double)(sim_now_ns() - pool->control.born_at_ns) / 1e9);
}

static void check_cancels(const struct pqpool *pool)
{
    static const enum conn_state running[] = { CONN_CANCEL_WANTED, CONN_CANCEL_ASKED,
                                               CONN_CANCEL_ANSWERED };
    bool asks = pool->control.state == CONN_IDLE && pool->pg->cancel_create == NULL;
    for (size_t i = 0; i < sizeof running / sizeof running[0]; i++)
        LIST_EACH (c, &pool->list[running[i]], const struct conn, node)
            SIM_CHECK(c->task_deadline_at_ns + rounding_ns > sim_now_ns(),
                      "all is quiet, and a cancel is not begun, or overdue");
    LIST_EACH (c, &pool->list[CONN_CANCEL_WANTED], const struct conn, node)
        SIM_CHECK(!asks || c->backend.pid == 0, "all is quiet, and nobody asks to cancel");
}

static void check_janitor(const struct pqpool *pool)
{
    LIST_EACH (c, &pool->list[CONN_IDLE], const struct conn, node)
        check_idle(pool, c);
    if (pool->control.state == CONN_IDLE)
        check_idle(pool, &pool->control);
    if (pool->stop)
        return;
    check_control_age(pool);
    check_cancels(pool);
    LIST_EACH (c, &pool->list[CONN_RESETTING], const struct conn, node)
        SIM_CHECK(c->task_deadline_at_ns + rounding_ns > sim_now_ns(),
                  "all is quiet, and a reset is not begun, or overdue");
    SIM_CHECK(pool->events.count == 0, "all is quiet, and %u events are not delivered",
              pool->events.count);
    SIM_CHECK(pool->health.next_at_ns + rounding_ns > sim_now_ns() ||
                  pool->control.state == CONN_CHECKING,
              "a health check is overdue");
}

void rules_check_quiet(struct pqpool *pool)
{
    check_connector(pool);
    check_janitor(pool);
    bool exhausted =
        pool->waiters.list.count > 0 && pool->list[CONN_IDLE].count == 0 && pool_is_full(pool);
    SIM_CHECK(pool->exhausted.since_ns == 0 || exhausted, "said to be exhausted, and is not");
    SIM_CHECK(pool->waiters.list.count == 0 || pool->list[CONN_IDLE].count == 0 ||
                  pool->list[CONN_CONNECTING].count > 0 || is_preparing(pool),
              "all is quiet, one waits, one is idle, and none is dialled");
}

/* A failure may be on the books still: with nothing wanted, no dial has come to strike it off. */
bool rules_pool_is_whole(struct pqpool *pool)
{
    return pool->health.passes && !pqpool_is_down(pool, NULL) &&
           usable_of(pool) >= pool->options.min_pool_size;
}

/* Time for what is idle to time out, and for what is old to be replaced, one after the other. */
int64_t rules_rest_ns(const struct pqpool_options *options)
{
    return options->idle_timeout_ns + 2 * options->max_lifetime_ns +
           options->max_pool_size * 4 * NS_PER_S;
}

void rules_check_rested(const struct pqpool *pool)
{
    int64_t limit_ns = rules_rest_ns(&pool->options);
    LIST_EACH (c, &pool->list[CONN_IDLE], const struct conn, node)
        SIM_CHECK(pool->options.max_lifetime_ns == 0 || sim_now_ns() - c->born_at_ns < limit_ns,
                  "idle, and lives on for %.3f s", (double)(sim_now_ns() - c->born_at_ns) / 1e9);
    check_control_age(pool);
}
