/* request.h - inside of the layer: one request from its headers to the end of its answer.
 *
 *     READING      the headers are there, the body is being read
 *                                          -> DISCARDING, UNPACKING, HANDLING, SENT (raw_reject.h)
 *     DISCARDING   rejected; the body is read and thrown away  -> HANDLING, SENT (raw_reject.h)
 *     UNPACKING    suspended while its gzip body is unpacked   -> DEFERRED
 *     HANDLING     the handler runs, or we write the rejection -> DEFERRED, ANSWERED
 *     DEFERRED     suspended until it is answered              -> ANSWERED
 *     ANSWERED     the answer is stored                        -> SENT
 *     SENT         libmicrohttpd has the answer, or raw_reject.h has written it
 *
 * The loop's thread only. */
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

enum request_state {
    REQUEST_READING,
    REQUEST_DISCARDING,
    REQUEST_UNPACKING,
    REQUEST_HANDLING,
    REQUEST_DEFERRED,
    REQUEST_ANSWERED,
    REQUEST_SENT,
};

enum { REQUEST_FAULT_SIZE = 192 };

struct request_body {
    struct body_bytes bytes; /* NUL-terminated once there */
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
    char fault[REQUEST_FAULT_SIZE]; /* what is wrong, where the reason does not say all */
    char path[];                    /* cut into parts by the router */
};

/* The only place that changes the state. It also keeps the loop's list of suspended requests. */
void request_move(struct http_request *req, enum request_state to);

/* UNPACKING or DEFERRED: libmicrohttpd does not look at the connection meanwhile. */
bool request_is_suspended(const struct http_request *req) MUST_CHECK;

/* Sets the reason. While the request is read, the remainder of its body is thrown away. */
void request_reject(struct http_request *req, enum reject_reason reason);

/* The most bytes that its body may have, unpacked. */
uint64_t request_body_max(const struct http_request *req);

/* Counts and reports the answer, once; the request is SENT from here on. */
void request_sent(struct http_request *req, int status);

/* The bytes of the budget that the unsent part of its answer holds. */
uint64_t request_unsent_bytes(const struct http_request *req);

#endif
