/* janitor.c - the loop of the janitor's thread. It runs ROLLBACK on connections that were released
 * in a transaction, discards idle connections that the server has closed, and delivers events. The
 * rest of the janitor's work is in control.c, cancel.c and maintenance.c.
 *
 * This thread waits for no server: each statement is a task (task.c), which goes on whenever its
 * socket is readable. The janitor alone uses each connection in RESETTING and CANCEL_*, and the
 * control connection in IDLE and CHECKING. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "pqpool/janitor.h"

enum { EVENTS_A_ROUND = 64, TICK_MIN_MS = 20, TICK_MAX_MS = 1000, WINDOW_S = 60 };

/* ---- watching sockets ---- */

static uint64_t watch_key(const struct pqpool *pool, const struct conn *conn)
{
    uint32_t index = conn->control ? pool->options.max_pool_size : (uint32_t)(conn - pool->slots);
    /* A key whose low half is 0 belongs to the eventfd. */
    return (uint64_t)conn->serial << 32 | (index + 1);
}

/* Adds, changes or removes the connection's watch in epoll. While the connection has no task, epoll
 * watches for hang-ups only (EPOLLRDHUP | EPOLLET), so arriving data does not wake the janitor. */
static bool watch(struct pqpool *pool, struct conn *conn, int op, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.u64 = watch_key(pool, conn) };
    return epoll_ctl(pool->janitor.epoll_fd, op, conn->own_fd, &event) == 0;
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

static void reset_ended(struct pqpool *pool, struct conn *conn, enum task_rc how, int64_t now_ns)
    REQUIRES(pool->mu)
{
    if (how == TASK_OK) {
        pool->counters.resets++;
        pool_offer(pool, conn, now_ns);
    } else {
        pool_event(pool, PQPOOL_EVENT_CONNECTION_LOST, "a connection could not be rolled back");
        conn_discard(pool, conn, CLOSE_INVALID);
    }
}

static void task_ended(struct janitor *j, struct conn *conn, enum task_rc how)
{
    struct pqpool *pool = j->pool;
    int64_t now_ns = clock_now_ns();
    (void)watch(pool, conn, EPOLL_CTL_MOD, EPOLLRDHUP | EPOLLET);
    if (conn->control) {
        control_ended(pool, how, now_ns);
        return;
    }
    if (how == TASK_LOST || how == TASK_LATE)
        cancel_request_close(conn);
    mutex_lock(&pool->mu);
    if (conn->state == CONN_RESETTING)
        reset_ended(pool, conn, how, now_ns);
    else
        cancel_ended(pool, conn, how);
    task_clear(conn);
    pool_update_exhausted(pool, now_ns);
    mutex_unlock(&pool->mu);
}

/* Starts a task that runs `sql` on the connection. If sql is NULL, the task awaits the end of the
 * statement that the connection already runs. */
static void start_task(struct janitor *j, struct conn *conn, const char *sql, int64_t limit_ns)
{
    conn->task_deadline_at_ns = clock_after(clock_now_ns(), limit_ns);
    enum task_rc rc = TASK_LOST;
    if (watch(j->pool, conn, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP))
        rc = sql != NULL ? task_start(conn, sql) : task_step(conn);
    if (rc == TASK_PENDING)
        j->tasks[j->n_tasks++] = conn;
    else
        task_ended(j, conn, rc);
}

/* Steps the task of the connection `readable`, if it has one. Also steps each task whose deadline
 * has passed, because its answer may have arrived in time. */
static void step_tasks(struct janitor *j, const struct conn *readable)
{
    uint32_t kept = 0;
    int64_t now_ns = clock_now_ns();
    for (uint32_t i = 0; i < j->n_tasks; i++) {
        struct conn *conn = j->tasks[i];
        bool late = now_ns >= conn->task_deadline_at_ns;
        enum task_rc rc = late || conn == readable ? task_step(conn) : TASK_PENDING;
        if (rc == TASK_PENDING && late)
            rc = TASK_LATE;
        if (rc == TASK_PENDING)
            j->tasks[kept++] = conn;
        else
            task_ended(j, conn, rc);
    }
    j->n_tasks = kept;
}

/* Returns a connection in this state that has no task yet; NULL: there is no such connection. */
static struct conn *next_without_task(struct pqpool *pool, enum conn_state state)
{
    struct conn *found = NULL;
    mutex_lock(&pool->mu);
    LIST_EACH (conn, &pool->list[state], struct conn, node)
        if (conn->task_deadline_at_ns == 0)
            found = conn;
    mutex_unlock(&pool->mu);
    return found;
}

static void start_tasks(struct janitor *j, enum conn_state state, const char *sql, int64_t limit_ns)
{
    struct conn *conn;
    while ((conn = next_without_task(j->pool, state)) != NULL)
        start_task(j, conn, sql, limit_ns);
}

static void use_control(struct janitor *j)
{
    char text[CANCEL_SQL_MAX];
    struct buf buf = BUF_OVER(text);
    const char *sql = control_next(j->pool, &buf);
    if (sql != NULL)
        start_task(j, &j->pool->control, sql, j->pool->options.health_check_timeout_ns);
}

