/* conn.c - see conn.h. */
#include "pqpool/conn.h"

#include "base/check.h"
#include "pqpool/pool.h"

#define TO(state) (1u << CONN_##state)

/* clang-format off */
static const struct conn_row {
    const char *name;
    unsigned allowed;
} table[CONN_STATES] = {
    [CONN_NEW]        = { "new",        TO(CONNECTING) },
    [CONN_CONNECTING] = { "connecting", TO(IDLE) | TO(LEASED) | TO(CLOSING) },
    [CONN_IDLE]       = { "idle",       TO(LEASED) | TO(CHECKING) | TO(CLOSING) },
    [CONN_CHECKING]   = { "checking",   TO(LEASED) | TO(IDLE) | TO(CLOSING) },
    [CONN_LEASED]     = { "leased",     TO(IDLE) | TO(LEASED) | TO(CHECKING) | TO(RESETTING) | TO(CANCELING) | TO(CLOSING) },
    [CONN_RESETTING]  = { "resetting",  TO(IDLE) | TO(LEASED) | TO(CLOSING) },
    [CONN_CANCELING]  = { "canceling",  TO(RESETTING) | TO(CLOSING) },
    [CONN_CLOSING]    = { "closing",    TO(NEW) },
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

static void list_remove(struct conn_list *list, struct conn *conn)
{
    *(conn->prev != NULL ? &conn->prev->next : &list->first) = conn->next;
    *(conn->next != NULL ? &conn->next->prev : &list->last) = conn->prev;
    conn->prev = conn->next = NULL;
    list->count--;
}

static void list_push(struct conn_list *list, struct conn *conn)
{
    conn->next = list->first;
    *(list->first != NULL ? &list->first->prev : &list->last) = conn;
    list->first = conn;
    list->count++;
}

void conn_move(struct pqpool *pool, struct conn *conn, enum conn_state to)
{
    CHECK(conn_may_move(conn->state, to));
    if (!conn->control) {
        list_remove(&pool->list[conn->state], conn);
        list_push(&pool->list[to], conn);
    }
    conn->state = to;
}

void conn_discard(struct pqpool *pool, struct conn *conn, enum close_reason reason)
{
    conn->close_reason = reason;
    pool->orphans += conn->orphan;
    conn_move(pool, conn, CONN_CLOSING);
    pool_update_down(pool);
    pool_wake_connector(pool);
    if (pool->closing)
        cond_broadcast(&pool->quiet); /* a cancel is over: close need not wait for the connector */
}

void conn_free_slot(struct pqpool *pool, struct conn *conn, int64_t now_ns)
{
    pool->orphans -= conn->orphan;
    conn->orphan = conn->lingers = false;
    conn_move(pool, conn, CONN_NEW);
    pool_update_down(pool);
    pool_update_exhausted(pool, now_ns);
    cond_broadcast(&pool->quiet);
}
