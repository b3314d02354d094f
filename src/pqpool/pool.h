/* pool.h - the pool's own view of itself: what is under its one mutex, and who does what.
 *
 *   callers    acquire, probe (on the connection they hold), release
 *              acquire.c, holders.c
 *   connector  dials, prepares fresh sessions, closes
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
 *   idle.c        which fit connection is given to whom, and which are replaced    demand.h
 *   primary.c     which server and database the pool is at                         demand.h
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

/* On the stack of the thread that waits. Written by whoever serves it, under the mutex. */
struct waiter {
    struct list_node node; /* in the queue */
    struct cond wake;
    int64_t since_at_ns;
    bool served;
    enum pqpool_rc rc;
    struct conn *conn; /* LEASED to the waiter when rc is OK */
};

/* How fast the wait queue moves, while there is one. */
struct queue_pace {
    int64_t last_at_ns; /* the last hand-off; 0: none yet */
    int64_t mean_ns;    /* moving average from one to the next */
    uint32_t hand_offs; /* that it is made of */
};

/* Those who wait for a connection, in order of arrival. */
struct wait_queue {
    struct list list;
    struct queue_pace pace;
};

/* An expired connection is replaced: one at a time. */
enum renewal {
    RENEWAL_NONE,
    RENEWAL_DIALS,  /* one dial more, for the connection that takes its place */
    RENEWAL_CLOSES, /* the next expired connection that is free is closed */
};

/* What decides whether and when the next dial begins. */
struct pool_demand {
    struct backoff backoff;
    struct err last_error; /* of the dialler; kept until a dial succeeds */
    enum error_class last_error_class;
    enum renewal renewal;
    int64_t next_renewal_at_ns;
};

/* A database that was seen, by what a server says of itself. */
struct pool_database {
    char system[sizeof((struct conn_history *)NULL)->system];
    uint32_t oid;
    uint32_t number; /* as pqpool_lease_database() tells it; 0: an empty place */
};

/* Which server and database the pool is at (primary.c). The connector's alone. */
struct pool_primary {
    unsigned host;               /* the last good one, of several: dialled first */
    char address[ADDRESS_SIZE];  /* the address where that host answered; "": libpq knows */
    bool settled;                /* there has been a good one */
    struct conn_history at;      /* of the server that was last good */
    struct conn_history history; /* the newest that was seen */
    struct pool_database databases[DATABASES_MAX]; /* that were seen: the oldest gives way */
    uint32_t databases_seen;                       /* how many there were ever */
    uint32_t database;         /* the number of the one that the pool is at; 0: not known */
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

/* Events that the janitor has not delivered yet. When the ring is full, the oldest gives way. */
struct pool_events {
    struct pool_event ring[EVENTS_MAX];
    uint32_t first, count;
};

/* Somebody waits, nothing is idle, and there is no room to open a connection. */
struct pool_exhausted {
    int64_t since_ns;   /* 0: the pool is not exhausted */
    int64_t last_at_ns; /* the last moment at which it was */
    bool alert;         /* EXHAUSTED was told, and RELIEVED not yet */
};

struct pool_latency {
    int64_t max_ns[WINDOW_SLOTS_MAX] GUARDED_VAR; /* of the acquires of each of the last windows */
    uint32_t window_slots, window_slot GUARDED_VAR;
    struct histogram acquire, queue, validate, connect, hold;
};

/* The thread that dials and closes. All but `fd` is its own while it runs. */
struct pool_connector {
    int fd; /* an eventfd: wakes the thread */
    bool runs;
    pthread_t thread;
    struct names *names;
    struct conn **dials; /* being dialled; room for every slot and the control connection */
    struct pollfd *dial_fds;
};

/* What the control connection is asked for, one at a time. */
enum control_job { CONTROL_HEALTH, CONTROL_CANCEL };

/* The thread that keeps the pool in shape. All but `fd` and `epoll_fd` is its own while it runs. */
struct pool_janitor {
    int fd; /* an eventfd: wakes the thread */
    int epoll_fd;
    bool runs;
    pthread_t thread;
    struct conn **tasks; /* with a statement under way; room as in `dials` */
    enum control_job control_job;
    bool health_is_own; /* the health check asks options.health_query */
    uint32_t n_cancelers;
    int64_t next_orphans_at_ns GUARDED_VAR; /* when the server is next asked about orphans */
};

/* Only later, never back: pool_advance(). */
enum pool_phase {
    POOL_OPEN,
    POOL_CLOSING,      /* nothing is lent any more */
    POOL_JANITOR_LEFT, /* and nobody resets or cancels */
    POOL_STOPPED,      /* and its threads have ended: a release closes what it gives back */
    POOL_CLOSED,       /* and pqpool_close() has left: the last release frees the pool */
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
    struct cond quiet;                   /* a caller left, a lease came back, a first dial ended */

