/* budget.c - see budget.h. budget_take() adds the bytes first and then checks the limit, so two
 * threads never both get the last bytes. If the limit is exceeded, it subtracts the bytes again.
 * Until that moment they count as used, so a call in another thread may fail although there is
 * room. */
#include "base/budget.h"

#include <stddef.h>

#include "base/check.h"

enum { KEPT_FOR_SMALL = 8 }; /* 1/8 of a budget is kept for small holders */

void budget_init(struct budget *budget, uint64_t limit_bytes, struct budget *whole)
{
    *budget = (struct budget){ .limit_bytes = limit_bytes, .whole = whole };
}

static void note_refusal(struct budget *budget)
{
    for (; budget != NULL; budget = budget->whole)
        atomic_fetch_add_explicit(&budget->refused_total, 1, memory_order_relaxed);
}

/* Returns how many bytes may be in use after this take: the whole budget, or seven eighths of it if
 * the holder is large and other holders have bytes (`others` > 0). */
static uint64_t limit_for(const struct budget *budget, uint64_t holder_bytes, uint64_t others)
{
    bool leaves_room = holder_bytes >= BUDGET_LARGE_BYTES && others > 0;
    return budget->limit_bytes - (leaves_room ? budget->limit_bytes / KEPT_FOR_SMALL : 0);
}

/* Takes from this budget only, not from `whole`. */
static bool take_here(struct budget *budget, uint64_t bytes, uint64_t holder_bytes)
{
    uint64_t before = atomic_fetch_add_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
    uint64_t own = holder_bytes - bytes;
    uint64_t limit = limit_for(budget, holder_bytes, before > own ? before - own : 0);
    if (bytes <= limit && before <= limit - bytes)
        return true;
    atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
    return false;
}

bool budget_take(struct budget *budget, uint64_t bytes, uint64_t holder_bytes)
{
    struct budget *full = budget;
    if (bytes == 0)
        return true;
    while (full != NULL && take_here(full, bytes, holder_bytes))
        full = full->whole;
    if (full == NULL)
        return true;
    for (struct budget *taken = budget; taken != full; taken = taken->whole)
        atomic_fetch_sub_explicit(&taken->used_bytes, bytes, memory_order_relaxed);
    note_refusal(budget);
    return false;
}

void budget_give(struct budget *budget, uint64_t bytes)
{
    for (; budget != NULL; budget = budget->whole) {
        uint64_t before =
            atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
        CHECK(before >= bytes);
    }
}

uint64_t budget_used(const struct budget *budget)
{
    return atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
}

uint64_t budget_refused(const struct budget *budget)
{
    return atomic_load_explicit(&budget->refused_total, memory_order_relaxed);
}

bool budget_share_take(struct budget_share *share, uint64_t bytes)
{
    if (!budget_take(share->budget, bytes, share->bytes + bytes))
        return false;
    share->bytes += bytes;
    return true;
}

void budget_share_give(struct budget_share *share, uint64_t bytes)
{
    CHECK(bytes <= share->bytes);
    budget_give(share->budget, bytes);
    share->bytes -= bytes;
}

void budget_share_end(struct budget_share *share)
{
    budget_share_give(share, share->bytes);
}
