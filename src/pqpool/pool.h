/* pool.h - declares struct pqpool and its parts, and says which thread does which work.
 *
 *   callers    acquire, run the validation query, release
 *              acquire.c, holders.c
 *   connector  dials, sets up new sessions, closes connections
 *              connector.h
 *   janitor    health checks, ROLLBACK, cancels, limits of idleness and age, leaks, events
 *              janitor.h
 *
 * All of these threads call the functions of the following files. These functions work on struct
 * pqpool under its mutex, use no socket, and take the time from the caller. A file calls no
 * function of a file below it:
 *
 *   wait_queue.c  the callers that wait, and an estimate of a new caller's wait
 *   pool.c        counts, down and exhausted, events, wake-ups
 *   conn.c        the states of a connection
 *   idle.c        which idle connection is given to whom, and which are replaced   idle.h
 *   primary.c     to which server and database the pool connects                   primary.h
 *   demand.c      what is dialled and when                                         demand.h
 *
 * Threads    any. A function with REQUIRES(pool->mu) is called with that mutex held.
 * Ownership  the pool owns every connection; conn.h says which thread uses one.
 * Units      *_ns: nanoseconds; *_at_ns: absolute, on CLOCK_MONOTONIC.
 * Errors     only functions that have a parameter `err` report errors. */
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

/* A caller that waits for a connection. The struct is on the caller's stack. The thread that ends
 * the wait writes `served`, `rc` and `conn`, under pool->mu. */
struct waiter {
    struct list_node node; /* in wait_queue.list */
    struct cond wake;
    int64_t since_at_ns;
    bool served;
    enum pqpool_rc rc;
    struct conn *conn; /* valid only if rc is OK; LEASED to this caller */
};

/* How fast waiters have been served since the queue was last empty. */
struct queue_pace {
    int64_t last_at_ns; /* when the last hand-off was; 0: none yet */
    int64_t mean_ns;    /* moving average of the time from one hand-off to the next */
    uint32_t hand_offs; /* how many hand-offs the average covers */
};

/* The callers that wait for a connection, in order of arrival. */
struct wait_queue {
    struct list list;
    struct queue_pace pace;
};

/* How far the replacement of a connection that has reached max_lifetime (an "expired" one) is. Only
 * one connection is replaced at a time. */
enum renewal {
    RENEWAL_NONE,
    RENEWAL_DIALS,  /* step 1: the new connection is dialled; left out if the pool can spare one */
    RENEWAL_CLOSES, /* step 2: the next expired connection that is idle or released is closed */
};

/* The state by which demand.c decides whether and when the next dial begins. */
struct pool_demand {
    struct backoff backoff;
    struct err last_error; /* of the last dial that failed; empty once a dial has succeeded */
    enum error_class last_error_class;
    enum renewal renewal;
    int64_t next_renewal_at_ns;
};

/* A database that some session of the pool was connected to. */
struct pool_database {
    char system[sizeof((struct conn_history *)NULL)->system];
    uint32_t oid;
    uint32_t number; /* as pqpool_lease_database() returns it; 0: this entry is free */
};

/* The server and database to which the pool connects (primary.c). Only the connector uses this
 * struct. */
