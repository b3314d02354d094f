/* `ordersd prune`: what it removes and what it leaves, while the service stores orders, after it
 * was killed, and after a signal. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "side_session.h"

enum { EXIT_SCHEMA_TOO_NEW = 70, EXIT_CONFIG = 78, STATUS_OF_SIGNAL = 128 };

enum { OLD = 1000, RECENT = 300, BATCH = 100, LOCKED = 250 };

/* Orders of one account, named with a prefix and a number from 0. The first is the oldest: it was
 * received `age` ago, and each further one a minute later. */
#define INSERT_ORDERS                                                                              \
    "INSERT INTO orders (account_id, client_order_id, order_id, symbol, side, type, quantity, "    \
    "time_in_force, received_at) SELECT 'ACC', '%s-' || n, (lpad(to_hex((extract(epoch FROM at) "  \
    "* 1000)::bigint), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid, 'X', 'buy', "       \
    "'market', 1, 'day', at FROM (SELECT n, now() - interval '%s' + n * interval '1 minute' AS "   \
    "at FROM generate_series(0, %d) AS n) AS moments"

static void insert(struct cluster *cluster, const char *prefix, const char *age, int n)
{
    char *sql = support_text(INSERT_ORDERS, prefix, age, n - 1);
    cluster_exec(cluster, sql);
    free(sql);
}

/* Orders of 401 days and less than 400 days ago. */
static void insert_orders(struct cluster *cluster)
{
    insert(cluster, "old", "401 days", OLD);
    insert(cluster, "recent", "399 days 12 hours", RECENT);
}

static int64_t count(struct cluster *cluster, const char *prefix)
{
    char *sql =
        support_text("SELECT count(*) FROM orders WHERE client_order_id LIKE '%s%%'", prefix);
    int64_t n = cluster_query_int(cluster, sql);
    free(sql);
    return n;
}

/* Runs the program to its end: this exit status, and each of the texts in what it wrote. */
static void expect_run(struct cluster *cluster, const char *const args[], int want,
                       const char *const texts[])
{
    char *output;
    int status = rig_run(cluster, NULL, args, &output);
    cr_expect_eq(status, want, "exit %d, not %d: %s", status, want, output);
    for (size_t i = 0; texts[i] != NULL; i++)
        cr_expect_not_null(strstr(output, texts[i]), "no '%s' in: %s", texts[i], output);
    free(output);
}

static struct cluster *open_cluster(void)
{
    struct cluster *cluster = cluster_open(NULL);
    expect_run(cluster, LIST("migrate"), 0, LIST("schema.ready"));
    insert_orders(cluster);
    return cluster;
}

/* ---- to the end ---- */

Test(prune, removes_old_orders_and_says_what_that_means, .timeout = TEST_S)
{
    struct cluster *cluster = open_cluster();
    expect_run(cluster, LIST("prune", "--older-than=400d", "--batch=100"), 0,
               LIST("removing orders that were received before ", "at most 100 in a transaction",
                    "done: 1000 orders removed", "it is stored as a new order",
                    "publish = 'insert'"));
    cr_expect_eq(count(cluster, "old"), 0);
    cr_expect_eq(count(cluster, "recent"), RECENT);
    expect_run(cluster, LIST("prune", "--older-than=400d"), 0, LIST("done: 0 orders removed"));
    cluster_close(&cluster);
}

Test(prune, dry_run_only_counts, .timeout = TEST_S)
{
    struct cluster *cluster = open_cluster();
    expect_run(cluster, LIST("prune", "--dry-run", "--batch=77", "--older-than", "400d"), 0,
               LIST("counting orders", "dry run: 1000 orders", "none was removed"));
    cr_expect_eq(count(cluster, ""), OLD + RECENT);
    cluster_close(&cluster);
}

/* As OPERATIONS.md has it. */
Test(prune, needs_no_other_rights_than_these, .timeout = TEST_S)
{
    struct cluster *cluster = open_cluster();
    cluster_exec(cluster, "CREATE ROLE pruner LOGIN; GRANT SELECT, DELETE ON orders TO pruner; "
                          "GRANT SELECT ON ordersd_migrations TO pruner");
    char *url = support_text("--database-url=%s user=pruner", cluster_conninfo(cluster));
    expect_run(cluster, LIST("prune", "--older-than=400d", url), 0,
               LIST("done: 1000 orders removed"));
    cr_expect_eq(count(cluster, ""), RECENT);
    free(url);
    cluster_close(&cluster);
}

/* ---- refused ---- */

Test(prune, refuses_what_would_remove_too_much, .timeout = TEST_S)
{
    struct cluster *cluster = open_cluster();
    expect_run(cluster, LIST("prune", "--older-than=29d"), EXIT_CONFIG,
               LIST("--older-than=29d: must be ", "30d to 18250d"));
    expect_run(cluster, LIST("prune"), EXIT_CONFIG, LIST("--older-than is missing"));
    expect_run(cluster, LIST("prune", "--older-then=400d"), EXIT_CONFIG,
               LIST("--older-than is missing"));
    expect_run(cluster, LIST("prune", "--older-than=400d", "--bach=5"), EXIT_CONFIG,
               LIST("--bach: no such option"));
    cr_expect_eq(count(cluster, ""), OLD + RECENT);
    cluster_close(&cluster);
}

