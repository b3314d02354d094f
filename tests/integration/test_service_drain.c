/* The end of the process, and what it reads again while it lives: SIGTERM, a second one, SIGHUP. */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "order_herd.h"
#include "order_volley.h"

static int64_t seconds_since(int64_t began_ns)
{
    return (clock_now_ns() - began_ns) / NS_PER_S;
}

Test(drain, under_load_every_acknowledged_order_is_stored, .timeout = TEST_S)
{
    enum { CLIENTS = 32, SHUTDOWN_S = 25 };
    struct rig rig = rig_open(LIST("SHUTDOWN_TIMEOUT=25s"));
    struct herd *herd = herd_start(&rig, CLIENTS);
    cr_assert(herd_await(herd, 50 * CLIENTS, SOON_S));
    int64_t began_ns = clock_now_ns();
    daemon_signal(rig.daemon, SIGTERM);
    cr_expect_eq(daemon_wait_exit(rig.daemon, SOON_S), 0);
    cr_expect_lt(seconds_since(began_ns), SHUTDOWN_S);
    cr_expect(daemon_log_contains(rig.daemon, "service.stopped"));
    herd_stop(herd);
    herd_expect_truth(herd, rig.cluster);
    herd_close(&herd);
    rig_close(&rig);
}

static bool waits_for_lock(struct cluster *cluster, int64_t n)
{
    return cluster_query_int(cluster, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                                      "AND NOT granted") == n;
}

/* Another starter may hold the migrations' lock for long. The end does not wait for that lock, and
 * no session goes on waiting for it at the server. */
Test(drain, a_start_that_waits_for_the_schema_ends_at_once, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    PGconn *lock = PQconnectdb(cluster_conninfo(cluster));
    PQclear(PQexec(lock, "SELECT pg_advisory_lock(x'6f726465727364'::bigint)"));
    struct rig rig = rig_spawn(cluster, NULL);
    cr_assert(WAIT_UNTIL(waits_for_lock(cluster, 1), SOON_S));
    char *body = order_body("early", "EURUSD");
    struct answer early = rig_post(&rig, body);
    expect_problem(&early, 503, "starting", "not_accepted");
    answer_fini(&early);
    free(body);
    int64_t began_ns = clock_now_ns();
    daemon_signal(rig.daemon, SIGTERM);
    cr_expect_eq(daemon_wait_exit(rig.daemon, SOON_S), 0);
    cr_expect_lt(seconds_since(began_ns), 30, "the lock is waited for a minute");
    cr_expect(WAIT_UNTIL(waits_for_lock(cluster, 0), SOON_S / 2), "its statement is cancelled");
    PQfinish(lock);
    rig_close(&rig);
}

/* A client that keeps its connection learns of the end by `Connection: close`, and by no refusal.
 * The request has begun before SIGTERM, so that no limit for idle connections matters here. */
Test(drain, the_last_request_of_a_connection_is_served, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("SHUTDOWN_TIMEOUT=25s"));
    char *body = order_body("last", "EURUSD"), head[256], heard[2048] = "";
    (void)snprintf(head, sizeof head,
                   "POST /v1/orders HTTP/1.1\r\nHost: localhost\r\n"
                   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                   strlen(body));
    int fd = rig_dial(&rig);
    cr_assert_eq(send(fd, head, strlen(head), MSG_NOSIGNAL), (ssize_t)strlen(head));
    cr_assert(WAIT_UNTIL(rig_metric(&rig, "http_server_active_requests") >= 2, SOON_S));
    daemon_signal(rig.daemon, SIGTERM);
    cr_assert(WAIT_UNTIL(rig_refuses_connections(&rig), SOON_S));
    cr_assert_eq(send(fd, body, strlen(body), MSG_NOSIGNAL), (ssize_t)strlen(body));
    cr_expect_gt(recv(fd, heard, sizeof heard - 1, MSG_WAITALL), 0); /* until it is closed */
    cr_expect_eq(strncmp(heard, "HTTP/1.1 201 ", 13), 0, "%s", heard);
    cr_expect_not_null(strstr(heard, "Connection: close"), "%s", heard);
    close(fd);
    free(body);
    cr_expect_eq(daemon_wait_exit(rig.daemon, SOON_S), 0);
    cr_expect_eq(cluster_query_int(rig.cluster, "SELECT count(*) FROM orders"), 1);
    rig_close(&rig);
}

