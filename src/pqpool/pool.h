/* pool.h - struct pqpool and its parts: which thread does what, and what the one mutex guards.
 *
 *   callers    acquire, run the validation query, release
 *              acquire.c, holders.c
 *   connector  dials, sets up new sessions, closes
 *              connector.h
 *   janitor    health check, resets, cancels, floor, idle and lifetime, hang-ups, events
 *              janitor.h
 *
 * The rules between them touch no socket and no clock: they work on this struct, under the mutex,
 * with the time passed in. Each file calls only those above it in this list:
 *
 *   wait_queue.c  who waits, and how long
 *   pool.c        counts, down and exhausted, events, wake-ups
 *   conn.c        the states of a connection
 *   idle.c        which idle connection is given to whom, and which are replaced   idle.h
 *   primary.c     which server and database the pool is at                         primary.h
 *   demand.c      what is dialled and when                                         demand.h
 *
 * Threads    any that holds pool->mu, where a function says REQUIRES; else any.
 * Ownership  the pool owns every connection; conn.h says which thread uses one.
 * Units      *_ns: nanoseconds; *_at_ns: absolute, on CLOCK_MONOTONIC.
 * Errors     the rules cannot fail. */
#ifndef PQPOOL_POOL_H
#define PQPOOL_POOL_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "base/list.h"
#include "base/metrics.h"
#include "base/sync.h"
#include "pqpool/backoff.h"
#include "pqpool/conn.h"
#include "pqpool/dsn.h"
#include "pqpool/names.h"
#include "pqpool/pg_driver.h"
#include "pqpool/pqpool.h"

enum { EVENTS_MAX = 32, WINDOW_SLOTS_MAX = 64, DATABASES_MAX = 8 };

enum error_class {
    ERROR_REFUSED,
    ERROR_TIMEOUT,
    ERROR_SERVER,
    ERROR_CONFIG,
    ERROR_LOST,
    ERROR_OTHER
};
enum { ERROR_CLASSES = ERROR_OTHER + 1 };

/* A waiting caller; on its stack. The thread that serves it writes the result, under pool->mu. */
struct waiter {
    struct list_node node; /* in the queue */
    struct cond wake;
    int64_t since_at_ns;
    bool served;
    enum pqpool_rc rc;
    struct conn *conn; /* LEASED to the waiter when rc is OK */
};

/* How fast waiters have been served since the queue was last empty. */
struct queue_pace {
    int64_t last_at_ns; /* the last hand-off; 0: none yet */
    int64_t mean_ns;    /* moving average from one to the next */
    uint32_t hand_offs; /* in that average */
};

/* The callers that wait for a connection, in order of arrival. */
struct wait_queue {
    struct list list;
    struct queue_pace pace;
};

/* How an expired connection is replaced. Only one is replaced at a time. */
enum renewal {
    RENEWAL_NONE,
    RENEWAL_DIALS,  /* its replacement is dialled first */
    RENEWAL_CLOSES, /* the next expired connection that is idle or released is closed */
};

/* What decides whether and when the next dial begins. */
struct pool_demand {
    struct backoff backoff;
    struct err last_error; /* of a dial; kept until a dial succeeds */
    enum error_class last_error_class;
    enum renewal renewal;
    int64_t next_renewal_at_ns;
};

/* A database that a new session was connected to. */
struct pool_database {
    char system[sizeof((struct conn_history *)NULL)->system];
    uint32_t oid;
    uint32_t number; /* as pqpool_lease_database() returns it; 0: this entry is free */
};

/* Which server and database the pool is at (primary.c). Only the connector uses it. */
struct pool_primary {
    unsigned host;               /* the host that answered last: dialled first */
    char address[ADDRESS_SIZE];  /* the address where it answered; "": no lookup was needed */
    bool settled;                /* a server has answered */
    struct conn_history at;      /* of the server that answered last */
    struct conn_history history; /* of the primary with the highest timeline so far */
    struct pool_database databases[DATABASES_MAX]; /* seen last: a new one replaces the oldest */
    uint32_t databases_seen;                       /* how many, since the pool was opened */
    uint32_t database;         /* the number of the pool's database; 0: not known */
    int64_t database_since_ns; /* when the pool moved to that database */
};

/* What the last health check on the control connection found. */
struct pool_health {
    bool passes;
    struct err error; /* why the last check failed; empty when it passed */
    int64_t last_at_us, took_ns;
    int64_t next_at_ns;
};

struct pool_event {
    enum pqpool_event_kind kind;
    char text[232];
};

/* Events that the janitor has not delivered yet. A full ring drops the oldest. */
struct pool_events {
    struct pool_event ring[EVENTS_MAX];
    uint32_t first, count;
};

