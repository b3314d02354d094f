/* What the service says of itself: /health and its probes, /metrics. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "order_herd.h"
#include "promtool.h"

static bool has_path(const json_t *document, const char *path)
{
    char text[256];
    snprintf(text, sizeof text, "%s", path);
    char *rest = text;
    for (char *member; document != NULL && (member = strsep(&rest, "/")) != NULL;)
        document = json_object_get(document, member);
    return document != NULL;
}

Test(health, the_document_has_every_figure, .timeout = TEST_S)
{
    static const char *const paths[] = {
        "pool/current_state/active_connections",
        "pool/current_state/idle_connections",
        "pool/current_state/total_connections",
        "pool/current_state/waiting_requests",
        "pool/current_state/min_pool_size",
        "pool/current_state/max_pool_size",
        "pool/health_metrics/total_connections_created",
        "pool/health_metrics/total_connections_closed",
        "pool/health_metrics/connection_errors",
        "pool/health_metrics/connection_timeouts",
        "pool/health_metrics/avg_connection_acquisition_time",
        "pool/health_metrics/max_connection_acquisition_time",
        "pool/health_metrics/health_check_failures",
        "pool/health_metrics/last_health_check",
        "pool/health_metrics/pool_exhausted_count",
        "checks",
        "queue/depth",
        "workers/total",
        "orders/created",
        "uptime_seconds",
        "version",
        "draining",
    };
    struct rig rig = rig_open(NULL);
    struct answer health = rig_get(&rig, "/health");
    EXPECT_STATUS(health, 200);
    cr_expect(answer_header_is(&health, "Content-Type", "application/health+json"));
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        cr_expect(has_path(health.json, paths[i]), "no %s in %s", paths[i], health.reply.body);
    cr_expect_str_eq(answer_text(&health, "status"), "warn", "the test's database has no fsync");
    cr_expect_not_null(strstr(answer_text(&health, "output"), "fsync"));
    answer_fini(&health);
    rig_close(&rig);
}

/* ---- who holds a connection ---- */

static size_t n_holders(struct rig *rig)
{
    struct answer health = rig_get(rig, "/health");
    const json_t *holders = json_object_get(json_object_get(health.json, "pool"), "holders");
    size_t n = json_array_size(holders);
    const json_t *first = json_array_get(holders, 0);
    if (n > 0) {
        cr_expect_not_null(strstr(json_string_value(json_object_get(first, "site")), "put.c:"));
        cr_expect_gt(json_integer_value(json_object_get(first, "thread")), 0);
    }
    answer_fini(&health);
    return n;
}

Test(health, holders_are_shown_to_those_who_may_see_them, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("AUTH=none"));
    PGconn *lock = PQconnectdb(cluster_conninfo(rig.cluster));
    PQclear(PQexec(lock, "BEGIN; LOCK TABLE orders"));
    struct herd *herd = herd_start(&rig, 1);
    cr_expect(WAIT_UNTIL(n_holders(&rig) == 1, SOON_S));
    PQfinish(lock);
    cr_expect(herd_await(herd, 1, SOON_S));
    herd_stop(herd);
    herd_close(&herd);
    rig_close(&rig);

    rig = rig_open(NULL);
    struct answer health = rig_get(&rig, "/health");
    cr_expect_not(has_path(health.json, "pool/holders"), "AUTH is not said");
    answer_fini(&health);
    rig_close(&rig);
}

Test(health, probes_follow_the_database, .timeout = TEST_S)
{
    static const struct {
        const char *path;
        int with, without; /* a database */
    } probes[] = {
        { "/health/live", 200, 200 },
        { "/health/ready", 200, 503 },
        { "/health/startup", 200, 200 },
        { "/health", 200, 503 },
    };
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++)
        cr_expect(daemon_wait_status(rig.daemon, probes[i].path, probes[i].with, SOON_S));
    cluster_stop(rig.cluster, CLUSTER_FAST);
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 503, SOON_S));
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        struct answer answer = rig_get(&rig, probes[i].path);
        EXPECT_STATUS(answer, probes[i].without);
        cr_expect_str_eq(answer_text(&answer, "status"),
                         probes[i].without == 200 ? "pass" : "fail");
        answer_fini(&answer);
    }
    rig_close(&rig);
}

/* ---- metrics ---- */

