/* Cancels and orphans as rules: what the server's answers mean for which connection. */
#include "pqpool_bare.h"

#include "base/buf.h"
#include "pqpool/connector.h"
#include "pqpool/janitor.h"

static struct conn *lent_of_backend(int pid)
{
    struct conn *conn = lease();
    conn->backend = (struct conn_backend){ .pid = pid, .start = "1.5" };
    return conn;
}

static struct pg_cancel_conn *some_canceler(PGconn *pg)
{
    return (struct pg_cancel_conn *)(void *)pg;
}

/* A send that was never read leaves an orphan in a slot that had its cancel before. */
Test(orphans, are_asked_about_whatever_became_of_an_earlier_cancel)
{
    char text[CANCEL_SQL_MAX];
    struct buf sql = BUF_OVER(text);
    make_warm_pool(2, 4);
    struct conn *conn = lent_of_backend(77);
    conn_orphan_backend(conn);
    conn_discard(&pool, conn, CLOSE_LOST);
    pool.pg = &pg_driver_libpq;
    pool_close_discarded(&pool);
    cr_expect_eq(conn->state, CONN_ORPHANED);
    cr_expect_eq(pool_closing(&pool), 1, "it counts");
    cr_assert(cancels_ask(&pool, now_ns, &sql));
    cr_expect_not_null(strstr(sql.data, "(77,'1.5',1)"), "%s", sql.data);
    cancels_answered(&pool, NULL, now_ns);
    cr_expect_eq(conn->state, CONN_NEW, "nobody said that it lives");
}

/* The control connection is asked about orphans; what has a cancel_request is answered by that
 * alone. */
Test(orphans, their_answer_says_nothing_about_a_canceler)
{
    static struct pg_driver libpq_17;
    libpq_17.cancel_create = some_canceler;
    make_warm_pool(2, 4);
    pool.pg = &libpq_17;
    struct conn *conn = lent_of_backend(77);
    conn_move(&pool, conn, CONN_CANCEL_WANTED);
    conn->task_deadline_at_ns = now_ns;
    conn_move(&pool, conn, CONN_CANCEL_ASKED);
    conn_move(&pool, conn, CONN_CANCEL_PENDING);
    conn->cancel_request = (struct pg_cancel_conn *)(void *)&slots;
    cancels_answered(&pool, NULL, now_ns);
    cr_expect_eq(conn->state, CONN_CANCEL_PENDING, "it may strike yet");
    cr_expect_eq(conn->session, SESSION_SOUND);
    conn->cancel_request = NULL;
    cancel_request_ended(&pool, conn, true);
    cr_expect_eq(conn->state, CONN_RESETTING);
}
