/* What one order of a group does to the others: nothing. Each ends as if it had been alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "order_volley.h"
#include "side_session.h"

enum { MANY = 100, CULPRIT = 37 };

/* ---- bodies ---- */

/* Orders 0 .. n - 1 on EURUSD. */
static char **make_bodies(size_t n)
{
    char **bodies = calloc(n, sizeof *bodies);
    for (size_t i = 0; i < n; i++) {
        char id[32];
        snprintf(id, sizeof id, "%zu", i);
        bodies[i] = order_body(id, "EURUSD");
    }
    return bodies;
}

static void replace(char **body, const char *id, const char *symbol)
{
    free(*body);
    *body = order_body(id, symbol);
}

static void free_bodies(char **bodies, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(bodies[i]);
    free(bodies);
}

static struct volley *fire(struct rig *rig, char **bodies, size_t n)
{
    return volley_start(rig, (const char *const *)bodies, n);
}

static int64_t count_rows(struct rig *rig, const char *where)
{
    char *sql = support_text("SELECT count(*) FROM orders WHERE %s", where);
    int64_t count = cluster_query_int(rig->cluster, sql);
    free(sql);
    return count;
}

/* ---- one order that the database refuses ---- */

/* Refuses BAD, and holds PLUG up until there is a table `unplug`. */
static const char refusing[] =
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "WHILE NEW.symbol = 'PLUG' AND NOT EXISTS (SELECT FROM pg_class WHERE relname = 'unplug') "
    "LOOP PERFORM pg_sleep(0.01); END LOOP; "
    "IF NEW.symbol = 'BAD' THEN RAISE 'not this one' USING ERRCODE = '%s'; END IF; "
    "RETURN NEW; END $$; CREATE %s FOR EACH ROW EXECUTE FUNCTION refuse()";

/* Sends MANY orders while the only worker is held up by one more: all of them queue up, and go out
 * as one group. */
static struct volley *fire_as_one_group(struct rig *rig, char **bodies)
{
    char *plug_body = order_body("plug", "PLUG");
    struct volley *plug = fire(rig, &plug_body, 1);
    cr_assert(WAIT_UNTIL(rig_metric(rig, "ordersd_workers{state=\"busy\"}") == 1, SOON_S));
    struct volley *volley = fire(rig, bodies, MANY);
    cr_assert(WAIT_UNTIL(rig_metric(rig, "ordersd_queue_depth") == MANY, SOON_S));
    cluster_exec(rig->cluster, "CREATE TABLE unplug ()");
    volley_join(volley);
    volley_join(plug);
    EXPECT_STATUS(*volley_answer(plug, 0), 201);
    volley_close(&plug);
    free(plug_body);
    return volley;
}

static void expect_only_culprit_refused(const char *timing, const char *sqlstate)
{
    /* One attempt may take a third of the commit timeout: the plug's must outlast the queueing. */
    struct rig rig = rig_open(LIST("ORDERS_WORKERS=1", "ORDERS_COMMIT_TIMEOUT=180s"));
    char *trigger = support_text(refusing, sqlstate, timing);
    cluster_exec(rig.cluster, trigger);
    char **bodies = make_bodies(MANY);
    replace(&bodies[CULPRIT], "bad", "BAD");

    struct volley *volley = fire_as_one_group(&rig, bodies);
    const struct answer *refused = volley_answer(volley, CULPRIT);
    expect_problem(refused, 422, "refused_by_database", "not_accepted");
    cr_expect_str_eq(answer_text(refused, "sqlstate"), sqlstate);
    cr_expect_eq(volley_count(volley, 201), MANY - 1);
    cr_expect_eq(count_rows(&rig, "symbol = 'BAD'"), 0);
    cr_expect_eq(count_rows(&rig, "symbol = 'EURUSD'"), MANY - 1);
    cr_expect_eq(rig_metric(&rig, "ordersd_group_splits_total"), 2, "of 100, then of 7");
    cr_expect_eq(rig_metric(&rig, "ordersd_orders_total{result=\"refused_by_database\"}"), 1);

    volley_close(&volley);
    free_bodies(bodies, MANY);
    free(trigger);
    rig_close(&rig);
}

Test(verdicts, a_refusal_at_the_commit_is_of_one_order, .timeout = TEST_S)
{
    expect_only_culprit_refused(
        "CONSTRAINT TRIGGER refuse AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED", "P0001");
}

