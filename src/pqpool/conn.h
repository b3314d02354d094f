/* conn.h - one connection of the pool, and the states it moves through.
 *
 * A slot counts against the maximum in every state but NEW. It does not become NEW before PQfinish
 * has returned, because the server holds the session until then. If the backend of the connection
 * is orphaned, the slot counts until that backend has ended.
 * Each state has one list; conn_move() is the only function that changes a state, a list or a
 * count. The table in conn.c says which moves are allowed, and what is true in each state.
 *
 * Threads    the state says which thread has the connection: that thread alone uses `pg` and the
 *            members of the session. The pool's mutex guards the state itself and each member whose
 *            comment says so.
 * Ownership  the pool owns the connection, and `pg` from the dial to conn_finish(). */
#ifndef PQPOOL_CONN_H
#define PQPOOL_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <libpq-fe.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/list.h"
#include "pqpool/pqpool.h"

struct name;
struct pqpool;
struct conn;

enum conn_state {
    CONN_NEW,        /* a free slot */
    CONN_CONNECTING, /* the connector dials it and sets its session up */
    CONN_IDLE,       /* a caller may take it; the list begins with the one that became idle last */
    CONN_CHECKING, /* a caller runs the validation query on it; or it is the control connection, and
                      the janitor runs a statement on it */
    CONN_LEASED,   /* a caller holds it, or has been given it and has not woken up yet */
    CONN_RESETTING,     /* the janitor is to run ROLLBACK, or runs it */
    CONN_CANCEL_WANTED, /* released while a statement runs; that statement is to be cancelled */
    CONN_CANCEL_ASKED,  /* a cancel request is under way, and may reach the backend at any moment */
    CONN_CANCEL_PENDING,  /* the statement has ended, and the cancel request is still under way */
    CONN_CANCEL_ANSWERED, /* the cancel request has ended, so it can hit no later statement; the
                             cancelled statement still runs */
    CONN_CLOSING,         /* the connector is to call PQfinish */
    CONN_CLOSING_ORPHAN,  /* the connector is to call PQfinish; the backend may still run */
    CONN_ORPHANED,        /* closed; the slot waits for the end of the backend */
    CONN_ORPHAN_ASKED,    /* closed; the janitor is asking the server about the backend */
};
enum { CONN_STATES = CONN_ORPHAN_ASKED + 1 };

/* Whether the session can be used again. During a session the value never decreases. The thread
 * that has the connection writes the value without a lock; conn_discard() reads it to choose
 * between CLOSING and CLOSING_ORPHAN. */
enum conn_session {
    SESSION_SOUND,
    SESSION_MUST_CLOSE, /* the connection must be closed when it is released */
    SESSION_ORPHANED,   /* the connection must be closed, and its backend may still run */
};

enum close_reason {
    CLOSE_LOST,       /* the connection broke, or the server hung up */
    CLOSE_DISCARDED,  /* released with PQPOOL_DISCARD */
    CLOSE_INVALID,    /* its validation query or its ROLLBACK failed */
    CLOSE_GENERATION, /* the pool has begun a new generation since this connection was dialled */
    CLOSE_IDLE,
    CLOSE_LIFETIME,
    CLOSE_DIAL, /* the dial failed */
    CLOSE_SHUTDOWN,
    CLOSE_STUCK, /* its statement was cancelled and did not end */
};
enum { CLOSE_REASONS = CLOSE_STUCK + 1 };

struct pqpool_lease {
    struct conn *conn;
};

/* The caller that holds the connection. Written under the pool's mutex. */
struct conn_holder {
    const char *file; /* the caller's __FILE__, a static string */
    int line;
    int thread; /* the kernel's thread id */
    int64_t since_at_ns;
    uint64_t checkout; /* the number of this checkout; 0: the connection is given to a waiter that
                          has not woken up yet */
    bool leak_reported;
    bool timed; /* since_at_ns is exact, not coarse: the release adds the duration to the histogram
                   `hold` */
};

/* Identifies the session at its server. The pid alone is not enough, because the server may give a
 * later session the same pid. */
