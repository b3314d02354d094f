/* request.h - inside of the layer: one request from its headers to the end of its answer.
 *
 *     READING -> HANDLING -> ANSWERED -> SENT               by the handler, or refused by us
 *     READING -> HANDLING -> DEFERRED -> ANSWERED -> SENT   later; suspended meanwhile
 *     READING -> SENT                                       cut: see refusal.h
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

#include "base/buf.h"
#include "http/authorize.h"
#include "http/deadlines.h"
#include "http/http.h"
#include "http/refusal.h"
#include "http/router.h"

struct conn;

enum request_state {
    REQUEST_READING,
    REQUEST_HANDLING,
    REQUEST_DEFERRED,
    REQUEST_ANSWERED,
    REQUEST_SENT, /* handed to libmicrohttpd, or written by us */
};

struct request_body {
    char *data; /* owned; NUL-terminated once there */
    size_t len, cap;
    uint64_t expected;  /* Content-Length, 0 when unknown */
    uint64_t discarded; /* read and thrown away */
    bool is_lines;      /* application/x-ndjson */
};

struct http_request {
    struct http_request *next, *prev; /* of loop->deferred */
    struct http_loop *loop;
    struct conn *conn;
    struct MHD_Connection *mhd;
    const char *method;
    struct route_match match; /* route NULL: none */
    enum request_state state;
    enum refusal refusal;
    struct authority authority;
    const char *fault; /* REFUSAL_FRAMING: what is wrong */
    bool close;        /* the connection ends with the answer */
    struct request_body body;
    int64_t begun_at_ns, received_at_ns;
    struct deadline deadline;
    void (*on_deadline)(struct http_request *req, void *arg);
    void *deadline_arg;
    struct buf headers;            /* name NUL value NUL ... */
    struct MHD_Response *response; /* ANSWERED; NULL: no memory for one */
    int status;
    char id[HTTP_ID_SIZE];
    char path[]; /* cut into parts by the router */
};

/* MHD_AccessHandlerCallback; cls is the loop. */
enum MHD_Result request_access(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_len, void **ctx);

/* MHD_RequestCompletedCallback; cls is the loop. */
void request_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                       enum MHD_RequestTerminationCode why);

/* Counts and reports the answer, once; the request is SENT from here on. */
void request_sent(struct http_request *req, int status);

/* The answer is stored: on its way to libmicrohttpd at once, or after a resume. */
void request_answered(struct http_request *req, int status, struct MHD_Response *response);

#endif
