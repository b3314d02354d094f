/* pool_shadow.c - see pool_shadow.h. Here: who holds what, who waits in which order, and what a
 * caller is told; pool_rules.c has what is true of the pool by itself. */
#include "simulation/pool_shadow.h"

#include "base/clock.h"
#include "base/err.h"
#include "simulation/pool_rules.h"
#include "simulation/sim_pg.h"

enum { NOBODY = -1, ROUNDING_MS = 3 };

struct caller {
    bool acquires, releases, entered;
    struct conn *holds;
    int64_t began_ns, delayed_ns, deadline_at_ns;
    uint32_t candidates; /* probed in this acquire */
    /* as its last moment under the mutex, or whoever served it, left it */
    bool saw_full, saw_down, saw_closing;
};

struct place {
    const struct waiter *waiter;
    int actor;
};

static struct shadow {
    struct pqpool *pool;
    struct caller callers[SIM_ACTORS_MAX];
    int owner[POOL_SLOTS_MAX];
    enum conn_state state[POOL_SLOTS_MAX];
    struct place queue[SIM_ACTORS_MAX];
    uint32_t queued;
    int64_t unused_since_ns;
    uint32_t generation;
    unsigned host;
    char address[ADDRESS_SIZE];
    uint32_t timeline, database;
} shadow;

static struct caller *me(void)
{
    return &shadow.callers[sim_self()];
}

void shadow_reset(void)
{
    memset(&shadow, 0, sizeof shadow);
    shadow.unused_since_ns = sim_now_ns();
    for (int i = 0; i < POOL_SLOTS_MAX; i++)
        shadow.owner[i] = NOBODY;
}

bool shadow_pool_lives(void)
{
    return shadow.pool != NULL;
}

int64_t shadow_unused_since_ns(void)
{
    return shadow.unused_since_ns;
}

void shadow_check_rested(void)
{
    rules_check_rested(shadow.pool);
}

bool shadow_pool_is_whole(void)
{
    return rules_pool_is_whole(shadow.pool);
}

/* ---- what a caller is told ---- */

void shadow_acquires(int64_t deadline_at_ns)
{
    struct caller *c = me();
    c->acquires = true;
    c->entered = c->saw_full = c->saw_down = c->saw_closing = false;
    c->candidates = 0;
    c->began_ns = sim_now_ns();
    c->delayed_ns = sim_delayed_ns();
    c->deadline_at_ns = deadline_at_ns;
}

static int slot_of(const struct conn *conn)
{
    return (int)(conn - shadow.pool->slots);
}

static void check_in_time(const struct caller *c)
{
    int64_t due_ns = c->deadline_at_ns > c->began_ns ? c->deadline_at_ns : c->began_ns;
    int64_t late_ns = sim_now_ns() - due_ns - (sim_delayed_ns() - c->delayed_ns);
    SIM_CHECK(late_ns <= ROUNDING_MS * NS_PER_MS, "an acquire returns %.3f ms past its deadline",
              (double)late_ns / 1e6);
}

static void check_refusal(const struct caller *c, enum pqpool_rc rc)
{
    bool told = true;
    switch (rc) {
    case PQPOOL_TIMEOUT:
        told = sim_now_ns() >= c->deadline_at_ns;
        break;
    case PQPOOL_QUEUE_FULL:
        told = c->saw_full;
        break;
    case PQPOOL_DOWN:
        told = c->saw_down;
        break;
    case PQPOOL_CLOSED:
        told = c->saw_closing;
        break;
    case PQPOOL_OK:
        break;
    case PQPOOL_NOMEM:
    case PQPOOL_SQL_ERROR:
    case PQPOOL_LOST:
    case PQPOOL_NOT_SENT:
    case PQPOOL_INVALID_OPTIONS:
        told = false;
        break;
    }
    SIM_CHECK(told, "an acquire returns %d with no reason to", (int)rc);
}

void shadow_acquired(enum pqpool_rc rc, const struct pqpool_lease *lease, const struct err *err)
{
    struct caller *c = me();
    c->acquires = false;
    SIM_CHECK((rc == PQPOOL_OK) == (lease != NULL), "an acquire returns %d, and %s lease", (int)rc,
              lease != NULL ? "a" : "no");
    SIM_CHECK(rc == PQPOOL_OK || err->text[0] != '\0', "an acquire fails and does not say why");
    check_in_time(c);
    check_refusal(c, rc);
    if (lease != NULL) {
        struct conn *conn = lease->conn;
        SIM_CHECK(c->holds == NULL, "the simulation's mistake: a caller holds two");
        SIM_CHECK(shadow.owner[slot_of(conn)] == (int)sim_self(), "lent what is another's");
        SIM_CHECK(conn->state == CONN_LEASED, "lent in state %s", conn_state_name(conn->state));
        SIM_CHECK(sim_pg_is_clean(conn->pg), "lent with a transaction or a statement under way");
        c->holds = conn;
    } else if (shadow.pool != NULL) {
        for (uint32_t i = 0; i < shadow.pool->options.max_pool_size; i++)
            SIM_CHECK(shadow.owner[i] != (int)sim_self() || &shadow.pool->slots[i] == c->holds,
                      "an acquire fails and leaves a connection lent to nobody");
    }
}

