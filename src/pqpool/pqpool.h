/* pqpool.h - bounded pool of PostgreSQL connections over libpq. Knows no HTTP and no orders.
 *
 * Threads    any function, any thread, unless a comment says otherwise. A lease belongs to one
 *            thread at a time.
 * Units      *_ns: nanoseconds; *_at_ns: absolute, on CLOCK_MONOTONIC.
 * Ownership  pqpool_open() gives the pool to the caller, pqpool_close() takes it back. A lease is
 *            on loan: one pqpool_release() for each acquire that returned PQPOOL_OK.
 * Errors     the return value says what happened; *err (may be NULL) says why, and is written only
 *            on failure. Outputs are written only on success.
 * Logging    none. Events go to options.on_event, called with no lock held.
 * Rules      libpq manual, chapter 34. */
#ifndef PQPOOL_H
#define PQPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pqpool_options.h" /* struct pqpool_options, PQPOOL_OPTIONS_DEFAULT */

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct err;          /* base/err.h, installed as pqpool_err.h */
struct pg_conn;      /* libpq's PGconn */
struct pg_result;    /* libpq's PGresult */
struct pqpool;       /* opaque */
struct pqpool_lease; /* opaque: one connection lent to one thread */

enum pqpool_rc {
    PQPOOL_OK = 0,
    PQPOOL_TIMEOUT, /* acquire: deadline passed while queued. exec: no answer by the deadline; the
                       statement may have run, or may run yet (ERR_UNCERTAIN), and is cancelled once
                       the lease is released; unless the deadline had passed before: then nothing
                       was sent */
    PQPOOL_FULL,    /* max_waiting are queued already, or so many that the deadline would pass at
                       the pace of now: shed load; err->retry_after_ns says how long the line is */
    PQPOOL_DOWN,    /* the server is away: err holds the cached last error of the dialler */
    PQPOOL_CLOSED,  /* pqpool_close() has begun */
    PQPOOL_NOMEM,
    PQPOOL_REFUSED, /* exec: the server answered with an error (err.code); nothing of it happened */
    PQPOOL_LOST,    /* exec: connection lost (ERR_UNCERTAIN when the statement had been sent) */
};

enum pqpool_verdict { PQPOOL_REUSE, PQPOOL_DISCARD };

/* What happened, for a log or a counter. `text` has no secret in it. */
enum pqpool_event_kind {
    PQPOOL_EVENT_DIALLED,     /* a connection was made after failures: the server is back */
    PQPOOL_EVENT_DIAL_FAILED, /* with the pause until the next try */
    PQPOOL_EVENT_DOWN,   /* max_retry_attempts dials failed in a row, and no connection is left */
    PQPOOL_EVENT_CONFIG, /* the server refuses our credentials or database: an operator's to mend */
    PQPOOL_EVENT_LOST,   /* a connection died or was discarded */
    PQPOOL_EVENT_UNHEALTHY,   /* the health check failed that passed before */
    PQPOOL_EVENT_HEALTHY,     /* the health check passes, for the first time or again */
    PQPOOL_EVENT_RETIRED_ALL, /* 57P0x, 25006, or another server has answered: every connection of
                                 now will be replaced */
    PQPOOL_EVENT_EXHAUSTED,   /* an acquire found nothing idle and no room to open one */
    PQPOOL_EVENT_RELIEVED,    /* not exhausted any more, for metrics_collection_interval by now */
    PQPOOL_EVENT_LEAK,        /* a lease is held longer than leak_threshold */
    PQPOOL_EVENT_NESTED,      /* a thread took a second lease while it held one; one a second */
    PQPOOL_EVENT_DATABASE_CHANGED, /* a fresh session is at another database than those before it:
                                      every open connection will be replaced */
};

enum { PQPOOL_EVENT_KINDS = PQPOOL_EVENT_DATABASE_CHANGED + 1 };

struct pqpool_event {
    enum pqpool_event_kind kind;
    const char *text;
};

#define PQPOOL_DEFAULT_DEADLINE INT64_C(0)

/* Checks the options as pqpool_open() does first, and opens nothing: bounds, contradictions, and
 * what conninfo says together with its service, libpq's PG* environment and the files that they
 * name. No host is looked up or dialled. PQPOOL_REFUSED: *err names what is wrong and what would be
 * right; its text begins with "connection string: " when the fault is in conninfo. */
enum pqpool_rc pqpool_check(const struct pqpool_options *options, struct err *err)
    __attribute__((warn_unused_result));

/* Starts the pool's threads and, with warmup, the floor's dials; returns without waiting for them
 * unless start is FAIL: then only the first dials' success is OK, and their failure PQPOOL_DOWN.
 * Options out of bounds or contradicting: PQPOOL_REFUSED, and *err names them. */