/* Counters that begin at 0, and histograms that begin empty, with all their labels. */
static const char *const zeroes[] = {
#define POOL(name) "ordersd_pool_" name "{pool=\"main\"}"
#define POOL_BY(name, label, value) "ordersd_pool_" name "{pool=\"main\"," label "=\"" value "\"}"
#define CLOSED(reason) POOL_BY("connections_closed_total", "reason", reason)
#define ERRORS(class) POOL_BY("connection_errors_total", "class", class)
#define RESULT(result) "ordersd_orders_total{result=\"" result "\"}"
#define BY(name, label, value) "ordersd_" name "{" label "=\"" value "\"}"
#define HTTP(method, route, status)                                                                \
    "http_server_request_duration_seconds_count{http_request_method=\"" method                     \
    "\",http_route=\"" route "\",http_response_status_code=\"" status "\"}"
    POOL("connections_created_total"),
    CLOSED("lost"),
    CLOSED("discarded"),
    CLOSED("invalid"),
    CLOSED("generation"),
    CLOSED("idle_timeout"),
    CLOSED("max_lifetime"),
    CLOSED("dial"),
    CLOSED("shutdown"),
    ERRORS("refused"),
    ERRORS("timeout"),
    ERRORS("server"),
    ERRORS("config"),
    ERRORS("lost"),
    POOL("acquire_timeouts_total"),
    POOL("acquire_duration_seconds_count"),
    POOL("acquire_queue_duration_seconds_count"),
    POOL("acquire_validate_duration_seconds_count"),
    POOL("acquire_connect_duration_seconds_count"),
    POOL("acquire_duration_max_seconds"),
    POOL_BY("health_checks_total", "result", "pass"),
    POOL_BY("health_checks_total", "result", "fail"),
    POOL("last_health_check_timestamp_seconds"),
    POOL("exhausted_total"),
    POOL("exhausted_seconds_total"),
    RESULT("created"),
    RESULT("replayed"),
    RESULT("invalid"),
    RESULT("reused"),
    RESULT("stale"),
    RESULT("batch_refused"),
    RESULT("refused_full"),
    RESULT("unavailable"),
    RESULT("unknown"),
    RESULT("failed"),
    RESULT("late"),
    "ordersd_order_commit_duration_seconds_count",
    "ordersd_queue_depth",
    "ordersd_queue_oldest_age_seconds",
    "ordersd_group_orders_count",
    BY("db_commits_total", "result", "ok"),
    BY("db_commits_total", "result", "failed"),
    BY("db_retries_total", "reason", "lost"),
    BY("db_retries_total", "reason", "lock"),
    "ordersd_db_failed_groups_in_a_row",
    BY("database_warning", "warning", "fsync_off"),
    BY("database_warning", "warning", "unlogged"),
    BY("database_warning", "warning", "check_limited"),
    BY("database_warning", "warning", "connections_short"),
    "ordersd_database_replicas",
    "ordersd_database_slot_wal_bytes",
    BY("db_ambiguous_commits_total", "resolved", "stored"),
    BY("db_ambiguous_commits_total", "resolved", "absent"),
    BY("db_ambiguous_commits_total", "resolved", "no"),
    "ordersd_group_splits_total",
    HTTP("POST", "/v1/orders", "201"),
    HTTP("POST", "/v1/orders", "200"),
    HTTP("POST", "/v1/orders", "422"),
    HTTP("POST", "/v1/orders", "503"),
    HTTP("POST", "/v1/orders", "504"),
    HTTP("GET", "/v1/orders/{order_id}", "200"),
    HTTP("GET", "/v1/orders/{order_id}", "404"),
    HTTP("GET", "/v1/orders", "200"),
};

