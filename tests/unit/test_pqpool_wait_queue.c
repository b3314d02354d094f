/* The line of those who wait: its pace, who is told that it is hopeless, when it is an alert. */
#include "pqpool_bare.h"

enum { TICK_NS = 1000 };

static void expect_events(enum pqpool_event_kind kind, uint32_t want)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < pool.events.count; i++)
        n += pool.events.ring[(pool.events.first + i) % EVENTS_MAX].kind == kind;
    cr_expect_eq(n, want, "%u events of kind %d", n, (int)kind);
}

/* A pool of one connection that is lent, and `n` who wait for it. */
static struct conn *make_line(uint32_t n)
{
    make_pool(0, 1, true);
    for (uint32_t i = 0; i < n; i++)
        pool_enqueue(&pool, &waiters[i], false);
    struct conn *conn = dial();
    cr_assert_not_null(conn);
    succeed(conn);
    return conn;
}

static void come_back(struct conn *conn, int64_t after_ns)
{
    now_ns += after_ns;
    pool_offer(&pool, conn, now_ns);
}

Test(wait_queue, its_pace_is_known_after_a_few_hand_offs)
{
    struct conn *conn = make_line(30);
    for (int i = 0; i < 7; i++)
        come_back(conn, TICK_NS);
    cr_expect_eq(pool_estimated_wait_ns(&pool), 0, "nothing is foretold yet");
    come_back(conn, TICK_NS);
    cr_expect_eq(pool.waiters.list.count, 21);
    cr_expect_eq(pool_estimated_wait_ns(&pool), 22 * TICK_NS);
    for (int i = 0; i < 15; i++)
        come_back(conn, 2 * TICK_NS);
    int64_t slower_ns = pool_estimated_wait_ns(&pool) / (pool.waiters.list.count + 1);
    cr_expect(slower_ns > TICK_NS * 3 / 2 && slower_ns <= 2 * TICK_NS, "%lld",
              (long long)slower_ns);
}

Test(wait_queue, one_pause_foretells_little)
{
    struct conn *conn = make_line(30);
    for (int i = 0; i < 8; i++)
        come_back(conn, TICK_NS);
    come_back(conn, NS_PER_S);
    int64_t pace_ns = pool_estimated_wait_ns(&pool) / (pool.waiters.list.count + 1);
    cr_expect(pace_ns > TICK_NS && pace_ns < 2 * TICK_NS, "%lld", (long long)pace_ns);
}

Test(wait_queue, an_empty_line_has_no_pace)
{
    struct conn *conn = make_line(10);
    for (int i = 0; i < 9; i++)
        come_back(conn, TICK_NS);
    cr_expect_eq(pool.waiters.list.count, 0);
    pool_enqueue(&pool, &waiters[20], false);
    cr_expect_eq(pool_estimated_wait_ns(&pool), 0);
    come_back(conn, 100 * TICK_NS);
    cr_expect_eq(pool.waiters.pace.hand_offs, 0, "the gap is none of its pace");
}

Test(wait_queue, a_clock_read_before_the_mutex_does_no_harm)
{
    struct conn *conn = make_line(30);
    for (int i = 0; i < 9; i++)
        come_back(conn, TICK_NS);
    come_back(conn, -TICK_NS);
    cr_expect_gt(pool_estimated_wait_ns(&pool), 0);
}

Test(wait_queue, the_alert_is_told_once_and_ends_after_a_while)
{
    struct conn *conn = make_line(2);
    pool_update_exhausted(&pool, now_ns);
    for (int i = 0; i < 5; i++) { /* it comes and goes */
        pool_dequeue(&pool, &waiters[1]);
        pool_update_exhausted(&pool, ++now_ns);
        pool_enqueue(&pool, &waiters[1], false);
        pool_update_exhausted(&pool, ++now_ns);
    }
    expect_events(PQPOOL_EVENT_EXHAUSTED, 1);
    come_back(conn, 1);
    pool_update_exhausted(&pool, now_ns);
    pool_update_exhausted_alert(&pool, now_ns);
    expect_events(PQPOOL_EVENT_NOT_EXHAUSTED, 0);
    now_ns += pool.options.metrics_collection_interval_ns;
    pool_update_exhausted_alert(&pool, now_ns);
    pool_update_exhausted_alert(&pool, now_ns);
    expect_events(PQPOOL_EVENT_NOT_EXHAUSTED, 1);
    cr_expect_not(pool.exhausted.alert);
}
