/* pooler.h - a private PgBouncer in front of a test's cluster.
 *
 * Life       As the cluster's: in a folder beside the data, listening on a unix socket there, as
 *            the server's user. It ends with the cluster, however the test ends.
 * Use        ORDERSD_TEST_POOLER, "session" or "transaction", puts a pooler in front of every
 *            cluster on which tests of the service or the store run: all of them get the conninfo
 *            of their database from pooler_conninfo_for().
 * Failure    A failure ends the process, with a line that says why, and PgBouncer's log.
 * Threads    one thread at a time */
#ifndef SUPPORT_POOLER_H
#define SUPPORT_POOLER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "support/cluster.h"

struct pooler; /* opaque */

enum pooler_mode { POOLER_NONE, POOLER_SESSION, POOLER_TRANSACTION };

/* Returns true if PgBouncer is installed on this machine. */
bool pooler_installed(void);

/* Starts a pooler, and returns when it answers. The cluster must outlive it. */
struct pooler *pooler_open(struct cluster *cluster, enum pooler_mode mode) MUST_CHECK;
void pooler_close(struct pooler **pooler); /* NULL is a no-op */

void pooler_kill9(struct pooler *pooler);
void pooler_start(struct pooler *pooler);

/* Runs a command of PgBouncer's console: "PAUSE", "RESUME", "RELOAD". Returns when it is done. */
void pooler_command(struct pooler *pooler, const char *command);

const char *pooler_conninfo(const struct pooler *pooler); /* borrowed; unchanged by restarts */

/* ---- by the environment ---- */

enum pooler_mode pooler_wanted(void);

/* The conninfo of the cluster's database: through a pooler if the environment asks for one, which
 * the first call for a cluster starts, else cluster_conninfo(). Borrowed while the cluster
 * lives. */
const char *pooler_conninfo_for(struct cluster *cluster);

/* Returns true in transaction mode, where no state of a session may last: DATABASE_PREPARE must be
 * false. */
bool pooler_forbids_prepare(void);

/* Ends the running test as skipped, with the reason `why`, if a pooler is used: for tests that
 * cannot work through one. */
#define SKIP_BEHIND_POOLER(why)                                                                    \
    do {                                                                                           \
        if (pooler_wanted() != POOLER_NONE)                                                        \
            cr_skip("behind a pooler: " why);                                                      \
    } while (0)

#endif
