/* pqpool_options.h - the options of a pool; included by pqpool.h.
 *
 * Use        begin with PQPOOL_OPTIONS_DEFAULT and set the members that shall have another value.
 *            The value 0 never means the default.
 * Units      *_ns: nanoseconds; more than 0, unless the comment of the member says what 0 means.
 * Threads    the comment of each callback says on which thread it is called.
 * Ownership  pqpool_open() copies the strings; `ctx` is borrowed until pqpool_close() returns.
 * Errors     pqpool_check() and pqpool_open() name the option that is wrong. */
#ifndef PQPOOL_OPTIONS_H
#define PQPOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct err;
struct pg_result;
struct pqpool_event;
struct pqpool_lease;

enum pqpool_start { PQPOOL_START_DEGRADED, PQPOOL_START_FAIL };

struct pqpool_options {
    /* Made by scripts/pool-options, of options.def: */

    /* ---- the server and the session ---- */
    /* URI or key=value string of libpq; empty means libpq's environment. Of several hosts one is
     * used at a time. */
    const char *conninfo;
    /* The password, instead of one in conninfo; empty for none. */
    const char *password;
    /* A file whose first line is the password, read again for each new connection; empty for none.
     * It cannot be set together with the option password. */
    const char *password_file;
    /* The application_name of the sessions, unless conninfo sets one. */
    const char *application_name;
    /* Server options of the sessions, such as -c lock_timeout=1s; options in conninfo override
     * them. */
    const char *session_options;

    /* ---- how many connections, and how long a caller waits ---- */
    /* Connections that are kept open even when idle. 0 to 10000. At most max_pool_size. */
    uint32_t min_pool_size;
    /* Connections that may be open at once; one more is kept for health checks. A connection counts
     * until it is closed; if a statement on it could not be cancelled, until its backend has ended.
     * 1 to 10000. */
    uint32_t max_pool_size;
    /* The longest wait for a free connection. pqpool_acquire() uses it for
     * PQPOOL_DEFAULT_DEADLINE. */
    int64_t acquire_timeout_ns;
    /* How many callers may wait for a free connection; further callers are rejected at once. 0: no
     * caller waits. */
    uint32_t max_waiting;
    /* The longest that opening a connection may take, over all hosts of the connection string,
     * their lookups and their addresses; a connect_timeout in the string, or PGCONNECT_TIMEOUT,
     * times the number of hosts is a limit too. */
    int64_t connect_timeout_ns;
    /* How long a statement may take if its caller sets no deadline. pqpool_exec() uses it for
     * PQPOOL_DEFAULT_DEADLINE. */
    int64_t command_timeout_ns;

    /* ---- is a connection alive? ---- */
    /* Check that a connection is alive before it is used. */
    bool validate_on_checkout;
    /* The statement that checks a connection; it may be empty. PostgreSQL answers an empty
     * statement too. Health checks send the statement unless health_query gives another one. */
    const char *validation_query;
    /* A connection that was last used less than this time ago is handed out without the validation
     * query; 0: the query is always sent. */
    int64_t validation_bypass_ns;
    /* How long the validation query may take before the connection is closed. A ROLLBACK after a
     * release has the same limit. */
    int64_t validation_timeout_ns;
    /* How many validation queries in a row the server must answer with an error for the connection
     * to be closed. If no answer comes in time, the connection is closed at once. At least 1. */
    uint32_t max_validation_failures;

    /* ---- attempts to connect ---- */
    /* Failed attempts to connect in a row before the database counts as down; attempts go on after
     * that. The pool is not down for this reason while a connection is left. At least 1. */
    uint32_t max_retry_attempts;
    /* The pause after the first failed attempt to connect. At most max_retry_delay_ns. */
    int64_t initial_retry_delay_ns;
    /* The longest pause between attempts to connect. */
    int64_t max_retry_delay_ns;
    /* Each pause is this many times as long as the one before. 1 to 100. */
    double retry_backoff_multiplier;
    /* Draw each pause at random between nothing and its full length, so that many nodes do not
     * connect at one moment. */
    bool retry_jitter;

