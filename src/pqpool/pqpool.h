/* pqpool.h - bounded pool of PostgreSQL connections over libpq. Knows no HTTP and no orders.
 *
 * Threads    any function, any thread, unless a comment says otherwise. A lease belongs to one
 *            thread at a time.
 * Units      *_ns: nanoseconds; *_at_ns: absolute, on CLOCK_MONOTONIC.
 * Ownership  pqpool_open() gives the pool to the caller, pqpool_close() takes it back. Each acquire
 *            that returned PQPOOL_OK needs one pqpool_release().
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
struct pqpool_lease; /* opaque: one connection, held by one thread */

enum pqpool_rc {
    PQPOOL_OK = 0,
    PQPOOL_TIMEOUT, /* acquire: no connection came free by the deadline. exec: no answer came by the
                       deadline, and the statement may have run or may still run (ERR_UNCERTAIN):
                       it is cancelled when the lease is released. If the deadline had passed
                       before the call, nothing was sent */
    PQPOOL_QUEUE_FULL, /* acquire: max_waiting callers wait already, or the queue moves so slowly
                          that the deadline would pass: shed load; err->retry_after_ns is the
                          estimated wait */
    PQPOOL_DOWN,       /* acquire: the server cannot be reached; *err is why the last dial failed */
    PQPOOL_CLOSED,     /* acquire: pqpool_close() has begun */
    PQPOOL_NOMEM,      /* open: no memory, descriptor or thread is left */
    PQPOOL_SQL_ERROR, /* exec: the server answered with an error, and the statement changed nothing;
                         err->code is the SQLSTATE, or "" if libpq had no memory for the answer */
    PQPOOL_LOST,      /* exec: the connection broke; ERR_UNCERTAIN if the statement had been sent */
    PQPOOL_NOT_SENT,  /* exec: libpq could not send the statement, for lack of memory or because
                         another statement is under way */
    PQPOOL_INVALID_OPTIONS, /* check, open: *err names the option that is wrong */
};

/* What becomes of a connection when its lease is released. */
enum pqpool_disposition {
    PQPOOL_REUSE,   /* the pool keeps it, if it is still good */
    PQPOOL_DISCARD, /* the pool closes it */
};

/* What happened, for a log or a counter. `text` has no secret in it. */
enum pqpool_event_kind {
    PQPOOL_EVENT_CONNECTED,       /* a dial succeeded after failures: the server is back */
    PQPOOL_EVENT_CONNECT_FAILED,  /* a dial failed; `text` has the pause until the next one */
    PQPOOL_EVENT_DOWN,            /* max_retry_attempts dials failed in a row, and no connection is
                                     left; or too many cancelled statements do not end */
    PQPOOL_EVENT_CONFIG_ERROR,    /* the server rejects the credentials or the database name: an
                                     operator has to correct them */
    PQPOOL_EVENT_CONNECTION_LOST, /* a connection broke, or was in no state to be used again */
    PQPOOL_EVENT_UNHEALTHY,       /* a health check failed, and the one before it had passed */
    PQPOOL_EVENT_HEALTHY,         /* a health check passed: the first one, or after a failure */
    PQPOOL_EVENT_EVICTED_ALL,     /* the server answered 57P0x or 25006, or another server has
                                     answered: every open connection will be replaced */
    PQPOOL_EVENT_EXHAUSTED,       /* an acquire found no idle connection and no room to open one */
    PQPOOL_EVENT_NOT_EXHAUSTED,   /* for metrics_collection_interval, connections were free again */
    PQPOOL_EVENT_LEAK,            /* a lease has been held for longer than leak_threshold */
    PQPOOL_EVENT_NESTED_ACQUIRE,  /* a thread took a second lease while it held one; at most one
                                     event a second */
    PQPOOL_EVENT_DATABASE_CHANGED, /* a new session is at another database than the sessions before
                                      it: every open connection will be replaced */
};

enum { PQPOOL_EVENT_KINDS = PQPOOL_EVENT_DATABASE_CHANGED + 1 };

struct pqpool_event {
    enum pqpool_event_kind kind;
    const char *text;
};

/* A deadline: acquire_timeout_ns or command_timeout_ns from now. */
#define PQPOOL_DEFAULT_DEADLINE INT64_C(0)

/* Makes the checks with which pqpool_open() begins, and opens nothing: the bounds of the options,
 * contradictions between them, and conninfo with its service, libpq's PG* environment and the files
 * that these name. No host is looked up or dialled. PQPOOL_INVALID_OPTIONS: *err says what is wrong
 * and what would be right; its text begins with "connection string: " if the fault is in
 * conninfo. */
enum pqpool_rc pqpool_check(const struct pqpool_options *options, struct err *err)
    __attribute__((warn_unused_result));

/* Starts the pool's threads and, with warmup, dials min_pool_size connections. Returns without
 * waiting for them, unless `start` is PQPOOL_START_FAIL: then it waits for the first dial, and
 * returns PQPOOL_DOWN if that fails. */
