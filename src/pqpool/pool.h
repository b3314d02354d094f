/* pool.h - the pool's own view of itself: what is under its one mutex, and who does what.
 *
 *   callers    acquire, probe (on the connection they hold), release
 *              acquire.c, exec.c
 *   connector  dials, prepares fresh sessions, closes
 *              connector.c, dial.c, backend.c
 *   janitor    health check, resets, cancels, floor, idle and lifetime, hang-ups, events
 *              janitor.h
 *
 * The rules between them live in demand.c (what is dialled, when the pool is down) and line.c (who
 * waits), and touch no socket and no clock: they work on this struct, under the mutex, with the
 * time passed in. */
#ifndef PQPOOL_POOL_H
#define PQPOOL_POOL_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
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
    struct waiter *prev, *next;
    struct cond wake;
    int64_t since_at_ns;
    bool served;
    enum pqpool_rc rc;
    struct conn *conn; /* LEASED to the waiter when rc is OK */
};

/* How fast the line of waiters moves, while there is one. */
struct line_pace {
    int64_t last_at_ns; /* the last hand-off; 0: none yet */
    int64_t mean_ns;    /* moving average from one to the next */
    uint32_t hand_offs; /* that it is made of */
};

/* What the control connection is asked for, one at a time. */
enum control_job { CONTROL_HEALTH, CONTROL_CANCEL };

/* A database that was seen, by what a server says of itself. */
struct pool_database {
    char system[sizeof((struct conn_history *)NULL)->system];
    uint32_t oid;
    uint32_t number; /* as pqpool_lease_database() tells it; 0: an empty place */
};

struct pool_event {
    enum pqpool_event_kind kind;
    char text[232];
};

struct pqpool {
    struct pqpool_options options; /* never changes; its strings are this pool's copies */
    char *strings[6];
    const struct pg_driver *pg;
    struct dsn *dsn;
    struct conn *slots; /* max_pool_size of them */
    struct conn control;
    struct names *names;         /* the connector's */
    unsigned host;               /* the last good one, of several: dialled first; the connector's */
    char address[ADDRESS_SIZE];  /* and where that was; "": libpq knows; the connector's */
    bool settled;                /* there has been a good one; the connector's */
    struct conn_history at;      /* of the server that was last good; the connector's */
    struct conn_history history; /* the newest that was seen; the connector's */
    /* the connector's, too: the databases that were seen, the oldest gives way; how many there were
     * ever; which one the pool is at, 0: not known; and since when */
    struct pool_database databases[DATABASES_MAX];
    uint32_t databases_seen, database;
    int64_t database_since_ns;

    struct mutex mu;
    struct conn_list list[CONN_STATES] GUARDED_VAR;
    struct waiter *first_waiter GUARDED_VAR, *last_waiter GUARDED_VAR;
    uint32_t waiting GUARDED_VAR;
    struct line_pace pace GUARDED_VAR;
    struct backoff backoff GUARDED_VAR;
    struct err last_error GUARDED_VAR; /* of the dialler; kept until a dial succeeds */
    enum error_class last_error_class GUARDED_VAR;
    bool replacing GUARDED_VAR;  /* one dial more, to retire an expired connection after it */
    bool retire_one GUARDED_VAR; /* the next expired connection that is free is closed */
    int64_t next_retire_at_ns GUARDED_VAR;
    _Atomic uint32_t generation; /* written under the mutex */
    bool closing GUARDED_VAR;
    bool janitor_left GUARDED_VAR; /* nobody resets or cancels any more */
    bool abandoned GUARDED_VAR;    /* its threads have ended: a release closes what it gives back */
    bool closed GUARDED_VAR;       /* pqpool_close() has left: the last release frees the pool */
    uint32_t callers_inside GUARDED_VAR; /* acquires that are under way */
    struct cond quiet;                   /* a caller left, a lease came back, a first dial ended */

    bool healthy GUARDED_VAR;
    struct err health_error GUARDED_VAR; /* why the last check failed; empty when it passed */
    int64_t last_health_at_us GUARDED_VAR, last_health_ns GUARDED_VAR;
    int64_t next_health_at_ns GUARDED_VAR;

    enum control_job control_job; /* the janitor's */
    bool health_is_own;           /* the check asks options.health_query; the janitor's */
    uint32_t n_cancelers;         /* the janitor's */
    uint32_t orphans GUARDED_VAR; /* connections in CLOSING whose backends may live on */
    int64_t next_orphans_at_ns GUARDED_VAR;

    struct pool_event events[EVENTS_MAX] GUARDED_VAR; /* a ring: the oldest gives way */
    uint32_t events_first GUARDED_VAR, events_count GUARDED_VAR;

