/* The table of states: every move there is, and none besides. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "pqpool/conn.h"

static const char *const allowed[] = {
    "new>connecting",
    "connecting>idle connecting>leased connecting>closing",
    "idle>checking idle>leased idle>closing",
    "checking>idle checking>leased checking>closing",
    "leased>idle leased>checking leased>leased leased>resetting leased>canceling leased>closing",
    "resetting>idle resetting>leased resetting>closing",
    "canceling>resetting canceling>closing",
    "closing>new",
};

static bool is_in_table(const char *move)
{
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        const char *at = strstr(allowed[i], move);
        if (at != NULL && strchr(" ", at[strlen(move)]) != NULL)
            return true;
    }
    return false;
}

Test(conn, every_move_is_allowed_or_forbidden_as_the_table_says)
{
    int n_allowed = 0;
    for (int from = 0; from < CONN_STATES; from++)
        for (int to = 0; to < CONN_STATES; to++) {
            char move[64];
            (void)snprintf(move, sizeof move, "%s>%s", conn_state_name((enum conn_state)from),
                           conn_state_name((enum conn_state)to));
            bool may = conn_may_move((enum conn_state)from, (enum conn_state)to);
            cr_expect_eq(may, is_in_table(move), "%s", move);
            n_allowed += may;
        }
    cr_expect_eq(n_allowed, 22);
}
