/* ingest.h - the bounded queue and the workers that commit what is in it, in groups.
 *
 * A worker takes what has queued up, at most group_max, and never waits for more: groups are of one
 * order when the service is idle, and grow with the load. A worker makes one attempt at a time. The
 * orders that have a verdict after it are delivered; the others go back to the queue, whole or
 * split, and wait for their next attempt.
 *
 * An atomic list is a group of its own whatever its size, never split: all of it is stored or none,
 * all of it expires or none, and all of it comes back in one list.
 *
 * Threads    submits and ingest_expire(): any. on_done runs on a worker, with no lock held.
 * Ownership  an item is the caller's memory. From INGEST_OK until it comes back in on_done it must
 *            stay put; every accepted item comes back exactly once, the expired ones too. */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "ingest/types.h"

struct ingest; /* opaque */

/* Returns NULL if there was no memory or a thread could not be started; *err then says why. */
struct ingest *ingest_open(const struct ingest_options *options, struct err *err) MUST_CHECK;

/* Takes all items of the list, or none. The list must not be empty, and is linked by `link`. If the
 * items are not taken, the list does not change, and *retry_after_ns is the time until room is
 * expected. A list longer than `capacity` is never taken (INGEST_FULL). The orders go into groups
 * with orders of other lists, in the order of the list. */
enum ingest_rc ingest_submit(struct ingest *ingest, struct fifo *items,
                             int64_t *retry_after_ns) MUST_CHECK;

/* As ingest_submit(), for a list of which either all orders are stored or none. If the list has a
 * key twice, the later order is ITEM_REPLAYED if it equals the earlier one, else ITEM_REUSED. */
enum ingest_rc ingest_submit_atomic(struct ingest *ingest, struct fifo *items,
                                    int64_t *retry_after_ns) MUST_CHECK;

/* Refuses new items from now on. Accepted items are still attempted. */
void ingest_drain(struct ingest *ingest);

/* Drains until no item is left or the deadline has come. Then gives back the remaining items, as
 * ITEM_UNKNOWN if they are in doubt and otherwise as ITEM_UNAVAILABLE, and joins the workers. If an
 * attempt is running at the deadline, ingest_stop() waits for its end, for at most a third of
 * commit_timeout_ns. Afterwards on_done is not called, new items are refused, and the figures can
 * still be read. Does nothing if `ingest` is NULL. */
void ingest_stop(struct ingest *ingest, int64_t deadline_at_ns);

/* Calls ingest_stop(), frees the ingest and sets *ingest to NULL. Does nothing if *ingest is
 * NULL. */
void ingest_close(struct ingest **ingest, int64_t deadline_at_ns);

const struct ingest_metrics *ingest_metrics(const struct ingest *ingest);
void ingest_gauges(struct ingest *ingest, struct ingest_gauges *out);
void ingest_failure_streak(struct ingest *ingest, struct ingest_streak *out);

#endif
