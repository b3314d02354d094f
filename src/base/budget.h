/* budget.h - how much memory is in use for one purpose, and the limit of it.
 *
 * A budget counts bytes, and allocates nothing. The owner of memory takes the bytes before it
 * allocates and gives them back after it has freed. A budget may be a part of another one: then
 * bytes count in both.
 *
 * Small before large  an eighth of a budget is kept for holders of less than BUDGET_LARGE_BYTES, so
 *                     that large requests, which fill it first, leave room for small ones. A holder
 *                     that has it to itself may use all of it.
 * Thread              any; the counts are relaxed atomics, and no data is published by them.
 *                     A struct budget_share belongs to one thread at a time. */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { BUDGET_LARGE_BYTES = 32 * 1024 };

struct budget {
    uint64_t limit_bytes;
    struct budget *whole;               /* what this one is a part of; NULL: nothing */
    atomic_uint_fast64_t used_bytes;    /* at this moment */
    atomic_uint_fast64_t refused_total; /* takes that were refused, by its parts too */
};

/* `whole` is borrowed, outlives this one, and may be NULL. */
void budget_init(struct budget *budget, uint64_t limit_bytes, struct budget *whole);

/* Takes `bytes` for a holder that has `holder_bytes` in all when it has got them. False: there is
 * no room, and nothing has changed. A NULL budget has room for everything. */
bool budget_take(struct budget *budget, uint64_t bytes, uint64_t holder_bytes) MUST_CHECK;
void budget_give(struct budget *budget, uint64_t bytes);

uint64_t budget_used(const struct budget *budget);
uint64_t budget_refused(const struct budget *budget);

/* What one holder has taken. */
struct budget_share {
    struct budget *budget; /* borrowed; NULL has room for everything */
    uint64_t bytes;
};

/* False: there is no room, and nothing has changed. */
bool budget_share_take(struct budget_share *share, uint64_t bytes) MUST_CHECK;
void budget_share_give(struct budget_share *share, uint64_t bytes); /* at most share->bytes */
void budget_share_end(struct budget_share *share);                  /* gives all of it back */

#endif