Test(prune, needs_the_schema_that_it_knows, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    expect_run(cluster, LIST("prune", "--older-than=400d"), 1,
               LIST("prune.failed", "schema is version 0"));
    expect_run(cluster, LIST("migrate"), 0, LIST("schema.ready"));
    insert_orders(cluster);
    cluster_exec(cluster, "INSERT INTO ordersd_migrations (version, name) "
                          "SELECT max(version) + 1, 'to come' FROM ordersd_migrations");
    expect_run(cluster, LIST("prune", "--older-than=400d"), EXIT_SCHEMA_TOO_NEW,
               LIST("prune.failed", "this program knows"));
    cr_expect_eq(count(cluster, ""), OLD + RECENT);
    cluster_close(&cluster);
}

Test(prune, fails_without_the_right_to_delete, .timeout = TEST_S)
{
    struct cluster *cluster = open_cluster();
    cluster_exec(cluster, "CREATE ROLE clerk LOGIN; GRANT SELECT, INSERT ON orders TO clerk; "
                          "GRANT SELECT ON ordersd_migrations TO clerk");
    char *url = support_text("--database-url=%s user=clerk", cluster_conninfo(cluster));
    expect_run(cluster, LIST("prune", "--older-than=400d", url), 1,
               LIST("0 orders removed\n", "prune.failed", "42501"));
    expect_run(cluster, LIST("prune", "--older-than=400d", "--dry-run", url), 0,
               LIST("dry run: 1000 orders"));
    free(url);
    cluster_close(&cluster);
}

/* ---- a locked row ---- */

static struct daemon *spawn_prune(struct rig *rig)
{
    char *url = support_text("DATABASE_URL=%s", cluster_conninfo(rig->cluster));
    struct daemon *daemon = daemon_spawn(LIST(url, "LOG_FORMAT=json"),
                                         LIST("prune", "--older-than=400d", "--batch=100"));
    free(url);
    return daemon;
}

/* Begins to prune, while another session has locked a row of the third range. Returns when the
 * first two ranges are removed, and the program has said that it waits. */
static struct daemon *prune_to_lock(struct rig *rig, PGconn **lock)
{
    insert_orders(rig->cluster);
    char *sql =
        support_text("UPDATE orders SET symbol = 'Y' WHERE client_order_id = 'old-%d'", LOCKED);
    *lock = side_session_begin(rig, sql);
    free(sql);
    struct daemon *daemon = spawn_prune(rig);
    cr_assert(daemon_log_wait(daemon, "prune.waiting", SOON_S), "%s", daemon_log(daemon));
    cr_expect(daemon_log_contains(daemon, "55P03"), "%s", daemon_log(daemon));
    cr_expect_eq(count(rig->cluster, "old"), OLD - LOCKED / BATCH * BATCH);
    return daemon;
}

static void post_new(struct rig *rig, const char *id)
{
    char *body = order_body(id, "X");
    struct answer answer = rig_post(rig, body);
    EXPECT_STATUS(answer, 201);
    answer_fini(&answer);
    free(body);
}

Test(prune, goes_on_when_a_lock_is_free_and_leaves_new_orders, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    PGconn *lock;
    struct daemon *daemon = prune_to_lock(&rig, &lock);
    post_new(&rig, "new-1");
    side_session_end(lock, "ROLLBACK");
    post_new(&rig, "new-2");
    int status = daemon_wait_exit(daemon, SOON_S);
    cr_expect_eq(status, 0, "%d: %s", status, daemon_log(daemon));
    cr_expect(daemon_log_contains(daemon, "done: 1000 orders removed"), "%s", daemon_log(daemon));
    cr_expect_eq(count(rig.cluster, "old"), 0);
    cr_expect_eq(count(rig.cluster, "recent"), RECENT);
    cr_expect_eq(count(rig.cluster, "new"), 2);
    daemon_close(&daemon);
    rig_close(&rig);
}

/* The statement that waits for the lock is rolled back with its range. */
static void expect_resumed_after(int signal, const char *says)
{
    struct rig rig = rig_open(NULL);
    PGconn *lock;
    struct daemon *daemon = prune_to_lock(&rig, &lock);
    daemon_signal(daemon, signal);
    int status = daemon_wait_exit(daemon, SOON_S);
    cr_expect_eq(status, STATUS_OF_SIGNAL + signal, "%d: %s", status, daemon_log(daemon));
    cr_expect(says == NULL || daemon_log_contains(daemon, says), "%s", daemon_log(daemon));
    cr_expect_eq(count(rig.cluster, "old"), OLD - LOCKED / BATCH * BATCH);
    side_session_end(lock, "ROLLBACK");
    expect_run(rig.cluster, LIST("prune", "--older-than=400d", "--batch=100"), 0,
               LIST("done: 800 orders removed"));
    cr_expect_eq(count(rig.cluster, "old"), 0);
    cr_expect_eq(count(rig.cluster, "recent"), RECENT);
    daemon_close(&daemon);
    rig_close(&rig);
}

Test(prune, is_resumed_after_it_was_killed, .timeout = TEST_S)
{
    expect_resumed_after(SIGKILL, NULL);
}

Test(prune, ends_at_a_signal_and_says_how_far_it_came, .timeout = TEST_S)
{
    expect_resumed_after(SIGTERM, "200 orders removed, the oldest left was received at ");
    expect_resumed_after(SIGINT, "; run it again to go on");
}
