/* The database's password, given in every way that there is, is nowhere to be seen; and it can be
 * changed without a restart. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "service_rig.h"

enum { EXIT_CONFIG = 78, SHOWN_MAX = 1 << 20 };

static char secret[40]; /* drawn anew for each test */

static void draw_secret(void)
{
    unsigned char dice[12];
    CHECK(getrandom(dice, sizeof dice, 0) == sizeof dice);
    char *at = secret + snprintf(secret, sizeof secret, "pw");
    for (size_t i = 0; i < sizeof dice; i++)
        at += snprintf(at, 3, "%02x", dice[i]);
}

/* A server whose role `teller` logs in by that password, as it is kept today. */
static struct cluster *guarded_cluster(void)
{
    struct cluster *cluster = cluster_open(NULL);
    draw_secret();
    char *sql = support_text("CREATE ROLE teller SUPERUSER LOGIN PASSWORD '%s'", secret);
    cluster_exec(cluster, sql);
    free(sql);
    char *hba = cluster_query_text(cluster, "SHOW hba_file");
    sql = support_text("COPY (SELECT unnest(ARRAY['local all teller scram-sha-256',"
                       "'local all all trust'])) TO '%s'",
                       hba);
    cluster_exec(cluster, sql);
    cluster_exec(cluster, "SELECT pg_reload_conf()");
    free(sql);
    free(hba);
    return cluster;
}

static char *write_secret(struct cluster *cluster, const char *name, const char *text)
{
    char *path = support_text("%s/%s", cluster_folder(cluster), name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && dprintf(fd, "%s\n", text) > 0);
    close(fd);
    return path;
}

/* ---- where it might be seen ---- */

static void expect_clean(const char *where, const char *text, size_t len)
{
    cr_expect_null(memmem(text, len, secret, strlen(secret)), "the password is in %s", where);
}

static size_t read_proc(struct rig *rig, const char *name, char *text, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)daemon_pid(rig->daemon), name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size) : 0; /* what we may not read, others may not */
    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n : 0;
}

static void expect_unseen(struct rig *rig)
{
    static const char *const paths[] = { "/health", "/metrics", "/status", "/version", "/" };
    static char text[SHOWN_MAX];
    expect_clean("/proc/PID/cmdline", text, read_proc(rig, "cmdline", text, sizeof text));
    expect_clean("/proc/PID/environ", text, read_proc(rig, "environ", text, sizeof text));
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct answer answer = rig_get(rig, paths[i]);
        EXPECT_STATUS(answer, 200);
        expect_clean(paths[i], answer.reply.body, answer.reply.body_len);
        answer_fini(&answer);
    }
    char *log = daemon_log(rig->daemon);
    expect_clean("the log", log, strlen(log));
    free(log);
}

static struct rig start(struct cluster *cluster, const char *const settings[],
                        const char *const args[])
{
    struct rig rig = { .cluster = cluster, .http = http_client_open() };
    rig.daemon = daemon_spawn(settings, args);
    if (!daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S))
        support_fail("the daemon is not ready; its log:\n%s", daemon_log(rig.daemon));
    return rig;
}

/* Started, reloaded, and looked at; and what it prints of its configuration. */
static void unseen_when_given(struct cluster *cluster, const char *const settings[],
                              const char *const args[])
{
    struct rig rig = start(cluster, settings, args);
    daemon_signal(rig.daemon, SIGHUP);
    cr_expect(daemon_log_wait(rig.daemon, "config.reloaded", SOON_S), "%s", daemon_log(rig.daemon));
    expect_unseen(&rig);
    cr_expect_eq(daemon_stop(rig.daemon), 0);
    daemon_close(&rig.daemon);
    http_client_close(&rig.http);
}

Test(secrets, a_password_is_seen_nowhere_however_it_is_given, .timeout = TEST_S)
{
    struct cluster *cluster = guarded_cluster();
    char *plain = support_text("DATABASE_URL=host=%s port=%d user=teller dbname=postgres",
                               cluster_folder(cluster), cluster_port(cluster));
    char *whole = support_text("%s password=%s", plain, secret);
    char *flag = support_text("--database-url=%s", whole + strlen("DATABASE_URL="));
    char *password = support_text("DATABASE_PASSWORD=%s", secret);
    char *pg = support_text("PGPASSWORD=%s", secret);
    char *file = write_secret(cluster, "password", secret);
    char *file_setting = support_text("DATABASE_PASSWORD_FILE=%s", file);
    char *url_file = write_secret(cluster, "url", whole + strlen("DATABASE_URL="));
    char *url_setting = support_text("DATABASE_URL_FILE=%s", url_file);

    unseen_when_given(cluster, LIST(whole), NULL);
    unseen_when_given(cluster, LIST(plain, password), NULL);
    unseen_when_given(cluster, LIST(plain, file_setting), NULL);
    unseen_when_given(cluster, LIST(url_setting), NULL);
    unseen_when_given(cluster, LIST(plain, pg), NULL);
    unseen_when_given(cluster, NULL, LIST(flag));
    unseen_when_given(cluster, LIST(plain), LIST("--database-password", secret));
    char *all[] = { plain, whole, flag, password, pg, file, file_setting, url_file, url_setting };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    cluster_close(&cluster);
}

