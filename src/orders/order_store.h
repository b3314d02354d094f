/* order_store.h - the interface through which ingest stores and looks up orders. src/store
 * implements it with PostgreSQL, tests with a fake. One call is one attempt; the caller decides
 * whether to make another.
 *
 * Threads    Any; calls on one store run in parallel. A call blocks until its deadline and 50 ms
 *            longer at most. */
#ifndef ORDERS_ORDER_STORE_H
#define ORDERS_ORDER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "orders/order.h"

enum put_verdict {
    PUT_PENDING,  /* no verdict yet: the order must be attempted again */
    PUT_CREATED,  /* stored under our order_id and committed */
    PUT_REPLAYED, /* the same order was stored before: see `stored` */
    PUT_REUSED,   /* another order has this key: see `stored` and `diff` */
    PUT_ABSENT,   /* no order has this key; only for lookup_only */

    /* The next two verdicts occur only in an atomic group that was rolled back. An order that
     * caused the rollback is PUT_REFUSED, PUT_REUSED or PUT_ABSENT. */
    PUT_REFUSED,     /* the database rejects this order: see put_group.refusal */
    PUT_ROLLED_BACK, /* not stored, because another order of the group failed */
};

/* What the store returns about the order that is stored under the key of an order_put. The fields
 * that the client sent are not returned: for PUT_REPLAYED they are equal to those of the order_put,
 * and for PUT_REUSED `diff` says which ones differ. The members are those of struct order. */
struct order_stored {
    /* "" if the key was reused within one atomic group (PUT_REUSED): the group was rolled back, so
     * neither of the two orders is stored. */
    char order_id[ORDER_ID_SIZE];
    int64_t received_at_us;
    char submitted_by[ORDER_NAME_SIZE]; /* the key of the order_put may be another one */
};

/* One order in an attempt. */
struct order_put {
    const struct order *order;  /* borrowed; it already has its order_id */
    bool lookup_only;           /* in: look the key up, and write nothing */
    bool skip;                  /* set by before_send: leave this order out of the attempt */
    enum put_verdict verdict;   /* out; final unless PUT_PENDING */
    unsigned diff;              /* out, if PUT_REUSED: the fields that differ */
    struct order_stored stored; /* out, if PUT_REPLAYED or PUT_REUSED */
};

/* Who can remedy a failure. The table of SQLSTATEs is in store/sqlstate.c. */
enum store_fault {
    FAULT_NONE,     /* nobody has to act: a lock, a deadlock, a deadline, no connection yet */
    FAULT_ORDER,    /* the order's sender: the same order would be rejected again */
    FAULT_OPERATOR, /* the operator: a table, column, privilege or function must be mended */
    FAULT_SERVER,   /* those who run the database server: mend its space, memory, files or state */
    FAULT_SERVICE,  /* the authors of ordersd */
};
enum { STORE_FAULTS = FAULT_SERVICE + 1 };

/* What the caller should do after a failed attempt (docs/DESIGN.md, "Errors"). */
enum store_action {
    STORE_RETRY, /* retry the whole group after a pause */
    /* At the first failure of this kind, retry the whole group after a pause. At the second one,
     * split the group, so that the orders without fault are stored. */
    STORE_RETRY_THEN_SPLIT,
    /* One order is at fault: split the group. If the group has only one order, the database rejects
     * that order. If the group is atomic, all of it is rejected, and no order is named. */
    STORE_SPLIT,
    /* Either one order is at fault, or every attempt would fail: attempt the group in pieces to
     * find out. If all pieces fail alike, all of their orders fail, and `fault` says whose fault it
     * is. If a piece is stored, or fails otherwise than the others, an order fails only if an
     * attempt with this order alone fails. */
    STORE_SPLIT_OR_FAIL,
    STORE_FAIL,        /* fail the whole group at once, and log an error */
    STORE_UNAVAILABLE, /* nothing was sent: the pool is down, or no connection came in time */
    /* Nothing was sent. The group is in doubt: it was sent to a database that another one has
     * replaced. The present database cannot tell the outcome and must not get the group, so the
     * outcome stays unknown. */
    STORE_ELSEWHERE,
};

/* Why an attempt is repeated. Metrics have the reason as a label. */
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
    enum retry_reason retry; /* valid if the attempt is repeated */
    bool in_doubt;           /* this attempt may have stored an order, or may still store one */
    /* Only for STORE_SPLIT_OR_FAIL. true: if other orders of the group can be stored, the fault is
     * FAULT_ORDER, for the orders that cannot be stored. Else `fault` is right. */
    bool unless_neighbour_stored;
    bool down; /* only for STORE_UNAVAILABLE: the pool is down, so no connection can be had soon */
    struct err err;
};

