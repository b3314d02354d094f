/* budget.h - counts how much memory is in use for one purpose, and enforces a limit.
 *
 * A budget counts bytes and allocates nothing. A holder, such as a request, takes the bytes before
 * it allocates them, and gives them back after it has freed them. A budget may be part of a larger
 * budget: then the bytes count in both.
 *
 * Small before large  One eighth of a budget is kept for small holders, which have less than
 *                     BUDGET_LARGE_BYTES, so that large ones cannot use up the budget. A large
 *                     holder may take that eighth too while no other holder has any bytes.
 * Thread              Any. The counts are relaxed atomics, so they publish no other data. A struct
 *                     budget_share belongs to one thread at a time. */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { BUDGET_LARGE_BYTES = 32 * 1024 };

struct budget {
    uint64_t limit_bytes;
    struct budget *whole; /* the budget that this one is part of, or NULL */
    atomic_uint_fast64_t used_bytes;
    atomic_uint_fast64_t refused_total; /* failed takes from this budget and its parts */
};

/* Makes an empty budget. `whole` is the larger budget of which it is a part, or NULL. `whole` is
 * borrowed and must outlive `budget`. */
void budget_init(struct budget *budget, uint64_t limit_bytes, struct budget *whole);

/* Takes `bytes` for a holder whose total, these bytes included, is `holder_bytes`. Returns false,
 * and changes nothing, if there is no room. A NULL budget always has room. */
bool budget_take(struct budget *budget, uint64_t bytes, uint64_t holder_bytes) MUST_CHECK;
void budget_give(struct budget *budget, uint64_t bytes);

uint64_t budget_used(const struct budget *budget);
uint64_t budget_refused(const struct budget *budget);

/* The bytes that one holder has taken from a budget. */
struct budget_share {
    struct budget *budget; /* borrowed; a NULL budget always has room */
    uint64_t bytes;
};

/* Takes bytes for this holder. Returns false, and changes nothing, if there is no room. */
bool budget_share_take(struct budget_share *share, uint64_t bytes) MUST_CHECK;
void budget_share_give(struct budget_share *share, uint64_t bytes); /* at most share->bytes */
void budget_share_end(struct budget_share *share);                  /* gives all bytes back */

#endif