/* An order that cannot be committed holds the end up until SHUTDOWN_TIMEOUT, and no longer. */
Test(drain, a_stuck_order_is_answered_truthfully, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("SHUTDOWN_TIMEOUT=4s", "ORDERS_COMMIT_TIMEOUT=60s"));
    PGconn *lock = PQconnectdb(cluster_conninfo(rig.cluster));
    PQclear(PQexec(lock, "BEGIN; LOCK TABLE orders"));
    char *body = order_body("stuck", "EURUSD");
    struct volley *volley = volley_start(&rig, (const char *const *)&body, 1);
    cr_assert(WAIT_UNTIL(rig_metric(&rig, "ordersd_workers{state=\"busy\"}") == 1, SOON_S));
    daemon_signal(rig.daemon, SIGTERM);
    cr_assert(daemon_log_wait(rig.daemon, "service.draining", SOON_S));
    struct answer late = rig_post(&rig, body);
    cr_expect(late.status == 0 || late.status == 503 || late.status == 504, "%d", late.status);
    answer_fini(&late);
    cr_expect_eq(daemon_wait_exit(rig.daemon, SOON_S), 0);
    volley_join(volley);
    const struct answer *answer = volley_answer(volley, 0);
    cr_expect(answer->status == 503 || answer->status == 504, "%d %s", answer->status,
              answer->reply.error);
    PQfinish(lock);
    bool unknown = strcmp(answer_text(answer, "outcome"), "unknown") == 0;
    cr_expect(unknown || cluster_query_int(rig.cluster, "SELECT count(*) FROM orders") == 0);
    volley_close(&volley);
    free(body);
    rig_close(&rig);
}

/* While SHUTDOWN_DELAY lasts, whoever balances the load can see that this node is going; what still
 * comes is served. */
Test(drain, not_ready_while_it_still_serves, .timeout = TEST_S)
{
    struct rig rig = rig_open(LIST("SHUTDOWN_DELAY=10m", "SHUTDOWN_TIMEOUT=10m"));
    daemon_signal(rig.daemon, SIGTERM);
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 503, SOON_S));
    struct answer ready = rig_get(&rig, "/health/ready");
    cr_expect_str_eq(answer_text(&ready, "output"), "shutting down");
    answer_fini(&ready);
    cr_expect(daemon_wait_status(rig.daemon, "/health/live", 200, SOON_S));
    char *body = order_body("1", "EURUSD");
    struct answer made = rig_post(&rig, body);
    EXPECT_STATUS(made, 201);
    answer_fini(&made);
    free(body);

    daemon_signal(rig.daemon, SIGPIPE); /* whoever reads is gone: not a reason to end */
    cr_expect(daemon_wait_status(rig.daemon, "/health/live", 200, SOON_S));
    daemon_signal(rig.daemon, SIGINT);
    cr_expect_eq(daemon_wait_exit(rig.daemon, SOON_S), 0, "a second signal ends it at once");
    rig_close(&rig);
}

/* ---- SIGHUP ---- */

static void write_level(const char *path, const char *level)
{
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert_gt(fprintf(file, "%s\n", level), 0);
    cr_assert_eq(fclose(file), 0);
}

static void ask_as(struct rig *rig, const char *request_id)
{
    char *header = support_text("X-Request-Id: %s", request_id);
    struct answer answer = rig_ask(rig, "GET", "/version", LIST(header), NULL);
    EXPECT_STATUS(answer, 200);
    answer_fini(&answer);
    free(header);
}

/* Asks until the log has it: of one event it takes 20 lines a second, and the refusals of the start
 * may have been as many. */
static bool is_logged(struct rig *rig, const char *request_id)
{
    ask_as(rig, request_id);
    return daemon_log_contains(rig->daemon, request_id);
}

Test(reload, the_log_level_follows_its_file, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    char *path = support_text("%s/log_level", cluster_folder(cluster));
    char *setting = support_text("LOG_LEVEL_FILE=%s", path);
    write_level(path, "info");
    struct rig rig = rig_spawn(cluster, LIST(setting));
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    ask_as(&rig, "at-info");

    write_level(path, "debug");
    daemon_signal(rig.daemon, SIGHUP);
    cr_assert(daemon_log_wait(rig.daemon, "config.reloaded", SOON_S));
    cr_expect(WAIT_UNTIL(is_logged(&rig, "at-debug"), SOON_S));
    cr_expect_not(daemon_log_contains(rig.daemon, "at-info"), "a 2xx is logged at debug only");

    write_level(path, "loud");
    daemon_signal(rig.daemon, SIGHUP);
    cr_assert(daemon_log_wait(rig.daemon, "config.reload_failed", SOON_S));
    cr_expect(daemon_log_contains(rig.daemon, "LOG_LEVEL_FILE=loud"), "and says why");
    cr_expect(WAIT_UNTIL(is_logged(&rig, "still-so"), SOON_S));
    free(setting);
    free(path);
    rig_close(&rig);
}
