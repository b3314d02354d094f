/* ingest.h - queues orders, and commits them in groups on threads of its own, the workers.
 *
 * A worker takes the orders that have queued up, at most group_max. It waits for more only while
 * other groups are in flight (pace.h). So a group has one order when the service is idle, and more
 * under load. Clients, and the requests of one client, take turns (turns.h). A worker makes one
 * attempt at a time. After an attempt, the worker gives the orders that have a verdict to on_done.
 * The other orders go back to the queue, as one group or split, and wait for their next attempt.
 *
 * An atomic batch is a group of its own, whatever its size, and is never split. Either all of its
 * orders are stored or none, and either all expire or none. All come back in one call of on_done.
 *
 * Threads    ingest_stop() and ingest_close(): one thread; the other functions: any. on_done and
 *            on_event run on a worker that holds no lock.
 * Ownership  The caller provides the memory of an item, and must not move or free it from INGEST_OK
 *            until on_done. Every accepted item comes back exactly once, also if it expired. */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "ingest/types.h"

struct ingest; /* opaque */

/* Returns NULL if there was no memory or a thread could not be started; *err then says why. */
struct ingest *ingest_open(const struct ingest_options *options, struct err *err) MUST_CHECK;

/* Accepts all items of the list, or none. The list must not be empty, and is linked by `link`. If
 * the items are not taken, the list does not change, and *retry_after_ns is an estimate of the time
 * until the queue has room. A list longer than `capacity` is never taken (INGEST_FULL). Orders of
 * several lists may form one group. If a list is divided among groups, the workers begin
 * these groups in the order of the list. */
enum ingest_rc ingest_submit(struct ingest *ingest, struct fifo *items,
                             int64_t *retry_after_ns) MUST_CHECK;

/* As ingest_submit(), for an atomic batch: all orders of the list are stored or none. If the list
 * has a key twice, the later order is ITEM_REPLAYED if it equals the earlier one, else
 * ITEM_REUSED. */
enum ingest_rc ingest_submit_atomic(struct ingest *ingest, struct fifo *items,
                                    int64_t *retry_after_ns) MUST_CHECK;

/* Refuses new items from now on. Items that were accepted before are still attempted. */
void ingest_drain(struct ingest *ingest);

/* Drains until no item is left or the deadline has come. Then gives back the remaining items, as
 * ITEM_UNKNOWN if they are in doubt and otherwise as ITEM_UNAVAILABLE, and joins the workers. If an
 * attempt is running at the deadline, ingest_stop() waits for its end, for at most a third of
 * commit_timeout_ns. After ingest_stop() on_done is not called, new items are refused, and the
 * figures can still be read. Does nothing if `ingest` is NULL. */
void ingest_stop(struct ingest *ingest, int64_t deadline_at_ns);

/* Calls ingest_stop(), frees the ingest and sets *ingest to NULL. Does nothing if *ingest is
 * NULL. */
void ingest_close(struct ingest **ingest, int64_t deadline_at_ns);

const struct ingest_metrics *ingest_metrics(const struct ingest *ingest);
void ingest_gauges(struct ingest *ingest, struct ingest_gauges *out);
void ingest_failure_streak(struct ingest *ingest, struct ingest_streak *out);

#endif