    struct pqpool_stats counted GUARDED_VAR; /* its counters; gauges are made at a snapshot */
    int64_t exhausted_since_ns GUARDED_VAR;  /* 0: it is not */
    int64_t exhausted_at_ns GUARDED_VAR;     /* the last moment of it */
    bool exhausted_alert GUARDED_VAR;        /* told, and not yet told to be over */
    int64_t next_nested_at_ns GUARDED_VAR;   /* one report a second */
    int64_t acquire_max_ns[WINDOW_SLOTS_MAX] GUARDED_VAR;
    uint32_t window_slots, window_slot GUARDED_VAR;
    struct histogram acquire, queue, validate, connect, hold;

    atomic_bool down;         /* as pqpool_is_down() tells it */
    atomic_llong retry_at_ns; /* of the prober; 0: none */

    atomic_bool stop; /* for the two threads, with their eventfds */
    int connector_fd, janitor_fd, epoll_fd;
    int interrupt_fd; /* readable from pqpool_interrupt() on: every wait for a statement ends */
    atomic_bool interrupted; /* and no statement begins, though the sockets are still open */
    pthread_t connector, janitor;
    bool connector_runs, janitor_runs;
    struct conn **dials; /* the connector's, room for every slot and the control connection */
    struct pollfd *dial_fds;
    struct conn **tasks; /* the janitor's, of the same size */
};

/* ---- conn.c ---- */

/* Moves a connection and its list membership: to the front of the new state's list. A move that the
 * table does not have is a programmer's error. */
void conn_move(struct pqpool *pool, struct conn *conn, enum conn_state to) REQUIRES(pool->mu);

/* To CLOSING; the connector is woken. */
void conn_discard(struct pqpool *pool, struct conn *conn, enum close_reason reason)
    REQUIRES(pool->mu);