enum pqpool_rc pqpool_open(const struct pqpool_options *options, struct pqpool **pool_out,
                           struct err *err) __attribute__((warn_unused_result));

/* Takes a connection. Callers wait in FIFO order, until deadline_at_ns at most. The session is
 * idle: no transaction is open. A NULL pool is a closed one. Locks: takes the pool's mutex; no
 * network call is made under it. */
#define pqpool_acquire(pool, deadline_at_ns, lease_out, err)                                       \
    pqpool_acquire_from(pool, deadline_at_ns, lease_out, err, __FILE__, __LINE__)
enum pqpool_rc pqpool_acquire_from(struct pqpool *pool, int64_t deadline_at_ns,
                                   struct pqpool_lease **lease_out, struct err *err,
                                   const char *file, int line) __attribute__((warn_unused_result));

/* Gives the connection back and sets *lease to NULL. A NULL *lease is a no-op; so is a copy of a
 * lease that was released before, until the connection is leased again. Allowed after
 * pqpool_close() too. PQPOOL_REUSE: a connection that is broken or known to be stale is closed all
 * the same, and one in a transaction is rolled back, neither of it on this thread. PQPOOL_DISCARD:
 * for when the state of the protocol is unknown. A statement that still runs is cancelled first,
 * over the pool's control connection, so never in the clear; the cancel cannot hit a later
 * statement. Behind a pooler, which has process ids of its own, the connection is closed
 * instead. */
void pqpool_release(struct pqpool_lease **lease, enum pqpool_disposition disposition);

/* Borrowed: valid until the lease is released. */
struct pg_conn *pqpool_lease_pg(struct pqpool_lease *lease);

/* Bits for the user to note something about this connection, such as which statements are prepared
 * on it; all are clear on a new connection. Only the holder of the lease may use them. */
unsigned *pqpool_lease_bits(struct pqpool_lease *lease);

/* The number of the database that the connection is at: as long as the pool lives, one number means
 * one database. Databases differ by the server's system identifier, which a standby shares and
 * keeps when it is promoted, and by their oid. 0: the server does not tell (its functions are
 * forbidden, or it is not PostgreSQL). What was sent to one database cannot be looked up in
 * another. */
uint32_t pqpool_lease_database(const struct pqpool_lease *lease);

/* True if a notice of SQLSTATE class 01 has come on this connection since the last call. */
bool pqpool_lease_warned(struct pqpool_lease *lease);

enum { PQPOOL_NAME_SIZE = 64 };

/* Names from an error of the server that struct err has no room for; cut if too long, "" if the
 * server gave none. */
struct pqpool_error_fields {
    char column[PQPOOL_NAME_SIZE];  /* a column of err->table */
    char routine[PQPOOL_NAME_SIZE]; /* the function of the server's source that reported it */
};

/* Describes the last SQL error that pqpool_exec() returned on this lease. Borrowed: valid until the
 * next one. */
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

/* Sends one statement, waits until the server is ready for the next one, and gives the last result:
 * the caller PQclear()s *result_out. PQPOOL_OK means that the whole exchange was without an error.
 * Errors are reported to the pool as by pqpool_report_error(). After PQPOOL_LOST, PQPOOL_NOT_SENT
 * and an uncertain PQPOOL_TIMEOUT the lease can only be released.
 * From an error of the server *err takes the primary message, the SQLSTATE, and the names of a
 * constraint and a table. The message is ERR_PRIVATE, unless the error ended the session. DETAIL,
 * HINT and CONTEXT are never taken, because they quote rows. */
enum pqpool_rc pqpool_exec(struct pqpool_lease *lease, const struct pqpool_query *query,
                           int64_t deadline_at_ns, struct pg_result **result_out, struct err *err)
    __attribute__((warn_unused_result));

/* For users of pqpool_lease_pg(): tells the pool the SQLSTATE of an error that the server returned.
 * After 08xxx, 57P0x and 25006 the connection is closed at its release. After 57P0x (except 57P05,
 * which ends one idle session) and 25006 every open connection is replaced. */
void pqpool_report_error(struct pqpool_lease *lease, const char *sqlstate);

/* Makes the next health check now instead of at its time, for a user who has just seen an error. If
 * a check is under way, another one follows it. Without a control connection this does nothing: a
 * new control connection is checked at once. */
void pqpool_check_health(struct pqpool *pool);

/* True if every acquire fails at once with PQPOOL_DOWN. *retry_in_ns (may be NULL) is the time
 * until the next dial. Takes no lock. */
bool pqpool_is_down(const struct pqpool *pool, int64_t *retry_in_ns);

enum { PQPOOL_LATENCY_BUCKETS = 24, PQPOOL_CLOSE_REASONS = 9, PQPOOL_ERROR_CLASSES = 6 };

/* Connections at one moment: idle + active + connecting + closing = total <= max. */
struct pqpool_connection_stats {
    uint32_t min, max; /* min_pool_size and max_pool_size */
    uint32_t total, idle, active, connecting, closing;
    uint32_t leased, checking, resetting, canceling; /* together: active */
    uint32_t orphans;    /* of those closing: their backends still run; with half of max the pool is
                            down */
    uint32_t generation; /* rises when all connections are to be replaced */
};

