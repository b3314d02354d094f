/* write_watch.h - a load's hook for writes that a server begins to refuse: who was refused, and
 * when writes went where. */
#ifndef FAULTS_WRITE_WATCH_H
#define FAULTS_WRITE_WATCH_H

#include <stdlib.h>

#include "faults/fault_rig.h"

struct write_watch {
    int new_port;                  /* where writes are to go in the end; 0: nowhere else */
    atomic_llong first_refused_ns; /* 25006 */
    atomic_llong first_moved_ns;   /* the first good write there */
    atomic_llong good, moved;      /* writes that were acknowledged: all, and there */
    atomic_int late;               /* 25006 to one who had asked for a connection after the first */
    atomic_int back;               /* good ones on the old after the first on the new */
};

UNUSED static void keep_first(atomic_llong *first_ns, int64_t now_ns)
{
    long long unset = 0;
    (void)atomic_compare_exchange_strong(first_ns, &unset, now_ns);
}

UNUSED static void watch_write(void *ctx, const struct load_seen *seen)
{
    struct write_watch *watch = ctx;
    const long long refused_ns = atomic_load(&watch->first_refused_ns);
    const long long moved_ns = atomic_load(&watch->first_moved_ns);
    if (seen->rc == PQPOOL_SQL_ERROR && strcmp(seen->err->code, "25006") == 0) {
        atomic_fetch_add(&watch->late, refused_ns != 0 && seen->acquire_began_ns > refused_ns);
        keep_first(&watch->first_refused_ns, seen->ended_ns);
    }
    if (seen->rc != PQPOOL_OK)
        return;
    atomic_fetch_add(&watch->good, 1);
    if (strtol(PQport(seen->pg), NULL, 10) == watch->new_port) {
        atomic_fetch_add(&watch->moved, 1);
        keep_first(&watch->first_moved_ns, seen->ended_ns);
    } else {
        atomic_fetch_add(&watch->back, moved_ns != 0 && seen->acquire_began_ns > moved_ns);
    }
}

#endif
