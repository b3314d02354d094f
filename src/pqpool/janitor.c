/* janitor.c - the thread that keeps the pool in shape: health checks on the control connection,
 * ROLLBACK on connections that came back in a transaction, hang-ups of idle peers, the floor, idle
 * and lifetime limits, leases held too long, the windows of the maxima, and delivering events.
 *
 * Nothing in it blocks: a statement is a task that is stepped when its socket is readable. It owns
 * every connection in RESETTING, and the control connection while that is IDLE or CHECKING. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "pqpool/pool.h"

enum { EVENTS_A_ROUND = 64, TICK_MIN_MS = 20, TICK_MAX_MS = 1000, WINDOW_S = 60 };

struct janitor {
    struct pqpool *pool;
    struct conn **tasks; /* connections with a statement under way */
    uint32_t n_tasks;
    int64_t tick_ns, next_tick_ns, next_window_ns;
};

void pool_wake_janitor(struct pqpool *pool)
{
    (void)eventfd_write(pool->janitor_fd, 1);
}

/* ---- watching sockets ---- */

static uint64_t watch_key(const struct pqpool *pool, const struct conn *conn)
{
    uint32_t index = conn->control ? pool->options.max_pool_size : (uint32_t)(conn - pool->slots);
    return (uint64_t)conn->serial << 32 | (index + 1); /* 0 is the eventfd */
}

/* Edge-triggered hang-ups alone cost nothing while a connection is used: data does not wake us. */
static bool watch(struct pqpool *pool, struct conn *conn, int op, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.u64 = watch_key(pool, conn) };
    return epoll_ctl(pool->epoll_fd, op, conn->own_fd, &event) == 0;
}

bool janitor_watch(struct pqpool *pool, struct conn *conn)
{
    return watch(pool, conn, EPOLL_CTL_ADD, EPOLLRDHUP | EPOLLET);
}

void janitor_unwatch(struct pqpool *pool, struct conn *conn)
{
    (void)watch(pool, conn, EPOLL_CTL_DEL, 0);
}

/* ---- tasks ---- */

static void health_result(struct pqpool *pool, bool passed, int64_t took_ns) REQUIRES(pool->mu)
{
    if (passed)
        pool->counted.health_passed++;
    else
        pool->counted.health_failed++;
    if (passed != pool->healthy)
        pool_event(pool, passed ? PQPOOL_EVENT_HEALTHY : PQPOOL_EVENT_UNHEALTHY, "health check %s",
                   passed ? "passes" : "failed");
    pool->healthy = passed;
    pool->last_health_at_us = clock_wall_us();
    pool->last_health_ns = took_ns;
}

static void control_ended(struct pqpool *pool, bool passed, int64_t now_ns) REQUIRES(pool->mu)
{
    struct conn *control = &pool->control;
    health_result(pool, passed, now_ns - control->leased_at_ns);
    if (passed)
        pool_keep_control(pool);
    else
        conn_discard(pool, control, CLOSE_INVALID);
}

static void task_ended(struct pqpool *pool, struct conn *conn, bool good)
{
    int64_t now_ns = clock_now_ns();
    (void)watch(pool, conn, EPOLL_CTL_MOD, EPOLLRDHUP | EPOLLET);
    mutex_lock(&pool->mu);
    if (conn->control) {
        control_ended(pool, good, now_ns);
    } else if (good) {
        pool->counted.resets++;
        pool_offer(pool, conn, now_ns);
    } else {
        pool_event(pool, PQPOOL_EVENT_LOST, "a connection could not be rolled back");
        conn_discard(pool, conn, CLOSE_INVALID);
    }
    pool_judge_exhausted(pool, now_ns);
    mutex_unlock(&pool->mu);
}

static void begin_task(struct janitor *j, struct conn *conn, const char *sql, int64_t limit_ns)
{
    int64_t deadline_at_ns = clock_after(clock_now_ns(), limit_ns);
    bool begun = watch(j->pool, conn, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP) &&
                 task_start(conn, sql, deadline_at_ns) == TASK_PENDING;
    if (begun)
        j->tasks[j->n_tasks++] = conn;
    else
        task_ended(j->pool, conn, false);
}

/* Steps what is readable or out of time. `readable` NULL: only the deadlines. */
static void step_tasks(struct janitor *j, const struct conn *readable)
{
    uint32_t kept = 0;
    int64_t now_ns = clock_now_ns();
    for (uint32_t i = 0; i < j->n_tasks; i++) {
        struct conn *conn = j->tasks[i];
        enum task_rc rc = conn == readable ? task_step(conn) : TASK_PENDING;
        if (rc == TASK_PENDING && now_ns >= conn->task_deadline_at_ns)
            rc = TASK_FAILED;
        if (rc == TASK_PENDING)
            j->tasks[kept++] = conn;
        else
            task_ended(j->pool, conn, rc == TASK_OK);
    }
    j->n_tasks = kept;
}

