/* pooler.c - see pooler.h. */
#include "support/pooler.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "support/process.h"
#include "support/wait.h"

enum { POOLER_S = 30, CLUSTERS_MAX = 8 };

#define ANSWER_S 0.3
#define PROGRAM "/usr/sbin/pgbouncer"
#define NAME "pooler"

struct pooler {
    struct cluster *cluster;
    pid_t pid; /* 0: not running */
    char *ini, *users, *conninfo, *console;
};

bool pooler_installed(void)
{
    return access(PROGRAM, X_OK) == 0;
}

static void fail_with_log(const struct pooler *pooler, const char *what)
{
    char *path = support_text("%s/" NAME "/log", cluster_folder(pooler->cluster));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    support_fail("%s; its log:\n%s", what, fd < 0 ? "none" : support_read_fd(fd));
}

/* PgBouncer 1.24 does not look up the users of its own console, so they must be in a file. */
static void write_users(const struct pooler *pooler)
{
    FILE *out = fopen(pooler->users, "we");
    if (out == NULL || fputs("\"postgres\" \"\"\n", out) < 0 || fchmod(fileno(out), 0644) != 0 ||
        fclose(out) != 0)
        support_fail_os(pooler->users);
}

/* Everyone who may connect to the server may connect here: user names are looked up there. An
 * unreachable server is tried again after a second; PgBouncer's default is 15. */
static char *make_ini(const struct cluster *cluster, enum pooler_mode mode)
{
    const char *folder = cluster_folder(cluster);
    return support_text("[databases]\n"
                        "* = host=%s port=%d auth_user=postgres\n"
                        "[pgbouncer]\n"
                        "pool_mode = %s\n"
                        "listen_addr =\n"
                        "unix_socket_dir = %s/" NAME "\n"
                        "auth_type = trust\n"
                        "auth_file = %s/" NAME ".users\n"
                        "auth_user = postgres\n"
                        "auth_query = SELECT rolname, '' FROM pg_roles WHERE rolname = $1\n"
                        "admin_users = postgres\n"
                        "max_client_conn = 500\n"
                        "default_pool_size = 100\n"
                        "server_login_retry = 1\n",
                        folder, cluster_port(cluster),
                        mode == POOLER_SESSION ? "session" : "transaction", folder, folder);
}

/* PgBouncer 1.18 may never answer a client that connects while it starts, so each try has a
 * limit. */
static bool answers(const struct pooler *pooler)
{
    PGconn *conn = PQconnectStart(pooler->console);
    bool good = conn != NULL && WAIT_UNTIL(PQstatus(conn) == CONNECTION_BAD ||
                                               PQconnectPoll(conn) == PGRES_POLLING_OK,
                                           ANSWER_S);
    good = good && PQstatus(conn) == CONNECTION_OK;
    PQfinish(conn);
    return good;
}

static bool up_or_ended(struct pooler *pooler)
{
    if (process_wait(pooler->pid, 0) >= 0)
        fail_with_log(pooler, "PgBouncer ends at its start");
    return answers(pooler);
}

void pooler_start(struct pooler *pooler)
{
    CHECK(pooler->pid == 0);
    pooler->pid = cluster_beside(pooler->cluster, NAME, PROGRAM, NAME ".ini", pooler->ini);
    if (!WAIT_UNTIL(up_or_ended(pooler), POOLER_S))
        fail_with_log(pooler, "PgBouncer does not come up");
}

void pooler_kill9(struct pooler *pooler)
{
    CHECK(pooler->pid != 0);
    (void)kill(pooler->pid, SIGKILL);
    if (process_wait(pooler->pid, POOLER_S) < 0)
        fail_with_log(pooler, "PgBouncer outlives SIGKILL");
    pooler->pid = 0;
}

struct pooler *pooler_open(struct cluster *cluster, enum pooler_mode mode)
{
    struct pooler *pooler = calloc(1, sizeof *pooler);
    CHECK(pooler != NULL);
    const char *folder = cluster_folder(cluster);
    if (!pooler_installed())
        support_fail("no " PROGRAM " here: scripts/deps test installs it");
    *pooler = (struct pooler){
        .cluster = cluster,
        .ini = make_ini(cluster, mode),
        .users = support_text("%s/" NAME ".users", folder),
        .conninfo =
            support_text("host=%s/" NAME " port=6432 user=postgres dbname=postgres", folder),
        .console =
            support_text("host=%s/" NAME " port=6432 user=postgres dbname=pgbouncer", folder),
    };
    write_users(pooler);
    pooler_start(pooler);
    return pooler;
}

void pooler_close(struct pooler **pooler)
{
    struct pooler *p = *pooler;
    if (p == NULL)
        return;
    if (p->pid != 0)
        pooler_kill9(p);
    free(p->ini);
    free(p->users);
    free(p->conninfo);
    free(p->console);
    free(p);
    *pooler = NULL;
}

void pooler_command(struct pooler *pooler, const char *command)
{
    PGconn *conn = PQconnectdb(pooler->console);
    PGresult *result = PQexec(conn, command);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        support_fail("PgBouncer's console: %s: %s", command, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
}

const char *pooler_conninfo(const struct pooler *pooler)
{
    return pooler->conninfo;
}

/* ---- by the environment ---- */

enum pooler_mode pooler_wanted(void)
{
    const char *wanted = getenv("ORDERSD_TEST_POOLER");
    if (wanted == NULL || wanted[0] == '\0')
        return POOLER_NONE;
    if (strcmp(wanted, "session") == 0)
        return POOLER_SESSION;
    if (strcmp(wanted, "transaction") != 0)
        support_fail("ORDERSD_TEST_POOLER is session or transaction, not '%s'", wanted);
    return POOLER_TRANSACTION;
}

bool pooler_forbids_prepare(void)
{
    return pooler_wanted() == POOLER_TRANSACTION;
}

/* A folder's name is never used again, so it always identifies its cluster. Poolers end with their
 * clusters, and their memory with the test. */
const char *pooler_conninfo_for(struct cluster *cluster)
{
    static struct pooler *poolers[CLUSTERS_MAX];
    static char *folders[CLUSTERS_MAX];
    if (pooler_wanted() == POOLER_NONE)
        return cluster_conninfo(cluster);
    size_t i = 0;
    while (i < CLUSTERS_MAX && poolers[i] != NULL &&
           strcmp(folders[i], cluster_folder(cluster)) != 0)
        i++;
    CHECK(i < CLUSTERS_MAX);
    if (poolers[i] == NULL) {
        folders[i] = support_text("%s", cluster_folder(cluster));
        poolers[i] = pooler_open(cluster, pooler_wanted());
    }
    return poolers[i]->conninfo;
}
