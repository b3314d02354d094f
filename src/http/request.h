/* request.h - one request from its headers to the end of its answer. Internal to http, called by
 * the loop's thread only. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/budget.h"
#include "base/buf.h"
#include "base/heap.h"
#include "base/list.h"
#include "http/auth/credentials.h"
#include "http/http.h"
#include "http/message/bodies.h"
#include "http/message/reject.h"
#include "http/message/router.h"
#include "http/message/trace.h"

struct http_conn;
struct pieces;

/* The states of a request. request.c has the table of allowed moves. docs/ARCHITECTURE.md shows the
 * moves and what each state means. */
enum request_state {
    REQUEST_READING,    /* the headers are complete, and the body is being read */
    REQUEST_DISCARDING, /* rejected; the body is being read and thrown away */
    REQUEST_UNPACKING,  /* suspended while the gzip body is unpacked */
    REQUEST_HANDLING,   /* the handler runs, or the rejection is being written */
    REQUEST_DEFERRED,   /* suspended until the request is answered */
    REQUEST_ANSWERED,   /* the answer is stored in `response` */
    REQUEST_SENT,       /* libmicrohttpd has the answer, or raw_reject.c has written it */
};

enum { REQUEST_FAULT_SIZE = 192 };

struct request_body {
    struct body_bytes bytes; /* the bytes read so far, with a NUL behind them */
    uint64_t expected;       /* Content-Length; 0 when it is absent */
    uint64_t discarded;      /* bytes read and thrown away */
    bool is_lines;           /* application/x-ndjson */
    bool is_gzip;            /* Content-Encoding: gzip */
};

struct http_request {
    struct list_node link; /* in loop->suspended */
    struct http_loop *loop;
    struct http_conn *conn;
    struct MHD_Connection *mhd;
    const char *method;
    struct route_match match; /* match.route NULL: no route was found */
    enum request_state state;
    enum reject_reason reject; /* REJECT_NONE: the request is not rejected */
    struct credentials credentials;
    bool close; /* the connection is closed after the answer */
    struct request_body body;
    int64_t begun_at_ns, received_at_ns;
    struct heap_node deadline; /* in loop->deadlines */
    void (*on_deadline)(struct http_request *req, void *arg);
    void *deadline_arg;
    struct buf headers;            /* added to the answer: name NUL value NUL ... */
    struct MHD_Response *response; /* valid only in the state ANSWERED; NULL: out of memory */
    /* The bytes that the answer takes from a budget, whether reserved or in use. */
    struct budget_share held;
    /* The pieces of the answer; the response owns them. NULL: the answer is not in pieces. */
    const struct pieces *pieces;
    int status;
    const char *code; /* the code of the answer, for http_answered; NULL: none */
    char id[HTTP_ID_SIZE];
    char trace_id[TRACE_ID_SIZE];
    char fault[REQUEST_FAULT_SIZE]; /* what is wrong, if `reject` alone does not say that */
    char path[];                    /* the path of the target; the router cuts it into parts */
};

/* Moves the request into the state `to`, and updates the loop's list of suspended requests. Aborts
 * if request.c does not allow the move. No other function changes the state. */
void request_move(struct http_request *req, enum request_state to);

/* Returns true in the states UNPACKING and DEFERRED. libmicrohttpd does not look at the connection
 * of a suspended request. */
bool request_is_suspended(const struct http_request *req) MUST_CHECK;

/* Sets the reason for which the request is rejected. If the request's body is still being read, the
 * remainder of the body is thrown away. */
void request_reject(struct http_request *req, enum reject_reason reason);

/* Returns the most bytes that the body of the request may have, both as sent and unpacked. */
uint64_t request_body_max(const struct http_request *req);

/* Moves the request to SENT, counts its answer in the metrics, and calls on_answer. Called once for
 * each request. */
void request_sent(struct http_request *req, int status);

/* Returns how many bytes the answer has taken from a budget and not given back. Pieces that have
 * been sent hold none. */
uint64_t request_unsent_bytes(const struct http_request *req);

#endif