void shadow_releases(void)
{
    SIM_CHECK(shadow.owner[slot_of(me()->holds)] == (int)sim_self(), "taken from its holder");
    me()->releases = true;
}

void shadow_released(void)
{
    me()->releases = false;
    me()->holds = NULL;
}

bool shadow_is_free(const struct conn *conn)
{
    return shadow.owner[slot_of(conn)] == NOBODY;
}

bool shadow_any_entering(void)
{
    for (int i = 0; i < SIM_ACTORS_MAX; i++)
        if (shadow.callers[i].acquires && !shadow.callers[i].entered)
            return true;
    return false;
}

/* ---- whose connection is whose ---- */

static bool is_checked_out(enum conn_state state)
{
    return state == CONN_LEASED || state == CONN_CHECKING;
}

static void note_move(struct conn *conn, int slot, enum conn_state was)
{
    int actor = (int)sim_self();
    int *owner = &shadow.owner[slot];
    sim_note("slot", (unsigned)slot, conn_state_name(conn->state));
    if (is_checked_out(was) && !is_checked_out(conn->state)) {
        SIM_CHECK(*owner == actor, "a connection is taken from %d, who has it", *owner);
        *owner = NOBODY;
    } else if (!is_checked_out(was) && is_checked_out(conn->state) && me()->acquires) {
        *owner = actor;
    }
    if (conn->state == CONN_CHECKING && was != CONN_CHECKING)
        me()->candidates++;
    SIM_CHECK(was != CONN_CHECKING || conn->state != CONN_LEASED ||
                  !conn_is_stale(conn->pool, conn),
              "lent, though it was retired while it was probed");
}

/* What is only idle is closed down to the floor; what is old may go at the same moment. */
static void check_floor(const struct pqpool *pool, uint32_t closed_idle, uint32_t closed_old)
{
    uint32_t staying = pool_total(pool) - pool_closing(pool);
    SIM_CHECK(closed_idle == 0 || staying + closed_old >= pool->options.min_pool_size,
              "closed as idle, and %u stay", staying);
}

static void note_moves(struct pqpool *pool)
{
    uint32_t closed_idle = 0, closed_old = 0;
    for (uint32_t i = 0; i < pool->options.max_pool_size; i++) {
        struct conn *conn = &pool->slots[i];
        if (conn->state == shadow.state[i])
            continue;
        note_move(conn, (int)i, shadow.state[i]);
        shadow.state[i] = conn->state;
        closed_idle += conn->state >= CONN_CLOSING && conn->close_reason == CLOSE_IDLE;
        closed_old += conn->state >= CONN_CLOSING && conn->close_reason == CLOSE_LIFETIME;
    }
    check_floor(pool, closed_idle, closed_old);
}

static void check_owners(const struct pqpool *pool)
{
    for (uint32_t i = 0; i < pool->options.max_pool_size; i++) {
        const struct conn *conn = &pool->slots[i];
        int owner = shadow.owner[i];
        SIM_CHECK(is_checked_out(conn->state) == (owner != NOBODY), "%s, and owned by %d",
                  conn_state_name(conn->state), owner);
        if (owner == NOBODY)
            continue;
        const struct caller *c = &shadow.callers[owner];
        SIM_CHECK(c->holds == conn || c->acquires, "on loan to one who does not know");
        SIM_CHECK(c->holds != conn || conn->state == CONN_LEASED, "held, but %s",
                  conn_state_name(conn->state));
    }
}

/* ---- the queue ---- */

/* Served by the running actor: from the front, and each in its turn. */
static void note_served(const struct place *place, bool someone_is_passed)
{
    const struct waiter *w = place->waiter;
    struct caller *c = &shadow.callers[place->actor];
    SIM_CHECK(w->served, "a waiter is gone from the queue, but was not served");
    SIM_CHECK(!someone_is_passed, "a waiter is served before one who came first");
    SIM_CHECK((w->rc == PQPOOL_OK) == (w->conn != NULL), "served with neither of both");
    c->saw_down |= w->rc == PQPOOL_DOWN;
    c->saw_closing |= w->rc == PQPOOL_CLOSED;
    if (w->conn == NULL)
        return;
    SIM_CHECK(w->conn->state == CONN_LEASED, "handed over in state %s",
              conn_state_name(w->conn->state));
    int *owner = &shadow.owner[slot_of(w->conn)];
    SIM_CHECK(*owner == NOBODY || *owner == (int)sim_self(), "handed over, but another's");
    *owner = place->actor;
    sim_note("slot", (unsigned)slot_of(w->conn), "handed over");
}

