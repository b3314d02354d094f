/* The table of states: every move there is, and none besides. */
#include "pqpool_bare.h"

#include <signal.h>

#include "support/hide_report.h"

static const char *const allowed[] = {
    "new>connecting",
    "connecting>idle connecting>leased connecting>closing connecting>closing_orphan",
    "idle>checking idle>leased idle>closing",
    "checking>idle checking>leased checking>closing",
    "leased>idle leased>checking leased>leased leased>resetting leased>cancel_wanted",
    "leased>closing leased>closing_orphan",
    "resetting>idle resetting>leased resetting>closing",
    "cancel_wanted>resetting cancel_wanted>cancel_asked",
    "cancel_wanted>closing cancel_wanted>closing_orphan",
    "cancel_asked>cancel_pending cancel_asked>cancel_answered",
    "cancel_asked>closing cancel_asked>closing_orphan",
    "cancel_pending>resetting cancel_pending>closing",
    "cancel_answered>resetting cancel_answered>closing cancel_answered>closing_orphan",
    "closing>new",
    "closing_orphan>new closing_orphan>orphaned",
    "orphaned>new orphaned>orphan_asked",
    "orphan_asked>new orphan_asked>orphaned",
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
    cr_expect_eq(n_allowed, 41);
}

Test(conn, a_session_only_gets_worse)
{
    struct conn conn = { .session = SESSION_SOUND };
    conn_worsen(&conn, SESSION_MUST_CLOSE);
    cr_expect_eq(conn.session, SESSION_MUST_CLOSE);
    conn_orphan_backend(&conn);
    cr_expect_eq(conn.session, SESSION_MUST_CLOSE, "nobody knows its backend");
    conn.backend.pid = 77;
    conn_orphan_backend(&conn);
    conn_worsen(&conn, SESSION_MUST_CLOSE);
    cr_expect_eq(conn.session, SESSION_ORPHANED);
}

Test(conn, what_must_be_closed_cannot_become_idle, .signal = SIGABRT)
{
    make_warm_pool(1, 1);
    struct conn *conn = lease();
    conn_worsen(conn, SESSION_MUST_CLOSE);
    hide_report();
    conn_move(&pool, conn, CONN_IDLE);
}

Test(conn, a_cancel_that_nobody_awaits_is_not_asked_for, .signal = SIGABRT)
{
    make_warm_pool(1, 1);
    struct conn *conn = lease();
    conn_move(&pool, conn, CONN_CANCEL_WANTED);
    hide_report();
    conn_move(&pool, conn, CONN_CANCEL_ASKED);
}