Test(verdicts, a_refusal_at_the_insert_is_of_one_order, .timeout = TEST_S)
{
    expect_only_culprit_refused("TRIGGER refuse BEFORE INSERT ON orders", "23514");
}

/* ---- one key that somebody else has locked ---- */

enum { STRANGERS = 200, LOCKED = STRANGERS / 2 };

struct locked {
    struct rig rig;
    PGconn *other; /* has inserted the key, and not committed */
    char **bodies; /* STRANGERS + 1; that with the key is at LOCKED */
    struct volley *volley;
};

/* While one order waits for the other session, all the others get their answers. */
static void lock_a_key(struct locked *locked, const char *commit_timeout)
{
    const char *const settings[] = { commit_timeout, NULL };
    locked->rig = rig_open(settings);
    locked->other = side_session_begin(
        &locked->rig, "INSERT INTO orders VALUES ('ACC', 'locked', gen_random_uuid(), "
                      "'EURUSD', 'buy', 'market', 1, NULL, NULL, 'day', NULL, now())");
    locked->bodies = make_bodies(STRANGERS + 1);
    replace(&locked->bodies[LOCKED], "locked", "EURUSD");
    locked->volley = fire(&locked->rig, locked->bodies, STRANGERS + 1);
    cr_assert(WAIT_UNTIL(volley_answered(locked->volley) >= STRANGERS, SOON_S));
}

static const struct answer *await_locked(struct locked *locked)
{
    volley_join(locked->volley);
    return volley_answer(locked->volley, LOCKED);
}

/* All the others were stored, and of the key there is one order. */
static void unlock_key(struct locked *locked)
{
    for (size_t i = 0; i < STRANGERS + 1; i++)
        if (i != LOCKED)
            EXPECT_STATUS(*volley_answer(locked->volley, i), 201);
    cr_expect_eq(count_rows(&locked->rig, "client_order_id = 'locked'"), 1);
    cr_expect_eq(count_rows(&locked->rig, "true"), STRANGERS + 1);
    volley_close(&locked->volley);
    free_bodies(locked->bodies, STRANGERS + 1);
    rig_close(&locked->rig);
}

Test(verdicts, behind_a_lock_that_ends_in_the_same_order, .timeout = TEST_S)
{
    struct locked locked;
    lock_a_key(&locked, "ORDERS_COMMIT_TIMEOUT=90s");
    cr_expect_eq(volley_answered(locked.volley), STRANGERS);
    side_session_end(locked.other, "COMMIT");
    EXPECT_STATUS(*await_locked(&locked), 200);
    unlock_key(&locked);
}

Test(verdicts, behind_a_lock_that_ends_in_another_order, .timeout = TEST_S)
{
    struct locked locked;
    lock_a_key(&locked, "ORDERS_COMMIT_TIMEOUT=90s");
    side_session_run(locked.other,
                     "UPDATE orders SET quantity = 2 WHERE client_order_id = 'locked'");
    side_session_end(locked.other, "COMMIT");
    expect_problem(await_locked(&locked), 422, "client_order_id_reused", "not_accepted");
    unlock_key(&locked);
}

Test(verdicts, behind_a_lock_that_ends_in_nothing, .timeout = TEST_S)
{
    struct locked locked;
    lock_a_key(&locked, "ORDERS_COMMIT_TIMEOUT=90s");
    side_session_end(locked.other, "ROLLBACK");
    EXPECT_STATUS(*await_locked(&locked), 201);
    unlock_key(&locked);
}

Test(verdicts, behind_a_lock_that_does_not_end, .timeout = TEST_S)
{
    struct locked locked;
    lock_a_key(&locked, "ORDERS_COMMIT_TIMEOUT=25s");
    const struct answer *answer = await_locked(&locked);
    if (answer->status == 503)
        expect_problem(answer, 503, "commit_timeout", "not_accepted");
    else
        expect_problem(answer, 504, "commit_unknown", "unknown");
    side_session_end(locked.other, "ROLLBACK");
    struct answer again = rig_post(&locked.rig, locked.bodies[LOCKED]);
    cr_expect(again.status == 201 || again.status == 200, "%d", again.status);
    answer_fini(&again);
    unlock_key(&locked);
}
