/* pqpool.h - bounded pool of PostgreSQL connections over libpq. Knows no HTTP and no orders.
 *
 * Threads    any function may be called on any thread, unless its comment says otherwise. A lease
 *            is used by one thread at a time.
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

struct err;          /* declared in base/err.h, which is installed as pqpool_err.h */
struct pg_conn;      /* libpq's PGconn */
struct pg_result;    /* libpq's PGresult */
struct pqpool;       /* opaque */
struct pqpool_lease; /* opaque: one connection, held by one thread */

enum pqpool_rc {
    PQPOOL_OK = 0,
    PQPOOL_TIMEOUT, /* acquire: no connection came free by the deadline. exec: no answer came by the
                       deadline, or pqpool_interrupt() was called. With ERR_UNCERTAIN in err->flags,
                       the statement may have run or may still be running, and the release of the
                       lease cancels it. Without ERR_UNCERTAIN, nothing was sent */
    PQPOOL_QUEUE_FULL, /* acquire: max_waiting callers wait already, or the wait would probably be
                          longer than the time until the deadline; err->retry_after_ns is the
                          estimated wait */
    PQPOOL_DOWN,   /* acquire: the server cannot be reached, or too many cancelled statements do not
                      end. open: no connection could be opened. *err says why */
    PQPOOL_CLOSED, /* acquire: the pool is being closed */
    PQPOOL_NOMEM,  /* open: no memory, descriptor or thread is left */
    PQPOOL_SQL_ERROR, /* exec: the server answered with an error. The statement changed nothing,
                         unless err->code is 40003, 08007 or "": then nobody knows what it did.
                         The code is "" if the answer has no SQLSTATE, such as when libpq had no
                         memory for the answer */
    PQPOOL_LOST,      /* exec: the connection broke; the statement may have run (ERR_UNCERTAIN) */
    PQPOOL_NOT_SENT,  /* exec: libpq could not send the statement, for lack of memory or because
                         another statement is under way */
    PQPOOL_INVALID_OPTIONS, /* check, open: *err names the option that is wrong */
};

/* What becomes of a connection when its lease is released. */
enum pqpool_disposition {
    PQPOOL_REUSE,   /* the pool keeps the connection if it can be used again */
    PQPOOL_DISCARD, /* the pool closes the connection */
};

/* The kinds of events, for a log or a counter. The text of an event has no secret in it. */
enum pqpool_event_kind {
    PQPOOL_EVENT_CONNECTED,      /* a dial succeeded after failures: the server is back */
    PQPOOL_EVENT_CONNECT_FAILED, /* a dial failed; `text` has the pause until the next one */
    PQPOOL_EVENT_DOWN, /* max_retry_attempts dials failed in a row, and no connection is left; or
                          too many cancelled statements do not end */
    PQPOOL_EVENT_CONFIG_ERROR,    /* the server rejects the credentials or the database name: an
                                     operator has to correct them */
    PQPOOL_EVENT_CONNECTION_LOST, /* a connection broke, or cannot be used again */
    PQPOOL_EVENT_UNHEALTHY,       /* a health check failed, and the one before it had passed */
    PQPOOL_EVENT_HEALTHY, /* a health check passed; it is the first one, or the one before it had
                             failed */
    PQPOOL_EVENT_EVICTED_ALL, /* the server sent the error 57P0x (except 57P05) or 25006, or a dial
                                 reached another server: every open connection will be replaced */
    PQPOOL_EVENT_EXHAUSTED,   /* a caller waits, no connection is idle, and none may be opened */
    PQPOOL_EVENT_NOT_EXHAUSTED,    /* metrics_collection_interval has passed without exhaustion */
    PQPOOL_EVENT_LEAK,             /* a lease has been held for longer than leak_threshold */
    PQPOOL_EVENT_NESTED_ACQUIRE,   /* a thread that holds a lease took another one. No more than
                                      one such event in 1 s */
    PQPOOL_EVENT_DATABASE_CHANGED, /* a new session is connected to another database than the
                                      earlier sessions: every open connection will be replaced */
};

enum { PQPOOL_EVENT_KINDS = PQPOOL_EVENT_DATABASE_CHANGED + 1 };

struct pqpool_event {
    enum pqpool_event_kind kind;
    const char *text;
};