struct conn_backend {
    int pid; /* 0: not known, for example behind a pooler; cancel_request.c can still cancel a
                statement of the session, but SQL cannot */
    char start[32]; /* backend_start, in seconds of Unix time */
};

/* What a server says about itself and its database. */
struct conn_history {
    char system[24]; /* the server's system identifier; "": the server does not tell it */
    /* The timeline rises with each promotion. 0: the server is a standby or does not tell it. */
    uint32_t timeline;
    /* The database's oid, since a new database may have the name of an old one. 0: not known. */
    uint32_t oid;
    char started[32]; /* when the server started, in seconds of Unix time; "": not known */
};

/* The progress of a dial. Used by the connector's thread only. */
struct conn_dial {
    int64_t started_at_ns, deadline_at_ns;
    int64_t host_deadline_at_ns; /* of the lookup and all addresses of this host */
    int64_t step_deadline_at_ns; /* of the lookup, or of the address that is dialled */
    unsigned hosts_tried, host;
    struct name *name; /* the lookup of this host; NULL: no lookup is needed */
    unsigned address;  /* index in name->addresses of the address that is dialled */
    PostgresPollingStatusType want;
    unsigned failures;
    struct err why; /* the most significant failure so far */
    int why_class;  /* enum error_class */
};

struct conn {
    struct list_node node; /* in the list of the connection's state */
    struct pqpool *pool;
    struct pqpool_lease lease; /* a holder has a pointer to this member */
    enum conn_state state;
    enum conn_session session;
    bool control;        /* the control connection: in no list and in no count */
    PGconn *pg;          /* used only by the thread that has the connection; NULL in NEW */
    int fd;              /* polled during the dial; not used later, since libpq may close it */
    int own_fd;          /* a duplicate of libpq's socket, for epoll and shutdown() */
    uint32_t serial;     /* rises with each dial, so that an epoll event of an earlier connection in
                            this slot is recognized as late */
    uint32_t generation; /* the pool's generation when the dial began */
    int64_t born_at_ns, expires_at_ns, used_at_ns;
    atomic_bool peer_gone; /* set by the janitor when its epoll reports a hang-up; a checkout reads
                              it without a system call */
    struct conn_dial dial;
    struct conn_backend backend; /* set before the first checkout, as is `history` */
    struct conn_history history;
    uint32_t database; /* as pqpool_lease_database() returns it; set before the first checkout */
    int64_t task_deadline_at_ns; /* of the task, the statement that the janitor runs or awaits
                                    (task.c); 0: the janitor has not begun it */
    PGresult *task_rows;         /* the task's last result; owned; freed by task_clear() */
    unsigned task_results;       /* how many results the task has had */
    bool task_refused;
    struct pg_cancel_conn *cancel_request; /* owned, used by the janitor; NULL: there is none */
    atomic_bool checked_out;               /* true from the acquire to the first release */
    /* Valid while LEASED. On the control connection only since_at_ns is set: the time at which the
     * janitor began the statement that is running. */
    struct conn_holder holder;
    /* The next three members are used by the holder while LEASED. */
    bool warned; /* a warning arrived: a notice with an SQLSTATE of class 01 */
    struct pqpool_error_fields error_fields; /* of the last error that the server answered with */
    unsigned user_bits;
    enum close_reason close_reason; /* valid only after the move to CLOSING or CLOSING_ORPHAN */
};

/* Sets conn->session, unless its value is worse already. */
static inline void conn_worsen(struct conn *conn, enum conn_session session)
{
    if (conn->session < session)
        conn->session = session;
}

/* Marks a connection whose statement may run on at the server. The connection is closed when it is
 * released. Its backend, if known, then counts as orphaned. */
static inline void conn_orphan_backend(struct conn *conn)
{
    conn_worsen(conn, conn->backend.pid != 0 ? SESSION_ORPHANED : SESSION_MUST_CLOSE);
}

const char *conn_state_name(enum conn_state state);
bool conn_may_move(enum conn_state from, enum conn_state to);

#endif
