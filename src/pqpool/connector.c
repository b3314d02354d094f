/* connector.c - the connector: the thread that dials and closes connections, so that no other
 * thread waits for a dial or a close.
 *
 * The connector owns the connections in the states CONNECTING, CLOSING and CLOSING_ORPHAN. In each
 * round it closes all connections in CLOSING and CLOSING_ORPHAN, begins the dials that demand.c
 * decides on, and makes the next step of each dial under way. */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "pqpool/connector.h"
#include "pqpool/demand.h"
#include "pqpool/dial.h"
#include "pqpool/exec.h"
#include "pqpool/janitor.h"
#include "pqpool/primary.h"

/* The longest time for the set-up of a session. It is short, because the other dials wait
 * meanwhile. */
enum { PREPARE_LIMIT_S = 5 };

struct connector {
    struct pqpool *pool;
    struct conn **dials; /* the connections that are being dialled; room for every slot and the
                            control connection */
    struct pollfd *fds;  /* [0] is the eventfd, [1 + i] belongs to dials[i] */
    uint32_t n_dials;
    int64_t looked_at_ns; /* when demand.c was last asked what to dial */
};

static void dial_failed(struct connector *c, struct conn *conn, const struct err *err,
                        enum error_class error_class)
{
    struct pqpool *pool = c->pool;
    dial_end(conn);
    mutex_lock(&pool->mu);
    pool_dial_failed(pool, conn, err, error_class, clock_now_ns());
    mutex_unlock(&pool->mu);
}

static bool prepare_session(struct conn *conn, int64_t limit_at_ns, struct err *err)
{
    const struct pqpool_options *options = &conn->pool->options;
    const struct pg_driver *pg = conn->pool->pg;
    if (options->on_connect != NULL &&
        !options->on_connect(options->ctx, &conn->lease, limit_at_ns, err))
        return false;
    if (conn->session == SESSION_SOUND && pg->transaction_status(conn->pg) == PQTRANS_IDLE)
        return true;
    err_set(err, ERR_RETRYABLE, "on_connect left the session in a state that cannot be used");
    return false;
}

static void dial_ended(struct connector *c, struct conn *conn)
{
    struct pqpool *pool = c->pool;
    struct err err = { 0 };
    if (!janitor_watch(pool, conn)) {
        err_set(&err, ERR_RETRYABLE, "cannot watch the connection: out of memory or of watches");
        dial_failed(c, conn, &err, ERROR_OTHER);
        return;
    }
    names_good(pool->connector.names, conn->dial.host, dial_address(conn));
    int64_t now_ns = clock_now_ns();
    if (pool->options.enable_pool_metrics)
        histogram_observe(&pool->latency.connect, now_ns - conn->dial.started_at_ns);
    mutex_lock(&pool->mu);
    pool_dial_succeeded(pool, conn, now_ns);
    mutex_unlock(&pool->mu);
    dial_end(conn);
}

/* Handles what a step of a dial has returned. Returns true if the dial is still under way. */
static bool is_pending(struct connector *c, struct conn *conn, enum dial_rc rc,
                       const struct err *err, enum error_class error_class)
{
    switch (rc) {
    case DIAL_PENDING:
        return true;
    case DIAL_OK:
        dial_ended(c, conn);
        return false;
    case DIAL_FAILED:
        dial_failed(c, conn, err, error_class);
        return false;
    }
    return false;
}

static void start_dials(struct connector *c)
{
    struct pqpool *pool = c->pool;
    for (;;) {
        int64_t now_ns = clock_now_ns();
        c->looked_at_ns = now_ns;
        mutex_lock(&pool->mu);
        struct conn *conn = pool_next_dial(pool, now_ns);
        mutex_unlock(&pool->mu);
        if (conn == NULL)
            return;
        struct err err = { 0 };
        enum error_class error_class = ERROR_OTHER;
        enum dial_rc rc = dial_start(conn, now_ns, &err, &error_class);
        if (is_pending(c, conn, rc, &err, error_class))
            c->dials[c->n_dials++] = conn;
    }
}

/* Asks the session which server and database it is at, and calls on_connect to set it up. If any of
 * this fails, or the server or database is a wrong one, begins to dial the next address. */
static enum dial_rc set_up_session(struct conn *conn, struct err *err,
                                   enum error_class *error_class)
{
    int64_t limit_ns =
        clock_min(conn->pool->options.connect_timeout_ns, PREPARE_LIMIT_S * NS_PER_S);
    int64_t limit_at_ns = clock_after(clock_now_ns(), limit_ns);
    *error_class = ERROR_SERVER;
    if (conn_identify(conn, limit_at_ns, err) && !primary_was_replaced(conn->pool, conn, err) &&
        !primary_rejects_database(conn->pool, conn, clock_now_ns(), err) &&
        prepare_session(conn, limit_at_ns, err))
        return DIAL_OK;
    if (conn->session == SESSION_ORPHANED)
        /* No other address is dialled in this slot, because the orphaned backend keeps it. */
        return DIAL_FAILED;
    conn_finish(conn);
    return dial_next(conn, clock_now_ns(), err, error_class);
}

static bool is_stopped(const struct pqpool *pool)
{
    return atomic_load_explicit(&pool->stop, memory_order_acquire);
}

/* Makes the next step of a dial. Once the pool is told to stop, no more sessions are set up, so
 * pqpool_close() waits for one set-up at most. */
static enum dial_rc step_dial(struct conn *conn, bool ready, struct err *err,
                              enum error_class *error_class)
{
    if (is_stopped(conn->pool))
        return DIAL_PENDING;
    enum dial_rc rc = dial_step(conn, ready, clock_now_ns(), err, error_class);
    return rc == DIAL_OK ? set_up_session(conn, err, error_class) : rc;
}

