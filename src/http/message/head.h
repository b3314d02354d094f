/* head.h - reads the header section of a request once: the headers that we need, and whether all
 * servers on the way agree about its framing.
 *
 * A proxy in front of us must see requests begin and end where we do, or one client can smuggle
 * a request into another's connection. libmicrohttpd 0.9.75 accepts such requests, but shows
 * us all of the section before it reads a body (docs/ARCHITECTURE.md, "The HTTP face"). */
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
    const char *request_id, *traceparent;                        /* NULL also when there are two */
    const char *authorization;                                   /* the first, or NULL */
    const char *repeated;    /* the name of a header that may be given once and is given twice */
    uint64_t content_length; /* with has_length */
    bool has_length, chunked, expects_continue, has_accept;
    bool authorization_twice;
    bool encoding_repeated; /* Content-Encoding is there twice: a list */
};

/* Also cuts the blanks behind every value, which are no part of it (RFC 9110, 5.5). Those of
 * Transfer-Encoding stay, because libmicrohttpd 0.9.75 compares that value with its blanks.
 *
 * False: *fault says what is wrong with the framing, in which header, and what would be right, as a
 * sentence for the client. Pointers in *head live as long as the request. */
bool head_read(struct MHD_Connection *mhd, struct raw_framing *raw, const char *version,
               struct http_head *head, struct buf *fault) MUST_CHECK;

#endif
