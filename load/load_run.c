/* load_run.c - see load_run.h.
 *
 * A connection is always in one place: idle (on a stack), paused (in a queue, which is ordered by
 * time, because all pauses have the same length), or busy with the network. Each round handles the
 * events of epoll, ends pauses, and then sends the orders that are due. */
#include "load/load_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "load/load_conn.h"

enum { EVENTS = 256 };

static const int64_t PAUSE_NS = 100 * NS_PER_MS, DIAL_NS = 10 * NS_PER_S, DRAIN_NS = 30 * NS_PER_S,
                     TRACE_NS = 100 * NS_PER_MS;

struct run {
    const struct load_options *o;
    struct load_stats *stats;
    int epoll_fd;
    struct load_conn *conns;
    struct load_conn *idle;
    struct load_conn *paused, **paused_tail;
    uint32_t n_connected,
        n_orders_out;               /* connections that are open; orders sent and not answered */
    int64_t start_at_ns, end_at_ns; /* 0 while connections are dialled; no order is sent before */
    int64_t tick_at_ns, trace_at_ns;
    uint64_t acked_at_tick, acked_at_trace, answers, answers_at_tick;
    uint32_t second;
};

/* ---- moves of a connection ---- */

static void make_idle(struct run *run, struct load_conn *conn)
{
    conn->next = run->idle;
    run->idle = conn;
}

static struct load_conn *take_idle(struct run *run)
{
    struct load_conn *conn = run->idle;
    run->idle = conn->next;
    return conn;
}

static void drop_from_idle(struct run *run, const struct load_conn *conn)
{
    for (struct load_conn **at = &run->idle; *at != NULL; at = &(*at)->next)
        if (*at == conn) {
            *at = conn->next;
            return;
        }
}

static void pause_conn(struct run *run, struct load_conn *conn, int64_t now_ns)
{
    if (conn->paused)
        return;
    conn->paused = true;
    conn->wake_at_ns = now_ns + PAUSE_NS;
    conn->next = NULL;
    *run->paused_tail = conn;
    run->paused_tail = &conn->next;
}

static struct load_conn *take_paused(struct run *run)
{
    struct load_conn *conn = run->paused;
    run->paused = conn->next;
    if (run->paused == NULL)
        run->paused_tail = &run->paused;
    conn->paused = false;
    return conn;
}

/* ---- the end of an order ---- */

static void end_order(struct run *run, struct load_conn *conn)
{
    conn->has_order = false;
    run->n_orders_out--;
}

static void on_broken(struct run *run, struct load_conn *conn, int64_t now_ns)
{
    bool was_idle = !conn->has_order && !conn->connecting;
    if (was_idle) /* the server may close an idle connection: no error */
        drop_from_idle(run, conn);
    else
        run->stats->connection_errors++;
    if (conn->has_order && !run->o->retry) {
        end_order(run, conn);
        run->stats->unanswered++;
    }
    pause_conn(run, conn, now_ns);
}

static void send_order(struct run *run, struct load_conn *conn, int64_t now_ns)
{
    conn->active_at_ns = now_ns;
    if (load_conn_send(conn, run->epoll_fd) == LOAD_CONN_BROKEN)
        on_broken(run, conn, now_ns);
}

static void on_ack(struct run *run, const struct load_conn *conn, int64_t now_ns)
{
    run->stats->acked++;
    run->stats->acked_in_time += now_ns <= run->end_at_ns;
    load_hist_add(&run->stats->latency, now_ns - conn->intended_at_ns);
    if (run->o->acked != NULL)
        fprintf(run->o->acked, "%s%0*llu\n", run->o->prefix, (int)LOAD_NUMBER_DIGITS,
                (unsigned long long)load_request_number(run->o->request, conn->order));
}

static void on_answer(struct run *run, struct load_conn *conn, int64_t now_ns)
{
    bool again = run->o->retry && (conn->status == 503 || conn->status == 504);
    run->answers++;
    run->stats->status[conn->status]++;
    if (conn->status < 300)
        on_ack(run, conn, now_ns);
    if (!again)
        end_order(run, conn);
    if (again || conn->fd < 0)
        pause_conn(run, conn, now_ns);
    else
        make_idle(run, conn);
}