/* The default deadline: acquire_timeout_ns after a call of pqpool_acquire(), command_timeout_ns
 * after a call of pqpool_exec(). */
#define PQPOOL_DEFAULT_DEADLINE INT64_C(0)

/* Checks the options, as pqpool_open() does first, and opens nothing. Checks that each option is
 * within its bounds, that no two options contradict each other, and that options->conninfo is
 * valid. Also checks the settings that conninfo uses: its service, libpq's PG* environment
 * variables, and all files that are named in these. Looks up no host and dials none. On
 * PQPOOL_INVALID_OPTIONS, *err says what is wrong and what would be right. The text begins with
 * "connection string: " if the fault is in conninfo. */
enum pqpool_rc pqpool_check(const struct pqpool_options *options, struct err *err)
    __attribute__((warn_unused_result));

/* Starts the pool's threads, which dial min_pool_size connections. If options->start is
 * PQPOOL_START_DEGRADED, returns without waiting for a connection. If it is PQPOOL_START_FAIL,
 * calls pqpool_await_connected(), and opens the pool only if that call returns PQPOOL_OK. */
enum pqpool_rc pqpool_open(const struct pqpool_options *options, struct pqpool **pool_out,
                           struct err *err) __attribute__((warn_unused_result));

/* Takes a connection whose session is in no transaction. Callers wait in FIFO order, until
 * deadline_at_ns at most. If `pool` is NULL, returns PQPOOL_CLOSED. Locks: takes the pool's
 * mutex, and waits for no server while it holds the mutex. */
#define pqpool_acquire(pool, deadline_at_ns, lease_out, err)                                       \
    pqpool_acquire_from(pool, deadline_at_ns, lease_out, err, __FILE__, __LINE__)
enum pqpool_rc pqpool_acquire_from(struct pqpool *pool, int64_t deadline_at_ns,
                                   struct pqpool_lease **lease_out, struct err *err,
                                   const char *file, int line) __attribute__((warn_unused_result));

/* Gives the connection back and sets *lease to NULL. Does nothing if *lease is NULL. Keep no copy
 * of *lease. To release the copy too does nothing while the connection is free; but if another
 * caller has acquired the connection meanwhile, it takes the connection away from that caller. May
 * be called after pqpool_close() too: then this call closes the connection. With PQPOOL_REUSE, the
 * pool's threads close a connection that is broken or stale, and roll back one that is in a
 * transaction. PQPOOL_DISCARD is for a caller that does not know the state of the protocol.
 *
 * A statement that still runs is cancelled first, and the cancel cannot hit a later statement. If
 * the statement does not end within health_check_timeout, the connection is closed. With libpq 17
 * or later the pool sends libpq's cancel request, encrypted as the connection is; poolers
 * understand it. With an older libpq the control connection cancels the statement. Behind a pooler
 * this fails, because the pooler reports process ids that are not the server's. */
void pqpool_release(struct pqpool_lease **lease, enum pqpool_disposition disposition);

/* Returns libpq's connection. Borrowed: valid until the lease is released. */
struct pg_conn *pqpool_lease_pg(struct pqpool_lease *lease);

/* Returns bits in which the caller can note something about this connection, such as which
 * statements are prepared on it. A new connection has all bits clear. Only the holder of the lease
 * may use them. */
unsigned *pqpool_lease_bits(struct pqpool_lease *lease);

/* Returns the number of the database that the connection is at. As long as the pool is open,
 * a number never stands for two databases. Two databases differ if their oids or the system
 * identifiers of their servers differ; a standby has the identifier of its primary, also after its
 * promotion. 0: the database is not known, because the server forbids the functions that report
 * the oid and the identifier, or is not PostgreSQL. What was sent to one database cannot be looked
 * up in another. */
uint32_t pqpool_lease_database(const struct pqpool_lease *lease);

/* Returns true if the server of this connection is a primary that was replaced: after the
 * connection was opened, the pool has found a later primary of the same system. What the server has
 * said on this connection is true of that server, but may not be true of its successor, which need
 * not have the commit. Call it after the answer. Returns false if the server does not tell its
 * timeline. */
bool pqpool_lease_was_replaced(const struct pqpool_lease *lease);