struct pqpool_queue_stats {
    uint32_t waiting; /* callers */
    int64_t oldest_wait_ns;
    bool exhausted;       /* a caller waits, and there is no idle connection and no room for one */
    bool exhausted_alert; /* from PQPOOL_EVENT_EXHAUSTED to PQPOOL_EVENT_NOT_EXHAUSTED */
};

struct pqpool_server_stats {
    bool down;            /* as pqpool_is_down() returns */
    int64_t retry_in_ns;  /* until the next dial after a failure; 0: no dial has failed */
    char error[250];      /* why the last dial failed; "" after a success */
    char error_code[6];   /* its SQLSTATE, or "" */
    unsigned error_class; /* for pqpool_error_class_name() */
};

/* Health checks, on the control connection. */
struct pqpool_health_stats {
    bool connected;        /* there is a control connection */
    bool healthy;          /* the last check has passed */
    int64_t checked_at_us; /* Unix time; 0: no check has been made yet */
    int64_t took_ns;       /* the last check */
    char error[250];       /* why it failed; "" if it has passed */
};

/* Since the pool was opened. */
struct pqpool_counters {
    uint64_t created; /* connections */
    uint64_t acquired, acquires_timed_out, acquires_rejected;
    uint64_t exhausted_count, exhausted_ns;
    uint64_t closed[PQPOOL_CLOSE_REASONS];            /* by pqpool_close_reason_name() */
    uint64_t connection_errors[PQPOOL_ERROR_CLASSES]; /* by pqpool_error_class_name() */
    uint64_t health_checks_passed, health_checks_failed;
    uint64_t validations_passed, validations_failed, validations_bypassed;
    uint64_t connect_attempts, resets, leaks, nested_acquires;
    uint64_t database_changes;        /* one for each PQPOOL_EVENT_DATABASE_CHANGED */
    uint64_t cancels, cancels_failed; /* failed: the statement did not end */
};

struct pqpool_histogram {
    uint64_t count, sum_ns;
    uint32_t n_bounds;
    const int64_t *bounds_ns;                    /* static */
    uint64_t bucket[PQPOOL_LATENCY_BUCKETS + 1]; /* not cumulative; the last: above all bounds */
};

/* The histograms are empty without enable_pool_metrics. */
struct pqpool_latency_stats {
    int64_t acquire_max_ns; /* in the last 60 s */
    struct pqpool_histogram acquire, queue, validate, connect;
    struct pqpool_histogram hold; /* one lease in sixteen */
};

struct pqpool_stats {
    struct pqpool_connection_stats connections;
    struct pqpool_queue_stats queue;
    struct pqpool_server_stats server;
    struct pqpool_health_stats health;
    struct pqpool_counters counters;
    struct pqpool_latency_stats latency;
};

void pqpool_stats(struct pqpool *pool, struct pqpool_stats *out);

struct pqpool_holder {
    const char *file; /* static: where pqpool_acquire() was called */
    int line, thread; /* the kernel's thread id, as in top and gdb */
    int64_t held_ns;
};

/* Lists the leases that are held, the oldest first: fills at most `room` entries, and returns how
 * many there are. */
uint32_t pqpool_holders(struct pqpool *pool, struct pqpool_holder *out, uint32_t room);
const char *pqpool_close_reason_name(unsigned reason); /* NULL past the last */
const char *pqpool_error_class_name(unsigned error_class);

/* Waits for the pool's first connection, as pqpool_open() does with PQPOOL_START_FAIL. PQPOOL_DOWN:
 * the first dial has failed, and *err says why. PQPOOL_CLOSED: pqpool_interrupt() or pqpool_abort()
 * was called meanwhile. */
enum pqpool_rc pqpool_await_connected(struct pqpool *pool, struct err *err)
    __attribute__((warn_unused_result));

/* Begins to close the pool: every acquire, also one that waits, returns PQPOOL_CLOSED. Each
 * pqpool_exec() that waits for the server returns PQPOOL_TIMEOUT at once, as if its deadline had
 * come, and its statement is cancelled when the lease is released. A thread that waits on
 * pqpool_lease_pg() by itself is not woken. pqpool_close() must follow. */
void pqpool_interrupt(struct pqpool *pool);

/* Begins to close the pool at once: every acquire, also one that waits, returns PQPOOL_CLOSED, and
 * the sockets of all leases are shut down, so every thread that waits for the server finds its
 * connection lost. pqpool_close() must follow. */
void pqpool_abort(struct pqpool *pool);

/* Fails every waiter with PQPOOL_CLOSED, waits until the deadline for the leases to be released,
 * closes all connections, joins the threads and frees the pool. If leases are still held then,
 * their sockets are shut down, and the memory is freed when the last of them is released. A NULL
 * *pool is a no-op. */
void pqpool_close(struct pqpool **pool, int64_t deadline_at_ns);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
