/* Under a service manager: what NOTIFY_SOCKET is told, and a listening socket handed over. */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "service_rig.h"

enum { DATAGRAM_MAX = 512, EXIT_SCHEMA_TOO_NEW = 70, EXIT_CONFIG = 78 };

/* ---- the manager's end ---- */

struct manager {
    int fd;
    char *setting; /* NOTIFY_SOCKET=... */
};

static struct manager manager_open(struct cluster *cluster)
{
    struct manager manager = { .fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct timeval soon = { .tv_sec = SOON_S };
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/notify", cluster_folder(cluster));
    CHECK(bind(manager.fd, (const struct sockaddr *)&at, sizeof at) == 0);
    CHECK(setsockopt(manager.fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
    manager.setting = support_text("NOTIFY_SOCKET=%s", at.sun_path);
    return manager;
}

static void manager_close(struct manager *manager)
{
    close(manager->fd);
    free(manager->setting);
}

/* Reads until one begins so; false when nothing more comes. The datagram is at *text. */
static bool hears(struct manager *manager, const char *begin, const char **text)
{
    static char heard[DATAGRAM_MAX];
    for (ssize_t n; (n = recv(manager->fd, heard, sizeof heard - 1, 0)) > 0;) {
        heard[n] = '\0';
        if (strncmp(heard, begin, strlen(begin)) == 0) {
            if (text != NULL)
                *text = heard;
            return true;
        }
    }
    return false;
}

static long long number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at != NULL ? strtoll(at + strlen(name), NULL, 10) : -1;
}

Test(systemd, the_manager_hears_how_it_goes, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct manager manager = manager_open(cluster);
    const char *text = "";
    struct rig rig =
        rig_spawn(cluster, LIST(manager.setting, "WATCHDOG_USEC=200000", "SHUTDOWN_TIMEOUT=20s"));
    cr_expect(hears(&manager, "READY=1", NULL));
    cr_expect(hears(&manager, "STATUS=ready", NULL));
    cr_expect(hears(&manager, "WATCHDOG=1", NULL));
    cr_expect(hears(&manager, "WATCHDOG=1", NULL), "again and again");

    daemon_signal(rig.daemon, SIGHUP);
    cr_expect(hears(&manager, "RELOADING=1", &text));
    cr_expect_gt(number_after(text, "MONOTONIC_USEC="), 0, "%s", text);
    cr_expect(hears(&manager, "READY=1", NULL));

    cluster_stop(cluster, CLUSTER_FAST);
    cr_expect(hears(&manager, "STATUS=not ready: ", NULL));
    cr_expect(hears(&manager, "WATCHDOG=1", NULL), "an outage is not ours");

    daemon_signal(rig.daemon, SIGTERM);
    cr_expect(hears(&manager, "STOPPING=1", &text));
    cr_expect_gt(number_after(text, "EXTEND_TIMEOUT_USEC="), 20000000, "%s", text);
    cr_expect_eq(daemon_wait_exit(rig.daemon, SOON_S), 0);
    manager_close(&manager);
    rig_close(&rig);
}

/* It serves its probes, and says what it waits for: a start is over when they can be asked. */
Test(systemd, a_start_without_a_database_is_a_start, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct manager manager = manager_open(cluster);
    cluster_stop(cluster, CLUSTER_FAST);
    struct rig rig = rig_spawn(cluster, LIST(manager.setting));
    cr_expect(hears(&manager, "READY=1", NULL));
    cr_expect(hears(&manager, "STATUS=not ready: ", NULL));
    cr_expect(daemon_wait_status(rig.daemon, "/health/live", 200, SOON_S));
    cr_expect_eq(daemon_stop(rig.daemon), 0);
    manager_close(&manager);
    rig_close(&rig);
}

/* ---- the socket ---- */

static int listen_on(uint32_t address)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(fd, 64) == 0);
    return fd;
}