/* Returns true if a warning (SQLSTATE class 01) has come on this connection since the last call. */
bool pqpool_lease_warned(struct pqpool_lease *lease);

enum { PQPOOL_NAME_SIZE = 64 };

/* Names that an error of the server gives and that struct err has no member for. A name that is too
 * long is cut; a name that the server did not give is "". */
struct pqpool_error_fields {
    char column[PQPOOL_NAME_SIZE]; /* a column of the table err->table */
    /* The function in the server's source that reported the error. */
    char routine[PQPOOL_NAME_SIZE];
};

/* Returns the names in the last error that the server sent to pqpool_exec() on this lease.
 * Borrowed: valid until the next such error. */
const struct pqpool_error_fields *pqpool_lease_error_fields(struct pqpool_lease *lease);

struct pqpool_query {
    const char *statement; /* the name of a prepared statement to run; NULL: runs `sql` */
    const char *sql;       /* the text to run or to prepare; not needed to run `statement` */
    bool prepare;          /* prepares `sql` under the name `statement`, and runs nothing */
    int n_params;
    const unsigned *types; /* the OIDs of the parameters' types, or NULL */
    const char *const *values;
    const int *lengths, *formats; /* as PQsendQueryParams() wants them, or NULL */
    int result_format;            /* 0 text, 1 binary */
};

/* Sends one statement and waits until the server is ready for the next one. *result_out is the last
 * result, which the caller frees with PQclear(). PQPOOL_OK means that no result was an error. After
 * PQPOOL_LOST, PQPOOL_NOT_SENT and a PQPOOL_TIMEOUT with ERR_UNCERTAIN the caller can only release
 * the lease.
 * If the server answers with an error, calls pqpool_report_error(), and copies the primary message,
 * the SQLSTATE and the names of a constraint and a table to *err. One error is not reported: class
 * 08 (but 08P01), if the server is ready for the next statement after it. The error is then about a
 * connection between the server and another one, as of Citus, and this connection is kept. The
 * message is ERR_PRIVATE, unless the error ended the session. DETAIL, HINT and CONTEXT are never
 * copied, because they quote rows. */
enum pqpool_rc pqpool_exec(struct pqpool_lease *lease, const struct pqpool_query *query,
                           int64_t deadline_at_ns, struct pg_result **result_out, struct err *err)
    __attribute__((warn_unused_result));

/* Tells the pool the SQLSTATE of an error that the server returned on pqpool_lease_pg(). After
 * 08xxx, 57P0x and 25006 the connection is closed at its release. After 25006 and 57P0x, but not
 * 57P05, every open connection is replaced. With 57P05 the server ends only one idle session. */
void pqpool_report_error(struct pqpool_lease *lease, const char *sqlstate);

/* Asks for a health check now, for a user who has just seen an error. If a check is under way,
 * another one follows. If there is no control connection, does nothing, because a new control
 * connection is checked at once. */
void pqpool_check_health(struct pqpool *pool);

/* Returns true if every acquire fails at once with PQPOOL_DOWN. *retry_in_ns (may be NULL) is the
 * time until the next dial may begin; 0: it may begin now. Takes no lock. */
bool pqpool_is_down(const struct pqpool *pool, int64_t *retry_in_ns);

enum { PQPOOL_LATENCY_BUCKETS = 24, PQPOOL_CLOSE_REASONS = 9, PQPOOL_ERROR_CLASSES = 6 };

/* The connections at one moment: idle + active + connecting + closing = total <= max. */
struct pqpool_connection_stats {
    uint32_t min, max; /* min_pool_size and max_pool_size */
    uint32_t total, idle, active, connecting, closing;
    uint32_t leased, checking, resetting, canceling; /* the sum of these four is `active` */
    uint32_t orphans; /* the part of `closing` whose backends may still run; if they are half of max
                         or more, the pool is down */
    uint32_t generation; /* rises whenever all open connections are to be replaced */
};

struct pqpool_queue_stats {
    uint32_t waiting; /* how many callers wait */
    int64_t oldest_wait_ns;
    bool exhausted;       /* a caller waits, no connection is idle, and none may be opened */
    bool exhausted_alert; /* true from PQPOOL_EVENT_EXHAUSTED to PQPOOL_EVENT_NOT_EXHAUSTED */
};