static void on_ready(struct run *run, struct load_conn *conn, int64_t now_ns)
{
    run->n_connected++;
    if (!conn->has_order) {
        make_idle(run, conn);
        return;
    }
    run->stats->retries++;
    send_order(run, conn, now_ns);
}

static void wake(struct run *run, struct load_conn *conn, int64_t now_ns)
{
    if (conn->fd >= 0) {
        run->stats->retries++;
        send_order(run, conn, now_ns);
        return;
    }
    conn->active_at_ns = now_ns;
    if (load_conn_dial(conn, &run->o->server, run->epoll_fd) == LOAD_CONN_BROKEN)
        on_broken(run, conn, now_ns);
}

/* When the next order is due. In the closed loop it is always due, so it is sent as soon as a
 * connection is idle. */
static int64_t due_at(const struct run *run)
{
    if (run->o->rate <= 0)
        return run->start_at_ns;
    double seconds = (double)run->stats->orders / run->o->rate;
    return run->start_at_ns + (int64_t)(seconds * (double)NS_PER_S);
}

static void hand_out(struct run *run, int64_t now_ns)
{
    while (run->idle != NULL && now_ns < run->end_at_ns && due_at(run) <= now_ns) {
        struct load_conn *conn = take_idle(run);
        conn->intended_at_ns = run->o->rate > 0 ? due_at(run) : now_ns;
        conn->order = run->stats->orders++;
        conn->has_order = true;
        run->n_orders_out++;
        load_request_set(run->o->request, conn->text, conn->order, (uint64_t)(conn - run->conns));
        send_order(run, conn, now_ns);
    }
}

/* ---- time ---- */

static void give_up_overdue(struct run *run, int64_t now_ns)
{
    for (uint32_t i = 0; i < run->o->conns; i++) {
        struct load_conn *conn = &run->conns[i];
        bool busy = !conn->paused && conn->fd >= 0 && (conn->has_order || conn->connecting);
        if (!busy || now_ns - conn->active_at_ns < run->o->timeout_ns)
            continue;
        run->stats->timeouts++;
        load_conn_close(conn);
        on_broken(run, conn, now_ns);
    }
}

static void tick(struct run *run, int64_t now_ns)
{
    struct load_stats *stats = run->stats;
    uint64_t acked = stats->acked - run->acked_at_tick;
    if (run->o->per_second != NULL) {
        fprintf(run->o->per_second, "second %u acked %llu answers %llu connection_errors %llu\n",
                run->second, (unsigned long long)acked,
                (unsigned long long)(run->answers - run->answers_at_tick),
                (unsigned long long)stats->connection_errors);
        fflush(run->o->per_second);
    }
    if (run->second < run->o->seconds) {
        stats->least_second = acked < stats->least_second ? acked : stats->least_second;
        stats->seconds_without_ack += acked == 0;
    }
    run->acked_at_tick = stats->acked;
    run->answers_at_tick = run->answers;
    run->second++;
    run->tick_at_ns += NS_PER_S;
    give_up_overdue(run, now_ns);
}

static void trace(struct run *run)
{
    fprintf(run->o->trace, "%lld %llu\n",
            (long long)((run->trace_at_ns - run->start_at_ns) / NS_PER_MS),
            (unsigned long long)(run->stats->acked - run->acked_at_trace));
    run->acked_at_trace = run->stats->acked;
    run->trace_at_ns += TRACE_NS;
}

/* Until when there is only the network to wait for. */
static int64_t next_moment(const struct run *run, int64_t now_ns)
{
    int64_t at_ns = clock_min(run->tick_at_ns, run->trace_at_ns);
    if (run->paused != NULL)
        at_ns = clock_min(at_ns, run->paused->wake_at_ns);
    if (run->idle != NULL && now_ns < run->end_at_ns)
        at_ns = clock_min(at_ns, due_at(run));
    return at_ns;
}

