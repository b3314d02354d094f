/* conn.h - one connection of the pool, and the states it moves through.
 *
 * A slot counts against the maximum in every state but NEW: until PQfinish has returned, because
 * the server holds the session until then, and if its backend is an orphan, until that has ended.
 * Each state has one list; conn_move() is the only function that changes a state, a list or a
 * count. Which move is allowed, and what is true in each state: the table in conn.c.
 *
 * Threads    the state says which thread has the connection: that thread alone uses `pg` and the
 *            members of the session. The state itself is under the pool's mutex, and so are the
 *            members whose comment says so.
 * Ownership  the pool's; `pg` from the dial to conn_finish(). */
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
    CONN_NEW,           /* a free slot */
    CONN_CONNECTING,    /* dialled and set up by the connector */
    CONN_IDLE,          /* fit for use: the newest use first */
    CONN_CHECKING,      /* a caller runs the validation query on it, or the janitor uses the control
                           connection */
    CONN_LEASED,        /* held by a caller, or given to one that has not woken up yet */
    CONN_RESETTING,     /* the janitor runs ROLLBACK */
    CONN_CANCEL_WANTED, /* released while a statement runs, which is to be cancelled */
    CONN_CANCEL_ASKED,  /* a cancel request is under way, and may reach the backend at any moment */
    CONN_CANCEL_PENDING,  /* the statement has ended, and the request is still under way */
    CONN_CANCEL_ANSWERED, /* the request has ended, so it hits no later statement; this one still
                             runs */
    CONN_CLOSING,         /* waits for the connector's PQfinish */
    CONN_CLOSING_ORPHAN,  /* waits for PQfinish; its backend may still run */
    CONN_ORPHANED,        /* closed; the slot waits for the end of the backend */
    CONN_ORPHAN_ASKED,    /* closed; the server is being asked about the backend */
};
enum { CONN_STATES = CONN_ORPHAN_ASKED + 1 };

/* Whether the session can be used again. The value only increases. The thread that has the
 * connection writes it, with no lock; conn_discard() chooses the state by it. */
enum conn_session {
    SESSION_SOUND,
    SESSION_MUST_CLOSE, /* at its release */
    SESSION_ORPHANED,   /* it must be closed, and its backend may still run */
};

enum close_reason {
    CLOSE_LOST,       /* died, or its peer hung up */
    CLOSE_DISCARDED,  /* released with PQPOOL_DISCARD */
    CLOSE_INVALID,    /* its validation query or its ROLLBACK failed */
    CLOSE_GENERATION, /* the pool had begun a new generation */
    CLOSE_IDLE,
    CLOSE_LIFETIME,
    CLOSE_DIAL, /* the dial failed */
    CLOSE_SHUTDOWN,
    CLOSE_STUCK, /* its statement did not end, though it was cancelled */
};
enum { CLOSE_REASONS = CLOSE_STUCK + 1 };

struct pqpool_lease {
    struct conn *conn;
};

/* Written under the mutex. */
struct conn_holder {
    const char *file; /* static: the caller's __FILE__ */
    int line;
    int thread; /* the kernel's id */
    int64_t since_at_ns;
    uint64_t checkout; /* the number of this checkout; 0: on its way to a holder */
    bool leak_reported;
    bool timed; /* since_at_ns is exact: the histogram `hold` gets this checkout */
};

/* Identifies the session at its server. A pid alone would not: when it is used, it may belong to
 * another session. */
struct conn_backend {
    int pid;        /* 0: not known, as behind a pooler: its statements cannot be cancelled */
    char start[32]; /* backend_start, in seconds of Unix time */
};

/* What a server says about itself and its database. */
struct conn_history {
    char system[24];   /* its system identifier; "": the server does not tell */
    uint32_t timeline; /* rises with each promotion; 0: a standby, or the server does not tell */
    uint32_t oid;      /* of the database: a new one may have an old one's name; 0: not known */
    char started[32];  /* when the server started, in seconds of Unix time; "": not known */
};

/* The progress of a dial: connector thread only. */
struct conn_dial {
    int64_t started_at_ns, deadline_at_ns;
    int64_t host_deadline_at_ns; /* of this host's lookup and addresses */
    int64_t step_deadline_at_ns; /* of the lookup, or of one address */
    unsigned hosts_tried, host;
    struct name
        *name;        /* the lookup of the host, finished or under way; NULL: no lookup is needed */
    unsigned address; /* index in name->addresses: the one that is dialled */
    PostgresPollingStatusType want;
    unsigned failures;
    struct err why; /* the most significant failure so far */
    int why_class;  /* enum error_class */
};

struct conn {
    struct list_node node; /* in the list of its state; first, so that a node is the connection */
    struct pqpool *pool;
    struct pqpool_lease lease; /* a caller has a pointer to it */
    enum conn_state state;
    enum conn_session session;
    bool control;        /* the control connection: in no list and in no count */
    PGconn *pg;          /* belongs to the thread that the state says; NULL in NEW */
    int fd;              /* libpq's, during the dial; afterwards libpq may close it by itself */
    int own_fd;          /* a duplicate, open until conn_finish(): for epoll and for shutdown() */
    uint32_t serial;     /* rises with each dial: tells a late event of an earlier connection */
    uint32_t generation; /* of the pool, when the dial began */
    int64_t born_at_ns, expires_at_ns, used_at_ns;
    atomic_bool peer_gone; /* set by the janitor's epoll; read with no system call at checkout */
    struct conn_dial dial;
    struct conn_backend backend; /* both are set before the first checkout */
    struct conn_history history;
    uint32_t database; /* as pqpool_lease_database() returns it; set before the first checkout */
    int64_t task_deadline_at_ns; /* of the statement that the janitor awaits; 0: not begun */
    PGresult *task_rows;         /* owned; its last result, until the task is over */
    unsigned task_results;       /* how many results it has had */
    bool task_refused;
    struct pg_cancel_conn *cancel_request; /* owned, for the janitor; NULL: none is under way */
    atomic_bool checked_out;               /* from the acquire to the first release */
    struct conn_holder holder; /* while LEASED; of the control connection only since_at_ns */
    /* the holder's, while LEASED */
    bool warned;                             /* a notice of class 01 arrived */
    struct pqpool_error_fields error_fields; /* of the last error that the server answered with */
    unsigned user_bits;
    enum close_reason close_reason; /* from CLOSING on */
};

/* Leaves a worse value as it is. */
static inline void conn_worsen(struct conn *conn, enum conn_session session)
{
    if (conn->session < session)
        conn->session = session;
}

/* The connection is of no more use, and the statement of its backend may still run. */
static inline void conn_orphan_backend(struct conn *conn)
{
    conn_worsen(conn, conn->backend.pid != 0 ? SESSION_ORPHANED : SESSION_MUST_CLOSE);
}

const char *conn_state_name(enum conn_state state);
bool conn_may_move(enum conn_state from, enum conn_state to);

#endif
