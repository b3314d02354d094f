/* stalled.c - see stalled.h. A group in the heap is due when its account was due at the time when
 * the group was put there. If the account has failed again meanwhile, stalled_take() puts the group
 * back with the later moment. */
#include "ingest/stalled.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ingest/retry_heap.h"

/* How many groups one call of stalled_take() looks at, so that the lock is not held for long. */
enum { LOOKED_AT_MAX = 64 };

static const int64_t pause_first_ns = 20 * NS_PER_MS;
static const int64_t pause_max_ns = NS_PER_S;
static const int64_t forget_after_ns = 60 * NS_PER_S;
/* After this a group is looked at again that waits for the end of another attempt. */
static const int64_t look_again_ns = 200 * NS_PER_MS;

struct stalled_account {
    char account_id[ORDER_NAME_SIZE]; /* the first member: the key of the tree */
    uint32_t failures; /* in a row; after the first, those count before which others were stored */
    uint64_t stored;   /* stalled.stored at the last failure */
    bool busy;         /* an attempt at its orders is being made */
    int64_t failed_at_ns, due_at_ns, pause_ns;
    struct list_node link; /* in stalled.by_age */
};

/* ---- the accounts ---- */

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static struct stalled_account *find(const struct stalled *stalled, const char *account_id)
{
    if (stalled->by_age.count == 0)
        return NULL;
    struct stalled_account **node = tfind(account_id, &stalled->accounts, compare);
    return node != NULL ? *node : NULL;
}

static bool is_stalled(const struct stalled_account *account)
{
    return account != NULL && account->failures >= STALLED_AFTER;
}

static void forget(struct stalled *stalled, struct stalled_account *account)
{
    stalled->n -= is_stalled(account);
    (void)tdelete(account->account_id, &stalled->accounts, compare);
    list_remove(&stalled->by_age, &account->link);
    free(account);
}

/* There must be an account. */
static struct stalled_account *oldest(const struct stalled *stalled)
{
    return CONTAINER_OF(stalled->by_age.first, struct stalled_account, link);
}

static struct stalled_account *add(struct stalled *stalled, const char *account_id)
{
    struct stalled_account *account = calloc(1, sizeof *account);
    if (account == NULL)
        return NULL;
    memcpy(account->account_id, account_id, strlen(account_id) + 1);
    account->pause_ns = pause_first_ns;
    if (tsearch(account, &stalled->accounts, compare) == NULL) {
        free(account);
        return NULL;
    }
    list_push_back(&stalled->by_age, &account->link);
    return account;
}

static void note_failure(struct stalled *stalled, const char *account_id, int64_t now_ns)
{
    struct stalled_account *account = find(stalled, account_id);
    if (account == NULL && stalled->by_age.count == STALLED_MAX)
        forget(stalled, oldest(stalled));
    if (account == NULL)
        account = add(stalled, account_id);
    if (account == NULL)
        return;
    if (account->failures == 0 || account->stored != stalled->stored) {
        account->failures++;
        stalled->n += account->failures == STALLED_AFTER;
    }
    account->stored = stalled->stored;
    account->failed_at_ns = now_ns;
    list_remove(&stalled->by_age, &account->link);
    list_push_back(&stalled->by_age, &account->link);
}

bool stalled_init(struct stalled *stalled, uint32_t capacity)
{
    *stalled = (struct stalled){ .n = 0 };
    return heap_reserve(&stalled->groups, capacity);
}

void stalled_fini(struct stalled *stalled)
{
    while (stalled->by_age.count > 0)
        forget(stalled, oldest(stalled));
    heap_fini(&stalled->groups);
}

bool stalled_has(const struct stalled *stalled, const char *account_id)
{
    return stalled->n > 0 && is_stalled(find(stalled, account_id));
}

/* ---- what attempts tell ---- */

/* The items are sorted by key, so the first and the last one tell. */
static bool is_of_one_account(const struct ingest_group *group)
{
    const struct ingest_item *last = CONTAINER_OF(group->items.last, struct ingest_item, link);
    return group->kind != GROUP_ATOMIC &&
           strcmp(items_first(&group->items)->order.account_id, last->order.account_id) == 0;
}

/* Returns true if the group was attempted, failed, and is suspected. A piece of a split group was
 * not attempted yet. */
static bool has_failed(const struct ingest_group *group)
{
    return group->failures > 0 && group->suspicion != GROUP_TRUSTED;
}

/* Forgets the accounts of the orders that were stored. */
static void note_stored(struct stalled *stalled, const struct fifo *done)
{
    bool stored = false;
    LIST_EACH (item, done, const struct ingest_item, link) {
        if (!verdict_is_stored(item->verdict))
            continue;
        stored = true;
        struct stalled_account *account = find(stalled, item->order.account_id);
        if (account != NULL)
            forget(stalled, account);
    }
    stalled->stored += stored;
}