/* ---- what is printed ---- */

static void expect_output_clean(const char *const settings[], const char *const args[], int status)
{
    char *output;
    int got = rig_run(NULL, settings, args, &output);
    cr_expect(got == status, "exit %d, not %d: %s", got, status, output);
    expect_clean(output, output, strlen(output));
    free(output);
}

Test(secrets, a_broken_configuration_does_not_print_them, .timeout = TEST_S)
{
    draw_secret();
    char *password = support_text("DATABASE_PASSWORD=%s", secret);
    expect_output_clean(LIST(password), LIST("--print-config"), 0);
    expect_output_clean(LIST(password), LIST("--check-config"), 0);
    expect_output_clean(LIST(password, "DATABASE_PASSWORD_FILE=/dev/null"), NULL, EXIT_CONFIG);
    static const char *const urls[] = {
        "postgres://u:p@%s@127.0.0.1/d", "postgres://u:p/%s@127.0.0.1/d", "host=h password='%s",
        "postgres://u:%s%%zz@h/d",       "postgres://u:%s@[h/d",          "pasword=%s",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char url[128], *setting;
        struct buf text = BUF_OVER(url);
        const char *at = strstr(urls[i], "%s");
        buf_add(&text, urls[i], (size_t)(at - urls[i]));
        buf_add_str(&text, secret);
        buf_add_str(&text, at + 2);
        setting = support_text("DATABASE_URL=%s", url);
        expect_output_clean(LIST(setting, "DATABASE_START=fail"), NULL, EXIT_CONFIG);
        expect_output_clean(LIST(setting), LIST("migrate"), EXIT_CONFIG);
        expect_output_clean(LIST(setting), LIST("--check-config"), EXIT_CONFIG);
        expect_output_clean(NULL, LIST(url), EXIT_CONFIG);
        expect_output_clean(NULL, LIST("serve", url), EXIT_CONFIG);
        free(setting);
    }
    free(password);
}

Test(secrets, a_file_that_cannot_be_read_or_that_all_can_read_is_named, .timeout = TEST_S)
{
    char *output;
    int status =
        rig_run(NULL, LIST("DATABASE_PASSWORD_FILE=/nowhere"), LIST("--check-config"), &output);
    cr_expect_eq(status, EXIT_CONFIG);
    cr_expect_not_null(strstr(output, "DATABASE_PASSWORD_FILE=/nowhere: cannot read"), "%s",
                       output);
    free(output);
    status = rig_run(NULL, LIST("DATABASE_PASSWORD_FILE=/tmp"), LIST("--check-config"), &output);
    cr_expect_eq(status, EXIT_CONFIG);
    cr_expect_not_null(strstr(output, "DATABASE_PASSWORD_FILE=/tmp: is no regular file"), "%s",
                       output);
    free(output);
}

/* ---- who may read the files ---- */

/* A program in a folder that everyone may enter, which runs the service as `how` says: that is a
 * format for the path of a file of a secret and, twice, that of the service. */
struct wrapped {
    char folder[32], script[64], program[64], secret[64];
};

static void write_file(const char *path, mode_t mode, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && dprintf(fd, "%s\n", text) > 0 && fchmod(fd, mode) == 0);
    close(fd);
}

static struct wrapped wrap(const char *how)
{
    struct wrapped w = { .folder = "/tmp/test-wrapped-XXXXXX" };
    CHECK(mkdtemp(w.folder) != NULL && chmod(w.folder, 0755) == 0);
    (void)snprintf(w.script, sizeof w.script, "%s/script", w.folder);
    (void)snprintf(w.program, sizeof w.program, "%s/ordersd", w.folder);
    (void)snprintf(w.secret, sizeof w.secret, "%s/secret", w.folder);
    process_run(LIST("cp", daemon_program(), w.program), SOON_S);
    char *text = support_text("#!/bin/sh\nfile='%s' program='%s'\n%s", w.secret, w.program, how);
    write_file(w.secret, 0644, secret);
    write_file(w.script, 0755, text);
    CHECK(setenv("ORDERSD", w.script, 1) == 0);
    free(text);
    return w;
}

