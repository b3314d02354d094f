/* service.h - the running service: every part and how they hang together.
 *
 *   http loops -> routes -> handlers -> ingest (queue, workers) -> store -> pqpool -> PostgreSQL
 *                                    -> reader (lookups)        -> store
 *                        -> observability, which reads the figures of all of them
 *
 * Threads    built and torn down by main. Other threads see the parts that they are given, and
 *            `exit_code`. */
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
    struct listen_fds listen;    /* the socket that was handed over, if one was */
    struct notify notify;        /* main's */
    struct budget memory;        /* what clients can make us hold: see app/memory.h */
    uint64_t memory_slack_bytes; /* see memory_tick(); main's */
    struct store *store;
    struct pqpool *pool;
    struct ingest *ingest;
    struct reader *reader;
    struct http_tls *tls;     /* NULL: plain HTTP; borrowed, opened and closed by main */
    struct http_server *http; /* the loops run before it is set: see http_server_of() */
    struct handlers handlers;
    struct observability observability;
    struct starter starter;
    atomic_int exit_code; /* what the starter wants main to end with; 0: nothing */
};

/* Starts all parts of the service after service_open_database(), and waits for no server. If the
 * listening socket was handed over, nothing is accepted from it before service_listen(). False:
 * *err says why, and everything is closed, the database too. */
bool service_start(struct service *service, struct err *err) MUST_CHECK;
bool service_listen(struct service *service, struct err *err) MUST_CHECK;

/* From here no connection is accepted, and each open one has one more answer: it carries
 * Connection: close, and an order in that request is stored as any other. */
void service_drain(struct service *service);
/* Reads API_KEYS_FILE again, and logs what came of it. */
void service_reload_keys(struct service *service);
/* Requests not yet answered, and orders not yet settled. */
uint64_t service_in_flight(struct service *service);
/* Ends everything now. What is still in flight is cut: a lookup is answered 503, an order by what
 * is known of it. */
void service_stop(struct service *service);

/* Checks what the options, libpq's environment and the files that they name say of the database;
 * nothing is dialled. False: *err names the option or variable, what is wrong with it, and what
 * would be right. */
bool service_check_database(const struct options *options, struct err *err) MUST_CHECK;

/* Opens the store and the pool alone, for `ordersd migrate` too; waits for no server. */
bool service_open_database(struct service *service, bool small, struct err *err) MUST_CHECK;
void service_close_database(struct service *service, int64_t deadline_at_ns);

enum { EXIT_SCHEMA_TOO_NEW = 70, EXIT_CONFIG = 78 };

#endif
