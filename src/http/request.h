/* request.h - inside of the layer: one request from its headers to the end of its answer. The
 * loop's thread only. */
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

/* request.c has the moves, and docs/ARCHITECTURE.md shows them with their meanings. */
enum request_state {
    REQUEST_READING,    /* the headers are complete, the body is being read */
    REQUEST_DISCARDING, /* rejected; the body is read and thrown away */
    REQUEST_UNPACKING,  /* suspended while its gzip body is unpacked */
    REQUEST_HANDLING,   /* the handler runs, or the rejection is written */
    REQUEST_DEFERRED,   /* suspended until it is answered */
    REQUEST_ANSWERED,   /* the answer is stored */
    REQUEST_SENT,       /* libmicrohttpd has the answer, or raw_reject.c has written it */
};

enum { REQUEST_FAULT_SIZE = 192 };

struct request_body {
    struct body_bytes bytes; /* with a NUL behind them */
    uint64_t expected;       /* Content-Length, 0 when unknown */
    uint64_t discarded;      /* read and thrown away */
    bool is_lines;           /* application/x-ndjson */
    bool is_gzip;            /* Content-Encoding: gzip */
};

struct http_request {
    struct list_node link; /* of loop->suspended */
    struct http_loop *loop;
    struct http_conn *conn;
    struct MHD_Connection *mhd;
    const char *method;
    struct route_match match; /* route NULL: none */
    enum request_state state;
    enum reject_reason reject; /* REJECT_NONE: not rejected */
    struct credentials credentials;
    bool close; /* the connection ends with the answer */
    struct request_body body;
    int64_t begun_at_ns, received_at_ns;
    struct heap_node deadline; /* of loop->deadlines */
    void (*on_deadline)(struct http_request *req, void *arg);
    void *deadline_arg;
    struct buf headers;            /* name NUL value NUL ... */
    struct MHD_Response *response; /* ANSWERED; NULL: no memory for one */
    struct budget_share held;      /* of the budget, for the answer: reserved, or in the response */
    const struct pieces *pieces;   /* of the answer, the response's; NULL: it has none */
    int status;
    const char *code; /* of the answer, for the report; NULL: none */
    char id[HTTP_ID_SIZE];
    char trace_id[TRACE_ID_SIZE];
    char fault[REQUEST_FAULT_SIZE]; /* what is wrong, if the reason does not say all of it */
    char path[];                    /* cut into parts by the router */
};

/* The only function that changes the state. It also keeps the loop's list of suspended requests. */
void request_move(struct http_request *req, enum request_state to);

/* UNPACKING or DEFERRED: libmicrohttpd does not look at the connection meanwhile. */
bool request_is_suspended(const struct http_request *req) MUST_CHECK;

/* Sets the reason. While the request is read, the remainder of its body is thrown away. */
void request_reject(struct http_request *req, enum reject_reason reason);

/* The most bytes that its body may have, unpacked. */
uint64_t request_body_max(const struct http_request *req);

/* Counts and reports the answer, once; the request is SENT from here on. */
void request_sent(struct http_request *req, int status);

/* The bytes that the unsent part of the answer holds of its budget. */
uint64_t request_unsent_bytes(const struct http_request *req);

#endif
