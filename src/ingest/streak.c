/* streak.c - counts groups that fail while no order is stored. */
#include "ingest/streak.h"

#include <string.h>

#include "base/clock.h"

void streak_init(struct streak *streak)
{
    memset(streak, 0, sizeof *streak);
    mutex_init(&streak->mu);
}

void streak_fini(struct streak *streak)
{
    mutex_fini(&streak->mu);
}

/* Returns true if the group has an order of another account than the first order that failed. */
static bool is_of_other_account(const struct streak *streak, const struct ingest_group *group)
    REQUIRES(streak->mu)
{
    LIST_EACH (item, &group->items, const struct ingest_item, link)
        if (strcmp(item->order.account_id, streak->account_id) != 0)
            return true;
    return false;
}

void streak_note_failure(struct streak *streak, const struct ingest_group *group,
                         const struct store_failure *failure)
{
    if (failure->fault == FAULT_NONE || failure->fault == FAULT_ORDER)
        return;
    int64_t now_ns = clock_now_ns();
    mutex_lock(&streak->mu);
    struct ingest_streak *state = &streak->state;
    if (state->groups++ == 0) {
        state->first_at_ns = now_ns;
        state->several_accounts = false;
        memcpy(streak->account_id, items_first(&group->items)->order.account_id, ORDER_NAME_SIZE);
    }
    if (!state->several_accounts)
        state->several_accounts = is_of_other_account(streak, group);
    state->fault = failure->fault;
    memcpy(state->sqlstate, failure->err.code, sizeof state->sqlstate);
    state->last_at_ns = now_ns;
    atomic_store_explicit(&streak->running, true, memory_order_relaxed);
    mutex_unlock(&streak->mu);
}

void streak_note_stored(struct streak *streak)
{
    if (!atomic_load_explicit(&streak->running, memory_order_relaxed))
        return;
    mutex_lock(&streak->mu);
    streak->state.groups = 0;
    atomic_store_explicit(&streak->running, false, memory_order_relaxed);
    mutex_unlock(&streak->mu);
}

void streak_read(struct streak *streak, struct ingest_streak *out)
{
    mutex_lock(&streak->mu);
    *out = streak->state;
    mutex_unlock(&streak->mu);
}
