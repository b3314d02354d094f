/* How a group is formed, made ready and split. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>

#include "ingest/group.h"
#include "support/hide_report.h"
#include "support/ingest_rig.h"

enum { N = 1024 };
static struct ingest_item items[N];

/* Items from one text: each letter an order of that key, received in this order. */
static struct fifo row(const char *keys)
{
    struct fifo made = { NULL, NULL };
    for (uint32_t i = 0; keys[i] != '\0'; i++) {
        rig_item(&items[i], i);
        items[i].order.client_order_id[0] = keys[i];
        items[i].order.client_order_id[1] = '\0';
        items[i].received_at_ns = 100 + i;
        items[i].deadline_at_ns = 200 + i;
        items_push(&made, &items[i]);
    }
    return made;
}

/* "a1+3 b2": the key and the number of the first order, then the numbers of its duplicates. */
static const char *shown(const struct ingest_group *group)
{
    static char text[256];
    size_t at = 0;
    text[0] = '\0';
    LIST_EACH (first, &group->items, const struct ingest_item, link) {
        text[at++] = first->order.client_order_id[0];
        text[at++] = (char)('0' + (first - items));
        LIST_EACH (duplicate, &first->own.duplicates, const struct ingest_item, link) {
            text[at++] = '+';
            text[at++] = (char)('0' + (duplicate - items));
        }
        text[at++] = ' ';
    }
    text[at] = '\0';
    return text;
}

struct form_case {
    char keys[12], want[48];
    uint32_t n, n_items;
};

