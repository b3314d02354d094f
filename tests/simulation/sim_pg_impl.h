/* sim_pg_impl.h - the server's state, for the files that are the server.
 *
 *   sim_pg.c            moods, dials, the end of a connection
 *   sim_pg_statement.c  statements, their answers and results
 *   sim_pg_backend.c    who is who, and cancels */
#ifndef SIMULATION_SIM_PG_IMPL_H
#define SIMULATION_SIM_PG_IMPL_H

#include "simulation/sim.h"
#include "simulation/sim_fd.h"
#include "simulation/sim_lookup.h"
#include "simulation/sim_pg.h"

enum dial { DIAL_QUICK, DIAL_LONG, DIAL_REFUSED, DIAL_LOST, DIAL_FULL, DIAL_DENIED, DIAL_NEVER };
enum { DIALS = DIAL_NEVER + 1 };

enum answer {
    ANSWER_QUICK,
    ANSWER_LONG,
    ANSWER_ERROR,
    ANSWER_57P01, /* and hangs up */
    ANSWER_25006,
    ANSWER_CUT,
    ANSWER_NEVER,
    ANSWER_DEAF,   /* takes long, and no cancel ends it */
    ANSWER_UNREAD, /* the network lost it, and tells neither side: the send does not end */
    ANSWER_UNSENT, /* libpq has no memory */
    ANSWER_57014,  /* it was cancelled */
};
enum { ANSWERS = ANSWER_UNSENT + 1, SQL_SIZE = 64, START_SIZE = 24, HOSTS = 3 };

struct sim_mood_row {
    const char *name;
    uint8_t dial[DIALS], answer[ANSWERS]; /* weights */
    uint8_t hang_up;                      /* percent of sessions that end by themselves */
};

/* A session and its backend. After PQfinish() the backend may go on: `gone`. */
struct session {
    struct session *prev, *next;
    struct sim_socket *socket;
    int fd; /* -1: closed, as libpq does when it finds the connection dead */
    bool gone;
    ConnStatusType status;
    PGTransactionStatusType transaction;
    enum dial dial;
    uint32_t host;   /* the server that it is to */
    uint32_t system; /* what the host had when it was dialled */
    PostgresPollingStatusType wants;
    const char *message;

    int pid;
    char start[START_SIZE];
    enum answer how;
    int64_t ends_at_ns;           /* of the statement, at the server */
    int64_t struck_at_ns;         /* the last cancel, past or to come */
    bool pending, answered, told; /* a statement: sent; its answer read; its result given */
    char sql[SQL_SIZE];
    PGresult *rows; /* of its answer; NULL: the SQL as the only one */
};

/* Where a server can be reached: "10.0.HOST.WAY". */
enum { WAYS = 3 };
struct sim_address {
    uint32_t host, way;
};

struct sim_server {
    const struct sim_mood_row *mood;
    bool pooler;
    struct session *sessions;
    uint32_t open, cancels_open, starts;
    uint32_t promotions, timelines[HOSTS]; /* of all; of each host */
    uint32_t replaced, systems[HOSTS];     /* of all; which database each host has */
    bool silent[HOSTS][WAYS];              /* what is sent there is lost */
    enum sim_resolver resolver;
    uint32_t lookups_open;
};

extern struct sim_server sim_server;

/* Nothing that may talk to a server happens under a mutex. */
struct session *sim_session_of(const PGconn *pg);

uint32_t sim_draw_weighted(const uint8_t *weights, uint32_t n);
int64_t sim_in_us(int64_t least_us, int64_t most_us); /* a moment */
void sim_session_drop(struct session *session);       /* libpq finds it dead */

/* ---- sim_pg_backend.c ---- */

void sim_backend_born(struct session *session); /* gives it a number that is free */
void sim_backends_bury(void);                   /* those whose statements are over */
void sim_backend_free(struct session *session);

/* A statement that asks about backends has its rows prepared, and its cancels scheduled. */
void sim_backend_asked(struct session *session, const char *sql);

struct pg_cancel_conn *sim_cancel_create(PGconn *pg);
int sim_cancel_start(struct pg_cancel_conn *cancel);
PostgresPollingStatusType sim_cancel_poll(struct pg_cancel_conn *cancel);
int sim_cancel_socket(const struct pg_cancel_conn *cancel);
void sim_cancel_finish(struct pg_cancel_conn *cancel);

/* ---- sim_pg_statement.c: members of struct pg_driver ---- */

int sim_send_query(PGconn *pg, const char *sql);
int sim_send_prepare(PGconn *pg, const char *name, const char *sql, int n, const Oid *types);
int sim_send_query_params(PGconn *pg, const char *sql, int n, const Oid *types,
                          const char *const *values, const int *lengths, const int *formats,
                          int result_format);
int sim_send_query_prepared(PGconn *pg, const char *name, int n, const char *const *values,
                            const int *lengths, const int *formats, int result_format);
int sim_flush(PGconn *pg);
int sim_consume_input(PGconn *pg);
int sim_is_busy(PGconn *pg);
PGresult *sim_get_result(PGconn *pg);

/* A result of text columns; cells: row after row. */
PGresult *sim_make_rows(int columns, int rows, const char *const *cells);

#endif
