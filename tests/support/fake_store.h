/* fake_store.h - a struct order_store without a database, to test the code that uses one.
 *
 * It keeps orders by key and gives the verdicts of the real store; orders with the same quantity
 * count as the same content. It stores an atomic group whole or not at all. It fails as told: by a
 * script (attempt k does steps[k], later ones succeed), by key (an order that is poisonous or
 * locked), or as `plan` decides. It records every attempt.
 *
 * Threads    any; a mutex guards everything */
#ifndef SUPPORT_FAKE_STORE_H
#define SUPPORT_FAKE_STORE_H

#include "base/sync.h"
#include "orders/order_store.h"

enum { FAKE_STORE_SLOTS = 1 << 17, FAKE_STORE_CALLS = 1024 };

struct fake_step {
    bool fails;   /* the attempt fails with `failure` */
    bool stores;  /* the orders are stored even so: only the answer is lost */
    bool unsent;  /* the attempt fails before anything is sent */
    bool pending; /* the attempt succeeds, without any verdict */
    bool partial; /* the attempt fails, with a verdict for the first order only */
    struct store_failure failure;
    uint32_t database; /* the database that answers; a group in doubt at another one is not sent */
};

struct fake_call {
    size_t n, n_skipped, n_lookups;
    bool in_doubt, atomic;
    int64_t deadline_at_ns;
    char first[ORDER_NAME_SIZE]; /* client_order_id of the first order */
};

struct fake_store {
    struct order_store vtable; /* the interface for the code under test */

    /* Set these before the first call. */
    const struct fake_step *steps;
    size_t n_steps;
    const char *poison; /* client_order_id that fails with STORE_SPLIT, 22P02; in an atomic group it
                           gets PUT_REFUSED */
    const char *locked; /* client_order_id that fails with STORE_RETRY_THEN_SPLIT, 55P03 */
    void (*plan)(void *arg, const struct put_group *group, struct fake_step *step);
    void (*before)(void *arg, struct put_group *group); /* runs before before_send */
    void *arg;
    enum lookup_rc lookup_rc;
    size_t page_max; /* > 0: a page has at most so many orders, as if their metadata were large */

    struct mutex mu;
    struct cond changed;
    bool gate_closed;
    size_t n_calls, n_stored;
    struct fake_call calls[FAKE_STORE_CALLS]; /* the first calls */
    struct order *slots[FAKE_STORE_SLOTS];    /* by key, open addressing */
};

struct fake_store *fake_store_new(void);
void fake_store_free(struct fake_store *store);

/* While the gate is closed, attempts wait at their beginning. */
void fake_store_gate(struct fake_store *store, bool closed);

/* Waits until n attempts have begun. Returns false after 10 s. */
bool fake_store_wait_calls(struct fake_store *store, size_t n);

/* Returns the stored order with that key, or NULL. Borrowed. */
const struct order *fake_store_find(struct fake_store *store, const char *account_id,
                                    const char *client_order_id);

/* Stores an order as if another service had stored it. */
void fake_store_plant(struct fake_store *store, const struct order *order);

#endif
