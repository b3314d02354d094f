/* cluster_standby.h - a second server that follows a first by streaming replication, and settings
 * changed while a server runs. As cluster.h: what does not work ends the process with its reason,
 * every wait is bounded, one thread at a time. */
#ifndef SUPPORT_CLUSTER_STANDBY_H
#define SUPPORT_CLUSTER_STANDBY_H

#include "support/cluster.h"

/* Its name for the primary's synchronous_standby_names. */
#define CLUSTER_STANDBY_NAME "standby"

/* A hot standby: takes reads, and is streaming when this returns. Close it before its primary. */
struct cluster *cluster_open_standby(struct cluster *primary) MUST_CHECK;

/* Returns when the primary is being followed by a standby up to what it has written by now. */
void cluster_await_standby(struct cluster *primary);

/* Returns when the standby is a primary of its own and takes writes. */
void cluster_promote(struct cluster *standby);

/* For every session, old and new: in force when this returns for new ones, and for old ones from
 * their next statement on. NULL: back to what it was at the start. */
void cluster_set(struct cluster *cluster, const char *setting, const char *value);

#endif
