/* conn.c - the table of states, and the function that moves a connection: see conn.h. */
#include "pqpool/conn.h"

#include "base/check.h"
#include "pqpool/pool.h"

/* ---- what is true in each state ---- */

static void check_new(const struct pqpool *pool, const struct conn *conn)
{
    (void)pool;
    CHECK(conn->pg == NULL);
    CHECK(conn->own_fd < 0);
    CHECK(conn->cancel_request == NULL);
    CHECK(conn->session == SESSION_SOUND);
}

static void check_connecting(const struct pqpool *pool, const struct conn *conn)
{
    CHECK(conn->pg == NULL);
    CHECK(conn->generation == pool_generation(pool));
}

/* Called for the states in which the session is good for another statement. */
static void check_fit(const struct pqpool *pool, const struct conn *conn)
{
    (void)pool;
    CHECK(conn->session == SESSION_SOUND);
    CHECK(conn->cancel_request == NULL);
    CHECK(!conn->checked_out);
}

/* NO_TSA: conn_move() calls this function through a pointer, with the mutex held. */
static void check_idle(const struct pqpool *pool, const struct conn *conn) NO_TSA
{
    check_fit(pool, conn);
    CHECK(!conn_is_stale(pool, conn));
    CHECK(conn->control || !pool_is_closing(pool));
}

/* A connection is moved to RESETTING before the janitor begins the ROLLBACK. */
static void check_resetting(const struct pqpool *pool, const struct conn *conn)
{
    check_fit(pool, conn);
    CHECK(conn->task_deadline_at_ns == 0);
}

static void check_cancel_wanted(const struct pqpool *pool, const struct conn *conn)
{
    (void)pool;
    CHECK(conn->cancel_request == NULL);
    CHECK(conn->task_deadline_at_ns == 0);
    CHECK(!conn->checked_out);
}

/* The janitor sends a cancel only after it has begun to await the end of the statement, and so has
 * set task_deadline_at_ns. */
static void check_canceling(const struct pqpool *pool, const struct conn *conn)
{
    (void)pool;
    CHECK(conn->task_deadline_at_ns != 0);
    CHECK(!conn->control);
}

static void check_cancel_answered(const struct pqpool *pool, const struct conn *conn)
{
    check_canceling(pool, conn);
    CHECK(conn->cancel_request == NULL);
}

static void check_closing(const struct pqpool *pool, const struct conn *conn)
{
    (void)pool;
    CHECK(conn->session != SESSION_ORPHANED);
    CHECK(conn->cancel_request == NULL);
    CHECK(!conn->checked_out);
}

static void check_orphan(const struct pqpool *pool, const struct conn *conn)
{
    (void)pool;
    CHECK(conn->session == SESSION_ORPHANED);
    CHECK(conn->backend.pid != 0);
    CHECK(conn->cancel_request == NULL);
    CHECK(!conn->checked_out);
}

static void check_orphaned(const struct pqpool *pool, const struct conn *conn)
{
    check_orphan(pool, conn);
    CHECK(conn->pg == NULL);
    CHECK(conn->own_fd < 0);
}

/* ---- the table ---- */

#define TO(state) (1u << CONN_##state)

/* clang-format off */
static const struct conn_row {
    const char *name;
    unsigned allowed;
    void (*check)(const struct pqpool *pool, const struct conn *conn); /* checks what must be true in the state; called in debug builds only */
} table[CONN_STATES] = {
    [CONN_NEW]             = { "new",             TO(CONNECTING), check_new },
    [CONN_CONNECTING]      = { "connecting",      TO(IDLE) | TO(LEASED) | TO(CLOSING) | TO(CLOSING_ORPHAN), check_connecting },
    [CONN_IDLE]            = { "idle",            TO(CHECKING) | TO(LEASED) | TO(CLOSING), check_idle },
    [CONN_CHECKING]        = { "checking",        TO(IDLE) | TO(LEASED) | TO(CLOSING), check_fit },
    [CONN_LEASED]          = { "leased",          TO(IDLE) | TO(CHECKING) | TO(LEASED) | TO(RESETTING) | TO(CANCEL_WANTED) | TO(CLOSING) | TO(CLOSING_ORPHAN), check_fit },
    [CONN_RESETTING]       = { "resetting",       TO(IDLE) | TO(LEASED) | TO(CLOSING), check_resetting },
    [CONN_CANCEL_WANTED]   = { "cancel_wanted",   TO(RESETTING) | TO(CANCEL_ASKED) | TO(CLOSING) | TO(CLOSING_ORPHAN), check_cancel_wanted },
    [CONN_CANCEL_ASKED]    = { "cancel_asked",    TO(CANCEL_PENDING) | TO(CANCEL_ANSWERED) | TO(CLOSING) | TO(CLOSING_ORPHAN), check_canceling },
    [CONN_CANCEL_PENDING]  = { "cancel_pending",  TO(RESETTING) | TO(CLOSING), check_canceling },
    [CONN_CANCEL_ANSWERED] = { "cancel_answered", TO(RESETTING) | TO(CLOSING) | TO(CLOSING_ORPHAN), check_cancel_answered },
    [CONN_CLOSING]         = { "closing",         TO(NEW), check_closing },
    [CONN_CLOSING_ORPHAN]  = { "closing_orphan",  TO(NEW) | TO(ORPHANED), check_orphan },
    [CONN_ORPHANED]        = { "orphaned",        TO(NEW) | TO(ORPHAN_ASKED), check_orphaned },
    [CONN_ORPHAN_ASKED]    = { "orphan_asked",    TO(NEW) | TO(ORPHANED), check_orphaned },
};
/* clang-format on */

const char *conn_state_name(enum conn_state state)
{
    return table[state].name;
}

bool conn_may_move(enum conn_state from, enum conn_state to)
{
    return (table[from].allowed & 1u << to) != 0;
}

void conn_move(struct pqpool *pool, struct conn *conn, enum conn_state to)
{
    CHECK(conn_may_move(conn->state, to));
    if (!conn->control) {
        list_remove(&pool->list[conn->state], &conn->node);
        list_push_front(&pool->list[to], &conn->node);
    }
    conn->state = to;
#ifndef NDEBUG
    table[to].check(pool, conn);
#endif
}

void conn_discard(struct pqpool *pool, struct conn *conn, enum close_reason reason)
{
    conn->close_reason = reason;
    conn_move(pool, conn, conn->session == SESSION_ORPHANED ? CONN_CLOSING_ORPHAN : CONN_CLOSING);
    pool_update_down(pool);
    pool_wake_connector(pool);
    if (pool_is_closing(pool))
        cond_broadcast(&pool->quiet); /* pqpool_close() may wait for the end of this cancel */
}

void conn_free_slot(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    conn->session = SESSION_SOUND;
    conn_move(pool, conn, CONN_NEW);
    pool_update_down(pool);
    pool_update_exhausted(pool, now_ns);
    cond_broadcast(&pool->quiet);
}
