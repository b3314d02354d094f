/* pg_driver.h - the functions through which the pool uses connections of libpq and looks up host
 * names. Tests give the pool other functions, which play a scripted server; pg_driver_libpq has the
 * real functions. Each member works as the libpq function of that name (libpq manual, chapter 34)
 * or as the function of lookup.h.
 *
 * Threads    any, one at a time for each connection or lookup. */
#ifndef PQPOOL_PG_DRIVER_H
#define PQPOOL_PG_DRIVER_H

#include <libpq-fe.h>

#include "pqpool/lookup.h"

struct pg_driver {
    PGconn *(*connect_start)(const char *const *keywords, const char *const *values, int expand);
    PostgresPollingStatusType (*connect_poll)(PGconn *pg);
    int (*socket)(const PGconn *pg);
    ConnStatusType (*status)(const PGconn *pg);
    char *(*error_message)(const PGconn *pg);
    PGTransactionStatusType (*transaction_status)(const PGconn *pg);
    PGpipelineStatus (*pipeline_status)(const PGconn *pg);
    int (*backend_pid)(const PGconn *pg);
    int (*send_query)(PGconn *pg, const char *sql);
    int (*send_prepare)(PGconn *pg, const char *name, const char *sql, int n, const Oid *types);
    int (*send_query_params)(PGconn *pg, const char *sql, int n, const Oid *types,
                             const char *const *values, const int *lengths, const int *formats,
                             int result_format);
    int (*send_query_prepared)(PGconn *pg, const char *name, int n, const char *const *values,
                               const int *lengths, const int *formats, int result_format);
    int (*flush)(PGconn *pg);
    int (*consume_input)(PGconn *pg);
    int (*is_busy)(PGconn *pg);
    PGresult *(*get_result)(PGconn *pg);
    PGVerbosity (*set_error_verbosity)(PGconn *pg, PGVerbosity verbosity);
    PQnoticeReceiver (*set_notice_receiver)(PGconn *pg, PQnoticeReceiver receiver, void *arg);
    int (*set_nonblocking)(PGconn *pg, int nonblocking);
    void (*finish)(PGconn *pg);

    /* PQcancelCreate() and the functions for its result; all NULL if libpq is older than 17. */
    struct pg_cancel_conn *(*cancel_create)(PGconn *pg);
    int (*cancel_start)(struct pg_cancel_conn *cancel);
    PostgresPollingStatusType (*cancel_poll)(struct pg_cancel_conn *cancel);
    int (*cancel_socket)(const struct pg_cancel_conn *cancel);
    void (*cancel_finish)(struct pg_cancel_conn *cancel);

    /* The functions of lookup.h. */
    struct lookup *(*lookup_start)(const char *host, struct err *err);
    int (*lookup_fd)(const struct lookup *lookup);
    enum lookup_state (*lookup_poll)(const struct lookup *lookup, struct addresses *out,
                                     struct err *err);
    void (*lookup_finish)(struct lookup *lookup);
};

extern const struct pg_driver pg_driver_libpq;

#endif
