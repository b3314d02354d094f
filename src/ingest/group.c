/* group.c - see group.h. */
#include "ingest/group.h"

#include "base/check.h"
#include "base/clock.h"

static void count(struct ingest_group *group, const struct ingest_item *item)
{
    group->n_items++;
    group->oldest_at_ns = clock_min(group->oldest_at_ns, item->received_at_ns);
    if (item->deadline_at_ns > group->deadline_at_ns)
        group->deadline_at_ns = item->deadline_at_ns;
}

void group_measure(struct ingest_group *group)
{
    group->n = 0;
    group->n_items = 0;
    group->oldest_at_ns = CLOCK_NEVER;
    group->deadline_at_ns = 0;
    for (const struct ingest_item *leader = group->first; leader != NULL; leader = leader->next) {
        group->n++;
        count(group, leader);
        for (const struct ingest_item *f = leader->followers; f != NULL; f = f->next)
            count(group, f);
    }
}

struct ingest_group group_form(struct ingest_item *first)
{
    struct items leaders = { NULL, NULL }, followers = { NULL, NULL };
    struct ingest_item *next;
    for (struct ingest_item *item = items_sort(first, items_by_key); item != NULL; item = next) {
        next = item->next;
        item->followers = NULL;
        if (leaders.last != NULL && items_by_key(leaders.last, item) == 0) {
            items_push(&followers, item);
            leaders.last->followers = followers.first;
        } else {
            items_push(&leaders, item);
            followers = (struct items){ NULL, NULL };
        }
    }
    struct ingest_group group = { .first = leaders.first };
    group_measure(&group);
    return group;
}

struct ingest_group group_of_batch(struct ingest_item *first)
{
    struct ingest_group group = { .first = items_sort(first, items_by_key), .atomic = true };
    group_measure(&group);
    return group;
}

struct ingest_group group_of_known(struct ingest_item *first)
{
    struct ingest_group group = {
        .first = items_sort(first, items_by_key),
        .known = true,
        .due_at_ns = clock_now_ns(), /* behind those that are due already */
    };
    group_measure(&group);
    return group;
}

/* The leader and its followers, less the expired ones: gives the one that leads now, or NULL. */
static struct ingest_item *without_expired(struct ingest_item *leader, struct items *expired)
{
    struct items live = { NULL, NULL };
    struct ingest_item *follower = leader->followers;
    leader->followers = NULL;
    items_push(item_expired(leader) ? expired : &live, leader);
    while (follower != NULL) {
        struct ingest_item *next = follower->next;
        items_push(item_expired(follower) ? expired : &live, follower);
        follower = next;
    }
    struct ingest_item *leads = items_pop(&live);
    if (leads != NULL)
        leads->followers = live.first;
    return leads;
}

/* One look at the state they share: a second one might see another. */
static void drop_batch_if_expired(struct ingest_group *group, struct items *expired)
{
    if (!item_expired(group->first))
        return;
    struct ingest_item *next;
    for (struct ingest_item *item = group->first; item != NULL; item = next) {
        next = item->next;
        items_push(expired, item);
    }
    group->first = NULL;
}

void group_drop_expired(struct ingest_group *group, struct items *expired)
{
    struct items leaders = { NULL, NULL };
    struct ingest_item *next;
    if (group->atomic) {
        drop_batch_if_expired(group, expired);
        group_measure(group);
        return;
    }
    for (struct ingest_item *leader = group->first; leader != NULL; leader = next) {
        next = leader->next;
        struct ingest_item *leads = without_expired(leader, expired);
        if (leads != NULL)
            items_push(&leaders, leads);
    }
    group->first = leaders.first;
    group_measure(group);
}

void group_list_puts(const struct ingest_group *group, struct order_put **puts)
{
    size_t n = 0;
    for (struct ingest_item *leader = group->first; leader != NULL; leader = leader->next)
        puts[n++] = &leader->put;
}

void group_split(const struct ingest_group *group, struct group_outcome *outcome)
{
    CHECK(!group->atomic);
    uint32_t piece_max = (group->n + GROUP_FAN_OUT - 1) / GROUP_FAN_OUT;
    struct ingest_item *rest = group->first;
    while (rest != NULL) {
        struct items leaders = { NULL, NULL };
        for (uint32_t i = 0; i < piece_max && rest != NULL; i++) {
            struct ingest_item *leader = rest;
            rest = leader->next;
            items_push(&leaders, leader);
        }
        struct ingest_group piece = *group;
        piece.first = leaders.first;
        piece.due_at_ns = 0;
        piece.failures = 0;
        piece.suspect = true;
        group_measure(&piece);
        CHECK(outcome->n_back < sizeof outcome->back / sizeof outcome->back[0]);
        outcome->back[outcome->n_back++] = piece;
    }
}