void stalled_note(struct stalled *stalled, const struct group_outcome *outcome, int64_t now_ns)
{
    for (size_t i = 0; i < outcome->n_back; i++) {
        const struct ingest_group *group = &outcome->back[i];
        if (has_failed(group) && is_of_one_account(group))
            note_failure(stalled, items_first(&group->items)->order.account_id, now_ns);
    }
    while (stalled->by_age.count > 0 && !oldest(stalled)->busy &&
           clock_after(oldest(stalled)->failed_at_ns, forget_after_ns) <= now_ns)
        forget(stalled, oldest(stalled));
    if (stalled->by_age.count > 0)
        note_stored(stalled, &outcome->done);
}

/* ---- the groups ---- */

/* When the next attempt at the account may be made: now, if it is not stalled. */
static int64_t due_at_ns(const struct stalled_account *account, int64_t now_ns)
{
    if (!is_stalled(account))
        return now_ns;
    return account->busy ? clock_after(now_ns, look_again_ns) : account->due_at_ns;
}

static void keep(struct stalled *stalled, struct ingest_group *group, int64_t at_ns)
{
    group->due_at_ns = clock_min(at_ns, group->deadline_at_ns);
    stalled->orders += group->n_items;
    retry_heap_push(&stalled->groups, group);
}

bool stalled_keep(struct stalled *stalled, const struct ingest_group *group, int64_t now_ns)
{
    if (stalled->n == 0 || !has_failed(group) || !is_of_one_account(group))
        return false;
    const struct stalled_account *account =
        find(stalled, items_first(&group->items)->order.account_id);
    if (!is_stalled(account))
        return false;
    struct ingest_group kept = *group;
    keep(stalled, &kept, due_at_ns(account, now_ns));
    return true;
}

/* Keeps the first items of the list that are of one account, and leaves the others. */
static void keep_first_account(struct stalled *stalled, struct fifo *items, int64_t now_ns)
{
    struct ingest_group group = { .kind = GROUP_PLAIN, .oldest_at_ns = CLOCK_NEVER };
    const char *account_id = items_first(items)->order.account_id;
    while (items->first != NULL && strcmp(items_first(items)->order.account_id, account_id) == 0) {
        struct ingest_item *item = items_pop(items);
        group.n_items++;
        group.oldest_at_ns = clock_min(group.oldest_at_ns, item->received_at_ns);
        if (item->deadline_at_ns > group.deadline_at_ns)
            group.deadline_at_ns = item->deadline_at_ns;
        items_push(&group.items, item);
    }
    keep(stalled, &group, due_at_ns(find(stalled, account_id), now_ns));
}

void stalled_set_aside(struct stalled *stalled, struct ingest_group *group, int64_t now_ns)
{
    if (stalled->n == 0 || group->kind == GROUP_ATOMIC)
        return;
    struct fifo items = group->items, aside = { NULL, NULL };
    group->items = (struct fifo){ NULL, NULL };
    group->n_items = 0;
    for (struct ingest_item *item; (item = items_pop(&items)) != NULL;) {
        const bool is_aside = stalled_has(stalled, item->order.account_id);
        items_push(is_aside ? &aside : &group->items, item);
        group->n_items += !is_aside;
    }
    items_sort(&aside, items_by_key);
    while (aside.first != NULL)
        keep_first_account(stalled, &aside, now_ns);
}

int64_t stalled_due_at_ns(const struct stalled *stalled)
{
    return retry_heap_first_at_ns(&stalled->groups);
}

struct ingest_group stalled_take_any(struct stalled *stalled)
{
    struct ingest_group group = retry_heap_pop(&stalled->groups);
    stalled->orders -= group.n_items;
    return group;
}

/* Fills in *attempt. If the account is stalled, and the group's deadline has not passed, an attempt
 * at the account begins. */
static void begin(struct stalled_account *account, bool ended, struct stalled_attempt *attempt)
{
    attempt->well = !is_stalled(account);
    attempt->account_id[0] = '\0';
    if (attempt->well || ended)
        return;
    account->busy = true;
    memcpy(attempt->account_id, account->account_id, sizeof attempt->account_id);
}

bool stalled_take(struct stalled *stalled, int64_t now_ns, bool may_attempt,
                  struct ingest_group *group, struct stalled_attempt *attempt)
{
    for (int i = 0; i < LOOKED_AT_MAX && stalled_due_at_ns(stalled) <= now_ns; i++) {
        *group = stalled_take_any(stalled);
        struct stalled_account *account =
            find(stalled, items_first(&group->items)->order.account_id);
        const bool ended = group->deadline_at_ns <= now_ns;
        const int64_t at_ns = due_at_ns(account, now_ns);
        if (ended || !is_stalled(account) || (may_attempt && at_ns <= now_ns)) {
            begin(account, ended, attempt);
            return true;
        }
        keep(stalled, group, at_ns > now_ns ? at_ns : clock_after(now_ns, look_again_ns));
    }
    return false;
}

void stalled_end(struct stalled *stalled, const struct stalled_attempt *attempt, int64_t now_ns)
{
    struct stalled_account *account = find(stalled, attempt->account_id);
    if (account == NULL)
        return;
    account->busy = false;
    account->due_at_ns = clock_after(now_ns, account->pause_ns);
    account->pause_ns = clock_min(2 * account->pause_ns, pause_max_ns);
}

int64_t stalled_oldest_at_ns(const struct stalled *stalled)
{
    return retry_heap_oldest_at_ns(&stalled->groups);
}
