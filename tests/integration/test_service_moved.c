/* The name of the database leads to another database: a restored copy, the other side of a logical
 * replication, a wrong entry. All connections move to that database. An order that was sent to the
 * old one without an answer stays unknown: it is neither looked up nor stored a second time. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "integration/batch_bodies.h"
#include "service_rig.h"
#include "support/gate.h"

struct move {
    struct rig rig; /* its cluster is the first */
    struct cluster *other;
    struct gate *gate; /* the name */
};

/* The other database has the schema already, as after a restore or with a replication. */
static void make_schema(struct cluster *cluster)
{
    char *output;
    cr_assert_eq(rig_run(cluster, NULL, LIST("migrate"), &output), 0, "%s", output);
    free(output);
}

static void begin(struct move *m, const char *lifetime)
{
    struct cluster *first = cluster_open(NULL);
    m->other = cluster_open(&(struct cluster_options){ .own_system = true });
    make_schema(m->other);
    m->gate = gate_open(cluster_port(first));
    char *url = support_text("DATABASE_URL=host=127.0.0.1 port=%d user=postgres dbname=postgres "
                             "sslmode=disable",
                             gate_port(m->gate));
    m->rig = rig_spawn(first, LIST(url, lifetime, CHECKED_EACH_SECOND, "ORDERS_COMMIT_TIMEOUT=9m"));
    free(url);
    cr_assert(daemon_wait_status(m->rig.daemon, "/health/ready", 200, SOON_S));
}

static void end(struct move *m)
{
    rig_close(&m->rig);
    gate_close(&m->gate);
    cluster_close(&m->other);
}

static int64_t count_in(struct cluster *cluster)
{
    return cluster_query_int(cluster, "SELECT count(*) FROM orders");
}

static void expect_order(struct move *m, const char *id, int status)
{
    char *body = order_body(id, "EURUSD");
    struct answer answer = rig_post(&m->rig, body);
    EXPECT_STATUS(answer, status);
    answer_fini(&answer);
    free(body);
}

static bool metrics_have(struct rig *rig, const char *line)
{
    struct answer metrics = rig_get(rig, "/metrics");
    bool have = strstr(metrics.reply.body, line) != NULL;
    answer_fini(&metrics);
    return have;
}

/* ---- in doubt ---- */

struct poster {
    pthread_t thread;
    struct rig rig; /* with a client of its own */
    const char *path, *body;
    struct answer answer;
};

static void *post(void *arg)
{
    static const char *const json[] = { "Content-Type: application/json", NULL };
    struct poster *p = arg;
    p->answer = rig_ask(&p->rig, "POST", p->path, json, p->body);
    return NULL;
}

static void start(struct poster *p, const struct rig *rig, const char *path, const char *body)
{
    *p = (struct poster){ .rig = *rig, .path = path, .body = body };
    p->rig.http = http_client_open();
    cr_assert_eq(pthread_create(&p->thread, NULL, post, p), 0);
}

static void finish(struct poster *p)
{
    cr_assert_eq(pthread_join(p->thread, NULL), 0);
    http_client_close(&p->rig.http);
}

/* Each commit waits for a lock, so that its connection can be cut meanwhile, and still succeeds.
 * Returns the connection that holds the lock. */
static PGconn *hold_commits(struct cluster *cluster)
{
    cluster_exec(cluster, "CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                          "PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;"
                          "CREATE CONSTRAINT TRIGGER held AFTER INSERT ON orders DEFERRABLE "
                          "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION held()");
    PGconn *lock = PQconnectdb(cluster_conninfo(cluster));
    PQclear(PQexec(lock, "SELECT pg_advisory_lock(1)"));
    return lock;
}

static int64_t n_committing(struct cluster *cluster)
{
    return cluster_query_int(cluster, "SELECT count(*) FROM pg_stat_activity "
                                      "WHERE wait_event = 'advisory'");
}

