/* DATABASE_REQUIRE_SYNC_STANDBY: an order is stored only while commits wait for a standby that is
 * there. Otherwise the service is not ready, says what is missing, and answers 503. */
#include <stdlib.h>
#include <string.h>

#include "order_herd.h"
#include "support/cluster_standby.h"

enum { CLIENTS = 16 };

#define REQUIRED "DATABASE_REQUIRE_SYNC_STANDBY=true"

struct pair {
    struct rig rig; /* its cluster is the first primary */
    struct cluster *standby;
};

/* Not through a pooler: which server it is, is the service's own to find out here. */
static void begin(struct pair *p)
{
    struct cluster *primary = cluster_open(NULL);
    p->standby = cluster_open_standby(primary);
    cluster_set(primary, "synchronous_standby_names", CLUSTER_STANDBY_NAME);
    char *url = support_text("DATABASE_URL=host=%s,%s port=%d,%d user=postgres dbname=postgres",
                             cluster_folder(primary), cluster_folder(p->standby),
                             cluster_port(primary), cluster_port(p->standby));
    p->rig = rig_spawn(primary, LIST(url, CHECKED_EACH_SECOND, REQUIRED, "ORDERS_COMMIT_TIMEOUT=2s",
                                     "DATABASE_CONNECT_TIMEOUT=2s"));
    free(url);
    cr_assert(daemon_wait_status(p->rig.daemon, "/health/ready", 200, SOON_S), "%s",
              daemon_log(p->rig.daemon));
}

static void end(struct pair *p)
{
    cluster_close(&p->standby);
    rig_close(&p->rig);
}

static bool not_ready_for(struct rig *rig, const char *why)
{
    struct answer probe = rig_get(rig, "/health/ready");
    bool met = probe.status == 503 && strstr(answer_text(&probe, "output"), why) != NULL;
    answer_fini(&probe);
    return met;
}

static int post(struct rig *rig, const char *id, const char *code)
{
    char *body = order_body(id, "EURUSD");
    struct answer answer = rig_post(rig, body);
    int status = answer.status;
    if (code != NULL)
        expect_problem(&answer, 503, code, "not_accepted");
    answer_fini(&answer);
    free(body);
    return status;
}

static void expect_batch_rejected(struct rig *rig)
{
    static const char *const json[] = { "Content-Type: application/json", NULL };
    char *order = order_body("in-a-batch", "EURUSD");
    char *body = support_text("[%s]", order);
    struct answer answer = rig_ask(rig, "POST", "/v1/orders/batch", json, body);
    expect_problem(&answer, 503, "no_sync_standby", "not_accepted");
    answer_fini(&answer);
    free(body);
    free(order);
}

static int64_t stored(struct cluster *cluster)
{
    return cluster_query_int(cluster, "SELECT count(*) FROM orders");
}

Test(standby, orders_are_stored_only_while_it_is_there, .timeout = TEST_S)
{
    struct pair p;
    begin(&p);
    cr_expect_eq(post(&p.rig, "with", NULL), 201);
    cluster_stop(p.standby, CLUSTER_FAST);
    cr_expect(WAIT_UNTIL(not_ready_for(&p.rig, "commits wait for 1 synchronous standbys, and 0"),
                         SOON_S));
    (void)post(&p.rig, "without", "no_sync_standby");
    expect_batch_rejected(&p.rig);
    cr_expect(daemon_log_contains(p.rig.daemon, "DATABASE_REQUIRE_SYNC_STANDBY"));
    cr_expect_eq(stored(p.rig.cluster), 1);
    cluster_start(p.standby);
    cr_expect(daemon_wait_status(p.rig.daemon, "/health/ready", 200, SOON_S));
    cr_expect_eq(post(&p.rig, "without", NULL), 201);
    end(&p);
}

