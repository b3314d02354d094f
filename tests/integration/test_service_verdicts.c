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

/* ---- a service whose role owns no more than it must ---- */

/* As a role for which rights and row-level security count. */
static struct rig open_as_app(const char *const settings[])
{
    struct cluster *cluster = cluster_open(NULL);
    cluster_exec(cluster, "CREATE ROLE app LOGIN; GRANT ALL ON SCHEMA public TO app");
    char *url = support_text("DATABASE_URL=%s user=app", cluster_conninfo(cluster));
    const char *all[8] = { url };
    for (size_t i = 0; settings[i] != NULL; i++)
        all[i + 1] = settings[i];
    struct rig rig = rig_spawn(cluster, all);
    if (!daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S))
        support_fail("the daemon is not ready; its log:\n%s", daemon_log(rig.daemon));
    free(url);
    return rig;
}

/* ---- one order that the database does not store ---- */

/* Holds PLUG up until there is a table `unplug`. */
static const char plugging[] =
    "CREATE FUNCTION plug() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "WHILE NEW.symbol = 'PLUG' AND NOT EXISTS (SELECT FROM pg_class WHERE relname = 'unplug') "
    "LOOP PERFORM pg_sleep(0.01); END LOOP; RETURN NEW; END $$; "
    "CREATE TRIGGER plug BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION plug()";

/* One attempt may take a third of the commit timeout: the plug's must outlast the queueing. */
#define ONE_GROUP LIST("ORDERS_WORKERS=1", "ORDERS_COMMIT_TIMEOUT=180s")

/* Sends MANY orders while the only worker is held up by one more: all of them queue up, and go out
 * as one group, after `meanwhile`. */
static struct volley *fire_as_one_group(struct rig *rig, char **bodies, const char *meanwhile)
{
    char *plug_body = order_body("plug", "PLUG");
    struct volley *plug = fire(rig, &plug_body, 1);
    cr_assert(WAIT_UNTIL(rig_metric(rig, "ordersd_workers{state=\"busy\"}") == 1, SOON_S));
    struct volley *volley = fire(rig, bodies, MANY);
    cr_assert(WAIT_UNTIL(rig_metric(rig, "ordersd_queue_depth") == MANY, SOON_S));
    cluster_exec(rig->cluster, meanwhile);
    cluster_exec(rig->cluster, "CREATE TABLE unplug ()");
    volley_join(volley);
    volley_join(plug);
    EXPECT_STATUS(*volley_answer(plug, 0), 201);
    volley_close(&plug);
    free(plug_body);
    return volley;
}

struct culprit {
    const char *sql; /* what makes the database not store an order of the symbol BAD */
    int status;      /* what that one hears */
    const char *code, *sqlstate;
};

static void expect_only_culprit(struct rig *rig, const struct culprit *want)
{
    cluster_exec(rig->cluster, plugging);
    cluster_exec(rig->cluster, want->sql);
    char **bodies = make_bodies(MANY);
    replace(&bodies[CULPRIT], "bad", "BAD");

    struct volley *volley = fire_as_one_group(rig, bodies, "SELECT 1");
    const struct answer *refused = volley_answer(volley, CULPRIT);
    expect_problem(refused, want->status, want->code, "not_accepted");
    cr_expect_str_eq(answer_text(refused, "sqlstate"), want->sqlstate);
    cr_expect_eq(volley_count(volley, 201), MANY - 1);
    cr_expect_eq(count_rows(rig, "symbol = 'BAD'"), 0);
    cr_expect_eq(count_rows(rig, "symbol = 'EURUSD'"), MANY - 1);
    cr_expect_eq(rig_metric(rig, "ordersd_group_splits_total"), 2, "of 100, then of 7");
    cr_expect_eq(rig_metric(rig, want->status == 422
                                     ? "ordersd_orders_total{result=\"refused_by_database\"}"
                                     : "ordersd_orders_total{result=\"unavailable\"}"),
                 1);
    volley_close(&volley);
    free_bodies(bodies, MANY);
}

#define TRIGGER(timing, body)                                                                      \
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.symbol = 'BAD' " \
    "THEN " body "; END IF; RETURN NEW; END $$; "                                                  \
    "CREATE " timing " FOR EACH ROW EXECUTE FUNCTION refuse()"