/* A caller waits, no connection is idle, and there is no room to open one. */
struct pool_exhausted {
    int64_t since_ns;   /* 0: the pool is not exhausted */
    int64_t last_at_ns; /* the last moment at which it was */
    bool alert;         /* from the event EXHAUSTED to the event NOT_EXHAUSTED */
};

struct pool_latency {
    int64_t max_ns[WINDOW_SLOTS_MAX] GUARDED_VAR; /* the slowest acquire of each window */
    uint32_t window_slots, window_slot GUARDED_VAR;
    struct histogram acquire, queue, validate, connect, hold;
};

/* The thread that dials and closes. While it runs, it alone uses all members but `fd`. */
struct pool_connector {
    int fd; /* an eventfd: wakes the thread */
    bool runs;
    pthread_t thread;
    struct names *names;
    struct conn **dials; /* being dialled; room for every slot and the control connection */
    struct pollfd *dial_fds;
};

/* What the statement on the control connection is for. */
enum control_job { CONTROL_HEALTH, CONTROL_CANCEL };

/* The thread for health checks, resets, cancels and maintenance. While it runs, it alone uses all
 * members but `fd` and `epoll_fd`. */
struct pool_janitor {
    int fd; /* an eventfd: wakes the thread */
    int epoll_fd;
    bool runs;
    pthread_t thread;
    struct conn **tasks; /* connections with a statement under way; room as in `dials` */
    enum control_job control_job;
    bool health_is_own; /* the health check runs the SQL of options.health_query */
    uint32_t n_cancel_requests;
    int64_t next_orphans_at_ns GUARDED_VAR; /* when the server is next asked about orphans */
};

/* A phase only rises: pool_advance(). */
enum pool_phase {
    POOL_OPEN,
    POOL_CLOSING,      /* every acquire fails */
    POOL_JANITOR_LEFT, /* the janitor has ended: nothing is reset or cancelled */
    POOL_STOPPED,      /* the connector has ended too: a release closes its connection */
    POOL_CLOSED,       /* pqpool_close() is done: the last release frees the pool */
};

struct pqpool {
    struct pqpool_options options; /* never changes; its strings are this pool's copies */
    char *strings[6];
    const struct pg_driver *pg;
    struct dsn *dsn;
    struct conn *slots; /* max_pool_size of them */
    struct conn control;
    struct pool_primary primary;

    struct mutex mu;
    struct list list[CONN_STATES] GUARDED_VAR;
    struct wait_queue waiters GUARDED_VAR;
    struct pool_demand demand GUARDED_VAR;
    struct pool_health health GUARDED_VAR;
    struct pool_events events GUARDED_VAR;
    struct pool_exhausted exhausted GUARDED_VAR;
    struct pqpool_counters counters GUARDED_VAR;
    int64_t next_nested_at_ns GUARDED_VAR; /* one report a second */
    enum pool_phase phase GUARDED_VAR;
    uint32_t callers_inside GUARDED_VAR; /* acquires that are under way */
    struct cond quiet;                   /* for pqpool_close() and pqpool_await_connected() */

    _Atomic uint32_t generation; /* written under the mutex */
    atomic_bool down;            /* as pqpool_is_down() returns it */
    atomic_llong retry_at_ns; /* when the next dial after a failure begins; 0: no dial has failed */
    struct pool_latency latency;

    atomic_bool stop; /* ends the two threads, together with their eventfds */
    int interrupt_fd; /* readable from pqpool_interrupt() on: ends every wait for a statement */
    atomic_bool interrupted; /* no statement begins any more, though the sockets are open */
    struct pool_connector connector;
    struct pool_janitor janitor;
};

/* ---- open.c ---- */
enum pqpool_rc pool_open_with(const struct pqpool_options *options, const struct pg_driver *driver,
                              struct pqpool **pool_out, struct err *err) MUST_CHECK;
bool options_valid(const struct pqpool_options *options, struct err *err) MUST_CHECK;

/* No other thread may use the pool. */
void pool_free(struct pqpool *pool);

/* ---- wait_queue.c ---- */
void pool_enqueue(struct pqpool *pool, struct waiter *waiter, bool first) REQUIRES(pool->mu);
void pool_dequeue(struct pqpool *pool, struct waiter *waiter) REQUIRES(pool->mu);
void pool_fail_waiters(struct pqpool *pool, enum pqpool_rc rc) REQUIRES(pool->mu);

