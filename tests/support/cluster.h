/* cluster.h - a private PostgreSQL for one test process: initdb, start, break, remove.
 *
 * Life       lives in a folder of its own, in memory (/dev/shm) where there is room, else under
 *            /tmp, with a unix socket there and a free port on 127.0.0.1, trust authentication,
 * role and database `postgres`. As root the server runs as the system user postgres. The cluster
 * ends with the process however that ends: a watchdog outside of it kills the server and removes
 * the folder. Failure    what does not work ends the process with a line that says why and the
 * server's log. Every wait is bounded. Threads    one thread at a time. */
#ifndef SUPPORT_CLUSTER_H
#define SUPPORT_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

struct cluster; /* opaque */

struct cluster_options {
    bool fsync; /* false is faster, and even cluster_kill9() loses nothing: the kernel lives on */
    bool own_system;  /* its system identifier is none that other clusters have; takes longer */
    const char *conf; /* more lines for postgresql.conf, or NULL */
    const char *standby_of; /* conninfo; NULL: none. For cluster_standby.c, which says the rest */
};

enum cluster_mode {
    CLUSTER_FAST,      /* roll back, disconnect, checkpoint */
    CLUSTER_IMMEDIATE, /* recovery at the next start */
};

/* Made and started. NULL options: all zero. */
struct cluster *cluster_open(const struct cluster_options *options) MUST_CHECK;

/* Kills the server if it runs, removes the folder. NULL is a no-op. */
void cluster_close(struct cluster **cluster);

/* Start returns when the server answers queries; stop when its process has ended. */
void cluster_start(struct cluster *cluster);
void cluster_stop(struct cluster *cluster, enum cluster_mode mode);
void cluster_restart(struct cluster *cluster);

/* SIGKILL to the postmaster and each of its processes at once; the data stays. */
void cluster_kill9(struct cluster *cluster);

/* SIGSTOP and SIGCONT to the postmaster and each of its processes. */
void cluster_freeze(struct cluster *cluster);
void cluster_thaw(struct cluster *cluster);

/* Borrowed; the same over restarts. */
const char *cluster_conninfo(const struct cluster *cluster);     /* through the unix socket */
const char *cluster_tcp_conninfo(const struct cluster *cluster); /* through 127.0.0.1 */
int cluster_port(const struct cluster *cluster);
const char *cluster_folder(const struct cluster *cluster); /* the server's log is in it: "log" */
pid_t cluster_pid(const struct cluster *cluster);          /* the postmaster's */

/* Runs `program FILE` as the server's user in a folder NAME beside the data, where FILE with `text`
 * and its output ("log") are; our child. It outlives the server, and ends with the cluster. */
pid_t cluster_beside(const struct cluster *cluster, const char *name, const char *program,
                     const char *file, const char *text) MUST_CHECK;

/* Each over a connection of its own that shows in pg_stat_activity as application `cluster`; a
 * server that is just restarting is waited for. */
void cluster_exec(struct cluster *cluster, const char *sql);
int64_t cluster_query_int(struct cluster *cluster, const char *sql);
/* The caller frees; NULL for an SQL null or no row. */
char *cluster_query_text(struct cluster *cluster, const char *sql) MUST_CHECK;

#endif
