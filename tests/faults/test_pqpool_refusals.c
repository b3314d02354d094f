/* The pool against a real PostgreSQL that refuses: writes, passwords, further connections. */
#include "faults/fault_rig.h"
#include "faults/write_watch.h"
#include "support/cluster_standby.h"

/* ---- 25006 ---- */

Test(pqpool_refusals, a_server_that_takes_no_writes_is_left, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool_options options = options_for(cluster_conninfo(cluster), 2, 2);
    options.health_check_interval_ns = options.health_check_timeout_ns = NS_PER_S / 2;
    struct pqpool *pool = open_warm_pool(&options);
    struct pqpool_lease *lease = lease_from(pool);
    struct err err = { 0 };
    cr_expect_eq(run(lease, "SET default_transaction_read_only = on", NULL), PQPOOL_OK);
    cr_expect_eq(run(lease, "CREATE TABLE t ()", &err), PQPOOL_SQL_ERROR);
    cr_expect_str_eq(err.code, "25006");
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(stats_of(pool).connections.idle == 2 && stats_of(pool).counters.created == 4);

    cluster_exec(cluster, "ALTER SYSTEM SET default_transaction_read_only = on");
    cluster_exec(cluster, "SELECT pg_reload_conf()");
    lease = lease_from(pool);
    AWAIT(run(lease, "CREATE TABLE t ()", &err) == PQPOOL_SQL_ERROR ||
          run(lease, "DROP TABLE t", NULL) != PQPOOL_OK);
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(pqpool_is_down(pool, NULL) && !stats_of(pool).health.healthy);
    cr_expect_eq(pqpool_acquire(pool, CLOCK_NEVER, &lease, &err), PQPOOL_DOWN);
    cr_expect_not_null(strstr(err.text, "read-only"), "%s", err.text);
    cluster_exec(cluster, "ALTER SYSTEM RESET default_transaction_read_only");
    cluster_exec(cluster, "SELECT pg_reload_conf()");
    AWAIT(stats_of(pool).connections.idle == 2 && stats_of(pool).health.connected);
    close_all(&pool, &cluster);
}

Test(pqpool_refusals, a_server_becomes_read_only_and_writable_again, .timeout = TEST_S)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    struct write_watch watch = { 0 };
    cluster_exec(rig.cluster, "CREATE TABLE kept (n int)");
    rig.load.sql = "INSERT INTO kept VALUES (1)";
    rig.load.on_seen = watch_write;
    rig.load.ctx = &watch;
    rig_start(&rig);
    cluster_set(rig.cluster, "default_transaction_read_only", "on");
    AWAIT(pqpool_is_down(rig.pool, NULL));
    AWAIT(strstr(stats_of(rig.pool).server.error, "read-only") != NULL);
    cr_expect_gt(load_ended(&rig.load, PQPOOL_SQL_ERROR), 0);
    cluster_set(rig.cluster, "default_transaction_read_only", NULL);
    (void)rig_expect_whole(&rig, "read-only (25006), then writable again");
    cr_expect_eq(atomic_load(&watch.late), 0, "nobody gets a connection of before");
    int64_t kept = cluster_query_int(rig.cluster, "SELECT count(*) FROM kept");
    cr_expect_geq(kept, atomic_load(&watch.good));
    cr_expect_leq(kept,
                  atomic_load(&watch.good) + load_ended(&rig.load, PQPOOL_TIMEOUT) +
                      load_ended(&rig.load, PQPOOL_LOST),
                  "what was refused is not there");
    rig_end(&rig);
}

/* ---- a probe that is overtaken ---- */

static void *acquire_slowly(void *arg)
{
    return lease_from(arg);
}

/* Whoever is probed waits for its end. */
static PGconn *hold_the_lock(const struct rig *rig)
{
    char *conninfo = support_text("%s application_name=cluster", cluster_conninfo(rig->cluster));
    PGconn *conn = PQconnectdb(conninfo);
    PGresult *result = PQexec(conn, "SELECT pg_advisory_lock(1)");
    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(conn));
    PQclear(result);
    free(conninfo);
    return conn;
}

/* While one connection is being probed, another tells that all of now are to be replaced: a probe
 * that passes proves nothing then, since a server that takes no writes passes it. */
Test(pqpool_refusals, what_was_retired_while_it_was_probed_is_not_lent, .timeout = TEST_S)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    rig.load.n_threads = 0;
    rig.options.min_pool_size = rig.options.max_pool_size = 2;
    rig.options.validation_bypass_ns = 0;
    rig.options.validation_query =
        "SELECT pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1)";
    rig.options.validation_timeout_ns = generous_ns;
    rig.options.health_check_interval_ns = rig.options.health_check_timeout_ns = generous_ns;
    rig_start(&rig);
    struct pqpool_lease *first = lease_from(rig.pool), *second = lease_from(rig.pool);
    *pqpool_lease_bits(first) = *pqpool_lease_bits(second) = 1;
    pqpool_release(&second, PQPOOL_REUSE);
    PGconn *locker = hold_the_lock(&rig);
    pthread_t thread;
    void *lease = NULL;
    cr_assert_eq(pthread_create(&thread, NULL, acquire_slowly, rig.pool), 0);
    AWAIT(stats_of(rig.pool).connections.checking == 1);
    pqpool_report_error(first, "25006");
    PQfinish(locker);
    cr_assert_eq(pthread_join(thread, &lease), 0);
    second = lease;
    cr_expect_eq(*pqpool_lease_bits(second), 0, "a fresh one");
    pqpool_release(&first, PQPOOL_REUSE);
    pqpool_release(&second, PQPOOL_REUSE);
    rig_expect_no_more(&rig);
    rig_end(&rig);
}

/* ---- 28P01 ---- */

