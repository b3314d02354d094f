/* store_batch.h - makes, writes and checks atomic groups, for tests of the store. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "store_fixture.h"

/* Defines a test twice: with prepared statements, and without anything that outlives a
 * transaction. */
#define IN_BOTH_MANNERS(suite, name)                                                               \
    ParameterizedTestParameters(suite, name)                                                       \
    {                                                                                              \
        static bool manners[] = { true, false };                                                   \
        return cr_make_param_array(bool, manners, 2);                                              \
    }                                                                                              \
    ParameterizedTest(bool *prepare, suite, name, .timeout = TEST_S)

enum { BATCH_MAX = 40 };

struct batch {
    struct order orders[BATCH_MAX];
    struct order_put puts[BATCH_MAX];
    size_t n;
    struct put_group group;
    struct store_failure failure;
};

/* Makes n orders "c-000", "c-001", ... */
static inline void make_batch(struct batch *b, size_t n)
{
    *b = (struct batch){ .n = n };
    for (size_t i = 0; i < n; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "c-%03zu", i);
        b->orders[i] = make_order("ACC-1", id);
    }
}

static inline void same_key(struct batch *b, size_t i, size_t as)
{
    memcpy(b->orders[i].client_order_id, b->orders[as].client_order_id, ORDER_NAME_SIZE);
}

static inline void set_symbol(struct order *order, const char *symbol)
{
    (void)snprintf(order->symbol, sizeof order->symbol, "%s", symbol);
}

static inline bool put_pointers(struct fixture *f, struct batch *b, struct order_put **pointers,
                                size_t n, double seconds, bool in_doubt)
{
    b->group = (struct put_group){
        .puts = pointers,
        .n = n,
        .atomic = true,
        .in_doubt = in_doubt,
        .deadline_at_ns = in_seconds(seconds),
        .before_send = nothing_before_send,
    };
    return f->orders->put(f->orders->ctx, &b->group, &b->failure);
}

static inline bool put_for(struct fixture *f, struct batch *b, double seconds, bool in_doubt)
{
    struct order_put *pointers[BATCH_MAX];
    for (size_t i = 0; i < b->n; i++) {
        bool lookup_only = b->puts[i].lookup_only;
        b->puts[i] = (struct order_put){ .order = &b->orders[i], .lookup_only = lookup_only };
        pointers[i] = &b->puts[i];
    }
    return put_pointers(f, b, pointers, b->n, seconds, in_doubt);
}

static inline bool put_batch(struct fixture *f, struct batch *b)
{
    return put_for(f, b, 20, false);
}

static inline size_t count_verdict(const struct batch *b, enum put_verdict verdict)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        n += b->puts[i].verdict == verdict;
    return n;
}

static inline void fini_batch(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        order_fini(&b->orders[i]);
    }
}

/* Expects that the attempt has ended, and that only `culprit` has a verdict of its own. */
static inline void expect_refused(struct batch *b, size_t culprit, enum put_verdict verdict,
                                  const char *sqlstate)
{
    cr_expect(b->group.refused);
    cr_expect_eq(b->puts[culprit].verdict, verdict, "%d", (int)b->puts[culprit].verdict);
    cr_expect_eq(count_verdict(b, PUT_ROLLED_BACK), b->n - 1);
    if (sqlstate != NULL)
        cr_expect_str_eq(b->group.refusal.code, sqlstate);
}

static inline void expect_failed(struct batch *b, enum store_action action, bool in_doubt)
{
    cr_expect_eq(b->failure.action, action, "%d: %s %s", (int)b->failure.action,
                 b->failure.err.code, b->failure.err.text);
    cr_expect_eq(b->failure.in_doubt, in_doubt, "%s", b->failure.err.text);
    cr_expect_eq((b->failure.err.flags & ERR_UNCERTAIN) != 0, in_doubt);
    cr_expect_eq(count_verdict(b, PUT_PENDING), b->n, "nobody has a verdict");
}

/* Creates a trigger `name` on the table orders that runs `body`. */
static inline void add_trigger(struct fixture *f, bool deferred, const char *name, const char *body)
{
    char sql[1024];
    (void)snprintf(sql, sizeof sql,
                   "CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s; "
                   "RETURN NEW; END $$; CREATE %s TRIGGER %s %s INSERT ON orders %s "
                   "FOR EACH ROW EXECUTE FUNCTION %s()",
                   name, body, deferred ? "CONSTRAINT" : "", name, deferred ? "AFTER" : "BEFORE",
                   deferred ? "INITIALLY DEFERRED" : "", name);
    cluster_exec(f->cluster, sql);
}

#endif
