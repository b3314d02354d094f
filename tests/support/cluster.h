/* cluster.h - a private PostgreSQL for one test process: initdb, start, break, remove.
 *
 * Life       It has a folder of its own, in memory (/dev/shm) if there is room, else under /tmp,
 *            with a unix socket there, a free port on 127.0.0.1, trust authentication, and the
 *            role and database `postgres`. As root, the server runs as the system user postgres.
 *            However the process ends, the cluster ends with it: a watchdog outside of the
 *            process kills the server and removes the folder.
 * Failure    A failure ends the process, with a line that says why, and the server's log. Every
 *            wait is bounded.
 * Threads    one thread at a time */
#ifndef SUPPORT_CLUSTER_H
#define SUPPORT_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

struct cluster; /* opaque */

struct cluster_options {
    /* false is faster, and cluster_kill9() still loses nothing, because the kernel lives on. */
    bool fsync;
    bool own_system;        /* with a system identifier of its own; takes longer */
    const char *conf;       /* more lines for postgresql.conf, or NULL */
    const char *standby_of; /* for cluster_standby.c: the primary's conninfo; NULL: no standby */
};

enum cluster_mode {
    CLUSTER_FAST,      /* roll back, disconnect, checkpoint */
    CLUSTER_IMMEDIATE, /* recovery at the next start */
};

/* Makes and starts a cluster. NULL options: all zero. */
struct cluster *cluster_open(const struct cluster_options *options) MUST_CHECK;

/* Kills the server if it runs, and removes the folder. NULL is a no-op. */
void cluster_close(struct cluster **cluster);

/* cluster_start() returns when the server answers queries, cluster_stop() when its process has
 * ended. */
void cluster_start(struct cluster *cluster);
void cluster_stop(struct cluster *cluster, enum cluster_mode mode);
void cluster_restart(struct cluster *cluster);

/* Sends SIGKILL to the postmaster and all of its processes at once. The data stays. */
void cluster_kill9(struct cluster *cluster);

/* Send SIGSTOP or SIGCONT to the postmaster and all of its processes. */
void cluster_freeze(struct cluster *cluster);
void cluster_thaw(struct cluster *cluster);

/* Borrowed; unchanged by restarts. */
const char *cluster_conninfo(const struct cluster *cluster);     /* through the unix socket */
const char *cluster_tcp_conninfo(const struct cluster *cluster); /* through 127.0.0.1 */
int cluster_port(const struct cluster *cluster);
const char *cluster_folder(const struct cluster *cluster); /* the server's log is "log" in it */
pid_t cluster_pid(const struct cluster *cluster);          /* the postmaster's */

/* Writes `text` to FILE in a folder NAME beside the data, and runs `program FILE` there as the
 * server's user, with its output in "log". The program is our child, outlives the server, and ends
 * with the cluster. */
pid_t cluster_beside(const struct cluster *cluster, const char *name, const char *program,
                     const char *file, const char *text) MUST_CHECK;

/* Each uses a new connection, named `cluster` in pg_stat_activity. They wait for a server that is
 * restarting. */
void cluster_exec(struct cluster *cluster, const char *sql);
int64_t cluster_query_int(struct cluster *cluster, const char *sql);
/* The caller frees the text. NULL: SQL's null, or no row. */
char *cluster_query_text(struct cluster *cluster, const char *sql) MUST_CHECK;

#endif
