/* pqpool_bare.h - a bare struct pqpool for tests of its rules: no thread, no socket, and time is a
 * number. One a test. */
#ifndef UNIT_PQPOOL_BARE_H
#define UNIT_PQPOOL_BARE_H

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "pqpool/demand.h"
#include "pqpool/idle.h"

enum { SLOTS = 60, WAITERS = 60 };

static struct pqpool pool;
static struct conn slots[SLOTS];
static struct waiter waiters[WAITERS];
static int64_t now_ns = 1000;

UNUSED static void make_pool(uint32_t min, uint32_t max, bool control_is_up)
{
    pool.options = (struct pqpool_options)PQPOOL_OPTIONS_DEFAULT;
    pool.options.retry_jitter = false;
    pool.options.min_pool_size = min;
    pool.options.max_pool_size = max;
    pool.connector.fd = pool.janitor.fd = -1; /* nobody is to be woken */
    pool.slots = slots;
    cond_init(&pool.quiet);
    backoff_init(&pool.demand.backoff, 1, min);
    for (uint32_t i = 0; i < max; i++) {
        slots[i] = (struct conn){ .pool = &pool, .fd = -1, .own_fd = -1 };
        list_push_back(&pool.list[CONN_NEW], &slots[i].node);
    }
    pool.control = (struct conn){ .pool = &pool, .control = true, .fd = -1, .own_fd = -1 };
    if (control_is_up)
        pool.control.state = CONN_IDLE;
    for (size_t i = 0; i < WAITERS; i++) {
        waiters[i] = (struct waiter){ .since_at_ns = now_ns };
        cond_init(&waiters[i].wake);
    }
}

UNUSED static struct conn *dial(void)
{
    struct conn *conn = pool_next_dial(&pool, now_ns);
    if (conn != NULL)
        conn->dial.started_at_ns = now_ns;
    return conn;
}

UNUSED static void succeed(struct conn *conn)
{
    pool_dial_succeeded(&pool, conn, ++now_ns);
}

UNUSED static void fail_as(struct conn *conn, enum error_class error_class, const char *code)
{
    struct err err;
    err_set_code(&err, ERR_RETRYABLE, code, "no luck");
    pool_dial_failed(&pool, conn, &err, error_class, ++now_ns);
}

UNUSED static void fail(struct conn *conn)
{
    fail_as(conn, ERROR_REFUSED, NULL);
}

/* What the connector does with those that are to be closed. */
UNUSED static uint32_t close_discarded(void)
{
    uint32_t n = 0;
    for (; pool.list[CONN_CLOSING].count > 0; n++)
        conn_free_slot(&pool, pool_newest(&pool, CONN_CLOSING), now_ns);
    if (pool.control.state == CONN_CLOSING)
        conn_free_slot(&pool, &pool.control, now_ns);
    return n;
}

UNUSED static uint32_t count(enum conn_state state)
{
    return pool.list[state].count;
}

/* The floor is open and idle, the control connection up. */
UNUSED static void make_warm_pool(uint32_t min, uint32_t max)
{
    make_pool(min, max, true);
    struct conn *dialled[SLOTS];
    uint32_t n = 0;
    while ((dialled[n] = dial()) != NULL)
        n++;
    cr_assert_eq(n, min);
    for (uint32_t i = 0; i < n; i++)
        succeed(dialled[i]);
    cr_assert_eq(count(CONN_IDLE), min);
    cr_assert_null(dial(), "nothing more is wanted");
}

UNUSED static struct conn *lease(void)
{
    struct conn *conn = pool_take_idle(&pool);
    cr_assert_not_null(conn);
    conn_move(&pool, conn, CONN_LEASED);
    return conn;
}

UNUSED static void wait_in_line(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        pool_enqueue(&pool, &waiters[i], false);
}

UNUSED static const struct pool_event *last_event(void)
{
    cr_assert_gt(pool.events.count, 0);
    return &pool.events.ring[(pool.events.first + pool.events.count - 1) % EVENTS_MAX];
}

#endif