static void expect_unknown(const char *path, const char *body)
{
    struct move m;
    struct poster poster;
    begin(&m, "DATABASE_MAX_LIFETIME=30m");
    PGconn *lock = hold_commits(m.rig.cluster);
    start(&poster, &m.rig, path, body);
    cr_assert(WAIT_UNTIL(n_committing(m.rig.cluster) == 1, SOON_S));
    gate_redirect(m.gate, cluster_port(m.other));
    gate_cut(m.gate);
    PQfinish(lock);
    finish(&poster); /* long before ORDERS_COMMIT_TIMEOUT, or the test's own limit ends it */
    EXPECT_STATUS(poster.answer, 504);
    cr_expect_str_eq(answer_text(&poster.answer, "outcome"), "unknown");
    answer_fini(&poster.answer);
    cr_expect_eq(count_in(m.other), 0, "it was not sent to the other one");
    cr_assert(WAIT_UNTIL(count_in(m.rig.cluster) > 0, SOON_S), "but the first one has it");
    cr_expect(daemon_log_wait(m.rig.daemon, "pool.database_changed", SOON_S));
    cr_expect(daemon_log_wait(m.rig.daemon, "group.elsewhere", SOON_S));
    cr_expect(metrics_have(&m.rig, "ordersd_pool_database_changes_total{pool=\"main\"} 1"));
    cr_expect(daemon_wait_status(m.rig.daemon, "/health/ready", 200, SOON_S));
    expect_order(&m, "after", 201);
    cr_expect_eq(count_in(m.other), 1);
    end(&m);
}

Test(moved, an_order_in_doubt_is_not_resolved_in_another_database, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("its server's name is its own");
    char *body = order_body("c-1", "EURUSD");
    expect_unknown("/v1/orders", body);
    free(body);
}

Test(moved, a_batch_in_doubt_is_not_resolved_in_another_database, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("its server's name is its own");
    char *body = batch_body("b", 3);
    expect_unknown("/v1/orders/batch", body);
    free(body);
}

Test(moved, an_atomic_batch_in_doubt_is_not_resolved_in_another_database, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("its server's name is its own");
    char *body = batch_body("b", 3);
    expect_unknown("/v1/orders/batch?atomic=true", body);
    free(body);
}

/* ---- a quiet move: nothing is lost, and nobody tells ---- */

static bool is_stored_in(struct move *m, struct cluster *cluster, unsigned *n)
{
    char id[32];
    (void)snprintf(id, sizeof id, "quiet-%u", (*n)++);
    expect_order(m, id, 201);
    return count_in(cluster) > 0;
}

/* The old server goes on answering the connections that it has. */
Test(moved, a_name_that_has_moved_is_followed_by_every_connection, .timeout = TEST_S)
{
    SKIP_BEHIND_POOLER("its server's name is its own");
    struct move m;
    unsigned n = 0;
    begin(&m, "DATABASE_MAX_LIFETIME=2s");
    gate_redirect(m.gate, cluster_port(m.other));
    cr_assert(WAIT_UNTIL(is_stored_in(&m, m.other, &n), SOON_S));
    cr_expect(daemon_log_wait(m.rig.daemon, "pool.database_changed", SOON_S));
    cr_assert(
        WAIT_UNTIL(cluster_query_int(m.rig.cluster, "SELECT count(*) FROM pg_stat_activity "
                                                    "WHERE application_name LIKE 'ordersd%'") == 0,
                   SOON_S),
        "the control connection leaves, too");
    cluster_freeze(m.rig.cluster);
    expect_order(&m, "after", 201);
    cr_expect(daemon_wait_status(m.rig.daemon, "/health/ready", 200, SOON_S));
    cluster_thaw(m.rig.cluster);
    cluster_freeze(m.other);
    cr_expect(daemon_wait_status(m.rig.daemon, "/health/ready", 503, SOON_S),
              "it is the new one that is asked");
    cluster_thaw(m.other);
    cr_expect(daemon_wait_status(m.rig.daemon, "/health/ready", 200, SOON_S));
    end(&m);
}