static struct conn *next_reset(struct pqpool *pool)
{
    struct conn *found = NULL;
    mutex_lock(&pool->mu);
    for (struct conn *conn = pool->list[CONN_RESETTING].first; conn != NULL; conn = conn->next)
        if (conn->task_deadline_at_ns == 0)
            found = conn;
    mutex_unlock(&pool->mu);
    return found;
}

static void start_resets(struct janitor *j)
{
    struct conn *conn;
    while ((conn = next_reset(j->pool)) != NULL)
        begin_task(j, conn, "ROLLBACK", j->pool->options.validation_timeout_ns);
}

/* With no control connection to ask, a health check that is due has failed. */
static void start_health_check(struct janitor *j)
{
    struct pqpool *pool = j->pool;
    struct conn *control = &pool->control;
    int64_t now_ns = clock_now_ns();
    bool ask = false;

    mutex_lock(&pool->mu);
    if (now_ns >= pool->next_health_at_ns) {
        pool->next_health_at_ns = clock_after(now_ns, pool->options.health_check_interval_ns);
        ask = control->state == CONN_IDLE;
        if (ask) {
            control->leased_at_ns = now_ns;
            conn_move(pool, control, CONN_CHECKING);
        } else if (control->state != CONN_CHECKING && !pool->closing) {
            health_result(pool, false, 0);
        }
    }
    mutex_unlock(&pool->mu);
    if (ask)
        begin_task(j, control, pool->options.validation_query,
                   pool->options.health_check_timeout_ns);
}

/* ---- hang-ups ---- */

static void hung_up(struct pqpool *pool, struct conn *conn, uint32_t serial)
{
    mutex_lock(&pool->mu);
    if (conn->serial == serial) {
        atomic_store_explicit(&conn->peer_gone, true, memory_order_relaxed);
        if (conn->state == CONN_IDLE) {
            pool->counted.connection_errors[ERROR_LOST]++;
            pool_event(pool, PQPOOL_EVENT_LOST, "the server closed an idle connection");
            if (conn->control)
                health_result(pool, false, 0);
            conn_discard(pool, conn, CLOSE_LOST);
        }
    }
    mutex_unlock(&pool->mu);
}

static void handle_event(struct janitor *j, const struct epoll_event *event)
{
    struct pqpool *pool = j->pool;
    uint32_t index = (uint32_t)event->data.u64;
    eventfd_t drained;
    if (index == 0) {
        (void)eventfd_read(pool->janitor_fd, &drained);
        return;
    }
    struct conn *conn =
        index - 1 == pool->options.max_pool_size ? &pool->control : &pool->slots[index - 1];
    if (event->events & EPOLLIN)
        step_tasks(j, conn);
    if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        hung_up(pool, conn, (uint32_t)(event->data.u64 >> 32));
        step_tasks(j, conn);
    }
}

/* ---- the tick ---- */

static uint32_t staying(const struct pqpool *pool) REQUIRES(pool->mu)
{
    return pool_total(pool) - pool->list[CONN_CLOSING].count;
}

static void trim_idle(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    struct conn *conn;
    if (pool->options.idle_timeout_ns == 0)
        return;
    while ((conn = pool->list[CONN_IDLE].last) != NULL &&
           staying(pool) > pool->options.min_pool_size &&
           now_ns - conn->used_at_ns >= pool->options.idle_timeout_ns)
        conn_discard(pool, conn, CLOSE_IDLE);
}

static struct conn *expired_idle(const struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    for (struct conn *conn = pool->list[CONN_IDLE].last; conn != NULL; conn = conn->prev)
        if (conn->expires_at_ns <= now_ns)
            return conn;
    return NULL;
}

static bool any_expired(const struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    for (struct conn *conn = pool->list[CONN_LEASED].first; conn != NULL; conn = conn->next)
        if (conn->expires_at_ns <= now_ns)
            return true;
    return expired_idle(pool, now_ns) != NULL;
}

/* One at a time, spaced, and its replacement dialled first where there is room for one: a cohort of
 * the same age must not leave together. */
static void retire_expired(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    struct conn *conn;
    if (pool->retire_one && (conn = expired_idle(pool, now_ns)) != NULL) {
        pool->retire_one = false;
        conn_discard(pool, conn, CLOSE_LIFETIME);
    }
    if (now_ns < pool->next_retire_at_ns || pool->replacing || pool->retire_one ||
        !any_expired(pool, now_ns))
        return;
    bool spare = staying(pool) > pool->options.min_pool_size ||
                 pool->options.min_pool_size == pool->options.max_pool_size;
    if (!spare && pool_total(pool) == pool->options.max_pool_size)
        return; /* one that is being closed has the replacement's place: soon */
    *(spare ? &pool->retire_one : &pool->replacing) = true;
    pool->next_retire_at_ns =
        now_ns + pool->options.max_lifetime_ns / 10 / (int64_t)(pool_total(pool) + 1);
    pool_wake_connector(pool);
}

