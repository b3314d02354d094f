/* head.h - reads the headers that we need, and checks the framing: that a proxy in front of us sees
 * the request begin and end where we do. Internal to http.
 *
 * If a proxy and this server disagree about where a request ends, a client can smuggle a request
 * into another client's connection. libmicrohttpd 0.9.75 accepts some requests of which a proxy may
 * see the end elsewhere. But libmicrohttpd shows us the whole header section before it reads a
 * body, so head_read() can reject such a request (docs/ARCHITECTURE.md, "The HTTP face"). */
#ifndef HTTP_MESSAGE_HEAD_H
#define HTTP_MESSAGE_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct MHD_Connection;
struct buf;
struct raw_framing;

struct http_head {
    const char *host, *origin, *content_type, *content_encoding; /* NULL when absent */
    const char *request_id, *traceparent;                        /* NULL if absent or given twice */
    const char *authorization;                                   /* the first value, or NULL */
    /* The name of a header that is given twice and may be given only once. NULL: no such header. */
    const char *repeated;
    uint64_t content_length; /* if has_length; else 0 */
    bool has_length, chunked, expects_continue, has_accept;
    bool authorization_twice;
    bool encoding_repeated; /* Content-Encoding is given twice, so it is a list */
};

/* Reads the headers into *head, and checks the framing. Cuts the blanks at the end of each value in
 * place, because they are no part of the value (RFC 9110, 5.5). Only the value of Transfer-Encoding
 * keeps its blanks, so that "chunked " is rejected: libmicrohttpd 0.9.75 does not take that value
 * for chunked.
 *
 * Returns false if the framing is bad. Then *fault is a sentence for the client: it says what is
 * wrong, in which header, and what would be right. The pointers in *head live as long as the
 * request. */
bool head_read(struct MHD_Connection *mhd, struct raw_framing *raw, const char *version,
               struct http_head *head, struct buf *fault) MUST_CHECK;

#endif