static bool is_queued(const struct pqpool *pool, const struct waiter *waiter)
{
    LIST_EACH (w, &pool->waiters.list, const struct waiter, node)
        if (w == waiter)
            return true;
    return false;
}

/* Who left since the last look. Of the running actor's own nothing is read: it is off its stack. */
static void note_leavers(const struct pqpool *pool)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < shadow.queued; i++) {
        struct place place = shadow.queue[i];
        if (is_queued(pool, place.waiter))
            shadow.queue[kept++] = place;
        else if (place.actor != (int)sim_self())
            note_served(&place, kept > 0);
    }
    shadow.queued = kept;
}

/* Only the running actor can have come: to the end, or back to the head where it was before. */
static void note_comer(const struct pqpool *pool)
{
    if (pool->waiters.list.count == shadow.queued)
        return;
    SIM_CHECK(pool->waiters.list.count == shadow.queued + 1, "%u wait, %u are known",
              pool->waiters.list.count, shadow.queued);
    const struct list *list = &pool->waiters.list;
    struct place newcomer = { CONTAINER_OF(list->last, struct waiter, node), (int)sim_self() };
    uint32_t at = shadow.queued++;
    if (at > 0 && list->last == &shadow.queue[at - 1].waiter->node) {
        SIM_CHECK(me()->candidates > 0, "a newcomer is put before those who wait");
        newcomer.waiter = CONTAINER_OF(list->first, struct waiter, node);
        memmove(&shadow.queue[1], &shadow.queue[0], at * sizeof shadow.queue[0]);
        at = 0;
    }
    SIM_CHECK(at == 0 || me()->candidates == 0, "one who was first is put at the end");
    SIM_CHECK(me()->acquires, "one waits who did not ask");
    shadow.queue[at] = newcomer;
}

/* Only a current connection can make all stale: the caller's, or one that is being prepared. */
static bool may_retire_all(const struct conn *conn, int owner)
{
    bool own = owner == (int)sim_self() || conn->state == CONN_CONNECTING;
    return own && conn->generation == shadow.generation;
}

static void check_generation(const struct pqpool *pool)
{
    bool good = pool->generation == shadow.generation || pool->primary.host != shadow.host ||
                strcmp(pool->primary.address, shadow.address) != 0 ||
                pool->primary.history.timeline != shadow.timeline ||
                pool->primary.database != shadow.database || may_retire_all(&pool->control, NOBODY);
    for (uint32_t i = 0; i < pool->options.max_pool_size; i++)
        good |= may_retire_all(&pool->slots[i], shadow.owner[i]);
    SIM_CHECK(good, "one of an older generation retires all");
    shadow.generation = pool->generation;
    shadow.host = pool->primary.host;
    memcpy(shadow.address, pool->primary.address, sizeof shadow.address);
    shadow.timeline = pool->primary.history.timeline;
    shadow.database = pool->primary.database;
}

static void watch_use(const struct pqpool *pool)
{
    if (pool->callers_inside > 0 || pool_checked_out(pool) + pool_canceling(pool) > 0)
        shadow.unused_since_ns = CLOCK_NEVER;
    else if (shadow.unused_since_ns == CLOCK_NEVER)
        shadow.unused_since_ns = sim_now_ns();
}

static void check_order(const struct pqpool *pool)
{
    const struct list_node *at = pool->waiters.list.first;
    for (uint32_t i = 0; i < shadow.queued; i++, at = at->next)
        SIM_CHECK(at == &shadow.queue[i].waiter->node, "the queue is out of order at %u", i);
}

/* ---- the hooks ---- */

static void born(struct mutex *mu)
{
    char *at = (char *)mu - offsetof(struct pqpool, mu);
    shadow_reset();
    rules_reset();
    shadow.pool = (struct pqpool *)(void *)at;
}

static void dies(struct mutex *mu)
{
    (void)mu;
    shadow.pool = NULL;
}

static void unlocks(struct mutex *mu)
{
    struct pqpool *pool = shadow.pool;
    SIM_CHECK(mu == &pool->mu, "an unknown mutex");
    rules_check_lists(pool);
    note_moves(pool);
    note_leavers(pool);
    note_comer(pool);
    check_order(pool);
    check_owners(pool);
    rules_check(pool);
    watch_use(pool);
    check_generation(pool);
    struct caller *c = me();
    c->entered = true;
    c->saw_full |= pool->waiters.list.count >= pool->options.max_waiting ||
                   pool_estimated_wait_ns(pool) > c->deadline_at_ns - sim_now_ns();
    c->saw_down |= pqpool_is_down(pool, NULL);
    c->saw_closing |= pool_is_closing(pool);
}

static void quiet(void)
{
    if (shadow.pool != NULL)
        rules_check_quiet(shadow.pool);
}

const struct sim_hooks shadow_hooks = { born, unlocks, dies, quiet };
