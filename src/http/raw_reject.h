/* raw_reject.h - rejects a request that is not complete. Internal to http; called by the loop's
 * thread only. */
#ifndef HTTP_RAW_REJECT_H
#define HTTP_RAW_REJECT_H

#include "http/message/reject.h"

struct http_conn;

/* Writes the answer to the socket, or to its TLS session, and shuts the connection down.
 * libmicrohttpd cannot send this answer, because it accepts an answer from us only at the end of
 * the headers or at the end of the body. */
void raw_reject(struct http_conn *conn, enum reject_reason reason);

#endif