    /* ---- health, figures and the life of a connection ---- */
    /* How often the health of the database is checked, on a connection of its own. */
    int64_t health_check_interval_ns;
    /* How long the answer to a health check may take. If a cancelled statement does not end in this
     * time, its connection is closed. At most health_check_interval_ns. */
    int64_t health_check_timeout_ns;
    /* Collect rates and histograms of the pool; gauges are always collected. */
    bool enable_pool_metrics;
    /* How often the rates and maxima of the pool are computed. The 60 s that acquire_max_ns covers
     * move on in steps of this length. */
    int64_t metrics_collection_interval_ns;
    /* A connection that is idle for this long is closed, down to the minimum pool size. 0:
     * never. */
    int64_t idle_timeout_ns;
    /* A connection is replaced at this age or up to a tenth earlier, so that not all are replaced
     * at once. The control connection is replaced too. 0: never. */
    int64_t max_lifetime_ns;
    /* A connection that is in use for longer is reported with the place in the code that took it.
     * It is reported once. 0: never. */
    int64_t leak_threshold_ns;
    /* Open all connections of the minimum pool size in parallel at start; otherwise one is opened
     * first, then two, then four. */
    bool warmup;
    /* PQPOOL_START_DEGRADED: the pool opens even if the server cannot be reached.
     * PQPOOL_START_FAIL: opening waits for the first connection, and fails if a dial fails or
     * connect_timeout passes. */
    enum pqpool_start start;
    /* End of what is made. */

    /* Sets up a new session. Called on the thread that dials. The deadline is 5 seconds or
     * connect_timeout_ns away, whichever is less. The callback may use the lease for pqpool_exec()
     * and pqpool_lease_pg() only. If it returns false, the connection is closed, and *err must say
     * why. */
    bool (*on_connect)(void *ctx, struct pqpool_lease *lease, int64_t deadline_at_ns,
                       struct err *err);
    /* Gets each event. Called on a thread of the pool, with no lock held. */
    void (*on_event)(void *ctx, const struct pqpool_event *event);

    /* A health check of the user's own: give both callbacks or none. They are called on a thread of
     * the pool, with no lock held, and must not wait.
     * health_query returns the SQL of the check that begins now: one statement, or several with
     * semicolons between them. The text must stay valid until health_passed or the next
     * health_query is called. If health_query returns NULL, the pool sends validation_query this
     * time.
     * health_passed gets the last result of this SQL, and in `before` the number of earlier
     * results. If a statement failed, the last result is the error of this statement, and the later
     * statements were not run.
     * health_passed returns true if the check has passed; if it returns false, *err must say why.
     * If no answer came, the check has failed, and health_passed is not called. If the check leaves
     * the session in a transaction, the connection is closed. */
    const char *(*health_query)(void *ctx);
    bool (*health_passed)(void *ctx, const struct pg_result *last, unsigned before,
                          struct err *err);
    void *ctx;
};

#define PQPOOL_SECONDS(s) ((int64_t)((s)*1000) * 1000000)

/* clang-format off */
#define PQPOOL_OPTIONS_DEFAULT { \
        /* Made by scripts/pool-options, of options.def: */ \
        .conninfo = "", \
        .password = "", \
        .password_file = "", \
        .application_name = "", \
        .session_options = "", \
        .min_pool_size = 10, \
        .max_pool_size = 100, \
        .acquire_timeout_ns = PQPOOL_SECONDS(5), \
        .max_waiting = 1000, \
        .connect_timeout_ns = PQPOOL_SECONDS(30), \
        .command_timeout_ns = PQPOOL_SECONDS(60), \
        .validate_on_checkout = true, \
        .validation_query = "SELECT 1", \
        .validation_bypass_ns = PQPOOL_SECONDS(0.5), \
        .validation_timeout_ns = PQPOOL_SECONDS(1), \
        .max_validation_failures = 3, \
        .max_retry_attempts = 5, \
        .initial_retry_delay_ns = PQPOOL_SECONDS(0.5), \
        .max_retry_delay_ns = PQPOOL_SECONDS(30), \
        .retry_backoff_multiplier = 2.0, \
        .retry_jitter = true, \
        .health_check_interval_ns = PQPOOL_SECONDS(10), \
        .health_check_timeout_ns = PQPOOL_SECONDS(5), \
        .enable_pool_metrics = true, \
        .metrics_collection_interval_ns = PQPOOL_SECONDS(5), \
        .idle_timeout_ns = PQPOOL_SECONDS(600), \
        .max_lifetime_ns = PQPOOL_SECONDS(1800), \
        .leak_threshold_ns = PQPOOL_SECONDS(60), \
        .warmup = true, \
        .start = PQPOOL_START_DEGRADED, \
        /* End of what is made. */ \
        .on_connect = NULL, .on_event = NULL, .health_query = NULL, .health_passed = NULL, \
        .ctx = NULL, \
    }
/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif
