/* load_conn.h - one keep-alive connection of the load generator: dials, sends a request, reads the
 * answer. load_run.h decides what is sent and when. One thread. */
#ifndef LOAD_CONN_H
#define LOAD_CONN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "load/load_request.h"

enum load_conn_rc {
    LOAD_CONN_WAITS,    /* for the network */
    LOAD_CONN_READY,    /* the dial has succeeded: a request may be sent */
    LOAD_CONN_ANSWERED, /* the answer is complete: conn->status */
    LOAD_CONN_BROKEN,   /* closed; dial again */
};

struct load_conn {
    int fd; /* -1: closed */
    bool connecting;
    char text[LOAD_REQUEST_SIZE]; /* the request */
    size_t len, sent;
    char in[4096]; /* the head of the answer; then the parts of its body, which are discarded */
    size_t in_len, body_left;
    bool in_body, close_after;
    int status;

    /* Used by load_run.c. */
    bool has_order, paused;
    uint64_t order;
    int64_t intended_at_ns,
        active_at_ns; /* when the order was due; when it was sent or the dial began */
    int64_t wake_at_ns;
    struct load_conn *next;
};

/* Returns BROKEN, or WAITS; then load_conn_event() returns READY later. */
enum load_conn_rc load_conn_dial(struct load_conn *conn, const struct sockaddr_in *to,
                                 int epoll_fd) MUST_CHECK;

/* Sends conn->text. Returns WAITS or BROKEN. */
enum load_conn_rc load_conn_send(struct load_conn *conn, int epoll_fd) MUST_CHECK;

/* Handles an event on conn->fd. Returns BROKEN if the server has closed an idle connection. */
enum load_conn_rc load_conn_event(struct load_conn *conn, int epoll_fd) MUST_CHECK;

void load_conn_close(struct load_conn *conn);

#endif
