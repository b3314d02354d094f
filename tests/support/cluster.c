/* cluster.c - see cluster.h. Starts and stops the server; cluster_folder.c makes and removes its
 * folder. */
#include "support/cluster.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "support/cluster_folder.h"
#include "support/process.h"
#include "support/wait.h"

enum { START_S = 60, STOP_S = 60, KILL_S = 20, CONNECT_S = 20, PORT_TRIES = 5 };

struct cluster {
    struct cluster_folder folder;
    pid_t postmaster; /* 0: not running */
    int port;
    char *conninfo, *tcp_conninfo, *admin_conninfo;
};

static void fail_with_log(const struct cluster *cluster, const char *what)
{
    char *path = support_text("%s/log", cluster->folder.path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    support_fail("%s; its log:\n%s", what, fd < 0 ? "none" : support_read_fd(fd));
}

/* ---- start ---- */

static bool up_or_ended(const struct cluster *cluster, int *status)
{
    *status = process_wait(cluster->postmaster, 0);
    return *status >= 0 || PQping(cluster->admin_conninfo) == PQPING_OK;
}

/* Returns false if the server ended by itself, perhaps because another process took its port. */
static bool try_start(struct cluster *cluster)
{
    cluster->postmaster = cluster_folder_postgres(&cluster->folder);
    int status;
    if (!WAIT_UNTIL(up_or_ended(cluster, &status), START_S))
        fail_with_log(cluster, "the server does not come up");
    if (status >= 0)
        cluster->postmaster = 0;
    return cluster->postmaster != 0;
}

static void set_port(struct cluster *cluster, int port)
{
    cluster->port = port;
    free(cluster->conninfo);
    free(cluster->tcp_conninfo);
    free(cluster->admin_conninfo);
    cluster->conninfo =
        support_text("host=%s port=%d user=postgres dbname=postgres", cluster->folder.path, port);
    cluster->tcp_conninfo =
        support_text("host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=disable", port);
    cluster->admin_conninfo =
        support_text("%s application_name=cluster connect_timeout=10 "
                     "options='-c statement_timeout=60s -c client_min_messages=warning'",
                     cluster->conninfo);
}

struct cluster *cluster_open(const struct cluster_options *options)
{
    static const struct cluster_options defaults = { 0 };
    const struct cluster_options *o = options != NULL ? options : &defaults;
    struct cluster *cluster = calloc(1, sizeof *cluster);
    CHECK(cluster != NULL);
    cluster_folder_make(&cluster->folder, o->standby_of, o->own_system);
    for (int i = 0; i < PORT_TRIES; i++) {
        set_port(cluster, process_free_port());
        cluster_folder_configure(&cluster->folder, cluster->port, o->fsync, o->conf);
        if (try_start(cluster))
            return cluster;
    }
    fail_with_log(cluster, "the server does not start");
    return NULL;
}

void cluster_start(struct cluster *cluster)
{
    CHECK(cluster->postmaster == 0);
    if (!try_start(cluster))
        fail_with_log(cluster, "the server does not start again");
}

/* ---- stop ---- */

static void await_end(struct cluster *cluster, int seconds)
{
    if (process_wait(cluster->postmaster, seconds) < 0)
        fail_with_log(cluster, "the server does not stop");
    cluster->postmaster = 0;
}

void cluster_stop(struct cluster *cluster, enum cluster_mode mode)
{
    CHECK(cluster->postmaster != 0);
    (void)kill(cluster->postmaster, mode == CLUSTER_FAST ? SIGINT : SIGQUIT);
    await_end(cluster, STOP_S);
}

void cluster_restart(struct cluster *cluster)
{
    cluster_stop(cluster, CLUSTER_FAST);
    cluster_start(cluster);
}

/* Becomes the server's user, because in a container even root may not see the working directory of
 * another user's process. */
static void become(uid_t uid, gid_t gid)
{
    bool to_root = uid == 0;
    CHECK((to_root || setegid(gid) == 0) && seteuid(uid) == 0 && (!to_root || setegid(gid) == 0));
}

/* Signals all processes whose working directory is the server's data folder, because the
 * postmaster's children have sessions of their own and outlive it when it is killed. Returns how
 * many there were. */
static int signal_all(const struct cluster *cluster, int signal)
{
    char *data = support_text("%s/data", cluster->folder.path);
    DIR *proc = opendir("/proc");
    CHECK(proc != NULL);
    int found = 0;
    const uid_t uid = geteuid();
    const gid_t gid = getegid();
    become(cluster->folder.uid, cluster->folder.gid);
    for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
        char link[300], cwd[300] = "";
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(link, sizeof link, "/proc/%s/cwd", entry->d_name);
        if (readlink(link, cwd, sizeof cwd - 1) < 0 || strcmp(cwd, data) != 0)
            continue;
        (void)kill((pid_t)strtol(entry->d_name, NULL, 10), signal);
        found++;
    }
    become(uid, gid);
    closedir(proc);
    free(data);
    return found;
}

