/* The nodes of a Citus cluster in /health and /status, and what a silent one does to the service:
 * it stays ready for the orders of the others. citus_stub.h stands for Citus. */
#include <stdlib.h>
#include <string.h>

#include "citus_stub.h"
#include "service_rig.h"

static bool is_ready(struct rig *rig)
{
    struct answer ready = rig_get(rig, "/health/ready");
    bool is = ready.status == 200;
    answer_fini(&ready);
    return is;
}

static struct rig open_on_stub(const char *setting)
{
    struct cluster *cluster = cluster_open(NULL);
    cluster_exec(cluster, CITUS_STUB);
    struct rig rig = rig_spawn(cluster, LIST("LOG_FORMAT=json", CHECKED_EACH_SECOND, setting));
    cr_assert(WAIT_UNTIL(is_ready(&rig), SOON_S), "%s", daemon_log(rig.daemon));
    return rig;
}

/* Returns the member of `nodes` in /status, or -1 if that is null. */
static int64_t nodes_member(struct rig *rig, const char *member)
{
    struct answer status = rig_get(rig, "/status");
    const json_t *value = json_object_get(json_object_get(status.json, "nodes"), member);
    int64_t n = value != NULL ? json_integer_value(value) : -1;
    answer_fini(&status);
    return n;
}

static bool has_text(struct rig *rig, const char *path, const char *text)
{
    struct answer answer = rig_get(rig, path);
    bool has = strstr(answer.reply.body, text) != NULL;
    answer_fini(&answer);
    return has;
}

static int post(struct rig *rig, const char *account, const char *id)
{
    char *body = support_text("{\"account_id\":\"%s\",\"client_order_id\":\"%s\",\"symbol\":\"A\","
                              "\"side\":\"buy\",\"type\":\"market\",\"quantity\":\"1\"}",
                              account, id);
    struct answer answer = rig_post(rig, body);
    int status = answer.status;
    answer_fini(&answer);
    free(body);
    return status;
}

Test(nodes, there_are_none_without_citus, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    cr_expect(has_text(&rig, "/status", "\"nodes\":null"));
    cr_expect_not(has_text(&rig, "/health", "silentNodes"));
    rig_close(&rig);
}

Test(nodes, that_do_not_answer_are_shown, .timeout = TEST_S)
{
    struct rig rig = open_on_stub("AUTH=none");
    cr_assert(WAIT_UNTIL(nodes_member(&rig, "total") == 3, SOON_S));
    cr_expect_eq(nodes_member(&rig, "silent"), 0);
    cr_expect(has_text(&rig, "/health",
                       "\"database:silentNodes\":[{\"componentType\":\"datastore\","
                       "\"status\":\"pass\""));
    cluster_exec(rig.cluster, "UPDATE pg_dist_node SET answers = false WHERE nodename <> 'w0'");
    cr_assert(WAIT_UNTIL(nodes_member(&rig, "silent") == 2, SOON_S));
    cr_expect(has_text(&rig, "/status", "\"names\":\"w1:5432, w2:5433\""));
    cr_expect(has_text(&rig, "/health", "2 of 3 nodes of the Citus cluster do not answer"));
    cr_expect(has_text(&rig, "/health", "\"status\":\"warn\",\"observedValue\":2"));
    cr_expect(is_ready(&rig));
    cr_expect(daemon_log_wait(rig.daemon, "database.nodes_silent", SOON_S));
    cluster_exec(rig.cluster, "UPDATE pg_dist_node SET answers = true");
    cr_expect(daemon_log_wait(rig.daemon, "database.nodes_answer", SOON_S));
    rig_close(&rig);
}

Test(nodes, have_no_names_for_strangers, .timeout = TEST_S)
{
    struct rig rig = open_on_stub("AUTH=unset");
    cluster_exec(rig.cluster, "UPDATE pg_dist_node SET answers = false");
    cr_assert(WAIT_UNTIL(nodes_member(&rig, "silent") == 3, SOON_S));
    cr_expect(has_text(&rig, "/status", "\"names\":\"\""));
    cr_expect_not(has_text(&rig, "/health", "w1"));
    rig_close(&rig);
}

/* The question has a deadline and a connection of its own. */
Test(nodes, a_question_that_hangs_delays_nothing, .timeout = TEST_S)
{
    struct rig rig = open_on_stub("AUTH=none");
    cr_assert(WAIT_UNTIL(nodes_member(&rig, "total") == 3, SOON_S));
    cluster_exec(rig.cluster,
                 "CREATE OR REPLACE FUNCTION run_command_on_workers(command text) RETURNS TABLE "
                 "(nodename text, nodeport int, success bool, result text) LANGUAGE plpgsql AS "
                 "$$ BEGIN PERFORM pg_sleep(600); END $$");
    cr_assert(WAIT_UNTIL(nodes_member(&rig, "total") == -1, SOON_S), "the answer is out of date");
    cr_expect(is_ready(&rig));
    cr_expect_eq(post(&rig, "ACC-1", "c-1"), 201);
    rig_close(&rig);
}

/* The canary's own account may be on the node that is away. */
Test(nodes, one_that_is_away_leaves_the_service_ready, .timeout = TEST_S)
{
    struct rig rig = open_on_stub("ORDERS_COMMIT_TIMEOUT=2s");
    cr_assert_eq(post(&rig, "LIVE", "c-1"), 201);
    cluster_exec(rig.cluster,
                 "UPDATE pg_dist_node SET answers = false WHERE nodename = 'w1'; "
                 "CREATE FUNCTION far() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                 "IF NEW.account_id <> 'LIVE' THEN RAISE 'gone' USING ERRCODE = '08006'; END IF; "
                 "RETURN NEW; END $$; CREATE TRIGGER far BEFORE INSERT ON orders "
                 "FOR EACH ROW EXECUTE FUNCTION far()");
    cr_assert(WAIT_UNTIL(nodes_member(&rig, "silent") == 1, SOON_S));
    cr_expect_eq(post(&rig, "DEAD-1", "c-1"), 504, "it may be stored");
    cr_expect_eq(post(&rig, "DEAD-2", "c-1"), 504);
    cr_assert(daemon_log_wait(rig.daemon, "database.canary_refused", SOON_S), "%s",
              daemon_log(rig.daemon));
    cr_expect(is_ready(&rig));
    cr_expect_eq(post(&rig, "LIVE", "c-2"), 201);
    cluster_exec(rig.cluster, "DROP TRIGGER far ON orders");
    cr_expect_eq(post(&rig, "DEAD-1", "c-1"), 201);
    rig_close(&rig);
}