struct pool_primary {
    unsigned host;              /* the index of the host that answered most recently; each dial
                                   tries it first */
    char address[ADDRESS_SIZE]; /* where that host answered; "": no lookup was needed */
    bool known;                 /* a server has answered since the pool was opened */
    struct conn_history at;     /* what that host's server said about itself */
    /* What the last primary said about itself. A server with the same system identifier and a lower
     * timeline is rejected. */
    struct conn_history history;
    /* The databases seen last; a new one replaces the oldest. */
    struct pool_database databases[DATABASES_MAX];
    uint32_t databases_seen;   /* how many database numbers have been given */
    uint32_t database;         /* the number of the pool's present database; 0: not known */
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

/* Events that the janitor has not delivered yet. If the ring is full, a new event replaces the
 * oldest. */
struct pool_events {
    struct pool_event ring[EVENTS_MAX];
    uint32_t first, count;
};

/* The pool is exhausted while a caller waits, no connection is idle, and none may be opened. */
struct pool_exhausted {
    int64_t since_ns;   /* when the pool became exhausted; 0: it is not exhausted */
    int64_t last_at_ns; /* when the pool was last seen exhausted */
    bool alert;         /* true from the event EXHAUSTED to the event NOT_EXHAUSTED */
};

struct pool_latency {
    int64_t max_ns[WINDOW_SLOTS_MAX] GUARDED_VAR; /* the slowest acquire in each slot of 60 s */
    uint32_t window_slots, window_slot GUARDED_VAR;
    struct histogram acquire, queue, validate, connect, hold;
};

/* The connector: the thread that dials and closes. Only this thread uses `names`, `dials` and
 * `dial_fds` while it runs. */
struct pool_connector {
    int fd; /* an eventfd: wakes the thread */
    bool runs;
    pthread_t thread;
    struct names *names;
    struct conn **dials; /* the connections that are being dialled; room for every slot and the
                            control connection */
    struct pollfd *dial_fds;
};

/* What the statement on the control connection is for. */
enum control_job { CONTROL_HEALTH, CONTROL_CANCEL };

/* The janitor: the thread for health checks, resets, cancels and maintenance. Only this thread uses
 * `tasks`, `control_job`, `health_is_own` and `n_cancel_requests` while it runs. */
struct pool_janitor {
    int fd; /* an eventfd: wakes the thread */
    int epoll_fd;
    bool runs;
    pthread_t thread;
    struct conn **tasks; /* the connections whose statement the janitor awaits; room for every slot
                            and the control connection */
    enum control_job control_job;
    bool health_is_own; /* true: the health check under way runs the SQL of options.health_query */
    uint32_t n_cancel_requests;
    /* When the janitor next asks the server about orphaned backends. */
    int64_t next_orphans_at_ns GUARDED_VAR;
};

/* The phases of a pool, in order. pool_advance() never goes back. */
enum pool_phase {
    POOL_OPEN,
    POOL_CLOSING,      /* every acquire fails */
    POOL_JANITOR_LEFT, /* the janitor's thread has ended: no ROLLBACK and no cancel is sent */
    POOL_STOPPED, /* the connector's thread has ended too: pqpool_release() closes the connection */
    POOL_CLOSED,  /* pqpool_close() is done: if leases are held, the last release frees the pool */
};

struct pqpool {
    /* The options do not change after pqpool_open(). They point to the strings in `strings`. */
    struct pqpool_options options;
    char *strings[6];
    const struct pg_driver *pg;
    struct dsn *dsn;
    struct conn *slots; /* one for each of max_pool_size connections */
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
    int64_t next_nested_at_ns GUARDED_VAR; /* when the next nested acquire may be reported */
    enum pool_phase phase GUARDED_VAR;
    uint32_t callers_inside GUARDED_VAR; /* acquires that wait for a connection or validate one */
    struct cond quiet;                   /* wakes pqpool_close() and pqpool_await_connected() */

    _Atomic uint32_t generation; /* written under `mu`; read without it */
    atomic_bool down;            /* as pqpool_is_down() returns it */
    atomic_llong retry_at_ns;    /* when the next dial may begin; 0: no pause, as no dial has failed
                                    since the last success */
    struct pool_latency latency;