#define BEFORE "TRIGGER refuse BEFORE INSERT ON orders"
#define DEFERRED "CONSTRAINT TRIGGER refuse AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED"

static void expect_of_superuser(const struct culprit *want)
{
    struct rig rig = rig_open(ONE_GROUP);
    expect_only_culprit(&rig, want);
    rig_close(&rig);
}

Test(verdicts, a_refusal_at_the_commit_is_of_one_order, .timeout = TEST_S)
{
    expect_of_superuser(&(struct culprit){ TRIGGER(DEFERRED, "RAISE 'not this one'"), 422,
                                           "refused_by_database", "P0001" });
}

Test(verdicts, a_refusal_at_the_insert_is_of_one_order, .timeout = TEST_S)
{
    expect_of_superuser(
        &(struct culprit){ TRIGGER(BEFORE, "RAISE 'not this one' USING ERRCODE = '23514'"), 422,
                           "refused_by_database", "23514" });
}

/* The audit table of one account is missing: that is the operator's fault, and the orders of other
 * accounts are stored. */
Test(verdicts, a_table_that_one_order_needs_is_missing, .timeout = TEST_S)
{
    expect_of_superuser(&(struct culprit){
        TRIGGER(BEFORE, "EXECUTE 'INSERT INTO audit_' || NEW.symbol || ' VALUES (1)'"), 503,
        "database_unavailable", "42P01" });
}

/* A limit that the order's neighbours do not meet is no state of the server. */
Test(verdicts, a_limit_that_one_order_meets, .timeout = TEST_S)
{
    expect_of_superuser(
        &(struct culprit){ TRIGGER(BEFORE, "RAISE 'too much' USING ERRCODE = '54000'"), 422,
                           "refused_by_database", "54000" });
}

/* Orders of an account that a policy forbids do not fail the orders of other accounts. */
Test(verdicts, a_policy_forbids_one_order, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("the role is another");
    struct rig rig = open_as_app(ONE_GROUP);
    expect_only_culprit(&rig,
                        &(struct culprit){ "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; "
                                           "ALTER TABLE orders FORCE ROW LEVEL SECURITY; "
                                           "CREATE POLICY reads ON orders FOR SELECT USING (true); "
                                           "CREATE POLICY writes ON orders FOR INSERT "
                                           "WITH CHECK (symbol <> 'BAD')",
                                           422, "refused_by_database", "42501" });
    rig_close(&rig);
}

/* On a busy machine some may be refused first, since the failed statements were slow. */
static bool are_stored(struct rig *rig, char **bodies)
{
    struct volley *volley = fire(rig, bodies, MANY);
    volley_join(volley);
    size_t stored = volley_count(volley, 201) + volley_count(volley, 200);
    volley_close(&volley);
    return stored == MANY;
}

/* A missing right fails all orders: they are answered at once, with few statements, and succeed
 * when the right is granted again. */
Test(verdicts, a_right_that_all_orders_need_is_gone, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("the role is another");
    struct rig rig = open_as_app(ONE_GROUP);
    char **bodies = make_bodies(MANY);
    cluster_exec(rig.cluster, plugging);
    struct volley *volley = fire_as_one_group(&rig, bodies, "REVOKE INSERT ON orders FROM app");
    for (size_t i = 0; i < MANY; i++) {
        expect_problem(volley_answer(volley, i), 503, "database_unavailable", "not_accepted");
        cr_expect_str_eq(answer_text(volley_answer(volley, i), "sqlstate"), "42501");
        cr_expect(json_is_true(json_object_get(volley_answer(volley, i)->json, "retryable")));
    }
    cr_expect_leq(rig_metric(&rig, "ordersd_db_commits_total{result=\"failed\"}"), 1 + 16);
    cr_expect_gt(rig_metric(&rig, "ordersd_db_failures_total{fault=\"operator\"}"), 0);
    cr_expect_eq(rig_metric(&rig, "ordersd_group_splits_total"), 0);
    volley_close(&volley);

    cluster_exec(rig.cluster, "GRANT INSERT ON orders TO app");
    cr_expect(WAIT_UNTIL(are_stored(&rig, bodies), SOON_S));
    free_bodies(bodies, MANY);
    rig_close(&rig);
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
