/* queue_rules.h - what may begin now, and which orders the queue admits. queue.c does both.
 *
 * Threads    the caller holds the lock of the queue. Nothing is changed. */
#ifndef INGEST_QUEUE_RULES_H
#define INGEST_QUEUE_RULES_H

#include "ingest/queue.h"

/* Return true if a group of new orders, a suspect group or one of a stalled account may begin now,
 * in view of the groups in flight. */
bool queue_fresh_allowed(const struct queue *queue) REQUIRES(queue->work.mu);
bool queue_suspect_allowed(const struct queue *queue) REQUIRES(queue->work.mu);
bool queue_stalled_allowed(const struct queue *queue) REQUIRES(queue->work.mu);

/* Returns true if new orders or suspect groups wait only because of groups that are in flight. */
bool queue_is_blocked(const struct queue *queue) REQUIRES(queue->work.mu);

/* Returns after what time in flight a group is overdue. */
int64_t queue_patience_ns(const struct queue *queue) REQUIRES(queue->work.mu);

/* Estimates how long a new order would wait for its attempt. */
int64_t queue_estimated_wait_ns(const struct queue *queue) REQUIRES(queue->work.mu);

/* Says whether a submit may enter the queue, and sets *retry_after_ns. */
enum ingest_rc queue_admit(const struct queue *queue, const struct fifo *items,
                           const struct turns_sums *sums, int64_t *retry_after_ns)
    REQUIRES(queue->work.mu) MUST_CHECK;

#endif
