/* The pool against a real PostgreSQL: statements, its limits, and what an operator gets wrong. */
#include "pqpool_cluster.h"

Test(pqpool, warms_up_to_its_floor, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 4, 10);
    cr_expect_eq(cluster_query_int(cluster, ours), 5, "and the control connection");
    char *encoding =
        cluster_query_text(cluster, "SELECT string_agg(DISTINCT state, ',') FROM "
                                    "pg_stat_activity WHERE application_name = 'pool'");
    cr_expect_str_eq(encoding, "idle");
    free(encoding);
    close_all(&pool, &cluster);
}

/* ---- statements ---- */

Test(pqpool, gives_results_and_says_why_not, .timeout = TEST_S)
{
    static const struct {
        const char *sql;
        enum pqpool_rc rc;
        const char *code, *value;
    } cases[] = {
        { "SELECT 7 * 6", PQPOOL_OK, "", "42" },
        { "", PQPOOL_OK, "", NULL },
        { "SELECT 1 / 0", PQPOOL_SQL_ERROR, "22012", NULL },
        { "SELECT g / (g - 500) FROM generate_series(1, 1000) g", PQPOOL_SQL_ERROR, "22012", NULL },
        { "SELEC", PQPOOL_SQL_ERROR, "42601", NULL },
        { "INSERT INTO kept VALUES (1)", PQPOOL_OK, "", NULL },
        { "INSERT INTO kept VALUES (1)", PQPOOL_SQL_ERROR, "23505", NULL },
        { "SELECT count(*) FROM kept", PQPOOL_OK, "", "1" },
    };
    struct cluster *cluster = cluster_open(NULL);
    cluster_exec(cluster, "CREATE TABLE kept (n int PRIMARY KEY)");
    struct pqpool *pool = open_simple(cluster, 1, 1);
    struct pqpool_lease *lease = lease_from(pool);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct pqpool_query query = { .sql = cases[i].sql };
        PGresult *result = NULL;
        struct err err = { 0 };
        cr_expect_eq(pqpool_exec(lease, &query, PQPOOL_DEFAULT_DEADLINE, &result, &err),
                     cases[i].rc, "%s: %s", cases[i].sql, err.text);
        cr_expect_str_eq(err.code, cases[i].code, "%s", cases[i].sql);
        cr_expect_eq(err.flags, cases[i].rc == PQPOOL_OK ? 0u : ERR_PRIVATE,
                     "nothing of it happened, and a repeat would not help");
        if (cases[i].value != NULL)
            cr_expect_str_eq(PQgetvalue(result, 0, 0), cases[i].value);
        PQclear(result);
    }
    pqpool_release(&lease, PQPOOL_REUSE);
    cr_expect_eq(stats_of(pool).counters.created, 1, "all on the same connection");
    close_all(&pool, &cluster);
}