ParameterizedTestParameters(ingest_group, form)
{
    /* clang-format off */
    static struct form_case cases[] = {
        { "a",        "a0 ",                1, 1 },
        { "cab",      "a1 b2 c0 ",          3, 3 },
        { "aaa",      "a0+1+2 ",            1, 3 },
        { "baab",     "a1+2 b0+3 ",         2, 4 },
        { "cbcbaca",  "a4+6 b1+3 c0+2+5 ",  3, 7 },
    };
    /* clang-format on */
    return cr_make_param_array(struct form_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct form_case *c, ingest_group, form)
{
    struct ingest_group group = group_form(row(c->keys));
    cr_expect_str_eq(shown(&group), c->want);
    cr_expect_eq(group.n, c->n);
    cr_expect_eq(group.n_items, c->n_items);
    cr_expect_eq(group.oldest_at_ns, 100);
    cr_expect_eq(group.deadline_at_ns, 200 + (int64_t)strlen(c->keys) - 1);
}

struct prepare_case {
    char keys[12], expired[12], want[48];
    uint32_t n, n_items, n_expired;
};

ParameterizedTestParameters(ingest_group, prepare)
{
    /* clang-format off */
    static struct prepare_case cases[] = {
        { "abc",  "",     "a0 b1 c2 ", 3, 3, 0 },
        { "abc",  "1",    "a0 c2 ",    2, 2, 1 },
        { "aab",  "0",    "a1 b2 ",    2, 2, 1 }, /* the duplicate is the first */
        { "aaab", "01",   "a2 b3 ",    2, 2, 2 },
        { "aaab", "1",    "a0+2 b3 ",  2, 3, 1 },
        { "aab",  "01",   "b2 ",       1, 1, 2 },
        { "aab",  "012",  "",          0, 0, 3 },
    };
    /* clang-format on */
    return cr_make_param_array(struct prepare_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct prepare_case *c, ingest_group, prepare)
{
    struct order_put *puts[8] = { NULL };
    struct fifo expired = { NULL, NULL };
    struct ingest_group group = group_form(row(c->keys));
    for (const char *e = c->expired; *e != '\0'; e++)
        cr_assert(ingest_expire(&items[*e - '0']));

    group_drop_expired(&group, &expired);
    group_list_puts(&group, puts);

    cr_expect_str_eq(shown(&group), c->want);
    cr_expect_eq(group.n, c->n);
    cr_expect_eq(group.n_items, c->n_items);
    for (uint32_t i = 0; i < 8; i++)
        cr_expect_eq(puts[i] != NULL, i < c->n, "puts[%u]", i);
    uint32_t n_expired = 0;
    for (; items_pop(&expired) != NULL; n_expired++)
        ;
    cr_expect_eq(n_expired, c->n_expired);
}

Test(ingest_group, a_batch_has_no_duplicates)
{
    struct ingest_group group = group_of_batch(row("cbcbaca"));
    cr_expect_str_eq(shown(&group), "a4 a6 b1 b3 c0 c2 c5 ");
    cr_expect_eq(group.kind, GROUP_ATOMIC);
    cr_expect_eq(group.n, 7);
    cr_expect_eq(group.n_items, 7);
}

Test(ingest_group, a_batch_leaves_whole)
{
    struct fifo expired = { NULL, NULL };
    struct fifo batch = row("cab");
    LIST_EACH (item, &batch, struct ingest_item, link)
        item->own.batch = items_first(&batch);
    struct ingest_group group = group_of_batch(batch);
    group_drop_expired(&group, &expired);
    cr_expect_eq(group.n, 3);
    cr_expect_null(expired.first);
    cr_assert(ingest_expire(&items[1]));
    group_drop_expired(&group, &expired);
    cr_expect_eq(group.n, 0);
    uint32_t n_expired = 0;
    for (; items_pop(&expired) != NULL; n_expired++)
        ;
    cr_expect_eq(n_expired, 3);
}

struct split_case {
    uint32_t n, pieces, first, last;
};

ParameterizedTestParameters(ingest_group, split)
{
    static struct split_case cases[] = {
        { 1, 1, 1, 1 },   { 2, 2, 1, 1 },      { 16, 16, 1, 1 },    { 17, 9, 2, 1 },
        { 32, 16, 2, 2 }, { 512, 16, 32, 32 }, { 513, 16, 33, 18 },
    };
    return cr_make_param_array(struct split_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct split_case *c, ingest_group, split)
{
    struct fifo made = { NULL, NULL };
    for (uint32_t i = 0; i < c->n; i++) {
        rig_item(&items[i], i);
        items_push(&made, &items[i]);
    }
    struct ingest_group group = group_form(made);
    group.sending = GROUP_IN_DOUBT;
    group.failures = 3;
    group.due_at_ns = 77;
    struct group_outcome outcome = { .n_back = 0 };

    group_split(&group, &outcome);

    cr_assert_eq(outcome.n_back, c->pieces);
    cr_expect_eq(outcome.back[0].n, c->first);
    cr_expect_eq(outcome.back[c->pieces - 1].n, c->last);
    uint32_t total = 0;
    for (size_t i = 0; i < outcome.n_back; i++) {
        const struct ingest_group *piece = &outcome.back[i];
        total += piece->n_items;
        cr_expect_eq(piece->sending, GROUP_IN_DOUBT);
        cr_expect_eq(piece->suspicion, GROUP_SUSPECT);
        cr_expect_eq(piece->due_at_ns, 0);
        cr_expect_eq(piece->failures, 0);
    }
    cr_expect_eq(total, c->n);
}

Test(ingest_group, sort_is_stable_and_complete)
{
    struct fifo made = { NULL, NULL };
    for (uint32_t i = 0; i < N; i++) {
        items[i].received_at_ns = (i * 7919) % 10;
        items_push(&made, &items[i]);
    }
    uint32_t n = 1;
    items_sort(&made, items_by_age);
    const struct ingest_item *item = items_first(&made);
    for (const struct ingest_item *next; (next = items_next(item)) != NULL; item = next, n++) {
        cr_expect_leq(item->received_at_ns, next->received_at_ns);
        if (item->received_at_ns == next->received_at_ns)
            cr_expect_lt(item, next);
    }
    cr_expect_eq(n, N);
    cr_expect_eq(made.last, &item->link);
}

/* ---- states ---- */

Test(group_state, what_was_sent_is_never_unsent, .signal = SIGABRT, .timeout = 60)
{
    struct ingest_group group = { .sending = GROUP_IN_DOUBT };
    hide_report();
    group_move_sending(&group, GROUP_UNSENT);
}

Test(group_state, only_a_piece_has_a_stored_neighbour, .signal = SIGABRT, .timeout = 60)
{
    struct ingest_group group = { .suspicion = GROUP_TRUSTED };
    hide_report();
    group_move_suspicion(&group, GROUP_NEIGHBOUR_STORED);
}
