/* conn.h - one connection of the pool, and the table of states it moves through.
 *
 *   NEW         a free slot                          -> CONNECTING
 *   CONNECTING  being dialled by the connector       -> IDLE, LEASED, CLOSING
 *   IDLE        ready, newest use first              -> LEASED, CHECKING, CLOSING
 *   CHECKING    probed by the thread that wants it   -> LEASED, CLOSING; the control one -> IDLE
 *   LEASED      on loan                              -> IDLE, LEASED, CHECKING, RESETTING,
 *                                                       CANCELING, CLOSING
 *   RESETTING   ROLLBACK by the janitor              -> IDLE, LEASED, CLOSING
 *   CANCELING   its query is being cancelled         -> RESETTING, CLOSING
 *   CLOSING     waits for the connector's PQfinish   -> NEW
 *
 * A slot counts against the maximum in every state but NEW, so until PQfinish has returned.
 * Each state has one list. Only conn_move() changes a state, a list or a count. */
#ifndef PQPOOL_CONN_H
#define PQPOOL_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <libpq-fe.h>

#include "base/attr.h"
#include "base/err.h"
#include "pqpool/pqpool.h"

struct name;
struct pqpool;
struct conn;

enum conn_state {
    CONN_NEW,
    CONN_CONNECTING,
    CONN_IDLE,
    CONN_CHECKING,
    CONN_LEASED,
    CONN_RESETTING,
    CONN_CANCELING,
    CONN_CLOSING,
};
enum { CONN_STATES = CONN_CLOSING + 1 };

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

/* Of a connection in CANCELING, and of one in CLOSING whose backend lives on. Janitor only. */
enum cancel_stage {
    CANCEL_WANTED, /* not yet asked for */
    CANCEL_ASKED,  /* under way: it may strike at any moment, so the connection stays here */
    CANCEL_STRUCK, /* behind us: whatever is sent from here on, it cannot hit */
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
    struct pqpool *pool;
    struct pqpool_lease lease; /* what the holder sees */
    struct conn *prev, *next;  /* in the list of its state */
    enum conn_state state;
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
    enum cancel_stage cancel;
    struct pg_cancel_conn *canceler; /* the janitor's; owned; NULL: none is under way */
    bool ended;                      /* CANCELING: its statement is over */
    bool orphan;                     /* its backend may outlive it */
    bool lingers;                    /* CLOSING: closed, and the slot waits for the orphan's end */
    atomic_bool on_loan;             /* from the acquire that lent it to the first release */
    struct conn_holder holder;       /* while LEASED; of the control connection only since_at_ns */
    /* the holder's, while LEASED */
    bool doomed;                             /* to be closed when it comes back */
    bool warned;                             /* a notice of class 01 arrived */
    struct pqpool_error_fields error_fields; /* of the last error that the server answered with */
    unsigned user_bits;
    enum close_reason close_reason; /* in CLOSING */
};

struct conn_list {
    struct conn *first, *last;
    uint32_t count;
};

const char *conn_state_name(enum conn_state state);
bool conn_may_move(enum conn_state from, enum conn_state to);

#endif