/* DETAIL, HINT and CONTEXT quote rows and parameters; the primary message may, and says so. */
Test(pqpool, an_error_has_the_primary_message_and_names_alone, .timeout = TEST_S)
{
    static const struct {
        const char *sql, *code, *text, *constraint, *table, *column;
    } cases[] = {
        /* clang-format off */
        { "INSERT INTO kept VALUES (1, 'SECRET')", "23514", "new row for relation \"kept\" violates check constraint \"kept_t_check\"", "kept_t_check", "kept", "" },
        { "INSERT INTO kept VALUES (NULL, 'x')", "23502", "null value in column \"n\" of relation \"kept\" violates not-null constraint", "", "kept", "n" },
        { "DO $$ BEGIN RAISE 'no' USING DETAIL = 'SECRET', HINT = 'SECRET', CONSTRAINT = 'c', TABLE = 't'; END $$", "P0001", "no", "c", "t", "" },
        { "SELECT 'SECRET'::int", "22P02", "invalid input syntax for type integer: \"SECRET\"", "", "", "" },
        { "SELECT secret FROM kept", "42703", "column \"secret\" does not exist", "", "", "" },
        /* clang-format on */
    };
    struct cluster *cluster = cluster_open(NULL);
    cluster_exec(cluster, "CREATE TABLE kept (n int NOT NULL, t text CHECK (t <> 'SECRET'))");
    struct pqpool *pool = open_simple(cluster, 1, 1);
    struct pqpool_lease *lease = lease_from(pool);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct pqpool_query query = { .sql = cases[i].sql };
        PGresult *result = NULL;
        struct err err = { 0 };
        cr_assert_eq(pqpool_exec(lease, &query, PQPOOL_DEFAULT_DEADLINE, &result, &err),
                     PQPOOL_SQL_ERROR);
        cr_expect_str_eq(err.code, cases[i].code);
        cr_expect_str_eq(err.text, cases[i].text);
        cr_expect_str_eq(err.constraint, cases[i].constraint);
        cr_expect_str_eq(err.table, cases[i].table);
        cr_expect_str_eq(pqpool_lease_error_fields(lease)->column, cases[i].column);
        cr_expect_neq(pqpool_lease_error_fields(lease)->routine[0], '\0');
        cr_expect_null(strstr(err_public_text(&err), "SECRET"), "%s", err_public_text(&err));
        cr_expect_null(strstr(PQerrorMessage(pqpool_lease_pg(lease)), "DETAIL"));
    }
    pqpool_release(&lease, PQPOOL_REUSE);
    close_all(&pool, &cluster);
}

Test(pqpool, prepares_and_runs_with_large_parameters, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 1, 1);
    struct pqpool_lease *lease = lease_from(pool);
    struct pqpool_query query = { .statement = "size",
                                  .sql = "SELECT length($1::text), $1::text",
                                  .prepare = true };
    PGresult *result = NULL;
    cr_assert_eq(pqpool_exec(lease, &query, PQPOOL_DEFAULT_DEADLINE, &result, NULL), PQPOOL_OK);
    cr_expect_eq(PQresultStatus(result), PGRES_COMMAND_OK, "prepared, not run");
    PQclear(result);

    char *big = malloc(BIG_BYTES + 1);
    cr_assert_not_null(big);
    memset(big, 'x', BIG_BYTES);
    big[BIG_BYTES] = '\0';
    query = (struct pqpool_query){ .statement = "size",
                                   .n_params = 1,
                                   .values = (const char *const[]){ big } };
    cr_assert_eq(pqpool_exec(lease, &query, PQPOOL_DEFAULT_DEADLINE, &result, NULL), PQPOOL_OK);
    cr_expect_str_eq(PQgetvalue(result, 0, 0), "8388608");
    cr_expect_eq(PQgetlength(result, 0, 1), BIG_BYTES);
    PQclear(result);
    free(big);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_all(&pool, &cluster);
}

Test(pqpool, tells_of_warnings_once, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 1, 1);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(run(lease, "DO $$ BEGIN RAISE NOTICE 'so'; END $$", NULL), PQPOOL_OK);
    cr_expect_not(pqpool_lease_warned(lease));
    cr_expect_eq(run(lease, "DO $$ BEGIN RAISE WARNING 'so'; END $$", NULL), PQPOOL_OK);
    cr_expect(pqpool_lease_warned(lease));
    cr_expect_not(pqpool_lease_warned(lease));
    pqpool_release(&lease, PQPOOL_REUSE);
    close_all(&pool, &cluster);
}

Test(pqpool, copy_ends_the_connection_and_not_the_caller, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 1, 1);
    struct pqpool_lease *lease = lease_from(pool);
    cr_expect_eq(run(lease, "COPY (SELECT 1) TO STDOUT", NULL), PQPOOL_LOST);
    pqpool_release(&lease, PQPOOL_REUSE);
    lease = lease_from(pool);
    cr_expect_eq(run(lease, "SELECT 1", NULL), PQPOOL_OK);
    pqpool_release(&lease, PQPOOL_REUSE);
    close_all(&pool, &cluster);
}

