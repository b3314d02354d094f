/* order_store.h - the seam between the orders and the place that keeps them: store/ is PostgreSQL,
 * tests give a fake. One call is one attempt; whoever calls decides on the next.
 *
 * Threads    any; calls on one store run in parallel. A call may block until its deadline, plus
 *            50 ms at most. */
#ifndef ORDERS_ORDER_STORE_H
#define ORDERS_ORDER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "orders/order.h"

enum put_verdict {
    PUT_PENDING,  /* nothing is known yet, or the key was in neither answer: ask again */
    PUT_CREATED,  /* stored under our order_id, committed */
    PUT_REPLAYED, /* the same order was there: `stored` */
    PUT_REUSED,   /* another order was there under this key: `stored`, `diff` */
    PUT_ABSENT,   /* lookup_only, and the key is not there */

    /* Of an atomic group that was rolled back; PUT_REUSED and PUT_ABSENT may be its reason too. */
    PUT_REFUSED,     /* the database refuses this order: put_group.refusal */
    PUT_ROLLED_BACK, /* not stored, for another's sake */
};

/* What the store returns of an order that was stored before. All other fields of a replay are equal
 * by value to the fields that were sent, so they need not be fetched. */
struct order_stored {
    char order_id[ORDER_ID_SIZE]; /* "" when it is an order of the same atomic group: none of it is
                                     stored */
    int64_t received_at_us;
};

/* One order on its way through an attempt. */
struct order_put {
    const struct order
        *order;               /* borrowed; order_id and received_at set, the same at each attempt */
    bool lookup_only;         /* in: do not write, only look the key up */
    bool skip;                /* set by before_send: leave this one out of the attempt */
    enum put_verdict verdict; /* out; final unless PUT_PENDING */
    unsigned diff;            /* out: PUT_REUSED */
    struct order_stored stored; /* out: PUT_REPLAYED, PUT_REUSED */
};

/* Whose fault a failure is: store/sqlstate.c has the table of SQLSTATEs. */
enum store_fault {
    FAULT_NONE,     /* nobody's: a lock, a deadlock, a deadline, no connection yet */
    FAULT_ORDER,    /* the order's: the same order would be refused again */
    FAULT_OPERATOR, /* the operator's: a person must mend a table, a column, a right, a function */
    FAULT_SERVER,   /* the database server's: its space, its memory, its files, its state */
    FAULT_SERVICE,  /* ours */
};
enum { STORE_FAULTS = FAULT_SERVICE + 1 };

/* What an attempt that failed allows (docs/DESIGN.md, "Errors"). */
enum store_action {
    STORE_RETRY,            /* the whole group, after a pause */
    STORE_RETRY_THEN_SPLIT, /* again; after two such failures split, so that other orders pass */
    STORE_SPLIT, /* one order's fault: split; alone, that order is refused by the database; of an
                    atomic group: refused as a whole, no single order is at fault */
    STORE_SPLIT_OR_FAIL, /* one order's doing, or the end of all: tried in pieces; what fails alone,
                            or if all pieces fail alike, fails by `fault` */
    STORE_FAIL,          /* the whole group at once, loudly */
    STORE_UNAVAILABLE,   /* nothing was sent: no connection by the deadline, or the pool is down */
    STORE_ELSEWHERE, /* nothing was sent: the group is in doubt at another database than the current
                        one. The current one knows no outcome and must not be sent the group, so the
                        outcome stays unknown */
};

/* Why an attempt is made again: a label of metrics. */
enum retry_reason {
    RETRY_LOST,        /* the connection broke, gave no answer in time, or its server shuts down */
    RETRY_LOCK,        /* other transactions were in the way */
    RETRY_SERVER,      /* any other error of the server's */
    RETRY_UNAVAILABLE, /* no connection */
};
enum { RETRY_REASONS = RETRY_UNAVAILABLE + 1 };

struct store_failure {
    enum store_action action;
    enum store_fault fault;
    enum retry_reason retry;      /* if the attempt is made again */
    bool in_doubt;                /* this attempt may have stored something, or may yet */
    bool unless_neighbour_stored; /* STORE_SPLIT_OR_FAIL: if another order of the group was stored,
                                     it is the order's fault after all */
    bool down; /* STORE_UNAVAILABLE: the database is known to be away, so do not wait for it */
    struct err err;
};

struct put_group {
    struct order_put **puts; /* sorted by order_compare_key(); keys distinct but for lookups; of an
                                atomic group keys may repeat, in the order of arrival */
    size_t n;
    bool in_doubt; /* an earlier attempt may have stored some of these: look before believing */
    uint32_t doubt_database; /* the sent_database of that attempt */
    bool atomic;             /* all of them or none; `skip` is for all or none, too */
    int64_t deadline_at_ns;
    /* Called once, on this thread, when a connection is held and just before the first byte is
     * sent; may set `skip` on any put. */
    void (*before_send)(void *arg, struct put_group *group);
    void *arg;

    uint32_t sent_database; /* out: where this attempt was sent: a number that is the same for the
                               same database; 0: not sent, or the database does not say */
    bool refused;           /* out, atomic: rolled back, and the verdicts say why */
    struct err refusal;     /* out: PUT_REFUSED: the database's error */
};

enum lookup_rc {
    LOOKUP_OK,
    LOOKUP_UNAVAILABLE,    /* no answer by the deadline, or no connection */
    LOOKUP_DATABASE_FAULT, /* the operator's or the server's fault must be mended first: *err */
    LOOKUP_FAILED,         /* a fault of ours, or no memory: *err */
};

/* The most bytes that the metadata of a stored order may have as the database shows them. Older
 * versions of this program stored numbers that jsonb writes out, up to 52 bytes for one. */
enum { ORDER_SHOWN_METADATA_MAX = 256 * 1024 };

/* The most metadata that one lookup fetches. Of n orders, those with more than an n-th of that (and
 * at most ORDER_SHOWN_METADATA_MAX) are left out. So of LOOKUP_KEYS_ALL orders none is ever left
 * out, and of 100 none that this version has stored. */
enum {
    LOOKUP_METADATA_MAX = 4 * 1024 * 1024,
    LOOKUP_KEYS_ALL = LOOKUP_METADATA_MAX / ORDER_SHOWN_METADATA_MAX,
};

struct order_key {
    const char *account_id, *client_order_id; /* borrowed */
};

struct order_store {
    void *ctx;
    /* One attempt to write the group. True: every put not skipped has its verdict or stays PENDING
     * by right; false: *failure says why, and puts whose verdict is set have it for good. An atomic
     * group has verdicts for all or for none. */
    bool (*put)(void *ctx, struct put_group *group, struct store_failure *failure);
    /* out[i].order_id is "" where keys[i] was not found. The caller owns what was filled in. Of an
     * order that is too large to be shown beside so many others metadata is NULL and metadata_len
     * is not 0. */
    enum lookup_rc (*get_by_keys)(void *ctx, const struct order_key *keys, size_t n,
                                  struct order *out, int64_t deadline_at_ns, struct err *err);
    enum lookup_rc (*get_by_id)(void *ctx, const char *order_id, struct order *out,
                                int64_t deadline_at_ns, struct err *err);
};

#endif
