/* order_store.h - the interface between orders and the place that stores them. src/store implements
 * it with PostgreSQL, tests with a fake. One call is one attempt; the caller decides about the
 * next.
 *
 * Threads    Any; calls on one store run in parallel. A call may block until its deadline and
 *            50 ms longer at most. */
#ifndef ORDERS_ORDER_STORE_H
#define ORDERS_ORDER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "orders/order.h"

enum put_verdict {
    PUT_PENDING,  /* no verdict yet, or no row came back for the key: attempt it again */
    PUT_CREATED,  /* stored under our order_id and committed */
    PUT_REPLAYED, /* the same order was stored before: see `stored` */
    PUT_REUSED,   /* another order has this key: see `stored` and `diff` */
    PUT_ABSENT,   /* no order has this key; only for lookup_only */

    /* The next two verdicts occur only in an atomic group that was rolled back. Orders that are
     * PUT_REUSED or PUT_ABSENT may also be the reason of the rollback. */
    PUT_REFUSED,     /* the database rejects this order: see put_group.refusal */
    PUT_ROLLED_BACK, /* not stored, because another order of the group failed */
};

/* What the store returns about an order that was stored before. The other fields of a replay equal
 * those that were sent, so they are not fetched. */
struct order_stored {
    /* "" if the order is in the same atomic group, of which nothing is stored. */
    char order_id[ORDER_ID_SIZE];
    int64_t received_at_us;
};

/* One order in an attempt. */
struct order_put {
    const struct order
        *order;               /* borrowed; its order_id and received_at are set, and never change */
    bool lookup_only;         /* in: only look the key up, write nothing */
    bool skip;                /* before_send may set it: leave this order out of the attempt */
    enum put_verdict verdict; /* out; final unless PUT_PENDING */
    unsigned diff;            /* out, if PUT_REUSED: the fields that differ */
    struct order_stored stored; /* out, if PUT_REPLAYED or PUT_REUSED */
};

/* Who can remedy a failure. The table of SQLSTATEs is in store/sqlstate.c. */
enum store_fault {
    FAULT_NONE,     /* nobody has to act: a lock, a deadlock, a deadline, no connection yet */
    FAULT_ORDER,    /* the order's sender: the same order would be rejected again */
    FAULT_OPERATOR, /* the operator: a table, column, right or function must be mended */
    FAULT_SERVER,   /* those who run the database server: its space, memory, files or state */
    FAULT_SERVICE,  /* the authors of ordersd */
};
enum { STORE_FAULTS = FAULT_SERVICE + 1 };

/* What the caller should do after a failed attempt (docs/DESIGN.md, "Errors"). */
enum store_action {
    STORE_RETRY, /* retry the whole group after a pause */
    /* Retry the whole group after a pause. After two such failures split the group, so that the
     * orders without fault are stored. */
    STORE_RETRY_THEN_SPLIT,
    /* One order is at fault: split the group. If the group has only one order, the database rejects
     * that order. An atomic group is rejected as a whole, without naming an order. */
    STORE_SPLIT,
    /* Either one order is at fault, or every attempt would fail: attempt the group in pieces to
     * find out. An order that fails alone fails by `fault`. If all pieces fail alike, all orders
     * fail by `fault`. */
    STORE_SPLIT_OR_FAIL,
    STORE_FAIL,        /* fail the whole group at once, and log an error */
    STORE_UNAVAILABLE, /* nothing was sent: the pool is down, or no connection came in time */
    /* Nothing was sent. The group is in doubt at another database than the current one. The current
     * database does not know the outcome and must not get the group, so the outcome stays
     * unknown. */
    STORE_ELSEWHERE,
};

/* Why an attempt is repeated; a label of metrics. */
enum retry_reason {
    RETRY_LOST,        /* the connection broke, timed out, or its server is shutting down */
    RETRY_LOCK,        /* another transaction held a lock */
    RETRY_SERVER,      /* any other error of the server */
    RETRY_UNAVAILABLE, /* no connection */
};
enum { RETRY_REASONS = RETRY_UNAVAILABLE + 1 };

