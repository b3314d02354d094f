/* The program ends when it is asked to, whatever it waits for: a resolver that does not answer, a
 * database that hangs, a lock, a pause, a pipe. */
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sync.h"
#include "service_rig.h"
#include "support/black_hole.h"
#include "support/gate.h"

enum { STATUS_OF_SIGNAL = 128, EXIT_CONFIG = 78 };

#define PRELOAD_SILENT_RESOLVER                                                                    \
    "LD_PRELOAD=" SILENT_RESOLVER, "ASAN_OPTIONS=verify_asan_link_order=0"

/* ---- a resolver that does not answer ---- */

Test(resolver, silence_is_told_and_holds_nothing_up, .timeout = TEST_S)
{
    struct daemon *daemon = daemon_spawn(
        LIST(PRELOAD_SILENT_RESOLVER, "DATABASE_URL=host=db.example user=postgres",
             "DATABASE_CONNECT_TIMEOUT=300ms", "SHUTDOWN_TIMEOUT=20s", "LOG_FORMAT=json"),
        NULL);
    cr_assert(daemon_log_wait(daemon, "could not translate host name \\\"db.example\\\"", SOON_S));
    cr_expect(daemon_wait_status(daemon, "/health/live", 200, SOON_S));
    cr_expect_eq(daemon_stop(daemon), 0);
    cr_expect_not(daemon_log_contains(daemon, "service.forced_end"));
    daemon_close(&daemon);
}