enum { CONFIG_ERRORS = 3, SERVER_ERRORS = 2 };

static void write_password(const char *path, const char *password)
{
    char *next = support_text("%s.next", path);
    FILE *file = fopen(next, "we");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(password, file), 0);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(rename(next, path), 0); /* never half of it */
    free(next);
}

static void demand_passwords(struct cluster *cluster)
{
    cluster_exec(cluster, "SET password_encryption = 'scram-sha-256'; "
                          "CREATE ROLE bob LOGIN PASSWORD 'first'");
    char *sql = support_text("COPY (VALUES ('local all postgres trust'), ('host all bob all "
                             "scram-sha-256')) TO '%s/data/pg_hba.conf'",
                             cluster_folder(cluster));
    cluster_exec(cluster, sql);
    cluster_exec(cluster, "SELECT pg_reload_conf()");
    AWAIT(cluster_query_int(cluster, "SELECT count(*) FROM pg_hba_file_rules") == 2);
    free(sql);
}

/* Again and again: on a busy machine a session that began before the password changed may not be
 * known by its name yet. */
static bool is_down_without_sessions(struct rig *rig)
{
    cluster_exec(rig->cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                               "WHERE application_name = 'pool'");
    return pqpool_is_down(rig->pool, NULL);
}

Test(pqpool_refusals, a_password_changes_and_the_file_follows, .timeout = TEST_S)
{
    struct rig rig = rig_of(RIG_DIRECT, NULL);
    char path[] = "/tmp/ordersd-password-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(close(fd), 0);
    write_password(path, "first\n");
    demand_passwords(rig.cluster);
    free(rig.conninfo);
    rig.conninfo =
        support_text("host=127.0.0.1 port=%d user=bob dbname=postgres", cluster_port(rig.cluster));
    rig.options.password_file = path;
    rig_start(&rig);
    cluster_exec(rig.cluster, "ALTER ROLE bob PASSWORD 'second'");
    int64_t good = load_ended(&rig.load, PQPOOL_OK);
    AWAIT(load_ended(&rig.load, PQPOOL_OK) > good + RIG_GOOD); /* sessions are not asked again */
    AWAIT(is_down_without_sessions(&rig));
    AWAIT(stats_of(rig.pool).counters.connection_errors[CONFIG_ERRORS] >= 3);
    AWAIT(strstr(stats_of(rig.pool).server.error, "password authentication failed") != NULL);
    write_password(path, "second\n");
    (void)rig_expect_whole(&rig, "wrong password (28P01), then the right one in its file");
    rig_end(&rig);
    (void)remove(path);
}

/* ---- 53300 ---- */

enum { CONNECTIONS = 16, RESERVED = 3 };

struct hog {
    char *conninfo;
    PGconn *conns[CONNECTIONS];
    int n;
};

/* Takes all that the server has left for those who are not superusers. */
static void take_all(struct hog *hog)
{
    while (hog->n < CONNECTIONS) {
        PGconn *conn = PQconnectdb(hog->conninfo);
        if (PQstatus(conn) != CONNECTION_OK) {
            PQfinish(conn);
            return;
        }
        hog->conns[hog->n++] = conn;
    }
}

static void let_go(struct hog *hog)
{
    while (hog->n > 0)
        PQfinish(hog->conns[--hog->n]);
}

/* Some of its dials may be accepted, and terminated while they are greeted. */
static void hog_until_down(struct rig *rig, struct hog *hog)
{
    struct pqpool_stats stats;
    AWAIT((cluster_exec(rig->cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                      "WHERE application_name = 'pool'"),
           take_all(hog), stats = stats_of(rig->pool),
           stats.server.down && strstr(stats.server.error, "53300") != NULL));
}

Test(pqpool_refusals, others_take_every_connection_and_let_go, .timeout = TEST_S)
{
    char *conf = support_text("max_connections = %d\nsuperuser_reserved_connections = %d",
                              CONNECTIONS, RESERVED);
    struct rig rig = rig_of(RIG_DIRECT, &(struct cluster_options){ .conf = conf });
    cluster_exec(rig.cluster, "CREATE ROLE bob LOGIN");
    struct hog hog = { .conninfo =
                           support_text("host=%s port=%d user=bob dbname=postgres "
                                        "application_name=cluster",
                                        cluster_folder(rig.cluster), cluster_port(rig.cluster)) };
    free(rig.conninfo);
    rig.conninfo =
        support_text("host=127.0.0.1 port=%d user=bob dbname=postgres", cluster_port(rig.cluster));
    rig.options.max_pool_size = RIG_MAX * 2;
    rig.load.n_threads = RIG_MAX * 4;
    rig.load.acquire_ns = rig.load.exec_ns = generous_ns; /* many wait for few */
    take_all(&hog);
    while (hog.n > CONNECTIONS - RESERVED - RIG_MIN - 1)
        PQfinish(hog.conns[--hog.n]); /* room for the floor and the control connection, no more */
    rig_start(&rig);
    AWAIT(stats_of(rig.pool).counters.connection_errors[SERVER_ERRORS] >= 3);
    int64_t good = load_ended(&rig.load, PQPOOL_OK);
    AWAIT(load_ended(&rig.load, PQPOOL_OK) > good + 4 * RIG_GOOD);
    AWAIT(strstr(stats_of(rig.pool).server.error, "53300") != NULL);
    cr_expect_not(pqpool_is_down(rig.pool, NULL), "it works with what it has");
    cr_expect_eq(load_failures(&rig.load), 0);

    hog_until_down(&rig, &hog);
    let_go(&hog);
    (void)rig_expect_whole(&rig, "no connection to be had (53300), then many");
    rig_end(&rig);
    free(hog.conninfo);
    free(conf);
}