Test(pqpool, a_slow_statement_is_cancelled, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pqpool *pool = open_simple(cluster, 2, 2);
    struct pqpool_lease *lease = lease_from(pool);
    const struct pqpool_query query = { .sql = "SELECT pg_sleep(600)" };
    PGresult *result = NULL;
    struct err err = { 0 };
    cr_expect_eq(pqpool_exec(lease, &query, 1, &result, &err), PQPOOL_TIMEOUT);
    cr_expect_eq(err.flags, ERR_RETRYABLE, "nothing was sent");
    cr_expect_eq(run(lease, "SELECT 1", NULL), PQPOOL_OK, "and nothing was lost");

    int64_t began_ns = clock_now_ns();
    cr_expect_eq(pqpool_exec(lease, &query, began_ns + begun_ns, &result, &err), PQPOOL_TIMEOUT);
    cr_expect_lt(clock_now_ns() - began_ns, generous_ns);
    cr_expect_eq(err.flags, ERR_RETRYABLE | ERR_UNCERTAIN);
    cr_expect_null(result);
    pqpool_release(&lease, PQPOOL_REUSE);
    AWAIT(stats_of(pool).connections.idle == 2);
    cr_expect_eq(cluster_query_int(cluster, "SELECT count(*) FROM pg_stat_activity WHERE "
                                            "query LIKE '%600%' AND state = 'active' AND "
                                            "pid <> pg_backend_pid()"),
                 0, "at the server too");
    cr_expect_eq(stats_of(pool).counters.created, 2, "no connection was lost");
    cr_expect_eq(stats_of(pool).counters.cancels, 1);
    close_all(&pool, &cluster);
}

Test(pqpool, rolls_back_what_was_left_open, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    cluster_exec(cluster, "CREATE TABLE kept (n int)");
    struct pqpool *pool = open_simple(cluster, 1, 1);
    static const char *const last[] = { "INSERT INTO kept VALUES (1)", "SELECT 1 / 0" };
    for (int i = 0; i < 2; i++) {
        struct pqpool_lease *lease = lease_from(pool);
        cr_expect_eq(run(lease, "BEGIN", NULL), PQPOOL_OK);
        cr_expect_eq(run(lease, last[i], NULL), i == 0 ? PQPOOL_OK : PQPOOL_SQL_ERROR);
        pqpool_release(&lease, PQPOOL_REUSE);
        lease = lease_from(pool);
        cr_expect_eq(PQtransactionStatus(pqpool_lease_pg(lease)), PQTRANS_IDLE);
        pqpool_release(&lease, PQPOOL_REUSE);
    }
    cr_expect_eq(cluster_query_int(cluster, "SELECT count(*) FROM kept"), 0);
    cr_expect_eq(stats_of(pool).counters.resets, 2);
    cr_expect_eq(stats_of(pool).counters.created, 1);
    close_all(&pool, &cluster);
}

/* ---- what is an operator's to mend ---- */

static void write_password(const char *path, const char *password)
{
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(password, file), 0);
    cr_assert_eq(fclose(file), 0);
}

Test(pqpool, a_wrong_password_is_a_configuration_error_until_the_file_is_right, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    cluster_exec(cluster, "SET password_encryption = 'scram-sha-256'; "
                          "CREATE ROLE bob LOGIN PASSWORD 'right'");
    char *sql = support_text("COPY (VALUES ('local all postgres trust'), ('host all bob all "
                             "scram-sha-256')) TO '%s/data/pg_hba.conf'",
                             cluster_folder(cluster));
    cluster_exec(cluster, sql);
    cluster_exec(cluster, "SELECT pg_reload_conf()");
    AWAIT(cluster_query_int(cluster, "SELECT count(*) FROM pg_hba_file_rules") == 2);
    char *conninfo =
        support_text("host=127.0.0.1 port=%d user=bob dbname=postgres", cluster_port(cluster));
    char path[] = "/tmp/ordersd-password-XXXXXX";
    cr_assert_geq(mkstemp(path), 0);
    write_password(path, "wrong\n");

    struct pqpool_options options = options_for(conninfo, 1, 1);
    options.password_file = path;
    options.start = PQPOOL_START_FAIL;
    struct pqpool *pool = NULL;
    struct err err = { 0 };
    cr_expect_eq(pqpool_open(&options, &pool, &err), PQPOOL_DOWN);
    cr_expect_str_eq(err.code, "28P01", "%s", err.text);
    cr_expect_null(pool);

    options.start = PQPOOL_START_DEGRADED;
    pool = open_pool(&options);
    AWAIT(pqpool_is_down(pool, NULL));
    struct pqpool_stats stats = stats_of(pool);
    cr_expect_str_eq(pqpool_error_class_name(3), "config");
    cr_expect_gt(stats.counters.connection_errors[3], 0);
    cr_expect_not_null(strstr(stats.server.error, "password authentication failed"));
    cr_expect_null(strstr(stats.server.error, "wrong"));
    write_password(path, "right\n");
    AWAIT(stats_of(pool).connections.idle == 1);
    close_all(&pool, &cluster);
    (void)remove(path);
    free(conninfo);
    free(sql);
}