/* ---- hang-ups ---- */

static void hung_up(struct pqpool *pool, struct conn *conn, uint32_t serial)
{
    mutex_lock(&pool->mu);
    if (conn->serial == serial) {
        atomic_store_explicit(&conn->peer_gone, true, memory_order_relaxed);
        if (conn->state == CONN_IDLE) {
            pool->counters.connection_errors[ERROR_LOST]++;
            pool_event(pool, PQPOOL_EVENT_CONNECTION_LOST, "the server closed an idle connection");
            if (conn->control)
                control_lost(pool);
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
        (void)eventfd_read(pool->janitor.fd, &drained);
        return;
    }
    if (index & CANCEL_REQUEST_KEY) {
        cancel_request_step(pool, &pool->slots[index & ~(uint32_t)CANCEL_REQUEST_KEY]);
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

static void tick(struct janitor *j, int64_t now_ns)
{
    struct pqpool *pool = j->pool;
    mutex_lock(&pool->mu);
    maintenance_run(pool, now_ns);
    if (now_ns >= j->next_window_ns) {
        j->next_window_ns = clock_after(now_ns, WINDOW_S * NS_PER_S / pool->latency.window_slots);
        maintenance_next_window(pool);
    }
    mutex_unlock(&pool->mu);
    pool_wake_connector(pool); /* the pool may have fewer connections than min_pool_size */
}

static void deliver_events(struct pqpool *pool)
{
    /* Delivers at most EVENTS_MAX events, so that callbacks that cause new events cannot keep this
     * thread here for ever. The new events wake it again. */
    for (int i = 0; i < EVENTS_MAX; i++) {
        struct pool_event event;
        mutex_lock(&pool->mu);
        bool any = pool_next_event(pool, &event);
        mutex_unlock(&pool->mu);
        if (!any)
            return;
        if (pool->options.on_event != NULL)
            pool->options.on_event(pool->options.ctx, &(struct pqpool_event){ .kind = event.kind,
                                                                              .text = event.text });
    }
}

/* Returns the time between two ticks: a quarter of the shortest of the `spans`, but at least 20 ms
 * and at most 1 s. It is 1 s with the default options. */
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
    int64_t at_ns = clock_min(j->next_tick_ns, cancel_requests_next_wake(pool));
    /* While the control connection is CHECKING, no health check can begin, so the janitor need not
     * wake up for one. */
    if (pool->control.state != CONN_CHECKING)
        at_ns = clock_min(at_ns, pool->health.next_at_ns);
    mutex_unlock(&pool->mu);
    for (uint32_t i = 0; i < j->n_tasks; i++)
        at_ns = clock_min(at_ns, j->tasks[i]->task_deadline_at_ns);
    return at_ns;
}

static void round_of(struct janitor *j)
{
    struct epoll_event events[EVENTS_A_ROUND];
    int64_t at_ns = next_wake(j);
    int n = epoll_wait(j->pool->janitor.epoll_fd, events, EVENTS_A_ROUND,
                       clock_poll_ms(at_ns, clock_now_ns()));
    for (int i = 0; i < n; i++)
        handle_event(j, &events[i]);
    step_tasks(j, NULL);
    start_tasks(j, CONN_CANCEL_WANTED, NULL, j->pool->options.health_check_timeout_ns);
    cancel_requests_run(j->pool);
    start_tasks(j, CONN_RESETTING, "ROLLBACK", j->pool->options.validation_timeout_ns);
    use_control(j);
    int64_t now_ns = clock_now_ns();
    if (now_ns >= j->next_tick_ns) {
        j->next_tick_ns = clock_after(now_ns, j->tick_ns);
        tick(j, now_ns);
    }
    deliver_events(j->pool);
}

/* Leaves the connections that the janitor uses to the connector, which closes them. */
static void leave(struct janitor *j)
{
    struct pqpool *pool = j->pool;
    struct conn *conn;
    for (uint32_t i = 0; i < j->n_tasks; i++)
        task_clear(j->tasks[i]); /* frees the results that have come so far */
    for (uint32_t i = 0; i < pool->options.max_pool_size; i++)
        cancel_request_close(&pool->slots[i]);
    mutex_lock(&pool->mu);
    pool_advance(pool, POOL_JANITOR_LEFT);
    for (unsigned state = CONN_RESETTING; state <= CONN_CANCEL_ANSWERED; state++)
        while ((conn = pool_newest(pool, state)) != NULL)
            conn_discard(pool, conn, CLOSE_SHUTDOWN);
    if (pool->control.state == CONN_IDLE || pool->control.state == CONN_CHECKING)
        conn_discard(pool, &pool->control, CLOSE_SHUTDOWN);
    mutex_unlock(&pool->mu);
}

void *janitor_run(void *arg)
{
    struct pqpool *pool = arg;
    struct janitor j = { .pool = pool,
                         .tasks = pool->janitor.tasks,
                         .tick_ns = tick_length(&pool->options) };
    while (!atomic_load_explicit(&pool->stop, memory_order_acquire))
        round_of(&j);
    leave(&j);
    deliver_events(pool);
    return NULL;
}