/* Runs one round of the loop. Returns false, with *err, if epoll fails. */
static bool round_of(struct run *run, struct err *err)
{
    struct epoll_event events[EVENTS];
    int64_t now_ns = clock_now_ns();
    int64_t left_ns = next_moment(run, now_ns) - now_ns;
    const struct timespec wait = clock_timespec(left_ns > 0 ? left_ns : 0);
    int n = epoll_pwait2(run->epoll_fd, events, EVENTS, &wait, NULL);
    if (n < 0 && errno != EINTR) {
        err_set(err, 0, "epoll_pwait2: %s", strerror(errno));
        return false;
    }
    for (int i = 0; i < n; i++) {
        struct load_conn *conn = events[i].data.ptr;
        enum load_conn_rc rc = load_conn_event(conn, run->epoll_fd);
        now_ns = clock_now_ns();
        if (rc == LOAD_CONN_READY)
            on_ready(run, conn, now_ns);
        else if (rc == LOAD_CONN_ANSWERED)
            on_answer(run, conn, now_ns);
        else if (rc == LOAD_CONN_BROKEN)
            on_broken(run, conn, now_ns);
    }
    now_ns = clock_now_ns();
    while (run->paused != NULL && run->paused->wake_at_ns <= now_ns)
        wake(run, take_paused(run), now_ns);
    if (run->end_at_ns != 0 && now_ns >= run->tick_at_ns)
        tick(run, now_ns);
    while (run->trace_at_ns <= now_ns)
        trace(run);
    hand_out(run, now_ns);
    return true;
}

/* ---- the run ---- */

static bool set_up(struct run *run, struct err *err)
{
    const struct load_options *o = run->o;
    run->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    run->conns = calloc(o->conns, sizeof *run->conns);
    if (run->epoll_fd < 0 || run->conns == NULL) {
        err_set(err, 0, "no memory for %u connections", o->conns);
        return false;
    }
    int64_t now_ns = clock_now_ns();
    for (uint32_t i = 0; i < o->conns; i++) {
        struct load_conn *conn = &run->conns[i];
        memcpy(conn->text, o->request->text, o->request->len);
        conn->len = o->request->len;
        conn->fd = -1;
        wake(run, conn, now_ns);
    }
    return true;
}

/* Opens all connections before the first order is sent. A connection that does not open in time may
 * open later. */
static bool connect_all(struct run *run, struct err *err)
{
    run->tick_at_ns = clock_now_ns() + DIAL_NS;
    while (run->n_connected < run->o->conns && clock_now_ns() < run->tick_at_ns)
        if (!round_of(run, err))
            return false;
    if (run->n_connected > 0)
        return true;
    err_set(err, ERR_RETRYABLE, "no connection to the server within 10 s");
    return false;
}

static bool drive(struct run *run, struct err *err)
{
    run->start_at_ns = clock_now_ns();
    run->end_at_ns = run->start_at_ns + run->o->seconds * NS_PER_S;
    run->tick_at_ns = run->start_at_ns + NS_PER_S;
    if (run->o->trace != NULL)
        run->trace_at_ns = run->start_at_ns + TRACE_NS;
    run->stats->connection_errors = 0;
    for (int64_t now_ns = run->start_at_ns;
         now_ns < run->end_at_ns || (run->n_orders_out > 0 && now_ns < run->end_at_ns + DRAIN_NS);
         now_ns = clock_now_ns())
        if (!round_of(run, err))
            return false;
    if (run->second < run->o->seconds) /* the last second ends with the run */
        tick(run, clock_now_ns());
    return true;
}

bool load_run(const struct load_options *options, struct load_stats *stats, struct err *err)
{
    struct run run = { .o = options, .stats = stats };
    run.paused_tail = &run.paused;
    run.trace_at_ns = CLOCK_NEVER;
    *stats = (struct load_stats){ .least_second = UINT64_MAX };
    bool ok = set_up(&run, err) && connect_all(&run, err) && drive(&run, err);
    stats->unanswered += run.n_orders_out;
    double due = (double)options->seconds * options->rate;
    if (due > (double)stats->orders)
        stats->unsent = (uint64_t)due - stats->orders;
    for (uint32_t i = 0; run.conns != NULL && i < options->conns; i++)
        load_conn_close(&run.conns[i]);
    free(run.conns);
    if (run.epoll_fd >= 0)
        close(run.epoll_fd);
    return ok;
}
