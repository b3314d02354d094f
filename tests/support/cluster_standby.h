/* cluster_standby.h - a second server that follows a first by streaming replication, and settings
 * that change while a server runs. As in cluster.h, a failure ends the process with its reason,
 * every wait is bounded, and one thread at a time may call. */
#ifndef SUPPORT_CLUSTER_STANDBY_H
#define SUPPORT_CLUSTER_STANDBY_H

#include "support/cluster.h"

/* The standby's name in the primary's synchronous_standby_names. */
#define CLUSTER_STANDBY_NAME "standby"

/* Makes a hot standby. It answers reads and is streaming when this returns. Close it before its
 * primary. */
struct cluster *cluster_open_standby(struct cluster *primary) MUST_CHECK;

/* Waits until a standby has received everything that the primary has written before the call. */
void cluster_await_standby(struct cluster *primary);

/* Makes the standby a primary. Returns when it accepts writes. */
void cluster_promote(struct cluster *standby);

/* Changes a setting for all sessions. When this returns, it is in force for new sessions, and for
 * old ones from their next statement on. NULL restores the value of the start. */
void cluster_set(struct cluster *cluster, const char *setting, const char *value);

#endif
