/* The private PostgreSQL itself: data survives what a test does to the server, and nothing survives
 * the test. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cluster.h"
#include "support/cluster_standby.h"
#include "support/gate.h"
#include "support/process.h"
#include "support/wait.h"

enum { SOON_S = 30 };

Test(cluster, keeps_its_data_over_every_way_to_stop, .timeout = 240)
{
    struct cluster *c = cluster_open(&(struct cluster_options){ .conf = "work_mem = '7MB'" });
    cluster_exec(c, "CREATE TABLE kept (n int)");
    cluster_exec(c, "INSERT INTO kept VALUES (1)");
    cluster_stop(c, CLUSTER_IMMEDIATE);
    cluster_start(c);
    cluster_exec(c, "INSERT INTO kept VALUES (2)");
    cluster_kill9(c);
    cluster_start(c);
    cluster_exec(c, "INSERT INTO kept VALUES (3)");
    cluster_restart(c);
    cr_expect_eq(cluster_query_int(c, "SELECT sum(n) FROM kept"), 6);

    char *text = cluster_query_text(c, "SHOW work_mem");
    cr_expect_str_eq(text, "7MB");
    free(text);
    cr_expect_null(cluster_query_text(c, "SELECT NULL"));
    cr_expect_null(cluster_query_text(c, "SELECT 1 WHERE false"));
    cluster_close(&c);
    cr_expect_null(c);
}

Test(cluster, two_at_once_do_not_meet, .timeout = 240)
{
    struct cluster *a = cluster_open(NULL), *b = cluster_open(NULL);
    cluster_exec(a, "CREATE TABLE only_a ()");
    cr_expect_eq(cluster_query_int(b, "SELECT count(*) FROM pg_class WHERE relname = 'only_a'"), 0);
    cr_expect_neq(cluster_port(a), cluster_port(b));
    cluster_close(&a);
    cluster_close(&b);
}

Test(cluster, frozen_it_answers_nobody_and_thawed_it_goes_on, .timeout = 240)
{
    struct cluster *c = cluster_open(NULL);
    const char *const ping[] = {
        "pg_isready", "-q", "-t", "1", "-d", cluster_tcp_conninfo(c), NULL
    };
    static const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
    const struct process probe = { .argv = ping, .env = env, .in_fd = -1, .out_fd = -1 };
    cr_expect_eq(process_wait(process_spawn(&probe), SOON_S), 0);
    cluster_freeze(c);
    cr_expect_eq(process_wait(process_spawn(&probe), SOON_S), 2, "no answer");
    cluster_thaw(c);
    cr_expect_eq(cluster_query_int(c, "SELECT 1"), 1);
    cluster_close(&c);
}

Test(cluster, a_standby_follows_and_is_promoted, .timeout = 240)
{
    struct cluster *primary = cluster_open(NULL);
    cluster_exec(primary, "CREATE TABLE kept (n int)");
    struct cluster *standby = cluster_open_standby(primary);
    cluster_exec(primary, "INSERT INTO kept VALUES (1)");
    cluster_await_standby(primary);
    cr_expect_eq(cluster_query_int(standby, "SELECT count(*) FROM kept"), 1);
    cluster_stop(standby, CLUSTER_FAST);
    cluster_exec(primary, "INSERT INTO kept VALUES (2)");
    cluster_start(standby);
    cluster_await_standby(primary);
    cluster_stop(primary, CLUSTER_FAST);
    cluster_promote(standby);
    cluster_exec(standby, "INSERT INTO kept VALUES (3)");
    cr_expect_eq(cluster_query_int(standby, "SELECT sum(n) FROM kept"), 6);
    cluster_close(&standby);
    cluster_close(&primary);
}

Test(cluster, settings_change_while_it_runs, .timeout = 240)
{
    struct cluster *c = cluster_open(NULL);
    cluster_set(c, "work_mem", "7MB");
    char *text = cluster_query_text(c, "SHOW work_mem");
    cr_expect_str_eq(text, "7MB");
    free(text);
    cluster_set(c, "work_mem", NULL);
    text = cluster_query_text(c, "SHOW work_mem");
    cr_expect_str_eq(text, "4MB");
    free(text);
    cluster_close(&c);
}

Test(cluster, is_removed_when_its_process_is_killed, .timeout = 240)
{
    int ends[2];
    char path[128] = "";
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct cluster *c = cluster_open(NULL);
        cluster_freeze(c); /* stopped processes must go too */
        const char *folder = cluster_folder(c);
        _exit(write(ends[1], folder, strlen(folder)) > 0 ? (int)raise(SIGKILL) : 1);
    }
    close(ends[1]);
    cr_assert_gt(read(ends[0], path, sizeof path - 1), 0);
    (void)waitpid(pid, NULL, 0);
    cr_expect(WAIT_UNTIL(access(path, F_OK) != 0, SOON_S), "%s is still there", path);
}
