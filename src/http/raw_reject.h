/* raw_reject.h - inside of the layer: rejects a request that is not complete. Called by the loop's
 * thread only. */
#ifndef HTTP_RAW_REJECT_H
#define HTTP_RAW_REJECT_H

#include "http/message/reject.h"

struct http_conn;

/* Writes the answer to the socket, or to its TLS session, and shuts the connection down.
 * libmicrohttpd cannot send this answer, because it takes none while it waits for headers or
 * body. */
void raw_reject(struct http_conn *conn, enum reject_reason reason);

#endif
