/* fake_store.h - a struct order_store without a database, for tests of what stands before it.
 *
 * An atomic group it stores whole or not at all, with the verdicts that go with it.
 *
 * It keeps orders by key and judges as the real one does, "the same content" being the same
 * quantity. It fails as it is told: by a script (attempt k does steps[k], later ones succeed), by
 * key (an order that is poisonous or locked), or by whatever `plan` decides. Every attempt is
 * noted.
 *
 * Threads    any; a mutex guards it all. */
#ifndef SUPPORT_FAKE_STORE_H
#define SUPPORT_FAKE_STORE_H

#include "base/sync.h"
#include "orders/order_store.h"

enum { FAKE_STORE_SLOTS = 1 << 17, FAKE_STORE_CALLS = 1024 };

struct fake_step {
    bool fails;   /* with `failure` */
    bool stores;  /* the orders are stored all the same: the answer was lost on its way */
    bool unsent;  /* fails before anything is sent */
    bool pending; /* succeeds, and has a verdict for none */
    bool partial; /* fails, with a verdict for the first order */
    struct store_failure failure;
    uint32_t database; /* where it is sent; one that is in doubt elsewhere is not */
};

struct fake_call {
    size_t n, n_skipped, n_lookups;
    bool in_doubt, atomic;
    int64_t deadline_at_ns;
    char first[ORDER_NAME_SIZE]; /* client_order_id of the first order */
};

struct fake_store {
    struct order_store face; /* what the code under test is given */

    /* Set before the first call. */
    const struct fake_step *steps;
    size_t n_steps;
    const char *poison; /* client_order_id: STORE_SPLIT, 22P02; in an atomic group PUT_REFUSED */
    const char *locked; /* STORE_RETRY_THEN_SPLIT, 55P03 */
    void (*plan)(void *arg, const struct put_group *group, struct fake_step *step);
    void (*before)(void *arg, struct put_group *group); /* runs before before_send */
    void *arg;
    enum lookup_rc lookup_rc;

    struct mutex mu;
    struct cond changed;
    bool gate_closed;
    size_t n_calls, n_stored;
    struct fake_call calls[FAKE_STORE_CALLS]; /* the first ones */
    struct order *slots[FAKE_STORE_SLOTS];    /* by key, open addressing */
};

struct fake_store *fake_store_new(void);
void fake_store_free(struct fake_store *store);

/* While the gate is closed, attempts wait at their beginning. */
void fake_store_gate(struct fake_store *store, bool closed);

/* Waits until n attempts have begun; false after 10 s. */
bool fake_store_wait_calls(struct fake_store *store, size_t n);

/* The order that is stored under the key, or NULL. Borrowed. */
const struct order *fake_store_find(struct fake_store *store, const char *account_id,
                                    const char *client_order_id);

/* Puts an order there, as if another had stored it. */
void fake_store_plant(struct fake_store *store, const struct order *order);

#endif
