/* refusal.h - inside of the layer: what we refuse before a handler sees it, and how.
 *
 * A refusal known from the headers is answered after the body has been read and thrown away, or
 * clients that are still sending see a broken pipe instead of it; within BODY_DISCARD_MAX and
 * REFUSAL_READ_NS. Not so where the client waits for a 100, or where the end of the body cannot be
 * known: those are answered at once, and the connection closed. The loop's thread only. */
#ifndef HTTP_REFUSAL_H
#define HTTP_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct http_head;
struct http_request;

#define REFUSAL_READ_NS INT64_C(5000000000)

enum refusal {
    REFUSAL_NONE,
    REFUSAL_FRAMING,
    REFUSAL_LENGTH,
    REFUSAL_REPEATED,
    REFUSAL_COOKIES,
    REFUSAL_CONNECTIONS,
    REFUSAL_ADDRESS,
    REFUSAL_TARGET,
    REFUSAL_HOST,
    REFUSAL_ORIGIN,
    REFUSAL_NOT_FOUND,
    REFUSAL_METHOD,
    REFUSAL_NO_CLIENT_CERTIFICATE,
    REFUSAL_CLIENT_CERTIFICATE,
    REFUSAL_KEY_MISSING,
    REFUSAL_KEY_MALFORMED,
    REFUSAL_KEY_UNKNOWN,
    REFUSAL_CONTENT_TYPE,
    REFUSAL_CONTENT_ENCODING,
    REFUSAL_NOT_ACCEPTABLE,
    REFUSAL_NO_LENGTH,
    REFUSAL_TOO_LARGE,
    REFUSAL_RATE,
    REFUSAL_OVERLOADED,
    REFUSAL_OFFLOAD_LATE,
    REFUSAL_GZIP,
    REFUSAL_TIMEOUT,
    REFUSAL_CLOSING,
};
enum { REFUSALS = REFUSAL_CLOSING + 1 };

/* Is req->refusal to be answered before the body? */
bool refusal_at_once(const struct http_request *req, const struct http_head *head);

/* Answers with req->refusal. */
void refusal_answer(struct http_request *req);

/* Writes the refusal straight to the socket, or to its TLS session, and shuts it down:
 * libmicrohttpd takes no answer while it waits for headers or body. */
void refusal_cut(struct conn *conn, enum refusal refusal);

#endif