/* Gives the connection, which is LEASED, to the first waiter. The queue is not empty. */
void pool_serve_first(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* How long a caller that joins the queue now will wait; 0: not known. */
int64_t pool_estimated_wait_ns(const struct pqpool *pool) REQUIRES(pool->mu);

/* ---- pool.c ---- */

/* No-op if the pool is in this phase or a later one. */
void pool_advance(struct pqpool *pool, enum pool_phase to) REQUIRES(pool->mu);
static inline bool pool_is_closing(const struct pqpool *pool) REQUIRES(pool->mu);
static inline bool pool_is_closing(const struct pqpool *pool)
{
    return pool->phase >= POOL_CLOSING;
}

void pool_wake_connector(struct pqpool *pool);
void pool_wake_janitor(struct pqpool *pool);

/* Queues an event for the janitor to deliver. */
void pool_event(struct pqpool *pool, enum pqpool_event_kind kind, const char *fmt, ...)
    PRINTF_LIKE(3, 4) REQUIRES(pool->mu);
/* Takes the oldest event; false: there is none. */
bool pool_next_event(struct pqpool *pool, struct pool_event *event) REQUIRES(pool->mu);

uint32_t pool_total(const struct pqpool *pool) REQUIRES(pool->mu);   /* without free slots */
uint32_t pool_staying(const struct pqpool *pool) REQUIRES(pool->mu); /* total without closing */
uint32_t pool_usable(const struct pqpool *pool)
    REQUIRES(pool->mu); /* total without closing and connecting */
uint32_t pool_closing(const struct pqpool *pool) REQUIRES(pool->mu); /* with orphans */
uint32_t pool_canceling(const struct pqpool *pool) REQUIRES(pool->mu);
/* Connections whose backend may still run after they are closed, or is known to run. */
uint32_t pool_orphans(const struct pqpool *pool) REQUIRES(pool->mu);
uint32_t pool_checked_out(const struct pqpool *pool) REQUIRES(pool->mu); /* LEASED or CHECKING */
/* There is no room to open a connection, and none is being dialled. */
bool pool_is_full(const struct pqpool *pool) REQUIRES(pool->mu);

/* No connection is left, and none can be made. */
bool pool_is_away(const struct pqpool *pool) REQUIRES(pool->mu);
/* Orphaned backends hold half of the slots or more: another statement might only add to them. */
bool pool_has_too_many_orphans(const struct pqpool *pool) REQUIRES(pool->mu);

/* Sets pool->down, and fails the waiters if the pool is down. To be called after any change of what
 * pool_is_away() and pool_has_too_many_orphans() depend on. */
void pool_update_down(struct pqpool *pool) REQUIRES(pool->mu);
/* Records whether the pool is exhausted. To be called after any change of the queue, of the idle
 * list or of the room for connections. */
void pool_update_exhausted(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);
/* Ends the alert if the pool has not been exhausted for long enough. */
void pool_update_exhausted_alert(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);

static inline uint32_t pool_generation(const struct pqpool *pool)
{
    return atomic_load_explicit(&pool->generation, memory_order_relaxed);
}

/* True if the connection is of an older generation, or its peer has hung up. No system call. */
static inline bool conn_is_stale(const struct pqpool *pool, const struct conn *conn)
{
    return conn->generation != pool_generation(pool) ||
           atomic_load_explicit(&conn->peer_gone, memory_order_relaxed);
}

/* Of the connections in this state, the one that entered it last, or first; NULL: there is none. */
static inline struct conn *pool_newest(const struct pqpool *pool, enum conn_state state)
    REQUIRES(pool->mu);
static inline struct conn *pool_newest(const struct pqpool *pool, enum conn_state state)
{
    return CONTAINER_OR_NULL(pool->list[state].first, struct conn, node);
}
static inline struct conn *pool_oldest(const struct pqpool *pool, enum conn_state state)
    REQUIRES(pool->mu);
static inline struct conn *pool_oldest(const struct pqpool *pool, enum conn_state state)
{
    return CONTAINER_OR_NULL(pool->list[state].last, struct conn, node);
}

/* ---- conn.c ---- */

/* Moves a connection to another state, and to the front of the list of that state. A move that is
 * not in the table of conn.c is a bug, and ends the program. */
void conn_move(struct pqpool *pool, struct conn *conn, enum conn_state to) REQUIRES(pool->mu);

/* Moves it to CLOSING, or to CLOSING_ORPHAN if its session is orphaned, and wakes the connector. */
void conn_discard(struct pqpool *pool, struct conn *conn, enum close_reason reason)
    REQUIRES(pool->mu);

/* Moves it to NEW: from now on the slot does not count against the maximum. */
void conn_free_slot(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* ---- holders.c ---- */
/* Records that this thread holds the connection; reports if it held another one already. */
void holder_check_out(struct pqpool *pool, struct conn *conn, const char *file, int line,
                      int64_t now_ns) REQUIRES(pool->mu);

#endif