struct put_group {
    /* Sorted by order_compare_key(). The keys are distinct, unless all puts are lookups or the
     * group is atomic. Orders of an atomic group with the same key stand in the sequence of the
     * batch. */
    struct order_put **puts;
    size_t n;
    bool in_doubt;           /* an earlier attempt may have stored orders: query before writing */
    uint32_t doubt_database; /* if in_doubt: sent_database of that attempt */
    bool atomic;             /* store all orders or none, and skip all or none */
    int64_t deadline_at_ns;
    /* put() calls before_send() at most once: when put() holds a connection and has sent nothing
     * yet. before_send() may set `skip` of any order in `puts`. */
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
    LOOKUP_UNAVAILABLE,    /* there was no answer by the deadline, or no connection */
    LOOKUP_DATABASE_FAULT, /* *err tells a fault of the operator or of the server */
    LOOKUP_FAILED,         /* *err tells a fault of ours, or lack of memory */
};

/* Largest metadata of a stored order, in bytes of the text that the database returns. Older
 * versions of this program stored numbers such as 1e308. jsonb writes these out, so the text has up
 * to 52 bytes for each byte that the client sent. */
enum { ORDER_SHOWN_METADATA_MAX = 256 * 1024 };

/* Most bytes of metadata that one lookup fetches. A lookup of n orders leaves out the metadata of
 * an order if the metadata has more than LOOKUP_METADATA_MAX / n bytes. So a lookup of up to
 * LOOKUP_KEYS_ALL orders leaves out no metadata. A lookup of 100 orders leaves out no metadata that
 * this version of ordersd has stored. */
enum {
    LOOKUP_METADATA_MAX = 4 * 1024 * 1024,
    LOOKUP_KEYS_ALL = LOOKUP_METADATA_MAX / ORDER_SHOWN_METADATA_MAX,
};

struct order_key {
    const char *account_id, *client_order_id; /* borrowed */
};

/* A list of an account's orders is read in pages. A page has at most ORDER_PAGE_MAX orders, and at
 * most ORDER_PAGE_METADATA_MAX bytes of metadata. The metadata of any one order fit into a page. */
enum { ORDER_PAGE_MAX = 1000, ORDER_PAGE_METADATA_MAX = 1024 * 1024 };

/* The orders of one account that a page may have, in the order of their client_order_ids. Ids are
 * compared bytewise, as COLLATE "C" does in the table. The strings are borrowed; each, when it is
 * not empty, is valid by order_name_is_valid(). */
struct order_range {
    const char *account_id;
    const char *from;   /* the lowest client_order_id; "": no bound */
    const char *after;  /* only client_order_ids above this one; "": no bound */
    const char *prefix; /* only client_order_ids that begin so; "": all */
    size_t limit;       /* most orders of the page: 1 to ORDER_PAGE_MAX */
};

struct order_page {
    struct order *orders; /* in: memory for `limit` orders; the caller owns the orders in it */
    size_t n;             /* out */
    bool more;            /* out: the range has orders after the last one of this page */
};

struct order_store {
    void *ctx;
    /* Makes one attempt to write the group. If the attempt succeeds, returns true, and each put
     * that was not skipped has its verdict, with one exception: a put that is not lookup_only stays
     * PUT_PENDING if no row came back for its key. If the attempt fails, returns false, and
     * *failure says why. Even then, each verdict other than PUT_PENDING is final. An atomic group
     * has verdicts for all of its orders or for none. */
    bool (*put)(void *ctx, struct put_group *group, struct store_failure *failure);
    /* Looks up orders by their keys. out[i].order_id is "" if keys[i] was not found. The caller
     * owns the orders in `out`. If the metadata of an order is too large to be returned, `metadata`
     * is NULL, and `metadata_len` is not 0. */
    enum lookup_rc (*get_by_keys)(void *ctx, const struct order_key *keys, size_t n,
                                  struct order *out, int64_t deadline_at_ns, struct err *err);
    enum lookup_rc (*get_by_id)(void *ctx, const char *order_id, struct order *out,
                                int64_t deadline_at_ns, struct err *err);
    /* Reads the first orders of the range. A page ends at range->limit, or before the order whose
     * metadata would be too many bytes for the page. If page->more is true, page->n is not 0.
     * Unless the call returns LOOKUP_OK, page->n is 0. */
    enum lookup_rc (*list)(void *ctx, const struct order_range *range, struct order_page *page,
                           int64_t deadline_at_ns, struct err *err);
};

#endif