enum pqpool_rc pqpool_open(const struct pqpool_options *options, struct pqpool **pool_out,
                           struct err *err) __attribute__((warn_unused_result));

/* Take a connection, waiting in FIFO order until deadline_at_ns. The session is idle: no open
 * transaction. A NULL pool is a closed one. Locks: takes the pool's mutex; no network call is made
 * under it. */
#define pqpool_acquire(pool, deadline_at_ns, lease_out, err)                                       \
    pqpool_acquire_from(pool, deadline_at_ns, lease_out, err, __FILE__, __LINE__)
enum pqpool_rc pqpool_acquire_from(struct pqpool *pool, int64_t deadline_at_ns,
                                   struct pqpool_lease **lease_out, struct err *err,
                                   const char *file, int line) __attribute__((warn_unused_result));

/* Give the connection back and set *lease to NULL; a NULL *lease is a no-op, and so is a copy of a
 * lease that is back already, until the connection is lent again. After pqpool_close() too. REUSE
 * is a wish: a connection that is broken, in a transaction, or known to be stale is reset or closed
 * instead, off this thread. DISCARD closes it: use that whenever the protocol state is unknown. A
 * statement that is still under way is cancelled first, over the pool's control connection, so
 * never in the clear; the cancel cannot hit a later statement. Behind a pooler, whose pids are its
 * own, the connection is closed instead. */
void pqpool_release(struct pqpool_lease **lease, enum pqpool_verdict verdict);

/* Borrowed: valid until the lease is released. */
struct pg_conn *pqpool_lease_pg(struct pqpool_lease *lease);

/* Bits of the user's own about this connection (which statements are prepared on it); all clear on
 * a fresh one. Lease holder only. */
unsigned *pqpool_lease_bits(struct pqpool_lease *lease);

/* Which database the connection is at: the same number is the same database, as long as the pool
 * lives. Databases differ by the server's system identifier, which a standby shares and keeps when
 * it is promoted, and by their oid. 0: the server does not say (its functions are forbidden, or it
 * is no PostgreSQL). What was sent to one database cannot be looked up in another. */
uint32_t pqpool_lease_database(const struct pqpool_lease *lease);

/* True if a notice of SQLSTATE class 01 has come on this connection since the last call. */
bool pqpool_lease_warned(struct pqpool_lease *lease);

enum { PQPOOL_NAME_SIZE = 64 };

/* More of the server's last error: names, cut when too long, or "" where it gave none. */
struct pqpool_error_fields {
    char column[PQPOOL_NAME_SIZE];  /* of the table that err->table names */
    char routine[PQPOOL_NAME_SIZE]; /* the function of the server's source that reported it */
};

/* Of the last pqpool_exec() on this lease that the server answered with an error. Borrowed: good
 * until the next one. */
const struct pqpool_error_fields *pqpool_lease_error_fields(struct pqpool_lease *lease);

struct pqpool_query {
    const char *statement; /* name of a prepared statement, or NULL */
    const char *sql; /* with statement: prepares it under that name, runs nothing; else runs it */
    bool prepare;
    int n_params;
    const unsigned *types; /* OIDs, or NULL */
    const char *const *values;
    const int *lengths, *formats; /* as PQsendQueryParams() wants them, or NULL */
    int result_format;            /* 0 text, 1 binary */
};

/* Sends one statement, waits for every result up to ReadyForQuery, and gives the last one: the
 * caller PQclear()s *result_out. Nothing is OK unless the whole exchange was. Classifies errors as
 * pqpool_note() does. On LOST, and on an uncertain TIMEOUT, the lease is only good for release.
 * Of a server's error *err has the primary message, which is ERR_PRIVATE unless the error ended the
 * session, the SQLSTATE, and the names of a constraint and a table; never its DETAIL, HINT or
 * CONTEXT, which quote rows. */
enum pqpool_rc pqpool_exec(struct pqpool_lease *lease, const struct pqpool_query *query,
                           int64_t deadline_at_ns, struct pg_result **result_out, struct err *err)
    __attribute__((warn_unused_result));

/* For users of the raw PGconn: what a server's error means for the connection and the pool. 08xxx,
 * 57P0x and 25006 discard it at release; 57P0x (but 57P05, which is one idle session's) and 25006
 * also have every open connection replaced. */
void pqpool_note(struct pqpool_lease *lease, const char *sqlstate);

/* Makes the next health check now instead of at its time, and another one after it if one is under
 * way: for a user who has just seen an error. Without a control connection nothing happens: a new
 * one is checked at once. */
void pqpool_check_health(struct pqpool *pool);