/* Before there is a database and before a health check fails, so that nothing has been counted. */
Test(metrics, are_all_there_at_the_first_scrape, .timeout = TEST_S)
{
    static const char *const others[] = {
        "ordersd_pool_connections_max{pool=\"main\"} 8\n",
        "ordersd_pool_connections_min{pool=\"main\"} 2\n",
        "ordersd_pool_connections{pool=\"main\",state=\"active\"} 0\n",
        "ordersd_pool_connections{pool=\"main\",state=\"idle\"} 0\n",
        "ordersd_pool_waiting_requests{pool=\"main\"} ",
        "ordersd_queue_capacity 65536\n",
        "ordersd_build_info{version=",
        "process_cpu_seconds_total ",
        "process_resident_memory_bytes ",
        "process_open_fds ",
    };
    struct cluster *cluster = cluster_open(NULL);
    cluster_stop(cluster, CLUSTER_FAST);
    struct rig rig = rig_spawn(cluster, LIST("DATABASE_HEALTH_CHECK_INTERVAL=1h"));
    cr_assert(daemon_wait_status(rig.daemon, "/health/live", 200, SOON_S));
    struct answer scrape = rig_get(&rig, "/metrics");
    EXPECT_STATUS(scrape, 200);
    for (size_t i = 0; i < sizeof zeroes / sizeof zeroes[0]; i++) {
        char *line = support_text("\n%s 0\n", zeroes[i]);
        cr_expect_not_null(strstr(scrape.reply.body, line), "%s", zeroes[i]);
        free(line);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_expect_not_null(strstr(scrape.reply.body, others[i]), "%s", others[i]);
    answer_fini(&scrape);
    rig_close(&rig);
}

Test(metrics, count_what_happened, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    char *body = order_body("1", "EURUSD"), *other = order_body("1", "GBPUSD");
    const char *const bodies[] = { body, body, other, "{}", "{" };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct answer answer = rig_post(&rig, bodies[i]);
        answer_fini(&answer);
    }
    cr_expect_eq(rig_metric(&rig, RESULT("created")), 1);
    cr_expect_eq(rig_metric(&rig, RESULT("replayed")), 1);
    cr_expect_eq(rig_metric(&rig, RESULT("reused")), 1);
    cr_expect_eq(rig_metric(&rig, RESULT("invalid")), 2);
    cr_expect_eq(rig_metric(&rig, "ordersd_order_commit_duration_seconds_count"), 1);
    cr_expect_eq(rig_metric(&rig, HTTP("POST", "/v1/orders", "201")), 1);
    cr_expect_eq(rig_metric(&rig, HTTP("POST", "/v1/orders", "422")), 2);
    cr_expect_eq(rig_metric(&rig, HTTP("POST", "/v1/orders", "400")), 1);

    struct answer head = rig_ask(&rig, "HEAD", "/metrics", NULL, NULL);
    EXPECT_STATUS(head, 200);
    cr_expect(answer_header_is(&head, "Content-Type", "text/plain; version=0.0.4; charset=utf-8"));
    cr_expect_eq(head.reply.body_len, 0);
    answer_fini(&head);
    free(body);
    free(other);
    rig_close(&rig);
}

Test(metrics, tell_how_much_wal_a_slot_keeps, .timeout = TEST_S)
{
    static const char sample[] = "ordersd_database_slot_wal_bytes";
    struct rig rig = rig_open(LIST(CHECKED_EACH_SECOND));
    cr_expect_eq(rig_metric(&rig, sample), 0, "there is no slot");
    cluster_exec(rig.cluster,
                 "DO $$ BEGIN PERFORM pg_create_physical_replication_slot('left_behind', true); "
                 "PERFORM pg_logical_emit_message(true, 'test', repeat('x', 100000)); END $$");
    cr_expect(WAIT_UNTIL(rig_metric(&rig, sample) >= 100000, SOON_S));
    cluster_exec(rig.cluster,
                 "DO $$ BEGIN PERFORM pg_drop_replication_slot('left_behind'); END $$");
    cr_expect(WAIT_UNTIL(rig_metric(&rig, sample) == 0, SOON_S));
    rig_close(&rig);
}

Test(metrics, promtool_has_no_complaint, .timeout = TEST_S)
{
    SKIP_WITHOUT_PROMTOOL();
    struct rig rig = rig_open(NULL);
    struct answer scrape = rig_get(&rig, "/metrics");
    expect_promtool_content(scrape.reply.body);
    answer_fini(&scrape);
    rig_close(&rig);
}

/* The figure of a pool state in a scrape. */
static double pool_state(const char *scrape, const char *state)
{
    char *sample = support_text("\nordersd_pool_connections{pool=\"main\",state=\"%s\"} ", state);
    const char *at = strstr(scrape, sample);
    cr_assert_not_null(at, "%s", sample);
    double value = strtod(at + strlen(sample), NULL);
    free(sample);
    return value;
}

Test(metrics, agree_with_each_other_in_every_scrape, .timeout = TEST_S)
{
    enum { CLIENTS = 24, SCRAPES = 200, MAX = 8 };
    struct rig rig = rig_open(
        LIST("ORDERS_WORKERS=8", "DATABASE_IDLE_TIMEOUT=100ms", "DATABASE_MAX_LIFETIME=200ms"));
    struct herd *herd = herd_start(&rig, CLIENTS);
    for (int i = 0; i < SCRAPES; i++) {
        struct answer scrape = rig_get(&rig, "/metrics");
        EXPECT_STATUS(scrape, 200);
        double active = pool_state(scrape.reply.body, "active");
        double idle = pool_state(scrape.reply.body, "idle");
        double total = pool_state(scrape.reply.body, "total");
        cr_expect(active + idle <= total && total <= MAX, "active %g, idle %g, total %g", active,
                  idle, total);
        answer_fini(&scrape);
    }
    cr_expect(herd_await(herd, CLIENTS, SOON_S), "orders were posted meanwhile");
    herd_stop(herd);
    cr_expect_eq(rig_metric(&rig, RESULT("created")) + rig_metric(&rig, RESULT("replayed")),
                 (double)herd_acked(herd));
    herd_expect_truth(herd, rig.cluster);
    herd_close(&herd);
    rig_close(&rig);
}