struct pqpool_server_stats {
    bool down;           /* as pqpool_is_down() returns it */
    int64_t retry_in_ns; /* as pqpool_is_down() returns it */
    char error[250]; /* why the last dial failed; "": no dial has failed since the last success */
    char error_code[6];   /* the SQLSTATE of that error, or "" */
    unsigned error_class; /* valid only if `error` is set; for pqpool_error_class_name() */
};

/* Health checks, on the control connection. */
struct pqpool_health_stats {
    bool connected;        /* there is a control connection */
    bool healthy;          /* the last check has passed */
    int64_t checked_at_us; /* Unix time; 0: no check has been made yet */
    int64_t took_ns;       /* how long the last check took */
    char error[250];       /* why the last check failed; "": it passed */
};

/* Counts since the pool was opened. */
struct pqpool_counters {
    uint64_t created; /* how many connections were opened */
    uint64_t acquired, acquires_timed_out, acquires_rejected;
    uint64_t exhausted_count, exhausted_ns;
    uint64_t closed[PQPOOL_CLOSE_REASONS]; /* indexed as pqpool_close_reason_name() takes it */
    /* Indexed as pqpool_error_class_name() takes it. */
    uint64_t connection_errors[PQPOOL_ERROR_CLASSES];
    uint64_t health_checks_passed, health_checks_failed;
    uint64_t validations_passed, validations_failed, validations_bypassed;
    uint64_t connect_attempts, resets, leaks, nested_acquires;
    uint64_t database_changes;        /* one for each PQPOOL_EVENT_DATABASE_CHANGED */
    uint64_t cancels, cancels_failed; /* cancelled statements, and those of them that did not end */
};

struct pqpool_histogram {
    uint64_t count, sum_ns;
    uint32_t n_bounds;
    const int64_t *bounds_ns; /* a static array */
    /* Not cumulative. bucket[n_bounds] counts the values above the last bound. */
    uint64_t bucket[PQPOOL_LATENCY_BUCKETS + 1];
};

/* Without enable_pool_metrics the histograms are empty. */
struct pqpool_latency_stats {
    int64_t acquire_max_ns; /* the slowest acquire in the last 60 s */
    struct pqpool_histogram acquire, queue, validate, connect;
    struct pqpool_histogram hold; /* how long leases were held; one lease in sixteen is measured */
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
    const char *file; /* a static string: the file in which pqpool_acquire() was called */
    int line, thread; /* the kernel's thread id, as in top and gdb */
    int64_t held_ns;
};

/* Lists the leases that are held, the oldest first. Fills at most `room` entries, and returns
 * how many leases are held. */
uint32_t pqpool_holders(struct pqpool *pool, struct pqpool_holder *out, uint32_t room);
const char *pqpool_close_reason_name(unsigned reason); /* returns NULL if there is no such reason */
const char *pqpool_error_class_name(unsigned error_class);

/* Waits until the pool has opened its first connection. If before that a dial fails or
 * connect_timeout passes, returns PQPOOL_DOWN, and *err says why. Returns PQPOOL_CLOSED if
 * pqpool_interrupt() or pqpool_abort() was called meanwhile. */
enum pqpool_rc pqpool_await_connected(struct pqpool *pool, struct err *err)
    __attribute__((warn_unused_result));

/* Begins to close the pool: every acquire, also one that waits, returns PQPOOL_CLOSED. Each
 * pqpool_exec() that waits for the server returns PQPOOL_TIMEOUT at once, and its statement is
 * cancelled when the lease is released. A caller's own wait on the socket of pqpool_lease_pg() goes
 * on. pqpool_close() must follow. */
void pqpool_interrupt(struct pqpool *pool);

/* Begins to close the pool: every acquire, also one that waits, returns PQPOOL_CLOSED. The
 * sockets of all leases are shut down, so every thread that waits for the server finds its
 * connection lost. pqpool_close() must follow. */
void pqpool_abort(struct pqpool *pool);

/* Fails every waiter with PQPOOL_CLOSED, waits until the deadline for the leases to be released,
 * closes all connections, joins the threads and frees the pool. If leases are still held at the
 * deadline, their sockets are shut down, and the release of the last one frees the memory. If
 * *pool is NULL, does nothing. */
void pqpool_close(struct pqpool **pool, int64_t deadline_at_ns);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