/* Is an acquire bound to fail at once? Then *retry_in_ns (may be NULL) is the time until the
 * prober's next try. Takes no lock. */
bool pqpool_is_down(const struct pqpool *pool, int64_t *retry_in_ns);

enum { PQPOOL_LATENCY_BUCKETS = 24, PQPOOL_CLOSE_REASONS = 9, PQPOOL_ERROR_CLASSES = 6 };

struct pqpool_histogram {
    uint64_t count, sum_ns;
    uint32_t n_bounds;
    const int64_t *bounds_ns;                    /* static */
    uint64_t bucket[PQPOOL_LATENCY_BUCKETS + 1]; /* not cumulative; the last: above all bounds */
};

struct pqpool_stats {
    /* gauges, of one moment: total = idle + active + connecting + closing <= max */
    uint32_t idle, active, leased, checking, resetting, canceling, connecting, closing, total;
    uint32_t waiting, min, max;
    uint32_t orphans; /* of closing: backends that outlive their connections; half of max: DOWN */
    int64_t oldest_wait_ns;
    bool down, exhausted, control_connected;
    bool exhausted_alert;            /* EXHAUSTED was told, and RELIEVED not yet */
    bool healthy;                    /* the last health check passed */
    int64_t last_health_check_at_us; /* Unix time; 0: none yet */
    int64_t last_health_check_ns;    /* how long it took */
    int64_t retry_in_ns;             /* until the prober's next try; 0 when not waiting */
    uint32_t generation;
    char last_error[250];      /* of the dialler; "" since its last success */
    char last_error_code[6];   /* its SQLSTATE, or "" */
    unsigned last_error_class; /* for pqpool_error_class_name() */
    char health_error[250];    /* why the last health check failed; "" when it passed */
    /* counters since open */
    uint64_t created, acquired, acquire_timeouts, acquire_refused, exhausted_count, exhausted_ns;
    uint64_t closed[PQPOOL_CLOSE_REASONS];            /* by pqpool_close_reason_name() */
    uint64_t connection_errors[PQPOOL_ERROR_CLASSES]; /* by pqpool_error_class_name() */
    uint64_t health_passed, health_failed, validations_passed, validations_failed,
        validations_bypassed, dials, resets, leaks, nested;
    uint64_t database_changes;        /* as PQPOOL_EVENT_DATABASE_CHANGED tells */
    uint64_t cancels, cancels_failed; /* failed: the statement did not end all the same */
    int64_t acquire_max_ns;           /* in the last 60 s */
    /* with enable_pool_metrics; else all 0 */
    struct pqpool_histogram acquire, queue, validate, connect;
    struct pqpool_histogram hold; /* of one lease in sixteen */
};

void pqpool_stats(struct pqpool *pool, struct pqpool_stats *out);

struct pqpool_holder {
    const char *file; /* static: where pqpool_acquire() was called */
    int line, thread; /* the kernel's thread id, as in top and gdb */
    int64_t held_ns;
};

/* Who holds a lease, the longest first: fills at most `room`, and tells how many there are. */
uint32_t pqpool_holders(struct pqpool *pool, struct pqpool_holder *out, uint32_t room);
const char *pqpool_close_reason_name(unsigned reason); /* NULL past the last */
const char *pqpool_error_class_name(unsigned error_class);

/* Waits for the pool's first connection, as pqpool_open() does with PQPOOL_START_FAIL. DOWN: the
 * first dials have failed, *err says why. CLOSED: pqpool_interrupt() or pqpool_cut() was called
 * meanwhile. */
enum pqpool_rc pqpool_await_first(struct pqpool *pool, struct err *err)
    __attribute__((warn_unused_result));

/* Begins the end: every acquire and every waiter gets PQPOOL_CLOSED, and each pqpool_exec() that
 * waits for the server returns PQPOOL_TIMEOUT at once, as if its deadline had come: its statement
 * is cancelled when the lease is released. Users of the raw PGconn are not reached. pqpool_close()
 * must follow. */
void pqpool_interrupt(struct pqpool *pool);

/* The end, now: every acquire and every waiter gets PQPOOL_CLOSED, and the sockets of all leases
 * are shut down, so that whoever waits for the server on one finds it lost. pqpool_close() must
 * follow. */
void pqpool_cut(struct pqpool *pool);

/* Fails every waiter with PQPOOL_CLOSED, waits until the deadline for leases to come back, closes
 * all connections, joins the threads and frees. Leases still out then are closed under their
 * holders' feet: their sockets are shut down, and the memory stays until the last is released.
 * NULL is a no-op. */
void pqpool_close(struct pqpool **pool, int64_t deadline_at_ns);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
