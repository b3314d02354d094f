/* cluster_xids.h - a cluster that has run out of transaction ids: until it is vacuumed, it answers
 * every statement that needs one with 54000. */
#ifndef SUPPORT_CLUSTER_XIDS_H
#define SUPPORT_CLUSTER_XIDS_H

#include "support/cluster.h"

/* For cluster_options.conf. */
#define CLUSTER_XIDS_CONF "wal_level = logical"

/* Restarts the server with all transaction ids but the reserved ones used up. */
void cluster_exhaust_xids(struct cluster *cluster);

/* Vacuums the databases, so that there are ids again. */
void cluster_vacuum_xids(struct cluster *cluster);

#endif