static void report_leaks(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu)
{
    if (pool->options.leak_threshold_ns == 0)
        return;
    for (struct conn *conn = pool->list[CONN_LEASED].first; conn != NULL; conn = conn->next) {
        int64_t held_ns = now_ns - conn->leased_at_ns;
        if (conn->leak_reported || held_ns < pool->options.leak_threshold_ns)
            continue;
        conn->leak_reported = true;
        pool->counted.leaks++;
        pool_event(pool, PQPOOL_EVENT_LEAK, "a connection taken at %s:%d is held for %.1f s",
                   conn->file, conn->line, (double)held_ns / 1e9);
    }
}

static void tick(struct janitor *j, int64_t now_ns)
{
    struct pqpool *pool = j->pool;
    mutex_lock(&pool->mu);
    trim_idle(pool, now_ns);
    retire_expired(pool, now_ns);
    report_leaks(pool, now_ns);
    if (now_ns >= j->next_window_ns) {
        j->next_window_ns = clock_after(now_ns, WINDOW_S * NS_PER_S / pool->window_slots);
        pool->window_slot = (pool->window_slot + 1) % pool->window_slots;
        pool->acquire_max_ns[pool->window_slot] = 0;
    }
    pool_judge_down(pool);
    mutex_unlock(&pool->mu);
    pool_wake_connector(pool); /* the floor may be below */
}

static void deliver_events(struct pqpool *pool)
{
    for (int i = 0; i < EVENTS_MAX; i++) { /* a callback may make events: they wake us again */
        struct pool_event event;
        mutex_lock(&pool->mu);
        bool any = pool->events_count > 0;
        if (any) {
            event = pool->events[pool->events_first];
            pool->events_first = (pool->events_first + 1) % EVENTS_MAX;
            pool->events_count--;
        }
        mutex_unlock(&pool->mu);
        if (!any)
            return;
        if (pool->options.on_event != NULL)
            pool->options.on_event(pool->options.ctx, &(struct pqpool_event){ .kind = event.kind,
                                                                              .text = event.text });
    }
}

/* A quarter of the shortest interval: short ones are for tests, the defaults tick once a second. */
static int64_t tick_length(const struct pqpool_options *o)
{
    const int64_t spans[] = { o->idle_timeout_ns, o->max_lifetime_ns / 10, o->leak_threshold_ns,
                              o->health_check_interval_ns };
    int64_t shortest_ns = (int64_t)TICK_MAX_MS * NS_PER_MS * 4;
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        if (spans[i] > 0)
            shortest_ns = clock_min(shortest_ns, spans[i]);
    int64_t floor_ns = (int64_t)TICK_MIN_MS * NS_PER_MS;
    return shortest_ns / 4 > floor_ns ? shortest_ns / 4 : floor_ns;
}

static int64_t next_wake(const struct janitor *j)
{
    struct pqpool *pool = j->pool;
    mutex_lock(&pool->mu);
    int64_t at_ns = clock_min(j->next_tick_ns, pool->next_health_at_ns);
    mutex_unlock(&pool->mu);
    for (uint32_t i = 0; i < j->n_tasks; i++)
        at_ns = clock_min(at_ns, j->tasks[i]->task_deadline_at_ns);
    return at_ns;
}

static void round_of(struct janitor *j)
{
    struct epoll_event events[EVENTS_A_ROUND];
    int64_t now_ns = clock_now_ns();
    int n =
        epoll_wait(j->pool->epoll_fd, events, EVENTS_A_ROUND, clock_poll_ms(next_wake(j), now_ns));
    for (int i = 0; i < n; i++)
        handle_event(j, &events[i]);
    step_tasks(j, NULL);
    start_resets(j);
    start_health_check(j);
    now_ns = clock_now_ns();
    if (now_ns >= j->next_tick_ns) {
        j->next_tick_ns = clock_after(now_ns, j->tick_ns);
        tick(j, now_ns);
    }
    deliver_events(j->pool);
}

/* What the janitor owns is the connector's to close. */
static void leave(struct pqpool *pool)
{
    struct conn *conn;
    mutex_lock(&pool->mu);
    while ((conn = pool->list[CONN_RESETTING].first) != NULL)
        conn_discard(pool, conn, CLOSE_SHUTDOWN);
    if (pool->control.state == CONN_CHECKING)
        conn_discard(pool, &pool->control, CLOSE_SHUTDOWN);
    mutex_unlock(&pool->mu);
}

void *janitor_run(void *arg)
{
    struct pqpool *pool = arg;
    struct janitor j = { .pool = pool,
                         .tasks = pool->tasks,
                         .tick_ns = tick_length(&pool->options) };
    while (!atomic_load_explicit(&pool->stop, memory_order_acquire))
        round_of(&j);
    leave(pool);
    deliver_events(pool);
    return NULL;
}
