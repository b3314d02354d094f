/* cluster_folder.c - see cluster_folder.h. */
#include "support/cluster_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "support/engine.h"
#include "support/process.h"
#include "support/wait.h"

enum { COMMAND_S = 60, LOCK_S = 120, REMOVE_S = 30 };
enum { SHM_GIB_MIN = 2, SHM_FILES_MIN = 100000 };

static const char *const server_env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };

/* The server refuses to run as root, so setpriv makes it the system user postgres. setpriv leaves
 * no process in between, so the postmaster is our child. */
#define AS_POSTGRES "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"
enum { AS_POSTGRES_ARGS = 5 };

static const char *const *unless_root(const char *const argv[])
{
    return geteuid() == 0 ? argv : argv + AS_POSTGRES_ARGS;
}

/* Finds the newest server that Debian's packages have installed. ORDERSD_TEST_PG_BIN names the
 * programs of another one: .../lib/postgresql/VERSION/bin, as Debian lays them out. */
static char *find_bin(void)
{
    const char *other = getenv("ORDERSD_TEST_PG_BIN");
    glob_t found;
    if (other != NULL)
        return support_text("%s", other);
    if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) != 0)
        support_fail("no PostgreSQL server under /usr/lib/postgresql");
    const char *best = found.gl_pathv[0];
    for (size_t i = 1; i < found.gl_pathc; i++)
        if (strverscmp(found.gl_pathv[i], best) > 0)
            best = found.gl_pathv[i];
    char *bin = support_text("%.*s", (int)(strlen(best) - strlen("/postgres")), best);
    globfree(&found);
    return bin;
}

bool cluster_folder_has_extension(const char *name)
{
    char *bin = find_bin();
    const char *version = strstr(bin, "/postgresql/");
    char *control = support_text("%s/../../../../share%.*s/extension/%s.control", bin,
                                 version != NULL ? (int)strcspn(version + 12, "/") + 12 : 0,
                                 version != NULL ? version : "", name);
    bool has = access(control, R_OK) == 0;
    free(control);
    free(bin);
    return has;
}

/* ---- removal ---- */

/* $0 is the folder. The shell that we spawn ends at once, and a child of it waits: a test runner
 * that kills the test with all of its children does not find that child. Processes to kill are
 * found by their working directory, which is in the folder, so no other process is killed. In a
 * container not even root can see the working directory of another user's process, so the server's
 * user runs the shell. */
static const char reaper[] =
    "exec 3<&0\n"
    "(\n"
    "cat <&3\n"
    "servers() { find /proc/[0-9]* -maxdepth 1 -name cwd -lname \"$0/*\" | cut -d/ -f3; }\n"
    "ipcrm -m \"$(sed -n '7s/.* //p' \"$0/data/postmaster.pid\")\"\n"
    "for i in $(seq 200); do\n"
    "  pids=$(servers)\n"
    "  [ -n \"$pids\" ] || break\n"
    "  for pid in $pids; do\n" /* checked again: the pid may belong to another process by now */
    "    case $(readlink /proc/$pid/cwd) in \"$0\"/*) kill -KILL $pid ;; esac\n"
    "  done\n"
    "  sleep 0.05\n"
    "done\n"
    "rm -rf \"$0\"\n"
    ") >/dev/null 2>&1 &\n";

static void start_reaper(struct cluster_folder *folder)
{
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    const char *const argv[] = { AS_POSTGRES, "setsid", "sh", "-c", reaper, folder->path, NULL };
    const struct process shell = {
        .argv = unless_root(argv), .env = server_env, .in_fd = ends[0], .out_fd = -1
    };
    if (process_wait(process_spawn(&shell), COMMAND_S) != 0)
        support_fail("the reaper did not start");
    close(ends[0]);
    folder->reaper_pipe = ends[1];
}

void cluster_folder_remove(struct cluster_folder *folder)
{
    close(folder->reaper_pipe);
    if (!WAIT_UNTIL(access(folder->path, F_OK) != 0, REMOVE_S))
        support_fail("%s is not being removed", folder->path);
    free(folder->bin);
}

/* ---- making ---- */

static void initdb(const struct cluster_folder *folder, const char *data)
{
    char *program = support_text("%s/initdb", folder->bin);
    const char *const argv[] = { AS_POSTGRES,
                                 program,
                                 "-D",
                                 data,
                                 "-U",
                                 "postgres",
                                 "-A",
                                 "trust",
                                 "-E",
                                 "UTF8",
                                 "--locale=C.UTF-8",
                                 "--no-sync",
                                 "--wal-segsize=1",
                                 NULL };
    process_run(unless_root(argv), COMMAND_S);
    free(program);
}

/* The template appears whole or not at all, by rename(2). */
static void keep_as_template(const char *data, const char *template)
{
    char *part = support_text("%s.part", template);
    const char *const clear[] = { "rm", "-rf", part, NULL };
    const char *const copy[] = { "cp", "-a", data, part, NULL };
    process_run(clear, COMMAND_S);
    process_run(copy, COMMAND_S);
    if (rename(part, template) != 0)
        support_fail_os(part);
    free(part);
}

/* Waits until the template is there or this process has the lock to make it. A template that is
 * there is complete and never changes, so it needs no lock. Returns the lock's descriptor. */
static int lock_unless_there(const char *template)
{
    int lock = open(CLUSTER_TEMPLATE ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock < 0)
        support_fail_os(CLUSTER_TEMPLATE ".lock");
    if (!WAIT_UNTIL(access(template, F_OK) == 0 || flock(lock, LOCK_EX | LOCK_NB) == 0, LOCK_S))
        support_fail("another test keeps " CLUSTER_TEMPLATE ".lock");
    return lock;
}

