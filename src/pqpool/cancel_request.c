/* cancel_request.c - sends cancel requests, each over a connection of its own, as libpq can since
 * version 17 (libpq manual, 34.7). Nothing here blocks. A request is encrypted like the connection
 * of the statement, and poolers understand it. When the server closes the request's connection, it
 * has sent the signal to the backend. */
#include <sys/epoll.h>

#include "base/clock.h"
#include "pqpool/janitor.h"

enum { CANCEL_REQUESTS_MAX = 8 }; /* each request costs the server a process for a moment */

bool cancel_request_is_supported(const struct pqpool *pool)
{
    return pool->pg->cancel_create != NULL;
}

void cancel_request_close(struct conn *conn)
{
    if (conn->cancel_request == NULL)
        return;
    conn->pool->pg->cancel_finish(conn->cancel_request);
    conn->cancel_request = NULL;
    conn->pool->janitor.n_cancel_requests--;
}

static void end(struct pqpool *pool, struct conn *conn, bool certain)
{
    cancel_request_close(conn);
    mutex_lock(&pool->mu);
    cancel_request_ended(pool, conn, certain);
    mutex_unlock(&pool->mu);
}

/* Makes epoll report one event of the request's socket and no more, because the next step may
 * replace the socket. */
static bool watch(struct pqpool *pool, struct conn *conn, PostgresPollingStatusType want)
{
    int fd = pool->pg->cancel_socket(conn->cancel_request);
    uint32_t index = (uint32_t)(conn - pool->slots);
    struct epoll_event event = {
        .events = (want == PGRES_POLLING_READING ? EPOLLIN : EPOLLOUT) | EPOLLONESHOT,
        .data.u64 = CANCEL_REQUEST_KEY | index,
    };
    return fd >= 0 && (epoll_ctl(pool->janitor.epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0 ||
                       epoll_ctl(pool->janitor.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
}

void cancel_request_step(struct pqpool *pool, struct conn *conn)
{
    if (conn->cancel_request == NULL)
        return; /* this is a late event of a request that has ended */
    PostgresPollingStatusType want = pool->pg->cancel_poll(conn->cancel_request);
    if (want == PGRES_POLLING_OK)
        end(pool, conn, true);
    else if (want == PGRES_POLLING_FAILED || !watch(pool, conn, want))
        end(pool, conn, false);
}

static void start(struct pqpool *pool, struct conn *conn)
{
    conn->cancel_request = pool->pg->cancel_create(conn->pg);
    pool->janitor.n_cancel_requests += conn->cancel_request != NULL;
    if (conn->cancel_request == NULL || pool->pg->cancel_start(conn->cancel_request) == 0 ||
        !watch(pool, conn, PGRES_POLLING_WRITING))
        end(pool, conn, false);
}

/* Moves the next connection whose statement is to be cancelled to CANCEL_ASKED, and returns it;
 * NULL: there is none. */
static struct conn *next_wanted(struct pqpool *pool)
{
    struct conn *found = NULL;
    mutex_lock(&pool->mu);
    LIST_EACH (conn, &pool->list[CONN_CANCEL_WANTED], struct conn, node)
        if (conn->task_deadline_at_ns != 0)
            found = conn;
    if (found != NULL) {
        conn_move(pool, found, CONN_CANCEL_ASKED);
        pool->counters.cancels++;
    }
    mutex_unlock(&pool->mu);
    return found;
}

/* Of the connections with a cancel request, returns the one whose task_deadline_at_ns comes first.
 * NULL: no cancel request is under way. */
static struct conn *most_urgent(const struct pqpool *pool) REQUIRES(pool->mu)
{
    struct conn *found = NULL;
    for (unsigned state = CONN_CANCEL_ASKED; state <= CONN_CANCEL_PENDING; state++)
        LIST_EACH (conn, &pool->list[state], struct conn, node)
            if (conn->cancel_request != NULL &&
                (found == NULL || conn->task_deadline_at_ns < found->task_deadline_at_ns))
                found = conn;
    return found;
}

static struct conn *next_late(struct pqpool *pool, int64_t now_ns)
{
    mutex_lock(&pool->mu);
    struct conn *conn = most_urgent(pool);
    bool late = conn != NULL && now_ns >= conn->task_deadline_at_ns;
    mutex_unlock(&pool->mu);
    return late ? conn : NULL;
}

void cancel_requests_run(struct pqpool *pool)
{
    struct conn *conn;
    while (pool->janitor.n_cancel_requests > 0 && (conn = next_late(pool, clock_now_ns())) != NULL)
        end(pool, conn, false);
    while (cancel_request_is_supported(pool) &&
           pool->janitor.n_cancel_requests < CANCEL_REQUESTS_MAX &&
           (conn = next_wanted(pool)) != NULL)
        start(pool, conn);
}

int64_t cancel_requests_next_wake(const struct pqpool *pool)
{
    const struct conn *conn = most_urgent(pool);
    return conn != NULL ? conn->task_deadline_at_ns : CLOCK_NEVER;
}