static void step_dials(struct connector *c)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->n_dials; i++) {
        struct conn *conn = c->dials[i];
        struct err err = { 0 };
        enum error_class error_class = ERROR_OTHER;
        enum dial_rc rc = step_dial(conn, c->fds[1 + i].revents != 0, &err, &error_class);
        if (is_pending(c, conn, rc, &err, error_class))
            c->dials[kept++] = conn;
    }
    c->n_dials = kept;
}

/* PQfinish() sends a last message, which may block if the server does not read. A server is likely
 * to read if the connection is closed because it is old or idle, or because the pool is being
 * closed. In every other case the socket is shut down first, so that sending fails at once. */
void conn_finish(struct conn *conn)
{
    if (conn->pg == NULL)
        return;
    bool clean = conn->close_reason == CLOSE_IDLE || conn->close_reason == CLOSE_LIFETIME ||
                 conn->close_reason == CLOSE_SHUTDOWN;
    if (!clean && conn->own_fd >= 0)
        (void)shutdown(conn->own_fd, SHUT_RDWR);
    conn->pool->pg->finish(conn->pg);
    if (conn->own_fd >= 0) {
        janitor_unwatch(conn->pool, conn);
        (void)close(conn->own_fd);
    }
    conn->pg = NULL;
    conn->fd = conn->own_fd = -1;
}

/* Closes one connection and frees its slot. An orphan's slot is freed when the janitor learns that
 * the backend has ended, or when the pool is being closed. */
static void close_one(struct pqpool *pool, struct conn *conn)
{
    conn_finish(conn);
    mutex_lock(&pool->mu);
    bool closes = conn->state == CONN_CLOSING || conn->state == CONN_CLOSING_ORPHAN;
    if (closes && !conn->control && conn->close_reason != CLOSE_DIAL)
        pool->counters.closed[conn->close_reason]++;
    if (conn->state == CONN_CLOSING_ORPHAN && !pool_is_closing(pool)) {
        conn_move(pool, conn, CONN_ORPHANED);
        pool->janitor.next_orphans_at_ns = 0;
        pool_wake_janitor(pool);
    } else {
        conn_free_slot(pool, conn, clock_now_ns());
    }
    mutex_unlock(&pool->mu);
}

/* Returns a connection in CLOSING or CLOSING_ORPHAN; NULL: there is none. While the pool is being
 * closed, also returns orphans that are closed already. Their slots are then freed, although their
 * backends may still run. */
static struct conn *next_to_close(struct pqpool *pool) REQUIRES(pool->mu)
{
    unsigned last = pool_is_closing(pool) ? CONN_ORPHAN_ASKED : CONN_CLOSING_ORPHAN;
    for (unsigned state = CONN_CLOSING; state <= last; state++)
        if (pool_newest(pool, state) != NULL)
            return pool_newest(pool, state);
    return pool->control.state == CONN_CLOSING ? &pool->control : NULL;
}

void pool_close_discarded(struct pqpool *pool)
{
    for (;;) {
        mutex_lock(&pool->mu);
        struct conn *conn = next_to_close(pool);
        mutex_unlock(&pool->mu);
        if (conn == NULL)
            return;
        close_one(pool, conn);
    }
}

static int64_t next_wake(struct connector *c)
{
    struct pqpool *pool = c->pool;
    int64_t at_ns = CLOCK_NEVER;
    mutex_lock(&pool->mu);
    /* If pool_next_dial() was last called before the end of the backoff's pause, this thread wakes
     * up when the pause ends. After the pause, other threads wake this thread when the pool wants a
     * dial. */
    if (pool->demand.backoff.failures > 0 && pool->demand.backoff.next_at_ns > c->looked_at_ns)
        at_ns = pool->demand.backoff.next_at_ns;
    mutex_unlock(&pool->mu);
    for (uint32_t i = 0; i < c->n_dials; i++)
        at_ns = clock_min(at_ns, c->dials[i]->dial.step_deadline_at_ns);
    return at_ns;
}

static void await_events(struct connector *c)
{
    c->fds[0] = (struct pollfd){ .fd = c->pool->connector.fd, .events = POLLIN };
    for (uint32_t i = 0; i < c->n_dials; i++)
        c->fds[1 + i] = dial_awaits(c->dials[i]);
    int64_t at_ns = next_wake(c);
    int ready = poll(c->fds, 1 + c->n_dials, clock_poll_ms(at_ns, clock_now_ns()));
    /* If poll() was interrupted, no descriptor counts as ready in this round. */
    if (ready < 0)
        for (uint32_t i = 0; i <= c->n_dials; i++)
            c->fds[i].revents = 0;
    eventfd_t drained;
    if (c->fds[0].revents != 0)
        (void)eventfd_read(c->pool->connector.fd, &drained);
}

void *connector_run(void *arg)
{
    struct pqpool *pool = arg;
    struct connector c = { .pool = pool,
                           .dials = pool->connector.dials,
                           .fds = pool->connector.dial_fds };
    while (!is_stopped(pool)) {
        pool_close_discarded(pool);
        start_dials(&c);
        pool_close_discarded(pool); /* closes the connections whose dial failed at once */
        await_events(&c);
        step_dials(&c);
    }
    struct err err = { 0 };
    err_set(&err, 0, "the pool is closed");
    for (uint32_t i = 0; i < c.n_dials; i++)
        dial_failed(&c, c.dials[i], &err, ERROR_OTHER);
    pool_close_discarded(pool);
    return NULL;
}