/* The path of the template of this version: the folder above `bin` is named after it. */
static char *template_path(const char *bin)
{
    const char *end = bin + strlen(bin) - strlen("/bin"), *version = end;
    while (version > bin && version[-1] != '/')
        version--;
    return support_text(CLUSTER_TEMPLATE "-%.*s", (int)(end - version), version);
}

static void make_data(const struct cluster_folder *folder)
{
    char *data = support_text("%s/data", folder->path);
    char *template = template_path(folder->bin);
    int lock = lock_unless_there(template);
    if (access(template, F_OK) != 0) {
        initdb(folder, data);
        keep_as_template(data, template);
    } else {
        const char *const copy[] = { "cp", "-a", template, data, NULL };
        process_run(copy, COMMAND_S);
    }
    close(lock);
    free(template);
    free(data);
}

/* Copies a server's data, with standby.signal (-R). The configuration says which server to
 * follow. */
static void copy_from(const struct cluster_folder *folder, const char *primary)
{
    char *program = support_text("%s/pg_basebackup", folder->bin);
    char *data = support_text("%s/data", folder->path);
    const char *const argv[] = { AS_POSTGRES,     program, "-R",   "-D", data,     "-d",
                                 primary,         "-c",    "fast", "-X", "stream", "--no-sync",
                                 "--no-password", NULL };
    process_run(unless_root(argv), COMMAND_S);
    free(data);
    free(program);
}

/* Prefers memory, if it has room for more servers than ever run at once, because making and
 * removing a thousand files is slow in some file systems. No test needs more of fsync than that it
 * is called. */
static const char *parent_folder(void)
{
    struct statvfs st;
    bool roomy = statvfs("/dev/shm", &st) == 0 && access("/dev/shm", W_OK | X_OK) == 0 &&
                 st.f_bavail * st.f_frsize >> 30 >= SHM_GIB_MIN && st.f_favail >= SHM_FILES_MIN;
    return roomy ? "/dev/shm" : "/tmp";
}

static void make_own_data(const struct cluster_folder *folder)
{
    char *data = support_text("%s/data", folder->path);
    initdb(folder, data);
    free(data);
}

void cluster_folder_make(struct cluster_folder *folder, const char *primary, bool own_system)
{
    folder->bin = find_bin();
    snprintf(folder->path, sizeof folder->path, "%s/ordersd-cluster-XXXXXX", parent_folder());
    if (mkdtemp(folder->path) == NULL)
        support_fail_os(folder->path);
    folder->uid = geteuid();
    folder->gid = getegid();
    if (geteuid() == 0) {
        const struct passwd *user = getpwnam("postgres");
        if (user == NULL || chown(folder->path, user->pw_uid, user->pw_gid) != 0)
            support_fail("no system user postgres to give %s to", folder->path);
        folder->uid = user->pw_uid;
        folder->gid = user->pw_gid;
    }
    start_reaper(folder);
    if (primary != NULL)
        copy_from(folder, primary);
    else if (own_system)
        make_own_data(folder);
    else
        make_data(folder);
}

/* dynamic_shared_memory_type: after SIGKILL, segments in /dev/shm would remain for ever. */
void cluster_folder_configure(const struct cluster_folder *folder, int port, bool fsync,
                              const char *conf)
{
    char *path = support_text("%s/data/postgresql.auto.conf", folder->path);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        support_fail_os(path);
    fprintf(file,
            "listen_addresses = '127.0.0.1'\nport = %d\nunix_socket_directories = '%s'\n"
            "fsync = %s\nmax_connections = 200\nshared_buffers = 32MB\n"
            "dynamic_shared_memory_type = mmap\nlog_line_prefix = '%%m [%%p] %%a '\n%s%s\n",
            port, folder->path, fsync ? "on" : "off", engine_conf(), conf != NULL ? conf : "");
    if (fclose(file) != 0)
        support_fail_os(path);
    free(path);
}

/* The program's output is appended to `log` in that folder. */
static pid_t spawn_as_server(const char *const argv[], const char *log_folder)
{
    char *log_path = support_text("%s/log", log_folder);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0)
        support_fail_os(log_path);
    const struct process process = {
        .argv = unless_root(argv), .env = server_env, .in_fd = -1, .out_fd = log
    };
    pid_t pid = process_spawn(&process);
    close(log);
    free(log_path);
    return pid;
}

static void make_beside(const struct cluster_folder *folder, const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        support_fail_os(path);
    if (chown(path, folder->uid, folder->gid) != 0)
        support_fail_os(path);
}

pid_t cluster_folder_beside(const struct cluster_folder *folder, const char *name,
                            const char *program, const char *file, const char *text)
{
    char *path = support_text("%s/%s", folder->path, name);
    char *file_path = support_text("%s/%s", path, file);
    make_beside(folder, path);
    FILE *out = fopen(file_path, "we");
    if (out == NULL || fputs(text, out) < 0 || fclose(out) != 0)
        support_fail_os(file_path);
    const char *const argv[] = { AS_POSTGRES, "env", "-C", path, program, file, NULL };
    pid_t pid = spawn_as_server(argv, path);
    free(file_path);
    free(path);
    return pid;
}

pid_t cluster_folder_postgres(const struct cluster_folder *folder)
{
    char *program = support_text("%s/postgres", folder->bin);
    char *data = support_text("%s/data", folder->path);
    const char *const argv[] = { AS_POSTGRES, program, "-D", data, NULL };
    pid_t pid = spawn_as_server(argv, folder->path);
    free(data);
    free(program);
    return pid;
}