struct store_failure {
    enum store_action action;
    enum store_fault fault;
    enum retry_reason retry; /* the reason, if the attempt is repeated */
    bool in_doubt;           /* this attempt may have stored something, or may do so later */
    /* Only for STORE_SPLIT_OR_FAIL: if another order of the group was stored, this failure is the
     * fault of the order that failed. */
    bool unless_neighbour_stored;
    bool down; /* STORE_UNAVAILABLE: the database is known to be down, so do not wait for it */
    struct err err;
};

struct put_group {
    /* Sorted by order_compare_key(), with distinct keys except for lookups. An atomic group may
     * repeat keys, in the order of arrival. */
    struct order_put **puts;
    size_t n;
    bool in_doubt;           /* an earlier attempt may have stored some: query before writing */
    uint32_t doubt_database; /* sent_database of the attempt that is in doubt */
    bool atomic;             /* store all or none; `skip` is then set for all or none too */
    int64_t deadline_at_ns;
    /* Called once, on this thread, when a connection is held and before the first byte is sent. May
     * set `skip` on any put. */
    void (*before_send)(void *arg, struct put_group *group);
    void *arg;

    /* out: a number that identifies the database to which this attempt was sent. 0: nothing was
     * sent, or the database cannot be identified. */
    uint32_t sent_database;
    bool refused;       /* out: the atomic group was rolled back; the verdicts say why */
    struct err refusal; /* out, with PUT_REFUSED: the database's error */
};

enum lookup_rc {
    LOOKUP_OK,
    LOOKUP_UNAVAILABLE,    /* no answer by the deadline, or no connection */
    LOOKUP_DATABASE_FAULT, /* the operator or the server's staff must mend a fault first: *err */
    LOOKUP_FAILED,         /* our own fault, or out of memory: *err */
};

/* Largest metadata of a stored order, in bytes of the text that the database returns. Older
 * versions of this program stored numbers that jsonb writes out, up to 52 bytes for each byte
 * sent. */
enum { ORDER_SHOWN_METADATA_MAX = 256 * 1024 };

/* The most bytes of metadata that one lookup fetches. A lookup of n orders leaves out the metadata
 * of an order if they have more than LOOKUP_METADATA_MAX / n bytes, or more than
 * ORDER_SHOWN_METADATA_MAX. So a lookup of up to LOOKUP_KEYS_ALL orders leaves no metadata out, and
 * a lookup of 100 orders leaves out none that this version has stored. */
enum {
    LOOKUP_METADATA_MAX = 4 * 1024 * 1024,
    LOOKUP_KEYS_ALL = LOOKUP_METADATA_MAX / ORDER_SHOWN_METADATA_MAX,
};

struct order_key {
    const char *account_id, *client_order_id; /* borrowed */
};

struct order_store {
    void *ctx;
    /* Makes one attempt to write the group. If it returns true, every put that was not skipped has
     * its verdict or is rightly PENDING. If it returns false, *failure says why, and verdicts that
     * are set are final. An atomic group has verdicts for all of its orders or for none. */
    bool (*put)(void *ctx, struct put_group *group, struct store_failure *failure);
    /* Looks up orders by their keys. out[i].order_id is "" if keys[i] was not found. The caller
     * owns the orders in `out`. If an order is too large to be returned with so many others, its
     * metadata is NULL and its metadata_len is not 0. */
    enum lookup_rc (*get_by_keys)(void *ctx, const struct order_key *keys, size_t n,
                                  struct order *out, int64_t deadline_at_ns, struct err *err);
    enum lookup_rc (*get_by_id)(void *ctx, const char *order_id, struct order *out,
                                int64_t deadline_at_ns, struct err *err);
};

#endif
