/* service.h - opens, connects and closes all parts of the running service.
 *
 *   http loops -> routes -> handlers -> ingest (queue, workers) -> store -> pqpool -> PostgreSQL
 *                                    -> reader (lookups)        -> store
 *                        -> observability, which reads the figures of all of them
 *
 * Threads    Main opens and closes the service. Other threads use only the parts that they were
 *            given, and `exit_code`. */
#ifndef APP_SERVICE_H
#define APP_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/listen_fds.h"
#include "app/notify.h"
#include "app/options.h"
#include "app/starter.h"
#include "base/attr.h"
#include "base/budget.h"
#include "base/err.h"
#include "handlers/handlers.h"
#include "observability/observability.h"

struct http_server;
struct http_tls;
struct ingest;
struct pqpool;
struct reader;
struct store;

struct service {
    struct options options;
    struct listen_fds listen;    /* the socket from the service manager, if there is one */
    struct notify notify;        /* used by main only */
    struct budget memory;        /* memory that clients make the service hold: see app/memory.h */
    uint64_t memory_slack_bytes; /* used by memory_tick() */
    struct store *store;
    struct pqpool *pool;
    struct ingest *ingest;
    struct reader *reader;
    struct http_tls *tls;     /* NULL: plain HTTP; borrowed from main */
    struct http_server *http; /* the loops start before this is set: see http_server_of() */
    struct handlers handlers;
    struct observability observability;
    struct starter starter;
    char session_name[64]; /* the application_name of the sessions */
    atomic_int exit_code;  /* set by the starter to end the process; 0: not set */
};

/* Starts all parts except the pool, which must be open already. Does not wait until PostgreSQL can
 * be reached. If the service manager has passed a socket, HTTP starts only in service_listen(). If
 * a part fails, service_start() and service_listen() return false, with *err, and close all parts,
 * the database too. */
bool service_start(struct service *service, struct err *err) MUST_CHECK;
bool service_listen(struct service *service, struct err *err) MUST_CHECK;

/* From now on the service accepts no connection. Each open connection may get one more answer, with
 * Connection: close. The orders of a request with this answer are stored as usual. */
void service_drain(struct service *service);
/* Reads API_KEYS_FILE again, and logs the result. */
void service_reload_keys(struct service *service);
/* Returns the number of unanswered requests, orders in the queue and busy workers together. */
uint64_t service_in_flight(struct service *service);
/* Stops and closes all parts now, the database too. A lookup in flight is answered 503. The answer
 * to an order in flight says what is known of its outcome. */
void service_stop(struct service *service);

/* Checks the database settings in the options, in libpq's environment and in the files that they
 * name, without connecting. On failure, *err names the option or variable, what is wrong with it,
 * and what would be right. */
bool service_check_database(const struct options *options, struct err *err) MUST_CHECK;

/* Opens only the store and the pool. Waits for no server. `task` is NULL for a replica, which
 * serves orders; otherwise it names the command, and the pool has one connection. */
bool service_open_database(struct service *service, const char *task, struct err *err) MUST_CHECK;
void service_close_database(struct service *service, int64_t deadline_at_ns);

enum { EXIT_SCHEMA_TOO_NEW = 70, EXIT_CONFIG = 78 };

#endif
