/* stalled.h - the accounts whose orders cannot be stored at present although those of others can:
 * their shard or partition is dead, hangs or is locked.
 *
 * An account is stalled when STALLED_AFTER attempts in a row at orders of this account alone have
 * failed for a reason that passes, while orders of other accounts were stored and none of its own.
 * So no account is stalled because the whole database hangs. The orders of a stalled account are in
 * no group with those of others, so they delay and fail only each other:
 *
 *   - stalled_set_aside() takes the new orders of stalled accounts out of a group
 *   - one attempt at a time is made for each stalled account, with a pause before the next one. The
 *     pause doubles up to a second. The group of this attempt is not split
 *   - as soon as an order of the account is stored, the account is not stalled any more
 *
 * An account is forgotten when a minute has passed since its last failure, because it has no orders
 * any more. At most STALLED_MAX accounts are remembered, then the one that failed longest ago is
 * forgotten. The groups of a forgotten account are tried as if they were new.
 *
 * Threads    one at a time: the caller holds the lock of the queue.
 * Ownership  The groups are kept in their items (retry_heap.h). Memory for an account is allocated
 *            when it fails. If there is no memory, the account is not remembered. */
#ifndef INGEST_STALLED_H
#define INGEST_STALLED_H

#include "base/heap.h"
#include "base/list.h"
#include "ingest/group.h"

enum { STALLED_AFTER = 2, STALLED_MAX = 4096 };

struct stalled {
    void *accounts;     /* a tree of tsearch(3): struct stalled_account */
    struct list by_age; /* the same accounts; the one that failed longest ago comes first */
    uint32_t n;         /* stalled accounts; those that have failed once do not count */
    uint64_t stored;    /* attempts that stored an order while there were `accounts` */
    struct heap groups; /* groups of stalled accounts that wait, see retry_heap.h */
    uint32_t orders;    /* of `groups` */
};

/* `capacity` is the most items that there may be. Returns false if out of memory. */
bool stalled_init(struct stalled *stalled, uint32_t capacity) MUST_CHECK;
void stalled_fini(struct stalled *stalled);

/* Returns true if the account is stalled. */
bool stalled_has(const struct stalled *stalled, const char *account_id);

/* Takes note of what an attempt has stored, and of the groups that it has failed to store. */
void stalled_note(struct stalled *stalled, const struct group_outcome *outcome, int64_t now_ns);

/* Keeps a group that has failed, if all of its orders are of one stalled account. Returns false
 * otherwise; then the group goes on as others do. */
bool stalled_keep(struct stalled *stalled, const struct ingest_group *group,
                  int64_t now_ns) MUST_CHECK;

/* Moves the items of stalled accounts out of a group that was taken from the new orders and is not
 * formed yet, and keeps them as groups that are not formed either. */
void stalled_set_aside(struct stalled *stalled, struct ingest_group *group, int64_t now_ns);

/* When the next group may be due: CLOCK_NEVER if there is none. */
int64_t stalled_due_at_ns(const struct stalled *stalled);

/* What stalled_take() says about the group that it has returned. */
struct stalled_attempt {
    bool well;                        /* the account is not stalled any more */
    char account_id[ORDER_NAME_SIZE]; /* "": it is well, or the group's deadline has passed */
};

/* Takes the next group that is due: its account is not stalled any more, or the group's deadline
 * has passed, or, if `may_attempt` is set, its account's pause is over. Returns false if no group
 * is due. After the attempt the caller calls stalled_end(), after stalled_note(). */
bool stalled_take(struct stalled *stalled, int64_t now_ns, bool may_attempt,
                  struct ingest_group *group, struct stalled_attempt *attempt) MUST_CHECK;
void stalled_end(struct stalled *stalled, const struct stalled_attempt *attempt, int64_t now_ns);

/* Takes any group, due or not. There must be one. */
struct ingest_group stalled_take_any(struct stalled *stalled);

/* Returns when the oldest item was received, or CLOCK_NEVER if there is none. */
int64_t stalled_oldest_at_ns(const struct stalled *stalled);

#endif