/* From CLOSING to NEW: only now does the slot stop counting. */
void conn_free_slot(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* ---- open.c ---- */
enum pqpool_rc pool_open_with(const struct pqpool_options *options, const struct pg_driver *driver,
                              struct pqpool **pool_out, struct err *err) MUST_CHECK;
bool options_valid(const struct pqpool_options *options, struct err *err) MUST_CHECK;

/* No thread but the caller knows the pool any more. */
void pool_free(struct pqpool *pool);

/* ---- line.c: those who wait; all with pool->mu held ---- */
void pool_enqueue(struct pqpool *pool, struct waiter *waiter, bool first) REQUIRES(pool->mu);
void pool_dequeue(struct pqpool *pool, struct waiter *waiter) REQUIRES(pool->mu);
void pool_fail_waiters(struct pqpool *pool, enum pqpool_rc rc) REQUIRES(pool->mu);

/* The connection is LEASED to the first waiter. */
void pool_hand_over(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* How long one who joined the line now would wait; 0 when that is not known. */
int64_t pool_estimated_wait_ns(const struct pqpool *pool) REQUIRES(pool->mu);

void pool_judge_exhausted(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);
void pool_judge_relieved(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);

/* ---- demand.c: the rules; all with pool->mu held ---- */

/* The connection is fit for use: to the first waiter, else to the idle list. */
void pool_offer(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* The newest idle connection that is still good; those that are not are discarded on the way. */
struct conn *pool_take_idle(struct pqpool *pool) REQUIRES(pool->mu);

/* The next slot (or the control connection) that should be dialled now, moved to CONNECTING; NULL
 * when none should or may. */
struct conn *pool_next_dial(struct pqpool *pool, int64_t now_ns) REQUIRES(pool->mu);
void pool_dial_succeeded(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);
void pool_dial_failed(struct pqpool *pool, struct conn *conn, const struct err *err,
                      enum error_class error_class, int64_t now_ns) REQUIRES(pool->mu);

/* The control connection is fit for use: idle, unless it is of the past. */
void pool_keep_control(struct pqpool *pool) REQUIRES(pool->mu);

/* Every connection of now is to be replaced; noticed through `conn`, unless an earlier one told. */
void pool_retire_all(struct pqpool *pool, const struct conn *conn, const char *why)
    REQUIRES(pool->mu);

/* Is the connection of an older generation, or was its peer seen to hang up? No system call. */
bool conn_is_stale(const struct pqpool *pool, const struct conn *conn);

/* Sets pool->down, and fails the waiters when it is: after anything that changes its reasons. */
void pool_judge_down(struct pqpool *pool) REQUIRES(pool->mu);

/* Half of the slots or more wait for backends that do not end: a try more would only add one. */
bool pool_has_too_many_orphans(const struct pqpool *pool) REQUIRES(pool->mu);

uint32_t pool_total(const struct pqpool *pool) REQUIRES(pool->mu);
uint32_t pool_staying(const struct pqpool *pool) REQUIRES(pool->mu); /* without the closing ones */

/* One may be closed before its replacement is there: the floor is kept, or there is no room. */
bool pool_can_spare_one(const struct pqpool *pool) REQUIRES(pool->mu);
/* The connection is too old, it is its turn, and one can be spared. */
bool pool_retires_now(struct pqpool *pool, const struct conn *conn, int64_t now_ns)
    REQUIRES(pool->mu);
/* No room to open a connection, and none on its way. */
bool pool_is_full(const struct pqpool *pool) REQUIRES(pool->mu);
uint32_t pool_on_loan(const struct pqpool *pool) REQUIRES(pool->mu); /* to callers */
void pool_event(struct pqpool *pool, enum pqpool_event_kind kind, const char *fmt, ...)
    PRINTF_LIKE(3, 4) REQUIRES(pool->mu);

/* Every connection of now is of the past, whatever becomes of it. */
void pool_begin_generation(struct pqpool *pool) REQUIRES(pool->mu);
uint32_t pool_generation(const struct pqpool *pool);

/* ---- primary.c: which server; the connector's ---- */
/* True if a later primary has replaced this server: it accepts writes, but must get none. */
bool pool_is_bygone(const struct pqpool *pool, const struct conn *conn, struct err *err) MUST_CHECK;
/* The server has another database than the pool is at, and the pool stays where it is. The pool has
 * connections that can be used. Also, another host of the list or another address of the host has
 * answered instead of the pool's, or the pool has only just moved from another database. */
bool pool_stays_at_database(struct pqpool *pool, const struct conn *conn, int64_t now_ns,
                            struct err *err) MUST_CHECK EXCLUDES(pool->mu);
/* This connection's server and database are the pool's: those to any other are replaced. */
void pool_settle_on(struct pqpool *pool, struct conn *conn, int64_t now_ns) REQUIRES(pool->mu);

/* ---- backend.c ---- */
/* Sets conn->backend and conn->history of a fresh connection; false: it is not to be used. */
bool conn_identify(struct conn *conn, int64_t deadline_at_ns, struct err *err);

/* ---- holders.c ---- */
/* The connection is lent to this thread; notices when it holds another one already. */
void holder_begin(struct pqpool *pool, struct conn *conn, const char *file, int line,
                  int64_t now_ns) REQUIRES(pool->mu);

/* ---- exec.c ---- */
enum probe_rc { PROBE_OK, PROBE_SOFT, PROBE_HARD };
/* Runs the validation query on a connection that this thread holds. */
enum probe_rc conn_probe(struct conn *conn, int64_t deadline_at_ns);
void conn_watch_notices(struct conn *conn);
bool result_is_copy(const PGresult *result); /* its end would have to be worked for */
/* "57P01" and its like: what they mean for this connection. */
bool sqlstate_discards(const char *sqlstate);
bool sqlstate_retires_all(const char *sqlstate);

/* ---- task.c: a statement that the janitor runs or awaits without blocking ---- */
enum task_rc {
    TASK_PENDING,
    TASK_OK,      /* over; all was well, and the session is idle */
    TASK_REFUSED, /* over; the server refused it, or the session is in a transaction */
    TASK_LOST,    /* the connection is gone, or out of step */
    TASK_LATE,    /* not over by its deadline */
};
enum task_rc task_start(struct conn *conn, const char *sql);
enum task_rc task_step(struct conn *conn);
/* Forgets what the task was told: conn->task_rows. */
void task_clear(struct conn *conn);

/* ---- connector.c, dial.c, janitor.c ---- */
void *connector_run(void *arg); /* the pool */
/* Closes the socket; the caller owns the connection, as its state says. */
void conn_finish(struct conn *conn);
/* Frees the slots of what is in CLOSING: the connector, or whoever is left after it. */
void pool_close_discarded(struct pqpool *pool) EXCLUDES(pool->mu);
void *janitor_run(void *arg); /* the pool */
void pool_wake_connector(struct pqpool *pool);
void pool_wake_janitor(struct pqpool *pool);
/* The janitor's epoll hears of hang-ups on this connection from now on; false: no memory or
 * watches. */
bool janitor_watch(struct pqpool *pool, struct conn *conn);
void janitor_unwatch(struct pqpool *pool, struct conn *conn);

enum dial_rc { DIAL_PENDING, DIAL_OK, DIAL_FAILED };
/* One dial: all hosts in turn, and all addresses of each, the last good ones first, each with its
 * share of the time. FAILED: *err is the most telling failure. Either end wants dial_end(). */
enum dial_rc dial_start(struct conn *conn, int64_t now_ns, struct err *err,
                        enum error_class *error_class);
struct pollfd dial_awaits(const struct conn *conn);
/* `ready`: its socket was, at the last look. What has come by the deadline is taken, however late
 * this is called. */
enum dial_rc dial_step(struct conn *conn, bool ready, int64_t now_ns, struct err *err,
                       enum error_class *error_class);
/* This address failed, as *err says. Closes its connection and begins with the next address that
 * can be dialled. */
enum dial_rc dial_next(struct conn *conn, int64_t now_ns, struct err *err,
                       enum error_class *error_class);
/* The numeric address that is dialled; "": the host is libpq's to find. */
const char *dial_address(const struct conn *conn);
/* The lookup of the host that is dialled has found this address, among others. */
bool dial_has_address(const struct conn *conn, const char *address);
/* The dial is over: what was looked up for it is given back. */
void dial_end(struct conn *conn);

#endif
