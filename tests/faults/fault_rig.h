/* fault_rig.h - a pool in front of a real server, under a small load, for a test to break: and the
 * three things that every such test asks for once the fault is over.
 *
 *     struct rig rig = rig_of(RIG_GATE, NULL);
 *     rig_start(&rig);
 *     ... the fault, and waiting until it has struck ...
 *     ... its end ...
 *     rig_expect_whole(&rig, "black hole");
 *     rig_end(&rig);
 *
 * Whole      within rig_bound_ns() + 2 s, and what the machine lost, the floor is filled, the
 *            health check passes, nothing is down, and statements succeed in a row; then all
 *            connections there may be are taken at once, and each works.
 * Left over  on the server no session of ours but those that the pool has; none after its end.
 * Leaked     no descriptor and no thread of this process more than before the pool. */
#ifndef FAULTS_FAULT_RIG_H
#define FAULTS_FAULT_RIG_H

#include "faults/fault_load.h"
#include "integration/pqpool_cluster.h"

enum rig_way { RIG_DIRECT, RIG_GATE };
enum { RIG_MIN = 3, RIG_MAX = 6, RIG_THREADS = 4, RIG_GOOD = 50, RIG_SLACK_S = 2 };

/* Sessions of ours that the server knows of, those that are still being made or ending among them;
 * whoever else asks it something calls itself `cluster`. */
extern const char rig_sessions[];

struct rig {
    struct cluster *cluster, *standby; /* standby: NULL, or the test's to open; rig_end() closes */
    struct gate *gate;                 /* NULL with RIG_DIRECT */
    char *conninfo;                    /* over TCP, through the gate if there is one; replaceable */
    struct pqpool_options options;     /* short times; the test's to change before rig_start() */
    struct load load;                  /* too */
    struct pqpool *pool;
    int64_t more_ns;  /* what this fault may take beyond that of all */
    int fds, threads; /* before the pool */
};

/* A server, and a gate if wanted. */
struct rig rig_of(enum rig_way way, const struct cluster_options *options) MUST_CHECK;

/* Opens the pool, waits until it is warm, starts the load, and waits until that gets on. With no
 * threads in the load the test itself is the only caller. */
void rig_start(struct rig *rig);

/* How long after a fault the pool may take: the prober's pause, and what the fault has hold of, a
 * dial, a statement and its cancelling, each to its deadline. */
int64_t rig_bound_ns(const struct rig *rig) MUST_CHECK;

/* To be called when the fault has just ended; both of what follows. Seconds until it was whole. */
double rig_expect_whole(struct rig *rig, const char *fault);

/* Waits until the pool is whole under its load, then stops that. Seconds that it took. */
double rig_await_whole(struct rig *rig, const char *fault);

/* Every connection works, and there are no more than the pool says. */
void rig_expect_no_more(struct rig *rig);

/* Closes the pool: nothing of it is left, on the server and in this process. Closes all. */
void rig_end(struct rig *rig);

/* On all servers that run. */
int64_t rig_count_sessions(const struct rig *rig) MUST_CHECK;
int rig_count_sockets(const struct rig *rig) MUST_CHECK; /* of ours, to where the pool dials */

/* Through the pool: OK, or the test ends. */
void rig_exec(struct rig *rig, const char *sql);

#endif