static void unwrap(const struct wrapped *w)
{
    process_run(LIST("rm", "-r", w->folder), SOON_S);
}

/* What it logs until it listens. */
static char *log_of_start(const struct wrapped *w)
{
    char *setting = support_text("DATABASE_PASSWORD_FILE=%s", w->secret);
    struct daemon *daemon = daemon_spawn(LIST("DATABASE_URL=host=/nowhere", setting), NULL);
    cr_assert(daemon_log_wait(daemon, "service.listening", SOON_S), "%s", daemon_log(daemon));
    char *log = daemon_log(daemon);
    cr_expect_eq(daemon_stop(daemon), 0);
    daemon_close(&daemon);
    free(setting);
    return log;
}

static bool runs(const char *command)
{
    const char *const argv[] = { "sh", "-c", command, NULL };
    const struct process process = {
        .argv = argv, .env = LIST("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), .in_fd = -1, .out_fd = -1
    };
    return process_wait(process_spawn(&process), SOON_S) == 0;
}

/* As a container has the secrets of docker compose: who may read such a file is decided outside. */
Test(secrets, a_file_that_was_mounted_alone_is_no_cause_to_warn, .timeout = TEST_S)
{
    if (!runs("unshare -m mount -t tmpfs none /mnt"))
        cr_skip("nothing may be mounted here");
    draw_secret();
    struct wrapped w = wrap("exec unshare -m sh -c 'mount --bind \"$0\" \"$0\" && exec \"$@\"' "
                            "\"$file\" \"$program\" \"$@\"");
    char *log = log_of_start(&w);
    cr_expect_null(strstr(log, "readable_by_all"), "%s", log);
    free(log);
    unwrap(&w);
}

/* It must not advise what would keep the service from its own secret. */
Test(secrets, whoever_reads_as_everyone_does_is_told_to_own_the_file, .timeout = TEST_S)
{
    if (geteuid() != 0)
        cr_skip("only root may be another user");
    draw_secret();
    struct wrapped w = wrap("exec setpriv --reuid=65534 --regid=65534 --clear-groups "
                            "\"$program\" \"$@\"");
    char *log = log_of_start(&w);
    cr_expect_not_null(strstr(log, "secret.readable_by_all"), "%s", log);
    cr_expect_not_null(strstr(log, "(chown 65534), then chmod o-r"), "%s", log);
    free(log);
    unwrap(&w);
}

/* ---- rotation ---- */

Test(secrets, a_new_password_counts_for_the_next_connection, .timeout = TEST_S)
{
    struct cluster *cluster = guarded_cluster();
    char *url = support_text("DATABASE_URL=host=%s port=%d user=teller dbname=postgres",
                             cluster_folder(cluster), cluster_port(cluster));
    char *file = write_secret(cluster, "password", secret);
    CHECK(chmod(file, 0644) == 0);
    char *setting = support_text("DATABASE_PASSWORD_FILE=%s", file);
    struct rig rig = start(cluster, LIST(url, setting, "DATABASE_MIN_POOL_SIZE=1"), NULL);
    cr_expect(daemon_log_contains(rig.daemon, "secret.readable_by_all"));

    draw_secret();
    free(write_secret(cluster, "password", secret));
    char *sql = support_text("ALTER ROLE teller PASSWORD '%s'", secret);
    cluster_exec(cluster, sql);
    cluster_exec(cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                          "WHERE usename = 'teller'");
    char *body = order_body("after", "EURUSD");
    struct answer answer = rig_post(&rig, body);
    EXPECT_STATUS(answer, 201);
    answer_fini(&answer);
    cr_expect(daemon_wait_status(rig.daemon, "/health/ready", 200, SOON_S));
    expect_unseen(&rig);
    free(body);
    free(sql);
    free(setting);
    free(file);
    free(url);
    rig_close(&rig);
}

/* ---- core dumps ---- */

static long limit_of_core(struct rig *rig)
{
    static char text[4096];
    size_t n = read_proc(rig, "limits", text, sizeof text - 1);
    text[n] = '\0';
    const char *line = strstr(text, "Max core file size");
    return line != NULL ? strtol(line + strlen("Max core file size"), NULL, 10) : -1;
}

/* The files of a process that is not dumpable are root's. */
Test(secrets, no_core_is_dumped, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    cr_expect_eq(limit_of_core(&rig), 0);
    rig_close(&rig);
}