    _Atomic uint32_t generation; /* written under the mutex */
    atomic_bool down;            /* as pqpool_is_down() tells it */
    atomic_llong retry_at_ns;    /* of the prober; 0: none */
    struct pool_latency latency;

    atomic_bool stop; /* for the two threads, with their eventfds */
    int interrupt_fd; /* readable from pqpool_interrupt() on: every wait for a statement ends */
    atomic_bool interrupted; /* and no statement begins, though the sockets are still open */
    struct pool_connector connector;
    struct pool_janitor janitor;
};

/* ---- open.c ---- */
enum pqpool_rc pool_open_with(const struct pqpool_options *options, const struct pg_driver *driver,
                              struct pqpool **pool_out, struct err *err) MUST_CHECK;
bool options_valid(const struct pqpool_options *options, struct err *err) MUST_CHECK;

/* No thread but the caller knows the pool any more. */
void pool_free(struct pqpool *pool);

/* ---- wait_queue.c ---- */
void pool_enqueue(struct pqpool *pool, struct waiter *waiter, bool first) REQUIRES(pool->mu);
void pool_dequeue(struct pqpool *pool, struct waiter *waiter) REQUIRES(pool->mu);
void pool_fail_waiters(struct pqpool *pool, enum pqpool_rc rc) REQUIRES(pool->mu);

/* The first waiter gets the connection, which is LEASED. Somebody must wait. */
void pool_serve_first(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* How long one who joined the queue now would wait; 0 when that is not known. */
int64_t pool_estimated_wait_ns(const struct pqpool *pool) REQUIRES(pool->mu);

/* ---- pool.c ---- */

/* A phase that has been reached already is a no-op. */
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

uint32_t pool_total(const struct pqpool *pool) REQUIRES(pool->mu);   /* all that have a slot */
uint32_t pool_staying(const struct pqpool *pool) REQUIRES(pool->mu); /* without the closing ones */
uint32_t pool_usable(const struct pqpool *pool) REQUIRES(pool->mu);  /* and those being dialled */
uint32_t pool_closing(const struct pqpool *pool) REQUIRES(pool->mu); /* orphans too */
uint32_t pool_canceling(const struct pqpool *pool) REQUIRES(pool->mu);
/* Whose backends may outlive them, or are known to. */
uint32_t pool_orphans(const struct pqpool *pool) REQUIRES(pool->mu);
uint32_t pool_on_loan(const struct pqpool *pool) REQUIRES(pool->mu); /* to callers */
/* No room to open a connection, and none on its way. */
bool pool_is_full(const struct pqpool *pool) REQUIRES(pool->mu);

/* No connection is left, and none can be made. */
bool pool_is_away(const struct pqpool *pool) REQUIRES(pool->mu);
/* Half of the slots or more wait for backends that do not end: a try more would only add one. */
bool pool_has_too_many_orphans(const struct pqpool *pool) REQUIRES(pool->mu);

/* Sets pool->down, and fails the waiters if the pool is down: after any change of its reasons. */
void pool_update_down(struct pqpool *pool) REQUIRES(pool->mu);
/* Notes whether the pool is exhausted: after any change of its reasons. */
void pool_update_exhausted(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);
/* Ends the alert when it is time. */
void pool_update_exhausted_alert(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);

static inline uint32_t pool_generation(const struct pqpool *pool)
{
    return atomic_load_explicit(&pool->generation, memory_order_relaxed);
}

/* Is the connection of an older generation, or was its peer seen to hang up? No system call. */
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

/* Moves a connection and its list membership: to the front of the new state's list. A move that the
 * table does not have is a programmer's error. */
void conn_move(struct pqpool *pool, struct conn *conn, enum conn_state to) REQUIRES(pool->mu);

/* To CLOSING or CLOSING_ORPHAN, as its session says; the connector is woken. */
void conn_discard(struct pqpool *pool, struct conn *conn, enum close_reason reason)
    REQUIRES(pool->mu);

/* To NEW: only now does the slot stop counting. */
void conn_free_slot(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* ---- holders.c ---- */
/* The connection is lent to this thread; notices when it holds another one already. */
void holder_begin(struct pqpool *pool, struct conn *conn, const char *file, int line,
                  int64_t now_ns) REQUIRES(pool->mu);

#endif