Test(pqpool, lives_with_what_the_server_has_room_for, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(&(struct cluster_options){
        .conf = "max_connections = 5\nsuperuser_reserved_connections = 2" });
    cluster_exec(cluster, "CREATE ROLE bob LOGIN");
    char *conninfo = support_text("host=%s port=%d user=bob dbname=postgres",
                                  cluster_folder(cluster), cluster_port(cluster));
    struct pqpool_options options = options_for(conninfo, 2, 10);
    struct pqpool *pool = open_warm_pool(&options); /* with the control connection: three, all */
    struct pqpool_lease *first = lease_from(pool), *second = lease_from(pool), *third = NULL;
    struct err err = { 0 };
    AWAIT(pqpool_acquire(pool, clock_now_ns() + short_ns, &third, &err) == PQPOOL_TIMEOUT &&
          strstr(err.text, "53300") != NULL);
    cr_expect_not(pqpool_is_down(pool, NULL), "it works with what it has");
    cr_expect_eq(run(first, "SELECT 1", NULL), PQPOOL_OK);
    pqpool_release(&first, PQPOOL_REUSE);
    third = lease_from(pool);
    pqpool_release(&third, PQPOOL_REUSE);
    pqpool_release(&second, PQPOOL_REUSE);
    close_all(&pool, &cluster);
    free(conninfo);
}

/* ---- many at once ---- */

enum { STORM_THREADS = 50, STORM_ROUNDS = 20, STORM_MAX = 6 };

static void *storm(void *arg)
{
    struct pqpool *pool = arg;
    for (int i = 0; i < STORM_ROUNDS; i++) {
        struct pqpool_lease *lease = lease_from(pool);
        cr_assert_eq(run(lease, "INSERT INTO kept VALUES (1)", NULL), PQPOOL_OK);
        pqpool_release(&lease, PQPOOL_REUSE);
    }
    return NULL;
}

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

Test(pqpool, a_storm_never_opens_more_than_the_maximum_and_one, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    cluster_exec(cluster, "CREATE TABLE kept (n int)");
    struct pqpool *pool = open_simple(cluster, 2, STORM_MAX);
    pthread_t threads[STORM_THREADS];
    for (int i = 0; i < STORM_THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, storm, pool), 0);
    const int64_t all = (int64_t)STORM_THREADS * STORM_ROUNDS;
    int64_t most = 0;
    AWAIT((most = max_of(most, cluster_query_int(cluster, ours)),
           cluster_query_int(cluster, "SELECT count(*) FROM kept") == all));
    cr_expect_leq(most, STORM_MAX + 1);
    for (int i = 0; i < STORM_THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    struct pqpool_stats stats;
    AWAIT((stats = stats_of(pool),
           stats.connections.total == stats.connections.idle)); /* a last dial may be under way */
    cr_expect_eq(stats.counters.acquired, (uint64_t)all);
    cr_expect_leq(stats.counters.created, STORM_MAX);
    close_all(&pool, &cluster);
}