/* The server would acknowledge at once, so here the service alone refuses. */
Test(standby, a_server_that_waits_for_nobody_gets_no_orders, .timeout = TEST_S)
{
    struct pair p;
    begin(&p);
    cluster_set(p.rig.cluster, "synchronous_standby_names", "");
    cr_expect(WAIT_UNTIL(not_ready_for(&p.rig, "synchronous_standby_names is empty"), SOON_S));
    (void)post(&p.rig, "a", "no_sync_standby");
    cluster_set(p.rig.cluster, "synchronous_standby_names", "ANY 2 (" CLUSTER_STANDBY_NAME ", x)");
    cr_expect(WAIT_UNTIL(not_ready_for(&p.rig, "wait for 2 synchronous standbys, and 1"), SOON_S));
    cluster_set(p.rig.cluster, "synchronous_standby_names", "FIRST 1 (x, standby)");
    cr_expect(daemon_wait_status(p.rig.daemon, "/health/ready", 200, SOON_S));
    cr_expect_eq(stored(p.rig.cluster), 0);
    end(&p);
}

Test(standby, no_session_is_used_whose_commits_would_not_wait, .timeout = TEST_S)
{
    struct pair p;
    begin(&p);
    cluster_set(p.rig.cluster, "synchronous_commit", "local");
    cluster_exec(p.rig.cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                                "application_name LIKE 'ordersd%'");
    cr_expect(daemon_log_wait(p.rig.daemon, "its synchronous_commit is local", SOON_S));
    cr_expect(WAIT_UNTIL(not_ready_for(&p.rig, ""), SOON_S));
    cluster_set(p.rig.cluster, "synchronous_commit", "remote_write");
    cr_expect(daemon_wait_status(p.rig.daemon, "/health/ready", 200, SOON_S));
    end(&p);
}

/* Notes each order that is stored by the server with that port. */
static void watch(struct cluster *primary, const struct cluster *standby)
{
    char *sql = support_text("CREATE TABLE seen (n int);"
                             "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                             "IF current_setting('port') = '%d' THEN INSERT INTO seen VALUES (1); "
                             "END IF; RETURN NULL; END $$;"
                             "CREATE TRIGGER see AFTER INSERT ON orders FOR EACH ROW EXECUTE "
                             "FUNCTION see()",
                             cluster_port(standby));
    cluster_exec(primary, sql);
    free(sql);
}

/* The promoted standby has no standby of its own. The sessions learn this before the first health
 * check there, so not even an order that waits meanwhile is stored. */
Test(standby, a_new_primary_gets_no_orders_before_it_has_one, .timeout = TEST_S)
{
    struct pair p;
    begin(&p);
    watch(p.rig.cluster, p.standby);
    struct herd *herd = herd_start(&p.rig, CLIENTS);
    cr_assert(herd_await(herd, 50, SOON_S));
    cluster_kill9(p.rig.cluster);
    cluster_promote(p.standby);
    cr_expect(WAIT_UNTIL(not_ready_for(&p.rig, "synchronous_standby_names is empty"), SOON_S));
    (void)post(&p.rig, "after", "no_sync_standby");
    herd_stop(herd);
    cr_expect_eq(cluster_query_int(p.standby, "SELECT count(*) FROM seen"), 0);
    herd_expect_truth(herd, p.standby);
    herd_close(&herd);
    end(&p);
}

Test(standby, the_right_to_see_it_is_needed, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct cluster *standby = cluster_open_standby(cluster);
    char *output, *url = support_text("DATABASE_URL=%s user=clerk", cluster_conninfo(cluster));
    cluster_set(cluster, "synchronous_standby_names", CLUSTER_STANDBY_NAME);
    cr_assert_eq(rig_run(cluster, NULL, LIST("migrate"), &output), 0, "%s", output);
    cluster_exec(cluster, "CREATE ROLE clerk LOGIN; GRANT SELECT, INSERT ON orders TO clerk;"
                          "GRANT SELECT ON ordersd_migrations TO clerk");
    struct rig rig =
        rig_spawn(cluster, LIST(url, CHECKED_EACH_SECOND, REQUIRED, "DATABASE_MIGRATE=false"));
    cr_expect(WAIT_UNTIL(not_ready_for(&rig, "GRANT pg_read_all_stats"), SOON_S));
    cluster_exec(cluster, "GRANT pg_read_all_stats TO clerk");
    cr_expect(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    cr_expect_eq(post(&rig, "a", NULL), 201);
    free(url);
    free(output);
    cluster_close(&standby);
    rig_close(&rig);
}
