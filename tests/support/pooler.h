/* pooler.h - a private PgBouncer in front of a test's cluster.
 *
 * Life       as the cluster's: in a folder of its own beside the data, on a unix socket there only,
 *            as the server's user. It ends with the cluster, however the test ends.
 * Way        $ORDERSD_TEST_POOLER, "session" or "transaction", puts one in front of every cluster
 *            that a test of the service or the store runs on: pooler_way() is asked for the way to
 *            the database by all of them.
 * Failure    what does not work ends the process with a line that says why and PgBouncer's log.
 * Threads    one thread at a time. */
#ifndef SUPPORT_POOLER_H
#define SUPPORT_POOLER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "support/cluster.h"

struct pooler; /* opaque */

enum pooler_mode { POOLER_NONE, POOLER_SESSION, POOLER_TRANSACTION };

/* Is there a PgBouncer on this machine? */
bool pooler_installed(void);

/* Started, and answers. The cluster must outlive it. */
struct pooler *pooler_open(struct cluster *cluster, enum pooler_mode mode) MUST_CHECK;
void pooler_close(struct pooler **pooler); /* NULL is a no-op */

void pooler_kill9(struct pooler *pooler);
void pooler_start(struct pooler *pooler);

/* A command of its console: "PAUSE", "RESUME", "RELOAD". Returns when it has been carried out. */
void pooler_command(struct pooler *pooler, const char *command);

const char *pooler_conninfo(const struct pooler *pooler); /* borrowed; the same over restarts */

/* ---- by the environment ---- */

enum pooler_mode pooler_wanted(void);

/* The way to the cluster's database: through a pooler if one is wanted, made at the first call for
 * this cluster, else cluster_conninfo(). Borrowed, as long as the cluster lives. */
const char *pooler_way(struct cluster *cluster);

/* In transaction mode nothing of a session's may last: DATABASE_PREPARE must be false. */
bool pooler_forbids_prepare(void);

/* Ends the running test as skipped, saying `why`, when a pooler is wanted: for what is not to be
 * seen, or not to be done, through one. */
#define SKIP_BEHIND_POOLER(why)                                                                    \
    do {                                                                                           \
        if (pooler_wanted() != POOLER_NONE)                                                        \
            cr_skip("behind a pooler: " why);                                                      \
    } while (0)

#endif
