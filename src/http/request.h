/* request.h - inside of the layer: one request from its headers to the end of its answer.
 *
 *     READING -> HANDLING -> ANSWERED -> SENT               by the handler, or refused by us
 *     READING -> HANDLING -> DEFERRED -> ANSWERED -> SENT   later; suspended meanwhile, also while
 *                                                           its gzip body is unpacked (unpack.h)
 *     READING -> SENT                                       cut: see raw_reject.h
 *
 * libmicrohttpd calls the access handler once with the headers, once for each piece of body, and
 * once more when all is there; then again after each resume. The memory is freed by its
 * completed-callback and nowhere else. The loop's thread only. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/buf.h"
#include "http/auth/credentials.h"
#include "http/deadlines.h"
#include "http/http.h"
#include "http/message/bodies.h"
#include "http/message/reject.h"
#include "http/message/router.h"
#include "http/message/trace.h"

struct conn;
struct pieces;

enum request_state {
    REQUEST_READING,
    REQUEST_HANDLING,
    REQUEST_DEFERRED,
    REQUEST_ANSWERED,
    REQUEST_SENT, /* handed to libmicrohttpd, or written by us */
};

enum { REQUEST_FAULT_SIZE = 192 };

struct request_body {
    struct body_bytes bytes; /* NUL-terminated once there */
    uint64_t expected;       /* Content-Length, 0 when unknown */
    uint64_t discarded;      /* read and thrown away */
    bool is_lines;           /* application/x-ndjson */
    bool is_gzip;            /* and not unpacked yet */
};

struct http_request {
    struct http_request *next, *prev; /* of loop->deferred */
    struct http_loop *loop;
    struct conn *conn;
    struct MHD_Connection *mhd;
    const char *method;
    struct route_match match; /* route NULL: none */
    enum request_state state;
    enum reject_reason reject; /* REJECT_NONE: not rejected */
    struct credentials credentials;
    bool close; /* the connection ends with the answer */
    struct request_body body;
    int64_t begun_at_ns, received_at_ns;
    struct deadline deadline;
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

/* MHD_AccessHandlerCallback; cls is the loop. */
enum MHD_Result request_access(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_len, void **ctx);

/* MHD_RequestCompletedCallback; cls is the loop. */
void request_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                       enum MHD_RequestTerminationCode why);

/* The most bytes that its body may have, unpacked. */
uint64_t request_body_max(const struct http_request *req);

/* The body of a deferred request is unpacked, or refused: it is handled as if it had come so. */
void request_unpacked(struct http_request *req, enum reject_reason reason);

/* Counts and reports the answer, once; the request is SENT from here on. */
void request_sent(struct http_request *req, int status);

/* What of the budget the unsent rest of its answer holds, in bytes. */
uint64_t request_unsent_bytes(const struct http_request *req);

/* The answer is stored: on its way to libmicrohttpd at once, or after a resume. */
void request_answered(struct http_request *req, int status, struct MHD_Response *response);

#endif
