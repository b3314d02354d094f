/* cancel_request.c - a cancel request over a connection of its own, stepped without blocking: what libpq
 * can do since version 17 (libpq manual, 34.7). The request is encrypted like the connection
 * of the statement, and poolers understand it. When the server closes the request's connection, it
 * has sent the signal to the backend. */
#include <sys/epoll.h>

#include "base/clock.h"
#include "pqpool/janitor.h"

enum { CANCELERS_MAX = 8 }; /* each costs the server a process */

bool canceler_can(const struct pqpool *pool)
{
    return pool->pg->cancel_create != NULL;
}

void canceler_close(struct conn *conn)
{
    if (conn->canceler == NULL)
        return;
    conn->pool->pg->cancel_finish(conn->canceler);
    conn->canceler = NULL;
    conn->pool->janitor.n_cancelers--;
}

static void end(struct pqpool *pool, struct conn *conn, bool certain)
{
    canceler_close(conn);
    mutex_lock(&pool->mu);
    cancel_struck(pool, conn, certain);
    mutex_unlock(&pool->mu);
}

/* For one event: its socket may be another one after the next step. */
static bool watch(struct pqpool *pool, struct conn *conn, PostgresPollingStatusType want)
{
    int fd = pool->pg->cancel_socket(conn->canceler);
    uint32_t index = (uint32_t)(conn - pool->slots);
    struct epoll_event event = {
        .events = (want == PGRES_POLLING_READING ? EPOLLIN : EPOLLOUT) | EPOLLONESHOT,
        .data.u64 = CANCELER_KEY | index,
    };
    return fd >= 0 && (epoll_ctl(pool->janitor.epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0 ||
                       epoll_ctl(pool->janitor.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
}

void canceler_step(struct pqpool *pool, struct conn *conn)
{
    if (conn->canceler == NULL)
        return; /* an event of one that has ended */
    PostgresPollingStatusType want = pool->pg->cancel_poll(conn->canceler);
    if (want == PGRES_POLLING_OK)
        end(pool, conn, true);
    else if (want == PGRES_POLLING_FAILED || !watch(pool, conn, want))
        end(pool, conn, false);
}

static void start(struct pqpool *pool, struct conn *conn)
{
    conn->canceler = pool->pg->cancel_create(conn->pg);
    pool->janitor.n_cancelers += conn->canceler != NULL;
    if (conn->canceler == NULL || pool->pg->cancel_start(conn->canceler) == 0 ||
        !watch(pool, conn, PGRES_POLLING_WRITING))
        end(pool, conn, false);
}

/* The next whose cancel should be begun; it is ASKED from here on. */
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

/* Of those with a canceler, the one whose time is over first; NULL: there is none. */
static struct conn *most_urgent(const struct pqpool *pool) REQUIRES(pool->mu)
{
    struct conn *found = NULL;
    for (unsigned state = CONN_CANCEL_ASKED; state <= CONN_CANCEL_PENDING; state++)
        LIST_EACH (conn, &pool->list[state], struct conn, node)
            if (conn->canceler != NULL &&
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

void cancelers_tend(struct pqpool *pool)
{
    struct conn *conn;
    while (pool->janitor.n_cancelers > 0 && (conn = next_late(pool, clock_now_ns())) != NULL)
        end(pool, conn, false);
    while (canceler_can(pool) && pool->janitor.n_cancelers < CANCELERS_MAX &&
           (conn = next_wanted(pool)) != NULL)
        start(pool, conn);
}

int64_t cancelers_next_wake(const struct pqpool *pool)
{
    const struct conn *conn = most_urgent(pool);
    return conn != NULL ? conn->task_deadline_at_ns : CLOCK_NEVER;
}