    atomic_bool stop; /* tells both threads to end; their eventfds wake them */
    int interrupt_fd; /* an eventfd; once it is readable, exec.c stops waiting for servers */
    /* Set by pqpool_interrupt(): pqpool_exec() sends nothing any more. The sockets stay open,
     * whereas pqpool_abort() shuts them down. */
    atomic_bool interrupted;
    struct pool_connector connector;
    struct pool_janitor janitor;
};

/* ---- open.c ---- */
enum pqpool_rc pool_open_with(const struct pqpool_options *options, const struct pg_driver *driver,
                              struct pqpool **pool_out, struct err *err) MUST_CHECK;
bool options_valid(const struct pqpool_options *options, struct err *err) MUST_CHECK;

/* Frees the pool. The caller makes sure that no other thread uses it any more. */
void pool_free(struct pqpool *pool);

/* ---- wait_queue.c ---- */
void pool_enqueue(struct pqpool *pool, struct waiter *waiter, bool first) REQUIRES(pool->mu);
void pool_dequeue(struct pqpool *pool, struct waiter *waiter) REQUIRES(pool->mu);
void pool_fail_waiters(struct pqpool *pool, enum pqpool_rc rc) REQUIRES(pool->mu);

/* Gives the connection, which is LEASED, to the first waiter. The queue must not be empty. */
void pool_serve_first(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* Returns how long a caller that joins the queue now is likely to wait; 0: not known. */
int64_t pool_estimated_wait_ns(const struct pqpool *pool) REQUIRES(pool->mu);

/* ---- pool.c ---- */

/* Moves the pool to this phase. No-op if the pool is in this phase or a later one. */
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
/* Removes the oldest queued event and copies it to *event. Returns false if there is none. */
bool pool_next_event(struct pqpool *pool, struct pool_event *event) REQUIRES(pool->mu);

/* These functions count slots by their states (enum conn_state). pool_total(): all states but NEW.
 * pool_closing(): the states CLOSING to ORPHAN_ASKED. pool_staying(): pool_total() minus
 * pool_closing(). pool_usable(): pool_staying() minus the state CONNECTING. pool_canceling(): the
 * states CANCEL_*. */
uint32_t pool_total(const struct pqpool *pool) REQUIRES(pool->mu);
uint32_t pool_staying(const struct pqpool *pool) REQUIRES(pool->mu);
uint32_t pool_usable(const struct pqpool *pool) REQUIRES(pool->mu);
uint32_t pool_closing(const struct pqpool *pool) REQUIRES(pool->mu);
uint32_t pool_canceling(const struct pqpool *pool) REQUIRES(pool->mu);
/* Returns how many backends may still run although their connection is closed or about to be. */
uint32_t pool_orphans(const struct pqpool *pool) REQUIRES(pool->mu);
uint32_t pool_checked_out(const struct pqpool *pool) REQUIRES(pool->mu); /* LEASED or CHECKING */
/* Returns true if every slot is taken and no connection is being dialled. */
bool pool_is_full(const struct pqpool *pool) REQUIRES(pool->mu);

/* Returns true if no usable connection is left and max_retry_attempts dials have failed in a
 * row. */
bool pool_is_away(const struct pqpool *pool) REQUIRES(pool->mu);
/* Returns true if orphaned backends hold half of the slots or more. Then acquires fail, because
 * another statement might add an orphaned backend. */
bool pool_has_too_many_orphans(const struct pqpool *pool) REQUIRES(pool->mu);

/* Sets pool->down and pool->retry_at_ns. If the pool is down, fails the waiters. Must be called
 * after any change that may alter the result of pool_is_away() or pool_has_too_many_orphans(). */
void pool_update_down(struct pqpool *pool) REQUIRES(pool->mu);
/* Records whether the pool is exhausted. Must be called after any change of the wait queue, of the
 * idle list or of the number of free slots. */
void pool_update_exhausted(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);
/* Ends the alert of exhaustion if the pool has not been exhausted for
 * metrics_collection_interval. */
void pool_update_exhausted_alert(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);

static inline uint32_t pool_generation(const struct pqpool *pool)
{
    return atomic_load_explicit(&pool->generation, memory_order_relaxed);
}

/* Returns true if the connection is of an older generation, or its peer has hung up. Makes no
 * system call. */
static inline bool conn_is_stale(const struct pqpool *pool, const struct conn *conn)
{
    return conn->generation != pool_generation(pool) ||
           atomic_load_explicit(&conn->peer_gone, memory_order_relaxed);
}

/* pool_newest() returns the connection that entered this state last, pool_oldest() the one that
 * entered it first. NULL: no connection is in this state. */
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

/* Moves a connection to another state, and to the front of the list of that state. A move that the
 * table in conn.c does not allow is a bug, and ends the program. */
void conn_move(struct pqpool *pool, struct conn *conn, enum conn_state to) REQUIRES(pool->mu);

/* Moves the connection to CLOSING, or to CLOSING_ORPHAN if its session is orphaned, and wakes
 * the connector. */
void conn_discard(struct pqpool *pool, struct conn *conn, enum close_reason reason)
    REQUIRES(pool->mu);

/* Moves the connection to NEW: from now on its slot does not count against max_pool_size. */
void conn_free_slot(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* ---- holders.c ---- */
/* Records that this thread holds the connection. Reports a nested acquire if this thread holds
 * another one. */
void holder_check_out(struct pqpool *pool, struct conn *conn, const char *file, int line,
                      int64_t now_ns) REQUIRES(pool->mu);

#endif