void cluster_kill9(struct cluster *cluster)
{
    CHECK(cluster->postmaster != 0);
    (void)kill(cluster->postmaster, SIGKILL); /* first, so that it starts no more children */
    await_end(cluster, KILL_S);
    if (!WAIT_UNTIL(signal_all(cluster, SIGKILL) == 0, KILL_S))
        fail_with_log(cluster, "processes of the server outlive SIGKILL");
}

void cluster_freeze(struct cluster *cluster)
{
    int found = 0, before;
    (void)kill(cluster->postmaster, SIGSTOP);
    do { /* a child that was forked just before may not be visible yet */
        before = found;
        found = signal_all(cluster, SIGSTOP);
    } while (found != before);
}

void cluster_thaw(struct cluster *cluster)
{
    (void)signal_all(cluster, SIGCONT);
}

void cluster_close(struct cluster **cluster)
{
    struct cluster *c = *cluster;
    if (c == NULL)
        return;
    cluster_folder_remove(&c->folder);
    if (c->postmaster != 0)
        await_end(c, KILL_S);
    free(c->conninfo);
    free(c->tcp_conninfo);
    free(c->admin_conninfo);
    free(c);
    *cluster = NULL;
}

/* ---- queries ---- */

const char *cluster_conninfo(const struct cluster *cluster)
{
    return cluster->conninfo;
}

const char *cluster_tcp_conninfo(const struct cluster *cluster)
{
    return cluster->tcp_conninfo;
}

int cluster_port(const struct cluster *cluster)
{
    return cluster->port;
}

const char *cluster_folder(const struct cluster *cluster)
{
    return cluster->folder.path;
}

pid_t cluster_pid(const struct cluster *cluster)
{
    return cluster->postmaster;
}

pid_t cluster_beside(const struct cluster *cluster, const char *name, const char *program,
                     const char *file, const char *text)
{
    return cluster_folder_beside(&cluster->folder, name, program, file, text);
}

static bool connected(PGconn *conn)
{
    if (PQstatus(conn) != CONNECTION_OK)
        PQreset(conn);
    return PQstatus(conn) == CONNECTION_OK;
}

/* Returns the text of the first column of the first row, or NULL if there is none. The caller frees
 * it. Tries to connect more than once, because the server restarts itself if a test has killed a
 * backend. */
static char *run_sql(struct cluster *cluster, const char *sql)
{
    PGconn *conn = PQconnectdb(cluster->admin_conninfo);
    if (!WAIT_UNTIL(connected(conn), CONNECT_S))
        support_fail("%s", PQerrorMessage(conn));
    PGresult *res = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        support_fail("%s: %s", sql, PQerrorMessage(conn));
    char *text = NULL;
    if (PQntuples(res) > 0 && !PQgetisnull(res, 0, 0))
        text = support_text("%s", PQgetvalue(res, 0, 0));
    PQclear(res);
    PQfinish(conn);
    return text;
}

void cluster_exec(struct cluster *cluster, const char *sql)
{
    free(run_sql(cluster, sql));
}

char *cluster_query_text(struct cluster *cluster, const char *sql)
{
    return run_sql(cluster, sql);
}

int64_t cluster_query_int(struct cluster *cluster, const char *sql)
{
    char *text = run_sql(cluster, sql);
    if (text == NULL)
        support_fail("%s: no value", sql);
    char *end;
    int64_t value = strtoll(text, &end, 10);
    if (end == text || *end != '\0')
        support_fail("%s: '%s' is no number", sql, text);
    free(text);
    return value;
}
