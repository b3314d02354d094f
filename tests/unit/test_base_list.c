/* Lists against plain arrays: what is in them, in which order, from both ends. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

enum { MEMBERS = 20, STEPS = 20000 };

struct member {
    char name;
    struct list_node link; /* not the first member: the offset counts */
    struct fifo_node next;
};

static void make(struct member members[MEMBERS])
{
    for (int i = 0; i < MEMBERS; i++)
        members[i] = (struct member){ .name = (char)('a' + i) };
}

Test(list, container_of_gives_the_struct_and_null_for_null)
{
    struct member member;
    struct list list = { .first = NULL };
    cr_expect_eq(CONTAINER_OF(&member.next, struct member, next), &member);
    cr_expect_null(CONTAINER_OR_NULL(list.first, struct member, link));
}

/* ---- struct list ---- */

static const char *names_of(const struct list *list)
{
    static char names[MEMBERS + 1];
    size_t n = 0;
    LIST_EACH (member, list, struct member, link)
        names[n++] = member->name;
    names[n] = '\0';
    cr_expect_eq(list->count, n);
    for (const struct list_node *node = list->last; node != NULL; node = node->prev)
        cr_expect_eq(CONTAINER_OF(node, struct member, link)->name, names[--n], "from the end");
    cr_expect_eq(n, 0);
    return names;
}

static void remove_name(char *names, char name)
{
    char *at = strchr(names, name);
    memmove(at, at + 1, strlen(at));
}

Test(list, is_as_an_array_whatever_is_added_and_removed)
{
    static struct member members[MEMBERS];
    char want[MEMBERS + 1] = "";
    struct list list = { .count = 0 };
    unsigned seed = 1;
    make(members);
    for (int step = 0; step < STEPS; step++) {
        struct member *member = &members[rand_r(&seed) % MEMBERS];
        size_t n = strlen(want);
        if (strchr(want, member->name) != NULL) {
            list_remove(&list, &member->link);
            remove_name(want, member->name);
        } else if (rand_r(&seed) % 2 == 0) {
            list_push_front(&list, &member->link);
            memmove(want + 1, want, n + 1);
            want[0] = member->name;
        } else {
            list_push_back(&list, &member->link);
            want[n] = member->name;
            want[n + 1] = '\0';
        }
        cr_assert_str_eq(names_of(&list), want, "step %d", step);
    }
}

/* ---- struct fifo ---- */

static void push(struct fifo *fifo, struct member *members, const char *names)
{
    for (; *names != '\0'; names++)
        fifo_push(fifo, &members[*names - 'a'].next);
}

/* Takes all. */
static const char *popped(struct fifo *fifo)
{
    static char names[MEMBERS + 1];
    size_t n = 0;
    for (struct member *m; (m = CONTAINER_OR_NULL(fifo_pop(fifo), struct member, next)) != NULL;)
        names[n++] = m->name;
    names[n] = '\0';
    cr_expect_null(fifo->first);
    cr_expect_null(fifo->last);
    return names;
}

Test(fifo, comes_in_the_order_in_which_it_went)
{
    static struct member members[MEMBERS];
    struct fifo fifo = { .first = NULL };
    make(members);
    cr_expect_str_eq(popped(&fifo), "");
    push(&fifo, members, "cab");
    cr_expect_str_eq(popped(&fifo), "cab");
    push(&fifo, members, "b"); /* it can be filled again */
    fifo_push_front(&fifo, &members[0].next);
    push(&fifo, members, "c");
    cr_expect_str_eq(popped(&fifo), "abc");
    fifo_push_front(&fifo, &members[0].next); /* into an empty one */
    push(&fifo, members, "b");
    cr_expect_str_eq(popped(&fifo), "ab");
}

Test(fifo, appends_all_of_another)
{
    static const struct {
        char to[4], more[4], want[8];
    } cases[] = { { "", "", "" }, { "ab", "", "ab" }, { "", "cd", "cd" }, { "ab", "cd", "abcd" } };
    static struct member members[MEMBERS];
    make(members);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fifo to = { .first = NULL }, more = { .first = NULL };
        push(&to, members, cases[i].to);
        push(&more, members, cases[i].more);
        fifo_append(&to, &more);
        cr_expect_null(more.first);
        cr_expect_null(more.last);
        cr_expect_str_eq(popped(&to), cases[i].want);
    }
}

Test(fifo, gives_the_nodes_up_to_one)
{
    static struct member members[MEMBERS];
    struct fifo fifo = { .first = NULL };
    make(members);
    push(&fifo, members, "abcd");
    struct fifo taken = fifo_pop_to(&fifo, &members[1].next);
    cr_expect_str_eq(popped(&taken), "ab");
    push(&fifo, members, "e");
    taken = fifo_pop_to(&fifo, &members[4].next);
    cr_expect_str_eq(popped(&taken), "cde");
    cr_expect_str_eq(popped(&fifo), "");
}