/* The name uses up its share of the time, and then the next host has its share. */
Test(resolver, silence_leaves_other_hosts_alone, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    char *url = support_text("DATABASE_URL=host=never.example,%s port=%d user=postgres "
                             "dbname=postgres",
                             cluster_folder(cluster), cluster_port(cluster));
    struct rig rig =
        rig_spawn(cluster, LIST(PRELOAD_SILENT_RESOLVER, url, "DATABASE_CONNECT_TIMEOUT=4s"));
    cr_expect(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    char *body = order_body("1", "EURUSD");
    struct answer made = rig_post(&rig, body);
    EXPECT_STATUS(made, 201);
    answer_fini(&made);
    free(body);
    free(url);
    rig_close(&rig);
}

/* A dual-stack name whose IPv6 is broken, or an old A record. */
Test(resolver, a_silent_first_address_is_passed, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct black_hole hole = black_hole_open("127.0.0.2", cluster_port(cluster));
    char *url = support_text("DATABASE_URL=host=db.example port=%d user=postgres dbname=postgres "
                             "sslmode=disable",
                             cluster_port(cluster));
    struct rig rig =
        rig_spawn(cluster, LIST(PRELOAD_SILENT_RESOLVER, "RESOLVER_ADDRESSES=127.0.0.2 127.0.0.1",
                                url, "DATABASE_CONNECT_TIMEOUT=6s"));
    cr_expect(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    black_hole_close(&hole);
    free(url);
    rig_close(&rig);
}

/* ---- ordersd migrate, and DATABASE_START=fail ---- */

/* Spawns the program, waits for the text in its log, sends the signal. */
static void expect_interrupted(const char *const settings[], const char *const args[],
                               const char *log, int signal, int status)
{
    struct daemon *daemon = daemon_spawn(settings, args);
    if (log != NULL)
        cr_assert(daemon_log_wait(daemon, log, SOON_S), "%s: %s", log, daemon_log(daemon));
    daemon_signal(daemon, signal);
    int got = daemon_wait_exit(daemon, SOON_S);
    cr_expect_eq(got, status, "status %d, not %d: %s", got, status, daemon_log(daemon));
    daemon_close(&daemon);
}

static void expect_migrate_interrupted(const char *setting, const char *log, int signal)
{
    expect_interrupted(LIST(setting, PRELOAD_SILENT_RESOLVER, "DATABASE_CONNECT_TIMEOUT=200ms",
                            "DATABASE_INITIAL_RETRY_DELAY=60s", "DATABASE_MAX_RETRY_DELAY=60s"),
                       LIST("migrate"), log, signal, STATUS_OF_SIGNAL + signal);
}

Test(migrate, ends_at_a_signal_whatever_it_waits_for, .timeout = TEST_S)
{
    struct gate *gate = gate_open(process_free_port());
    gate_set(gate, GATE_SILENT);
    char *silent =
        support_text("DATABASE_URL=host=127.0.0.1 port=%d user=postgres", gate_port(gate));
    char *refused =
        support_text("DATABASE_URL=host=127.0.0.1 port=%d user=postgres", process_free_port());
    static const char failed[] = "pool.dial_failed";
    expect_migrate_interrupted("DATABASE_URL=host=db.example user=postgres", failed, SIGTERM);
    expect_migrate_interrupted(silent, failed, SIGINT);
    expect_migrate_interrupted(refused, failed, SIGTERM);
    free(refused);
    free(silent);
    gate_close(&gate);
}

static bool waits_for_lock(struct cluster *cluster, int64_t n)
{
    return cluster_query_int(cluster, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = "
                                      "'advisory' AND application_name LIKE 'ordersd%'") == n;
}

/* And the server does not go on with the abandoned statement, if the connection that cancels was
 * open: the pool opens it beside the others. */
Test(migrate, a_signal_cancels_the_statement_that_is_under_way, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    PGconn *lock = PQconnectdb(cluster_conninfo(cluster));
    PQclear(PQexec(lock, "SELECT pg_advisory_lock(x'6f726465727364'::bigint)"));
    char *url = support_text("DATABASE_URL=%s", cluster_conninfo(cluster));
    struct daemon *daemon = daemon_spawn(LIST(url, "LOG_FORMAT=json"), LIST("migrate"));
    cr_assert(WAIT_UNTIL(waits_for_lock(cluster, 1), SOON_S));
    cr_assert(WAIT_UNTIL(daemon_log_contains(daemon, "pool.healthy"), SOON_S));
    daemon_signal(daemon, SIGINT);
    int status = daemon_wait_exit(daemon, SOON_S);
    cr_expect_eq(status, STATUS_OF_SIGNAL + SIGINT, "%d: %s", status, daemon_log(daemon));
    cr_expect(daemon_log_contains(daemon, "schema.interrupted"), "%s", daemon_log(daemon));
    cr_expect(WAIT_UNTIL(waits_for_lock(cluster, 0), SOON_S / 2), "its lock is waited for 60 s");
    daemon_close(&daemon);
    PQfinish(lock);
    free(url);
    cluster_close(&cluster);
}

Test(migrate, a_signal_ends_it_on_a_database_that_hangs, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    PGconn *lock = PQconnectdb(cluster_conninfo(cluster));
    PQclear(PQexec(lock, "SELECT pg_advisory_lock(x'6f726465727364'::bigint)"));
    char *url = support_text("DATABASE_URL=%s", cluster_conninfo(cluster));
    struct daemon *daemon = daemon_spawn(LIST(url), LIST("migrate"));
    cr_assert(WAIT_UNTIL(waits_for_lock(cluster, 1), SOON_S));
    cluster_freeze(cluster);
    daemon_signal(daemon, SIGTERM);
    int status = daemon_wait_exit(daemon, SOON_S);
    cr_expect_eq(status, STATUS_OF_SIGNAL + SIGTERM, "%d: %s", status, daemon_log(daemon));
    cluster_thaw(cluster);
    daemon_close(&daemon);
    PQfinish(lock);
    free(url);
    cluster_close(&cluster);
}

/* It has served nobody yet, so this is an orderly end. */
Test(start_fail, a_signal_ends_the_wait_for_the_database, .timeout = TEST_S)
{
    struct gate *gate = gate_open(process_free_port());
    gate_set(gate, GATE_SILENT);
    char *url = support_text("DATABASE_URL=host=127.0.0.1 port=%d user=postgres", gate_port(gate));
    struct gate_counts counts;
    struct daemon *daemon =
        daemon_spawn(LIST(url, "DATABASE_START=fail", "DATABASE_CONNECT_TIMEOUT=10m"), NULL);
    cr_assert(WAIT_UNTIL((gate_counts(gate, &counts), counts.accepted > 0), SOON_S));
    daemon_signal(daemon, SIGTERM);
    int status = daemon_wait_exit(daemon, SOON_S);
    cr_expect_eq(status, 0, "%d: %s", status, daemon_log(daemon));
    daemon_close(&daemon);
    free(url);
    gate_close(&gate);
}

/* ---- files that are pipes ---- */

Test(pipes, a_password_file_that_is_a_pipe_is_told, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    char *path = support_text("%s/pipe", cluster_folder(cluster));
    char *setting = support_text("DATABASE_PASSWORD_FILE=%s", path), *output = NULL;
    cr_assert_eq(mkfifo(path, 0600), 0);
    struct rig rig = rig_spawn(cluster, LIST(setting));
    cr_expect(daemon_log_wait(rig.daemon, "is no regular file but a pipe", SOON_S));
    cr_expect(daemon_wait_status(rig.daemon, "/health/live", 200, SOON_S));
    cr_expect_eq(daemon_stop(rig.daemon), 0);

    cr_expect_eq(rig_run(cluster, LIST(setting), LIST("--check-config"), &output), EXIT_CONFIG);
    cr_expect_not_null(strstr(output, setting), "%s", output);
    cr_expect_not_null(strstr(output, "is no regular file but a pipe"), "%s", output);
    free(output);
    free(setting);
    setting = support_text("DATABASE_URL_FILE=%s", path);
    cr_expect_eq(rig_run(NULL, LIST(setting), NULL, &output), EXIT_CONFIG);
    cr_expect_not_null(strstr(output, "is no regular file but a pipe"), "%s", output);
    free(output);
    free(setting);
    free(path);
    rig_close(&rig);
}

/* ---- a log that nobody reads ---- */

static bool answers(struct http_client *http, const char *url)
{
    struct http_reply reply;
    int status = http_get(http, url, &reply);
    http_reply_fini(&reply);
    return status == 200;
}

Test(pipes, a_log_that_nobody_reads_holds_up_no_end, .timeout = TEST_S)
{
    int fds[2], port = process_free_port();
    char fill[4096] = { 0 };
    cr_assert_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    while (write(fds[1], fill, sizeof fill) > 0)
        ;
    cr_assert_eq(fcntl(fds[1], F_SETFL, 0), 0, "blocking, as a shell's pipe is");
    char *port_is = support_text("HTTP_PORT=%d", port);
    char *url = support_text("http://127.0.0.1:%d/health/live", port);
    const char *const argv[] = { daemon_program(), NULL };
    const char *const env[] = { "PATH=/usr/bin:/bin", port_is, "DATABASE_URL=host=/nowhere",
                                "LOG_LEVEL=debug", NULL };
    const struct process process = { .argv = argv, .env = env, .in_fd = -1, .out_fd = fds[1] };
    pid_t pid = process_spawn(&process);
    struct http_client *http = http_client_open();
    cr_expect(WAIT_UNTIL(answers(http, url), SOON_S));
    http_client_close(&http);
    cr_assert_eq(kill(pid, SIGTERM), 0);
    cr_expect_eq(process_wait(pid, SOON_S), 0);
    free(url);
    free(port_is);
    close(fds[0]);
    close(fds[1]);
}

/* ---- clients that are idle when the end begins ---- */

enum { ATTEMPTS = 5, IDLE_CLIENTS = 2 };

/* False: this process was too slow to say anything about the service. */
static bool idle_clients_are_answered(void)
{
    static const char get[] = "GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    static const char post[] = "POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                               "application/json\r\nContent-Length: 2\r\n\r\n{}";
    struct rig rig = { .daemon = daemon_spawn(LIST("DATABASE_URL=host=/nowhere"), NULL) };
    char heads[IDLE_CLIENTS][RIG_HEAD_SIZE];
    int fds[IDLE_CLIENTS];
    cr_assert(daemon_wait_status(rig.daemon, "/health/live", 200, SOON_S));
    for (int i = 0; i < IDLE_CLIENTS; i++) {
        fds[i] = rig_dial(&rig);
        rig_send(fds[i], get);
        rig_read_head(fds[i], heads[i]);
        cr_expect_null(strstr(heads[i], "Connection: close"), "%s", heads[i]);
    }
    int64_t began_ns = clock_now_ns();
    daemon_signal(rig.daemon, SIGTERM);
    cr_assert(WAIT_UNTIL(rig_refuses_connections(&rig), SOON_S));
    rig_send(fds[0], get);
    rig_send(fds[1], post);
    bool in_time = clock_now_ns() - began_ns < NS_PER_S / 2;
    for (int i = 0; i < IDLE_CLIENTS; i++) {
        rig_read_head(fds[i], heads[i]);
        close(fds[i]);
    }
    cr_expect_eq(daemon_wait_exit(rig.daemon, SOON_S), 0);
    daemon_close(&rig.daemon);
    if (!in_time)
        return false;
    cr_expect_not_null(strstr(heads[0], "HTTP/1.1 200 "), "%s", heads[0]);
    cr_expect_not_null(strstr(heads[1], "HTTP/1.1 503 "), "%s", heads[1]);
    for (int i = 0; i < IDLE_CLIENTS; i++)
        cr_expect_not_null(strstr(heads[i], "Connection: close"), "%s", heads[i]);
    return true;
}

/* The next answer has Connection: close, and a connection without a request is closed after 1 s. */
Test(idle, a_request_in_the_second_after_sigterm_is_answered, .timeout = TEST_S)
{
    int attempts = 0;
    while (!idle_clients_are_answered() && ++attempts < ATTEMPTS)
        ;
}

/* ---- ordersd healthcheck ---- */

/* A server that sends one byte after another and never ends. */
static void *drip(void *arg)
{
    static const struct timespec pause = { .tv_nsec = 200 * NS_PER_MS };
    int fd = accept(*(int *)arg, NULL, NULL);
    while (fd >= 0 && send(fd, "H", 1, MSG_NOSIGNAL) == 1)
        (void)nanosleep(&pause, NULL);
    close(fd);
    return NULL;
}

Test(healthcheck, an_answer_that_drips_is_none, .timeout = TEST_S)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)process_free_port()),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t thread;
    char *output = NULL;
    cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(thread_start(&thread, "drip", drip, &fd), 0);
    char *port = support_text("HTTP_PORT=%d", ntohs(at.sin_port));
    cr_expect_eq(rig_run(NULL, LIST(port), LIST("healthcheck"), &output), 1, "%s", output);
    thread_join(thread);
    free(output);
    free(port);
    close(fd);
}

