/* conn.h - one connection of the pool, and the states it moves through.
 *
 * A slot counts against the maximum in every state but NEW: until PQfinish has returned, because
 * the server holds the session until then, and if its backend is an orphan, until that has ended.
 * Each state has one list; conn_move() is the only function that changes a state, a list or a
 * count. Which move is allowed, and what is true in each state: the table in conn.c.
 *
 * Threads    a state says which thread has the connection: that thread alone uses `pg` and what is
 *            the session's. The state itself, and what says so, is under the pool's mutex.
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
    CONN_NEW,             /* a free slot */
    CONN_CONNECTING,      /* dialled and set up by the connector */
    CONN_IDLE,            /* fit for use: the newest use first */
    CONN_CHECKING,        /* probed by the thread that wants it; the control connection: asked */
    CONN_LEASED,          /* on loan to its holder, or on its way there */
    CONN_RESETTING,       /* the janitor rolls back */
    CONN_CANCEL_WANTED,   /* came back in the middle of a statement, which is to be cancelled */
    CONN_CANCEL_ASKED,    /* a cancel request is under way, and may strike at any moment */
    CONN_CANCEL_PENDING,  /* the statement is over, and the request is still under way */
    CONN_CANCEL_ANSWERED, /* the request is over and hits no later statement; this one goes on */
    CONN_CLOSING,         /* waits for the connector's PQfinish */
    CONN_CLOSING_ORPHAN,  /* waits for PQfinish, and its backend may go on */
    CONN_ORPHANED,        /* closed; the slot waits for the end of the backend */
    CONN_ORPHAN_ASKED,    /* closed; the server is being asked about the backend */
};
enum { CONN_STATES = CONN_ORPHAN_ASKED + 1 };

/* Can the session be used again? It only gets worse. Written by the thread that has the connection,
 * with no lock; conn_discard() makes a state of it. */
enum conn_session {
    SESSION_SOUND,
    SESSION_MUST_CLOSE, /* when it comes back */
    SESSION_ORPHANED,   /* it must be closed, and its backend may go on */
};

enum close_reason {
    CLOSE_LOST,       /* died, or its peer hung up */
    CLOSE_DISCARDED,  /* the holder said so */
    CLOSE_INVALID,    /* its probe or its reset failed */
    CLOSE_GENERATION, /* older than a failover or a restart that was noticed */
    CLOSE_IDLE,
    CLOSE_LIFETIME,
    CLOSE_DIAL, /* never got to be a connection */
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
    uint64_t loan; /* one more each time that any connection is lent; 0: on its way to a holder */
    bool leak_reported;
    bool timed; /* since_at_ns is exact: this loan goes into the histogram */
};

/* How the server knows the session: a pid alone may be another's by the time it is used. */
struct conn_backend {
    int pid;        /* 0: not known, as behind a pooler: its statements cannot be cancelled */
    char start[32]; /* backend_start, in seconds of Unix time */
};

/* Which database the server has, and how often a standby of it had been promoted by then. */
struct conn_history {
    char system[24];   /* its system identifier; "": a server that does not say */
    uint32_t timeline; /* 0: not known, as of a standby, or of a server that does not say */
    uint32_t oid;      /* of the database: another one may have got its name; 0: not known */
    char started[32];  /* when the server was, in seconds of Unix time; "": not known */
};

/* The progress of a dial: connector thread only. */
struct conn_dial {
    int64_t started_at_ns, deadline_at_ns;
    int64_t host_deadline_at_ns; /* of this host's lookup and addresses */
    int64_t step_deadline_at_ns; /* of the lookup, or of one address */
    unsigned hosts_tried, host;
    struct name *name; /* of the host: its lookup, finished or under way; NULL: libpq takes the host
                          as it is */
    unsigned address;  /* of the name's, the one that is dialled */
    PostgresPollingStatusType want;
    unsigned failures;
    struct err why; /* the most telling of the failures so far */
    int why_class;  /* enum error_class */
};

struct conn {
    struct list_node node; /* in the list of its state; first, so that a node is the connection */
    struct pqpool *pool;
    struct pqpool_lease lease; /* what the holder sees */
    enum conn_state state;
    enum conn_session session;
    bool control;        /* the health check's own: in no list, in no count */
    PGconn *pg;          /* belongs to the thread that the state says; NULL in NEW */
    int fd;              /* libpq's, while it is dialled; afterwards libpq may close it by itself */
    int own_fd;          /* a duplicate, ours until conn_finish(): to watch, and to cut */
    uint32_t serial;     /* one more at each dial: tells a late event from a fresh one */
    uint32_t generation; /* the pool's, at birth */
    int64_t born_at_ns, expires_at_ns, used_at_ns;
    atomic_bool peer_gone; /* set by the janitor's epoll; read with no system call at checkout */
    struct conn_dial dial;
    struct conn_backend backend; /* both set before the connection is first lent */
    struct conn_history history;
    uint32_t database; /* as pqpool_lease_database() tells it; set before the connection is lent */
    int64_t task_deadline_at_ns; /* of what the janitor runs or awaits on it; 0: not begun */
    PGresult *task_rows;         /* owned; the last result of it, until the task is over */
    unsigned task_results;       /* how many it has had, with that one */
    bool task_refused;
    struct pg_cancel_conn *canceler; /* the janitor's; owned; NULL: none is under way */
    atomic_bool on_loan;             /* from the acquire that lent it to the first release */
    struct conn_holder holder;       /* while LEASED; of the control connection only since_at_ns */
    /* the holder's, while LEASED */
    bool warned;                             /* a notice of class 01 arrived */
    struct pqpool_error_fields error_fields; /* of the last error that the server answered with */
    unsigned user_bits;
    enum close_reason close_reason; /* from CLOSING on */
};

/* Never makes it better. */
static inline void conn_worsen(struct conn *conn, enum conn_session session)
{
    if (conn->session < session)
        conn->session = session;
}

/* Nobody can talk to the backend any more, and its statement may go on. */
static inline void conn_lose_backend(struct conn *conn)
{
    conn_worsen(conn, conn->backend.pid != 0 ? SESSION_ORPHANED : SESSION_MUST_CLOSE);
}

const char *conn_state_name(enum conn_state state);
bool conn_may_move(enum conn_state from, enum conn_state to);

#endif
