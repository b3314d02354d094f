/* The upper bound of a prefix: between the two are the ids that begin with it, and no others. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/list.h"

/* The lowest and the highest characters of ids, and some between them. */
static const char characters[] = "-./09:AZ_az";

enum { IDS_MAX = 2000 };

static char ids[IDS_MAX][ORDER_NAME_SIZE];
static size_t n_ids;

static void add_ids(const char *beginning, int more)
{
    for (const char *c = characters; *c != '\0'; c++) {
        cr_assert_lt(n_ids, IDS_MAX);
        char *id = ids[n_ids++];
        (void)snprintf(id, ORDER_NAME_SIZE, "%.*s%c", (int)strlen(beginning), beginning, *c);
        if (more > 1)
            add_ids(id, more - 1);
    }
}

Test(prefix, a_prefix_is_a_range)
{
    add_ids("", 3);
    for (size_t p = 0; p < n_ids; p++) {
        char until[ORDER_NAME_SIZE];
        store_list_until(ids[p], until);
        for (size_t i = 0; i < n_ids; i++) {
            bool begins = strncmp(ids[i], ids[p], strlen(ids[p])) == 0;
            bool between = strcmp(ids[i], ids[p]) >= 0 && strcmp(ids[i], until) < 0;
            if (begins != between)
                cr_assert(false, "%s, from %s to %s", ids[i], ids[p], until);
        }
    }
}

Test(prefix, no_prefix_is_every_id)
{
    char until[ORDER_NAME_SIZE];
    store_list_until("", until);
    add_ids("", 2);
    for (size_t i = 0; i < n_ids; i++)
        cr_expect_lt(strcmp(ids[i], until), 0, "%s", ids[i]);
}

Test(prefix, the_longest_prefix)
{
    static const char prefix[] = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";
    char until[ORDER_NAME_SIZE];
    cr_assert_eq(strlen(prefix), ORDER_NAME_SIZE - 1);
    store_list_until(prefix, until);
    cr_expect_eq(strlen(until), ORDER_NAME_SIZE - 1);
    cr_expect_eq(until[ORDER_NAME_SIZE - 2], '{');
    cr_expect_gt(strcmp(until, prefix), 0);
}