/* ---- an order that the database has, and does not answer ---- */

Test(drain, a_database_that_hangs_does_not_hold_the_end_up, .timeout = TEST_S)
{
    struct rig rig = rig_open(
        LIST("SHUTDOWN_TIMEOUT=2s", "ORDERS_COMMIT_TIMEOUT=10m", "DATABASE_COMMAND_TIMEOUT=10m"));
    static const char head[] = "POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                               "application/json\r\nContent-Length: ";
    char answer[RIG_HEAD_SIZE];
    char *body = order_body("stuck", "EURUSD");
    char *request = support_text("%s%zu\r\n\r\n%s", head, strlen(body), body);
    cluster_freeze(rig.cluster);
    int fd = rig_dial(&rig);
    rig_send(fd, request);
    cr_assert(WAIT_UNTIL(rig_metric(&rig, "ordersd_workers{state=\"busy\"}") == 1, SOON_S));
    daemon_signal(rig.daemon, SIGTERM);
    cr_expect_eq(daemon_wait_exit(rig.daemon, SOON_S), 0);
    cr_expect(daemon_log_contains(rig.daemon, "service.cut_short"));
    rig_read_head(fd, answer);
    cr_expect_not_null(strstr(answer, "HTTP/1.1 50"), "%s", answer);
    close(fd);
    cluster_thaw(rig.cluster);
    free(request);
    free(body);
    rig_close(&rig);
}