static struct rig spawn_on(int fd, struct cluster *cluster)
{
    struct rig rig = { .cluster = cluster, .http = http_client_open() };
    char *url = support_text("DATABASE_URL=%s", cluster_conninfo(cluster));
    rig.daemon = daemon_spawn_on(fd, LIST(url), NULL);
    free(url);
    cr_assert(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    return rig;
}

/* A client that dials and asks while no service is there. */
static int ask_early(const struct rig *rig)
{
    static const char request[] =
        "GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    int fd = rig_dial(rig);
    cr_assert_gt(send(fd, request, strlen(request), MSG_NOSIGNAL), 0);
    return fd;
}

Test(systemd, a_restart_on_a_socket_handed_over_loses_no_connection, .timeout = TEST_S)
{
    enum { EARLY = 20 };
    int fd = listen_on(INADDR_LOOPBACK), early[EARLY];
    struct rig rig = spawn_on(fd, cluster_open(NULL));
    cr_expect(daemon_log_wait(rig.daemon, "handed over", SOON_S));
    cr_expect_eq(daemon_stop(rig.daemon), 0);
    for (int i = 0; i < EARLY; i++)
        early[i] = ask_early(&rig);
    daemon_close(&rig.daemon);
    http_client_close(&rig.http);
    rig = spawn_on(fd, rig.cluster);
    for (int i = 0; i < EARLY; i++) {
        char answer[64] = "";
        cr_expect_gt(recv(early[i], answer, sizeof answer - 1, 0), 0);
        cr_expect_eq(strncmp(answer, "HTTP/1.1 200 ", 13), 0, "%s", answer);
        close(early[i]);
    }
    close(fd);
    rig_close(&rig);
}

static int post_early(int listening)
{
    static const char request[] =
        "POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        "{\"account_id\":\"a\",\"client_order_id\":\"1\",\"symbol\":\"ACME\","
        "\"side\":\"buy\",\"type\":\"market\",\"quantity\":\"1\"}";
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof at;
    struct timeval soon = { .tv_sec = SOON_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(getsockname(listening, (struct sockaddr *)&at, &len) == 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
    CHECK(connect(fd, (const struct sockaddr *)&at, sizeof at) == 0);
    CHECK(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
    return fd;
}

static struct daemon *spawn_unready(int fd, struct cluster *cluster)
{
    char *url = support_text("DATABASE_URL=%s", cluster_conninfo(cluster));
    struct daemon *daemon = daemon_spawn_on(fd, LIST(url), NULL);
    free(url);
    return daemon;
}

/* Another process may serve on the same socket: what this one cannot serve stays there. */
Test(systemd, nothing_is_accepted_before_an_order_can_be_stored, .timeout = TEST_S)
{
    static const char newer[] = "INSERT INTO ordersd_migrations (version, name) VALUES (9999, '')";
    int fd = listen_on(INADDR_LOOPBACK);
    struct rig rig = spawn_on(fd, cluster_open(NULL));
    cr_expect_eq(daemon_stop(rig.daemon), 0);
    daemon_close(&rig.daemon);

    cluster_exec(rig.cluster, newer);
    int early = post_early(fd);
    struct daemon *old = spawn_unready(fd, rig.cluster);
    cr_expect_eq(daemon_wait_exit(old, SOON_S), EXIT_SCHEMA_TOO_NEW);
    daemon_close(&old);

    cluster_exec(rig.cluster, "DELETE FROM ordersd_migrations WHERE version = 9999");
    PGconn *lock = PQconnectdb(cluster_conninfo(rig.cluster));
    PQclear(PQexec(lock, "BEGIN; LOCK TABLE ordersd_migrations"));
    rig.daemon = spawn_unready(fd, rig.cluster);
    cr_assert(WAIT_UNTIL(cluster_query_int(rig.cluster, "SELECT count(*) FROM pg_locks WHERE NOT "
                                                        "granted") > 0,
                         SOON_S));
    PQfinish(lock);
    char answer[64] = "";
    cr_expect_gt(recv(early, answer, sizeof answer - 1, 0), 0);
    cr_expect_eq(strncmp(answer, "HTTP/1.1 201 ", 13), 0, "%s", answer);
    close(early);
    close(fd);
    rig_close(&rig);
}

/* The database is away. */
static struct rig spawn_without_database(int fd)
{
    struct cluster *cluster = cluster_open(NULL);
    cluster_stop(cluster, CLUSTER_FAST);
    return (struct rig){ .cluster = cluster,
                         .http = http_client_open(),
                         .daemon = spawn_unready(fd, cluster) };
}

/* A database that is away delays health checks for a while only. */
Test(systemd, health_is_served_without_a_database, .timeout = TEST_S)
{
    int fd = listen_on(INADDR_LOOPBACK);
    struct rig rig = spawn_without_database(fd);
    cr_expect(daemon_wait_status(rig.daemon, "/health/live", 200, SOON_S));
    close(fd);
    rig_close(&rig);
}

/* SIGTERM while nothing is accepted yet. */
Test(systemd, a_start_on_a_socket_can_be_ended, .timeout = TEST_S)
{
    int fd = listen_on(INADDR_LOOPBACK);
    struct rig rig = spawn_without_database(fd);
    cr_assert(daemon_log_wait(rig.daemon, "pool.dial_failed", SOON_S));
    cr_expect_eq(daemon_stop(rig.daemon), 0);
    cr_expect(daemon_log_contains(rig.daemon, "service.stopped"));
    close(fd);
    rig_close(&rig);
}

static void expect_refused(int fd, const char *setting, const char *why)
{
    struct daemon *daemon =
        daemon_spawn_on(fd, LIST("DATABASE_URL=host=/nowhere", "HTTP_PORT=1", setting), NULL);
    cr_expect_eq(daemon_wait_exit(daemon, SOON_S), EXIT_CONFIG);
    cr_expect(daemon_log_contains(daemon, why), "no '%s'", why);
    daemon_close(&daemon);
}

Test(systemd, what_is_no_socket_to_listen_on_is_refused, .timeout = TEST_S)
{
    int wide = listen_on(INADDR_ANY), deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    expect_refused(wide, "LOG_FORMAT=json", "AUTH=unset");
    expect_refused(deaf, "LOG_FORMAT=json", "no listening TCP socket");
    expect_refused(datagram, "LOG_FORMAT=json", "no listening TCP socket");
    close(wide);
    close(deaf);
    close(datagram);
}
