/* test_http_states - a request and a connection of a client make the moves that their tables allow.
 * A CHECK ends the process at any other move, and where a state and the members contradict each
 * other. */
#include <criterion/criterion.h>
#include <signal.h>

#include "http/conn.h"
#include "http/loop.h"
#include "http/request.h"
#include "support/hide_report.h"

Test(http_states, a_request_is_in_the_list_of_suspended_ones_while_it_is_suspended, .timeout = 60)
{
    struct http_loop loop = { 0 };
    struct http_request req = { .loop = &loop, .body = { .is_gzip = true } };
    request_move(&req, REQUEST_UNPACKING);
    cr_expect_eq(loop.suspended.first, &req.link);
    request_move(&req, REQUEST_DEFERRED);
    cr_expect_eq(loop.suspended.count, 1);
    req.status = 201;
    request_move(&req, REQUEST_ANSWERED);
    request_move(&req, REQUEST_SENT);
    cr_expect_eq(loop.suspended.count, 0);
}

Test(http_states, a_request_is_answered_once, .signal = SIGABRT, .timeout = 60)
{
    struct http_request req = { .state = REQUEST_ANSWERED, .status = 201 };
    hide_report();
    request_move(&req, REQUEST_ANSWERED);
}

Test(http_states, an_answer_has_a_status, .signal = SIGABRT, .timeout = 60)
{
    struct http_request req = { .state = REQUEST_HANDLING };
    hide_report();
    request_move(&req, REQUEST_ANSWERED);
}

Test(http_states, a_loop_counts_the_connections_that_send, .timeout = 60)
{
    struct http_loop loop = { 0 };
    struct http_conn conn = { .loop = &loop, .state = HTTP_CONN_HEAD };
    http_conn_move(&conn, HTTP_CONN_BODY);
    http_conn_move(&conn, HTTP_CONN_DEFERRED);
    http_conn_move(&conn, HTTP_CONN_SENDING);
    cr_expect_eq(loop.n_sending, 1);
    http_conn_move(&conn, HTTP_CONN_CUT);
    http_conn_move(&conn, HTTP_CONN_IDLE); /* what is cut stays cut, whoever reports next */
    cr_expect_eq(conn.state, HTTP_CONN_CUT);
    cr_expect_eq(loop.n_sending, 0);
}

Test(http_states, a_suspended_connection_is_not_cut, .signal = SIGABRT, .timeout = 60)
{
    struct http_loop loop = { 0 };
    struct http_conn conn = { .loop = &loop, .state = HTTP_CONN_DEFERRED };
    hide_report();
    http_conn_move(&conn, HTTP_CONN_CUT);
}
